"""How much a strategy remembers: names it has not met for long are forgotten."""

from collections.abc import Sequence
from typing import TypeVar

from cc_relay.policy.routing.contender import Contender

V = TypeVar("V")

MEMORY = 1024
"""Names a strategy knows before it begins to forget: far more than anyone configures, over many reloads."""


def forget_absent(memory: dict[str, V], contenders: Sequence[Contender]) -> None:
    """Keep what belongs to these contenders; one that was forgotten is new when it comes back."""
    here = {contender.name for contender in contenders}
    for name in [name for name in memory if name not in here]:
        del memory[name]
