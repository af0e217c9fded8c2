"""Where requests wait for a key, in fair order, each for a bounded time."""

from __future__ import annotations

import asyncio
from math import inf
from typing import TYPE_CHECKING

from msgspec import Struct

from cc_relay.policy.queue import FairQueue, Place
from cc_relay.relay.reserve import Reserved

if TYPE_CHECKING:
    from collections.abc import Callable

    from cc_relay.exchange import Refusal
    from cc_relay.relay.snapshot import Option

SHORTEST = 0.01
"""Seconds between two deals that time alone brings: no busy loop, whatever a bucket says."""


class Wait(Struct, frozen=True):
    """Every key that could answer is exhausted, `refusal` says until when at least.

    `at_most` is seconds. `is_for_home` waits for one key while others may be free: when it is in vain, the course goes
    on.
    """

    refusal: Refusal
    options: tuple[Option, ...]
    at_most: float = inf
    is_for_home: bool = False


def place_of(option: Option) -> str:
    """What two options share that draw on the same limits of the same key."""
    return f"{option.candidate.provider}/{option.candidate.credential.fingerprint}/{option.lane.family}"


class Waiter:
    """Somebody who waits: `try_take` reserves what they want, `granted` gets it."""

    __slots__ = ("granted", "place", "try_take")

    def __init__(self, try_take: Callable[[float], Reserved | Refusal], granted: asyncio.Future[Reserved]) -> None:
        self.try_take = try_take
        self.granted = granted
        self.place: Place[Waiter] | None = None

    def __repr__(self) -> str:
        return f"<Waiter {'served' if self.granted.done() else 'waiting'}>"


class WaitingRoom:
    """Deals out what comes free: when a lease ends (`poke`), and when a refusal said that time would have mended it.

    Those who wait for the same options are one group, in which nobody is asked before the first was; somebody who can
    do with one key only holds nobody up who would take others.
    """

    __slots__ = ("_is_poked", "_loop", "_queue", "_timer", "_wanted")

    def __init__(self, loop: asyncio.AbstractEventLoop, max_size: int) -> None:
        self._loop = loop
        self._queue: FairQueue[Waiter] = FairQueue(max_size)
        self._timer: asyncio.TimerHandle | None = None
        self._is_poked = False
        # How many wait for each key's limits.
        self._wanted: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._queue)

    def __repr__(self) -> str:
        return f"<WaitingRoom {len(self._queue)} of {self._queue.max_size}>"

    def wants(self, option: Option) -> bool:
        """Whether somebody waits for this option already, whom no newcomer may overtake; cheap where nobody does."""
        return bool(self._wanted) and place_of(option) in self._wanted

    def set_size(self, max_size: int) -> None:
        """How many may wait at once, from now on."""
        self._queue.max_size = max_size

    async def wait(
        self,
        wait: Wait,
        try_take: Callable[[float], Reserved | Refusal],
        *,
        session: str,
        is_main: bool,
        until: float,
    ) -> Reserved | None:
        """Wait in line until something could be reserved; None when that cannot be before `until`, or all is full."""
        if wait.refusal.retry_at > until:
            return None
        waiter = Waiter(try_take, self._loop.create_future())
        places = [place_of(option) for option in wait.options]
        place = self._queue.join(waiter, group=" ".join(sorted(places)), session=session, is_main=is_main)
        if place is None:
            return None
        waiter.place = place
        for one in places:
            self._wanted[one] = self._wanted.get(one, 0) + 1
        self._expect(wait.refusal.retry_at)
        timer = self._loop.call_at(until, waiter.granted.cancel) if until < inf else None
        try:
            await asyncio.wait([waiter.granted])
        except asyncio.CancelledError:
            self._give_back(waiter)
            raise
        finally:
            self._queue.leave(place)
            self._want_no_more(places)
            if timer is not None:
                timer.cancel()
        return None if waiter.granted.cancelled() else waiter.granted.result()

    def poke(self) -> None:
        """Something may have come free. Cheap where nobody waits."""
        if len(self._queue) and not self._is_poked:
            self._is_poked = True
            self._loop.call_soon(self._deal)

    def _give_back(self, waiter: Waiter) -> None:
        """The client left in the moment its turn came."""
        if waiter.granted.done() and not waiter.granted.cancelled():
            waiter.granted.result().drop(self._loop.time(), was_counted=False)
            self.poke()

    def _want_no_more(self, places: list[str]) -> None:
        for one in places:
            self._wanted[one] -= 1
            if not self._wanted[one]:
                del self._wanted[one]

    def _deal(self) -> None:
        self._is_poked = False
        now = self._loop.time()
        earliest = inf

        def offer(waiter: Waiter) -> bool:
            nonlocal earliest
            if waiter.granted.done():
                # Out of time; a turn that nobody took stays the session's.
                if waiter.place is not None:
                    self._queue.leave(waiter.place)
                return True
            taken = waiter.try_take(now)
            if isinstance(taken, Reserved):
                waiter.granted.set_result(taken)
                return True
            earliest = min(earliest, taken.retry_at)
            return False

        self._queue.deal(offer)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if len(self._queue):
            self._expect(earliest)

    def _expect(self, at: float) -> None:
        """Deal at that time, or sooner where something is expected sooner."""
        if at == inf:
            return
        at = max(at, self._loop.time() + SHORTEST)
        if self._timer is not None:
            if self._timer.when() <= at:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(at, self._wake)

    def _wake(self) -> None:
        self._timer = None
        self._deal()
