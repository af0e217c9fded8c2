"""Credentials that do not last: where they come from, and how they are kept fresh."""
