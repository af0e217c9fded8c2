"""What surrounds the life cycle, and lives as long as the relay: the way out, the books, time, dice, memory."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from cc_relay.policy.admission import Admission
from cc_relay.policy.sessions import SessionMemory
from cc_relay.policy.shortcomings import Shortcomings
from cc_relay.relay.waiting import WaitingRoom

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from cc_relay.relay.ports import Clock, Inspector, Recorder, Sender, Watch

MOST_SESSIONS = 20_000
"""How many sessions are remembered with where they were served last."""


class Shells:
    """Handed to every exchange. `dice` falls in [0, 1); `wall_clock` is Unix seconds."""

    __slots__ = (
        "admission",
        "clock",
        "dice",
        "inspector",
        "loop",
        "record",
        "sender",
        "sessions",
        "shortcomings",
        "typical_output",
        "waiting",
        "wall_clock",
        "watch",
    )

    def __init__(
        self,
        *,
        sender: Sender,
        record: Recorder,
        watch: Watch,
        loop: asyncio.AbstractEventLoop,
        dice: Callable[[], float],
        wall_clock: Callable[[], float] = time.time,
        inspector: Inspector | None = None,
        sessions: SessionMemory | None = None,
        most_waiting: int = 1000,
    ) -> None:
        self.sender = sender
        self.record = record
        self.watch = watch
        self.loop = loop
        self.clock: Clock = loop.time
        self.wall_clock = wall_clock
        self.dice = dice
        self.inspector = inspector
        self.admission = Admission()
        self.sessions = SessionMemory(MOST_SESSIONS, 3600.0) if sessions is None else sessions
        self.shortcomings = Shortcomings()
        # Tokens of an answer as they have been lately: what the next is expected to have.
        self.typical_output = 500.0
        self.waiting = WaitingRoom(loop, most_waiting)

    def __repr__(self) -> str:
        return f"<Shells {self.admission!r} {self.waiting!r}>"
