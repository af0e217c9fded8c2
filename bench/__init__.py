"""The benchmark: the relay beside nginx, in one run, as one table."""
