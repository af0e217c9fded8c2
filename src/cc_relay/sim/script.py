"""A scripted plan: answers handed out in order, for tests that tell a whole conversation."""

from typing import Literal

import msgspec
from msgspec import Struct

from cc_relay.sim.blocks import Block
from cc_relay.sim.faults import FAULTS, Action, Fault, Strike

Audience = Literal["loop", "main", "agent", "side"]

HOW = {"reset": Action.RESET, "error": Action.ERROR_EVENT, "end": Action.CUT, "stall": Action.STALL}


class Break(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a scripted stream breaks: `after_events` events after the first `after_block` blocks are complete.

    `how`: the connection closes (reset), an error event ends the stream (error), the body ends politely (end), or
    nothing comes any more (stall).
    """

    after_block: int
    after_events: int = 0
    how: Literal["reset", "error", "end", "stall"] = "reset"

    def fault(self, block_ends: list[int]) -> Fault:
        """The same break as a fault; with no complete block, it counts from `message_start`."""
        position = min(self.after_block, len(block_ends))
        events = block_ends[position - 1] if position else 1
        return Fault(f"break-{self.how}", HOW[self.how], after=events + self.after_events)


class Step(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One scripted answer.

    `audience`: `loop` is any request that carries tools of the client, `main` one without and `agent` one with the
    sub-agent header, `side` one without tools. `match` must occur in the request's body. `delay` is seconds before the
    head; `speed` and `first_token` override the settings; `fault` is a fault's name; `stop_reason` None is derived.
    """

    blocks: tuple[Block, ...] = ()
    breaks: Break | None = msgspec.field(default=None, name="break")
    audience: Audience = msgspec.field(default="loop", name="for")
    match: str = ""
    delay: float = 0.0
    speed: float | None = None
    first_token: float | None = None
    fault: str | None = None
    stop_reason: str | None = None

    def strike(self, block_ends: list[int]) -> Strike | None:
        """The fault this step asks for, if any; a break wins over a named fault."""
        if self.breaks is not None:
            return Strike(self.breaks.fault(block_ends))
        return Strike(FAULTS[self.fault]) if self.fault is not None else None


class Script:
    """Steps that wait for their request."""

    def __init__(self) -> None:
        self._steps: list[Step] = []

    def __repr__(self) -> str:
        return f"<Script {len(self._steps)} steps left>"

    def __len__(self) -> int:
        return len(self._steps)

    def load(self, steps: list[Step]) -> None:
        """Add steps behind those that still wait."""
        self._steps += steps

    def clear(self) -> None:
        self._steps.clear()

    def take(self, body: bytes, *, has_tools: bool, is_agent: bool) -> Step | None:
        """The first waiting step that is meant for this request."""
        kinds = _audiences(has_tools=has_tools, is_agent=is_agent)
        for position, step in enumerate(self._steps):
            if step.audience in kinds and step.match.encode() in body:
                return self._steps.pop(position)
        return None


def _audiences(*, has_tools: bool, is_agent: bool) -> tuple[Audience, ...]:
    if not has_tools:
        return ("side",)
    return ("loop", "agent") if is_agent else ("loop", "main")
