"""An event loop whose clock jumps to the next timer as soon as nothing is ready: hours in milliseconds.

    @virtual
    async def test_a_silent_upstream_is_given_up_after_five_minutes() -> None:
        ...

The decorated test is an ordinary function to pytest (and to hypothesis: `@given` goes above `@virtual`).
"""

import asyncio
import functools
import math
from collections.abc import Callable, Coroutine
from typing import NoReturn, ParamSpec, TypeVar

from tests.support.strict import describe, run_strictly

P = ParamSpec("P")
T = TypeVar("T")

STARTED_AT = 1000.0
"""What the clock shows at first; not zero, so that an instant taken for a duration shows."""

HORIZON = 31 * 24 * 3600.0
"""Seconds after which only periodic timers can be left, and nobody they wake for."""


class DeadlockError(AssertionError):
    """Everyone waits and nothing will ever wake them; the message names each task and where it waits."""


class VirtualTimeLoop(asyncio.BaseEventLoop):
    """A loop without sockets, threads or signals, whose `time()` moves only when every callback has run."""

    def __init__(self) -> None:
        super().__init__()
        self._move_to(STARTED_AT)
        self._settling: list[asyncio.Future[None]] = []
        # BaseEventLoop asks its selector to wait for the next timer; waiting is what this loop does differently.
        self._selector = self

    def time(self) -> float:
        return self._now

    def settled(self) -> "asyncio.Future[None]":
        """A future that is done once nothing is ready, before the clock moves."""
        future = self.create_future()
        self._settling.append(future)
        return future

    def select(self, timeout: float | None) -> list[object]:
        """Called by BaseEventLoop before each round; `timeout` is 0 while callbacks are ready."""
        if timeout == 0:
            return []
        if self._settling:
            settling, self._settling = self._settling, []
            for future in settling:
                if not future.done():
                    future.set_result(None)
            return []
        timers: list[asyncio.TimerHandle] = self._scheduled  # type: ignore[attr-defined]  # BaseEventLoop's heap
        next_at = timers[0].when() if timers else math.inf
        if next_at == math.inf:
            self._give_up("no timer is set and everyone waits")
        if next_at > STARTED_AT + HORIZON:
            self._give_up(f"{HORIZON:.0f} virtual seconds went by and the test still waits")
        self._move_to(max(self._now, next_at))
        return []

    def run_in_executor(self, executor: object, func: object, *args: object) -> NoReturn:
        raise RuntimeError(f"a thread knows nothing of virtual time: run_in_executor({func!r})")

    def _move_to(self, instant: float) -> None:
        self._now = instant
        # BaseEventLoop fires what is due before now plus this: the timers of this very instant and no others.
        self._clock_resolution = math.ulp(instant)

    def _give_up(self, reason: str) -> NoReturn:
        waiting = sorted(describe(task) for task in asyncio.all_tasks(self))
        raise DeadlockError("\n  ".join([f"{reason}:", *waiting]))

    def _process_events(self, event_list: list[object]) -> None:
        """Nothing comes from outside."""

    def _write_to_self(self) -> None:
        """Nobody sleeps, so nobody needs to be woken."""


def run(main: Callable[[], Coroutine[object, object, T]] | Coroutine[object, object, T]) -> T:
    """Run a coroutine (or what an async function without arguments gives) on virtual time; return its result.

    Raises DeadlockError when it can never end, and UntidyLoop when it leaves tasks or unseen exceptions behind.
    """
    coroutine = main() if callable(main) else main
    return run_strictly(coroutine, loop_factory=VirtualTimeLoop, grace=0)


def virtual(test: Callable[P, Coroutine[object, object, None]]) -> Callable[P, None]:
    """Turn an async test into a plain one that runs on virtual time."""

    @functools.wraps(test)
    def on_virtual_time(*args: P.args, **kwargs: P.kwargs) -> None:
        run(test(*args, **kwargs))

    return on_virtual_time


async def settle() -> None:
    """Let every ready callback and task run until all of them wait; the clock stands still meanwhile."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualTimeLoop), "settle() needs virtual time"
    await loop.settled()
