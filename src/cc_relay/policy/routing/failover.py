"""`failover`: by priority, always in the same order."""

from collections.abc import Sequence
from typing import ClassVar

from cc_relay.policy.routing.contender import Ask, C, Contender


class Failover:
    """The order in which contenders arrive is the one it wants, so it costs nothing."""

    __slots__ = ()

    name: ClassVar[str] = "failover"
    is_placing: ClassVar[bool] = False
    is_static: ClassVar[bool] = True
    is_strict: ClassVar[bool] = True

    def rank(self, contenders: Sequence[C], ask: Ask) -> Sequence[C]:
        return contenders

    def reason(self, contender: Contender, ask: Ask) -> str:
        return f"priority {contender.priority}"
