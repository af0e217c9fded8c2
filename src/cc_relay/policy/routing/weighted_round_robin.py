"""`weighted_round_robin`: shares by weight, interleaved as evenly as they can be."""

from collections.abc import Sequence
from math import inf
from typing import ClassVar

from cc_relay.policy.routing.contender import Ask, C, Contender
from cc_relay.policy.routing.memory import MEMORY, forget_absent

REQUEST = 1 << 59
"""One request, in units of credit: more than weights add up to, so that the smallest still has a share."""


class WeightedRoundRobin:
    """nginx's smooth weighted round robin.

    Everyone present gains its share of a request as credit; the one with most credit goes first and pays the request.
    nginx counts in weights. Here it is in requests, so that a contender's credit means the same in any company: weights
    1000 to 1 of one model leave no debt that would take hundreds of another model's requests to settle.
    Where nobody has a weight all are alike.
    """

    __slots__ = ("_credits",)

    name: ClassVar[str] = "weighted_round_robin"
    is_placing: ClassVar[bool] = True
    is_static: ClassVar[bool] = True
    is_strict: ClassVar[bool] = False

    def __init__(self) -> None:
        self._credits: dict[str, int] = {}

    def __repr__(self) -> str:
        owed = ", ".join(f"{name} {credit / REQUEST:+.2f}" for name, credit in self._credits.items())
        return f"<WeightedRoundRobin {owed or 'nobody yet'}>"

    def rank(self, contenders: Sequence[C], ask: Ask) -> Sequence[C]:
        if len(contenders) < 2:
            return contenders
        credits_ = self._credits
        weights = [max(0, contender.weight) for contender in contenders]
        total = sum(weights)
        if not total:
            weights = [1] * len(weights)
            total = len(weights)
        unit = REQUEST // total or 1
        for contender, weight in zip(contenders, weights, strict=True):
            if weight:
                credits_[contender.name] = credits_.get(contender.name, 0) + unit * weight
            else:
                credits_.pop(contender.name, None)
        order = sorted(contenders, key=lambda contender: credits_.get(contender.name, -inf), reverse=True)
        # What was handed out, no more: the sum of all credits stays where it was.
        credits_[order[0].name] -= unit * total
        if len(credits_) > MEMORY:
            forget_absent(credits_, contenders)
        return order

    def reason(self, contender: Contender, ask: Ask) -> str:
        return f"weight {contender.weight}"
