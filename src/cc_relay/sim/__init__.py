"""Simulated providers: they speak each dialect, keep its limits, and fail on demand."""
