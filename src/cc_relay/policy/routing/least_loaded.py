"""`least_loaded`: who has least in flight for its weight."""

from collections.abc import Sequence
from typing import ClassVar

from cc_relay.policy.routing.contender import Ask, C, Contender
from cc_relay.policy.routing.turns import Turns


class LeastLoaded:
    """Requests in flight by weight; equals by priority, then in turn. Weight 0 comes after all others."""

    __slots__ = ("_turns",)

    name: ClassVar[str] = "least_loaded"
    is_placing: ClassVar[bool] = True
    is_static: ClassVar[bool] = False
    is_strict: ClassVar[bool] = False

    def __init__(self) -> None:
        self._turns = Turns()

    def __repr__(self) -> str:
        return f"<LeastLoaded {len(self._turns.last)} names | {self._turns.count} requests>"

    def rank(self, contenders: Sequence[C], ask: Ask) -> Sequence[C]:
        if not contenders:
            return contenders
        last = self._turns.last

        def load(contender: Contender) -> tuple[bool, float, int, int]:
            weight = contender.weight
            is_spare = weight <= 0
            in_flight = contender.standing.in_flight
            share = in_flight if is_spare else in_flight / weight
            return is_spare, share, -contender.priority, last.get(contender.name, 0)

        order = sorted(contenders, key=load)
        self._turns.take(order[0].name, contenders)
        return order

    def reason(self, contender: Contender, ask: Ask) -> str:
        in_flight = f"{contender.standing.in_flight} in flight"
        return in_flight if contender.weight == 1 else f"{in_flight}, weight {contender.weight}"
