"""`latency_based`: the quicker of two, thrown anew each time."""

from collections.abc import Sequence
from typing import ClassVar

from cc_relay.policy.routing.contender import Ask, C, Contender

_UNANSWERED = 1e9
"""The cost of being unknown with a first request still out: more than any measured one."""


class LatencyBased:
    """Two are thrown, and the one with the lower cost goes first (power of two choices, Mitzenmacher 2001).

    Sending everyone to the very quickest would make it the slowest, as measurements come late. The cost is that of
    Finagle's peak-EWMA balancer: time to first token x (requests in flight + 1). Who was not measured lately is taken
    for quick, but by one request at a time. The rest follow by cost.
    """

    __slots__ = ()

    name: ClassVar[str] = "latency_based"
    is_placing: ClassVar[bool] = True
    is_static: ClassVar[bool] = False
    is_strict: ClassVar[bool] = False

    def rank(self, contenders: Sequence[C], ask: Ask) -> Sequence[C]:
        count = len(contenders)
        if count < 2:
            return contenders
        dice, now = ask.dice, ask.now
        costs = [_cost(contender, now) for contender in contenders]
        one = int(dice() * count)
        # Among the others: the places after `one` move up by one.
        other = int(dice() * (count - 1))
        other += other >= one
        if costs[other] < costs[one]:
            one = other
        costs[one] = -1.0
        return [contenders[index] for index in sorted(range(count), key=costs.__getitem__)]

    def reason(self, contender: Contender, ask: Ask) -> str:
        seconds = contender.standing.latency.peak_ewma(ask.now)
        first_token = "not measured lately" if seconds is None else f"{seconds:.2f} s to first token"
        return f"{first_token}, {contender.standing.in_flight} in flight"


def _cost(contender: Contender, now: float) -> float:
    standing = contender.standing
    seconds = standing.latency.peak_ewma(now)
    if seconds is not None:
        return seconds * (standing.in_flight + 1)
    return _UNANSWERED + standing.in_flight if standing.in_flight else 0.0
