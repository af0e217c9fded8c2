"""The composition root: configuration becomes a running relay."""
