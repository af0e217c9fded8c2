"""How many exchanges may be in work at once."""


class Admission:
    """Counts exchanges; a limit of 0 is none."""

    __slots__ = ("in_flight",)

    def __init__(self) -> None:
        self.in_flight = 0

    def __repr__(self) -> str:
        return f"<Admission {self.in_flight} in flight>"

    def try_enter(self, limit: int) -> bool:
        """Take a place; give it back with `leave`."""
        if limit and self.in_flight >= limit:
            return False
        self.in_flight += 1
        return True

    def leave(self) -> None:
        self.in_flight -= 1
