"""`weighted_failover`: the first place is thrown by weight, the others stand by in priority order."""

from collections.abc import Sequence
from typing import ClassVar

from cc_relay.policy.routing.contender import Ask, C, Contender

_SIDES = 1 << 53  # what a float in [0, 1) can tell apart


class WeightedFailover:
    __slots__ = ()

    name: ClassVar[str] = "weighted_failover"
    is_placing: ClassVar[bool] = True
    is_static: ClassVar[bool] = True
    is_strict: ClassVar[bool] = False

    def rank(self, contenders: Sequence[C], ask: Ask) -> Sequence[C]:
        """Without any weight above 0: the priority order."""
        total = 0
        for contender in contenders:
            if contender.weight > 0:
                total += contender.weight
        # In whole numbers: a sum of absurd weights is no float.
        left = int(ask.dice() * _SIDES) * total // _SIDES
        for index, contender in enumerate(contenders):
            if contender.weight > 0:
                left -= contender.weight
                if left < 0:
                    return [contender, *contenders[:index], *contenders[index + 1 :]] if index else contenders
        return contenders

    def reason(self, contender: Contender, ask: Ask) -> str:
        return f"weight {contender.weight}, priority {contender.priority}"
