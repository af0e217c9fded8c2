"""`round_robin`: everyone in turn."""

from collections.abc import Sequence
from typing import ClassVar

from cc_relay.policy.routing.contender import Ask, C, Contender
from cc_relay.policy.routing.turns import Turns


class RoundRobin:
    """Whose last turn is longest ago goes first."""

    __slots__ = ("_turns",)

    name: ClassVar[str] = "round_robin"
    is_placing: ClassVar[bool] = True
    is_static: ClassVar[bool] = False
    is_strict: ClassVar[bool] = False

    def __init__(self) -> None:
        self._turns = Turns()

    def __repr__(self) -> str:
        return f"<RoundRobin {len(self._turns.last)} names | {self._turns.count} turns>"

    def rank(self, contenders: Sequence[C], ask: Ask) -> Sequence[C]:
        if not contenders:
            return contenders
        last = self._turns.last
        order = sorted(contenders, key=lambda contender: last.get(contender.name, 0))
        self._turns.take(order[0].name, contenders)
        return order

    def reason(self, contender: Contender, ask: Ask) -> str:
        return self._turns.describe(contender.name)
