"""Decisions, taken with numbers: no loop, no clock, no dice of their own."""
