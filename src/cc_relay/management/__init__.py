"""The management API, on a port of its own: what a running relay tells its owner."""
