"""Turns: who was first how long ago."""

from collections.abc import Sequence

from cc_relay.policy.routing.contender import Contender
from cc_relay.policy.routing.memory import MEMORY, forget_absent


class Turns:
    """The number of the turn that each name had last; `last` lacks a name that had none (or was forgotten).

    Going by the longest wait is a rotation where all come each time. Where the set differs from request to request,
    nobody is passed over more often than there are others; a counter modulo the set's size could pass one over forever.
    """

    __slots__ = ("count", "last")

    def __init__(self) -> None:
        self.count = 0
        self.last: dict[str, int] = {}

    def take(self, name: str, contenders: Sequence[Contender]) -> None:
        """It is the turn of `name`, one of `contenders`."""
        self.count += 1
        self.last[name] = self.count
        if len(self.last) > MEMORY:
            forget_absent(self.last, contenders)

    def describe(self, name: str) -> str:
        """When `name` had its last turn, in words."""
        last = self.last.get(name)
        if last is None:
            return "had no turn yet"
        ago = self.count - last
        if not ago:
            return "has the turn"
        return "had its turn 1 request ago" if ago == 1 else f"had its turn {ago} requests ago"
