"""Many deadlines on one timer."""

import asyncio
from math import inf
from typing import Protocol

GRAIN = 0.02
"""Seconds between two sweeps at least, so that a crowd of deadlines cannot keep the loop busy."""


class Owner(Protocol):
    """Something that must not wait for ever; `deadline_at` is `inf` while nothing is due."""

    deadline_at: float

    def reach_deadline(self, now: float) -> None:
        """The deadline passed and was reset to `inf`; set a new one here if there is one."""


class Deadlines:
    """Sweeps its owners when the earliest deadline it knows is reached.

    A deadline is an attribute of its owner, so moving it costs an assignment and a comparison where a timer of the
    loop's own would cost an allocation, a heap operation and a cancellation for every request.
    """

    __slots__ = ("_armed_at", "_loop", "_owners", "_timer")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._owners: set[Owner] = set()
        self._armed_at = inf
        self._timer: asyncio.TimerHandle | None = None

    def __repr__(self) -> str:
        return f"<Deadlines {len(self._owners)} owners>"

    def watch(self, owner: Owner) -> None:
        self._owners.add(owner)

    def forget(self, owner: Owner) -> None:
        self._owners.discard(owner)
        if not self._owners and self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._armed_at = inf

    def expect(self, at: float) -> None:
        """Some watched owner's deadline moved to `at`."""
        if at < self._armed_at:
            if self._timer is not None:
                self._timer.cancel()
            self._armed_at = at
            self._timer = self._loop.call_at(at, self._sweep)

    def _sweep(self) -> None:
        now = self._loop.time()
        self._timer = None
        # Nothing may re-arm while owners react; the minimum is taken once, after them.
        self._armed_at = -inf
        try:
            for owner in [owner for owner in self._owners if owner.deadline_at <= now]:
                # Asked again: what one owner did may have moved another's deadline, or taken it away.
                if owner.deadline_at <= now and owner in self._owners:
                    owner.deadline_at = inf
                    owner.reach_deadline(now)
        finally:
            self._armed_at = inf
            earliest = min((owner.deadline_at for owner in self._owners), default=inf)
            if earliest < inf:
                self.expect(max(earliest, now + GRAIN))
