"""`cost_based`: the cheapest for this very request."""

from collections.abc import Sequence
from math import inf
from typing import ClassVar

from cc_relay.policy.routing.contender import Ask, C, Contender
from cc_relay.policy.routing.cost import expected_cost


class CostBased:
    """Expected cost, rising; whose price nobody knows comes last. Equals by priority.

    A warm prompt cache counts: a dearer provider that holds a long session's prompt is often the cheaper one.
    """

    __slots__ = ()

    name: ClassVar[str] = "cost_based"
    is_placing: ClassVar[bool] = False
    is_static: ClassVar[bool] = True
    is_strict: ClassVar[bool] = False

    def rank(self, contenders: Sequence[C], ask: Ask) -> Sequence[C]:
        warm_at = ask.warm_at

        def cost(contender: Contender) -> float:
            price = contender.price
            return inf if price is None else expected_cost(price, ask, is_warm=contender.name == warm_at)

        return sorted(contenders, key=cost)

    def reason(self, contender: Contender, ask: Ask) -> str:
        if contender.price is None:
            return "price unknown"
        is_warm = contender.name == ask.warm_at
        words = f"${expected_cost(contender.price, ask, is_warm=is_warm):.4f} expected"
        return f"{words}, its cache is warm" if is_warm else words
