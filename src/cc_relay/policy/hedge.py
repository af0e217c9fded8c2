"""Hedging: when a first token is late, how late is late enough, and how many second requests that may cost."""

from math import inf

from cc_relay.policy.latency import Latency

BURST = 10
"""Hedges that may be saved up."""

LEAST_WAIT = 0.1
"""Seconds every first request gets: below it a second one gains less than it costs."""


class HedgeBudget:
    """Hedges as a share of ordinary requests: 0.05 allows one for every twenty. Starts empty.

    A share of 0 and less, or nan, allows none; 1 and more, one for each request.
    """

    # Counted in requests, not in hedges: ten times 0.1 falls short of 1.
    __slots__ = ("_earned", "_most", "_price")

    def __init__(self, share: float) -> None:
        self._price = max(1.0, 1.0 / share) if share > 0.0 else inf
        self._most = BURST * self._price if self._price < inf else 0.0
        self._earned = 0.0

    def __repr__(self) -> str:
        return f"<HedgeBudget {int(self._earned / self._price)} of {BURST}, one for every {self._price:.0f} requests>"

    def earn(self) -> None:
        """An ordinary request was sent."""
        self._earned = min(self._most, self._earned + 1.0)

    def try_spend(self) -> bool:
        """Whether one more hedge may be sent; it is paid for."""
        if self._earned < self._price:
            return False
        self._earned -= self._price
        return True


def hedge_after(latency: Latency, factor: float, now: float) -> float | None:
    """Seconds without a first token after which to start the next candidate; None: never, too little is known.

    That is the p95 by `factor`, which counts as 1 where it is below: earlier than the p95 nothing is late.
    """
    p95 = latency.p95(now)
    if p95 is None:
        return None
    wait = max(LEAST_WAIT, p95 * max(1.0, factor))
    return wait if wait < inf else None
