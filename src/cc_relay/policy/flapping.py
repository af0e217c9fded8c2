"""Which turns of a breaker are worth a line in the log: an upstream that flaps must not fill it."""

from math import inf

CALM_SECONDS = 300.0
"""Closed for so long, a breaker that opens is news again, however often it opened before."""

OUTAGE_SECONDS = 60.0
"""An outage of this length is told, even in the midst of flapping."""


class Flapping:
    """Counts how often a breaker opened since it was last calm.

    The 1st, 2nd, 4th, 8th ... opening is told, any that begins or goes on when the outage has become long, and a
    closing when the opening before it was: so the last line of the log is never wrong for long.
    """

    __slots__ = ("_closed_at", "_is_told", "_since", "openings")

    def __init__(self) -> None:
        self.openings = 0
        self._is_told = False
        self._since = -inf
        self._closed_at = -inf

    def __repr__(self) -> str:
        return f"<Flapping {self.openings} openings{', told' if self._is_told else ''}>"

    def opened(self, now: float) -> bool:
        """From CLOSED: whether to tell."""
        if not 0.0 <= now - self._closed_at < CALM_SECONDS:
            self.openings = 0
        self._since = now
        return self.opened_again(now)

    def opened_again(self, now: float) -> bool:
        """From HALF_OPEN: whether to tell."""
        self.openings += 1
        is_power_of_two = self.openings & (self.openings - 1) == 0
        is_unheard_of = not self._is_told and now - self._since >= OUTAGE_SECONDS
        is_news = is_power_of_two or is_unheard_of
        self._is_told = self._is_told or is_news
        return is_news

    def closed(self, now: float) -> bool:
        """Whether to tell."""
        is_news = self._is_told
        self._is_told = False
        self._closed_at = now
        return is_news

    def calm(self) -> None:
        """An operator has looked at it: the next opening is the first."""
        self.openings = 0
        self._is_told = True
