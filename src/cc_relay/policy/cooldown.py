"""How long a key stays out: what the upstream said, else a backoff that stays short."""

from collections.abc import Callable

from cc_relay.policy.judge import backoff

THROTTLE_BASE, THROTTLE_CEILING, THROTTLE_LONGEST = 1.0, 30.0, 3600.0
"""Seconds: the first unsaid wait after a 429, the longest unsaid one, and the longest that is believed."""

OUTAGE_BASE, OUTAGE_CEILING, OUTAGE_LONGEST = 60.0, 900.0, 6 * 3600.0
"""The same for a spent plan and a refused credential."""

LONGEST = OUTAGE_LONGEST
"""Nothing keeps a key out for longer; whatever seems to was noted by a clock that has jumped back since."""

_MOST_DOUBLINGS = 16


def throttle_seconds(said: float | None, in_a_row: int, dice: Callable[[], float]) -> float:
    """After a 429. `said` is its `retry-after` in seconds; None, zero and garbage leave it to a jittered backoff."""
    if said is not None and said > 0.0:
        return min(said, THROTTLE_LONGEST)
    rounds = min(in_a_row, _MOST_DOUBLINGS)
    return backoff(rounds, base=THROTTLE_BASE, ceiling=THROTTLE_CEILING, dice=dice())


def outage_seconds(said: float | None, in_a_row: int) -> float:
    """After a spent plan or a refused credential; as above, without the jitter: one key meets it, not a crowd."""
    if said is not None and said > 0.0:
        return min(said, OUTAGE_LONGEST)
    return min(OUTAGE_CEILING, OUTAGE_BASE * 2.0 ** min(in_a_row, _MOST_DOUBLINGS))
