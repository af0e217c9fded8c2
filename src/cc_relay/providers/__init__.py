"""One module per provider: translate, decide nothing."""
