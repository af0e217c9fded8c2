"""How long an upstream takes to its first token: its present worst, for routing, and its p95, for hedging."""

from collections import deque
from math import exp

DECAY_SECONDS = 10.0
"""Time constant with which a peak sinks to the average."""

AVERAGE_WEIGHT = 0.1
"""Weight of the newest observation in the average."""

STALE_SECONDS = 300.0
"""After this long without an observation nobody knows: a slow upstream gets another chance."""

WINDOW = 128
"""Observations the p95 is taken from."""

LEAST_OBSERVATIONS = 20
"""With fewer, the p95 by nearest rank is the maximum."""

REFRESH = 16
"""Observations after which the p95 is sorted out anew."""

FORGET_SECONDS = 3600.0
"""A window whose last observation is this old says nothing about today."""

LONGEST = 3600.0
"""Anything slower is taken for this slow, so that one absurd value cannot outweigh all that follow."""


class Latency:
    """Seconds to the first token, learned from what was observed. `now` is monotonic seconds."""

    __slots__ = ("_at", "_average", "_p95", "_peak", "_unsorted", "_window")

    def __init__(self) -> None:
        self._at = 0.0
        self._average = 0.0
        self._peak = 0.0
        self._window: deque[float] = deque(maxlen=WINDOW)
        self._p95 = 0.0
        self._unsorted = 0

    def __repr__(self) -> str:
        if not self._window:
            return "<Latency unknown>"
        return f"<Latency average {self._average:.3f} s, peak {self._peak:.3f} s, {len(self._window)} observed>"

    def observe(self, seconds: float, now: float) -> None:
        """Hot: each answer's first token comes here. Negative values and nan teach nothing."""
        if not 0.0 <= seconds <= LONGEST:
            if not seconds > LONGEST:
                return
            seconds = LONGEST
        if self._is_stale(now):
            self._start_afresh(seconds, now)
        else:
            sunk = self._sunk(now)
            self._average += (seconds - self._average) * AVERAGE_WEIGHT
            self._peak = max(sunk, seconds)
        self._at = now
        self._window.append(seconds)
        self._unsorted += 1

    def peak_ewma(self, now: float) -> float | None:
        """Seconds to expect: rises at once, sinks to the average within some DECAY_SECONDS. None: unknown."""
        return None if self._is_stale(now) else self._sunk(now)

    def p95(self, now: float) -> float | None:
        """Seconds within which 95 % of the last WINDOW answers began. None until there are LEAST_OBSERVATIONS.

        May be up to REFRESH observations old.
        """
        if len(self._window) < LEAST_OBSERVATIONS or now - self._at >= FORGET_SECONDS:
            return None
        if self._unsorted >= REFRESH:
            # Nearest rank: the smallest value that at least 95 % do not exceed, in whole numbers.
            self._p95 = sorted(self._window)[-(-len(self._window) * 95 // 100) - 1]
            self._unsorted = 0
        return self._p95

    def _is_stale(self, now: float) -> bool:
        # In both directions: a clock that stepped far back must not freeze what was known.
        return not self._window or abs(now - self._at) >= STALE_SECONDS

    def _start_afresh(self, seconds: float, now: float) -> None:
        self._average = self._peak = seconds
        if now - self._at >= FORGET_SECONDS:
            self._window.clear()

    def _sunk(self, now: float) -> float:
        """The peak as it is now. A clock that steps back sinks nothing."""
        excess = self._peak - self._average
        if excess <= 0.0 or now <= self._at:
            return self._peak
        return self._average + excess * exp((self._at - now) / DECAY_SECONDS)
