"""One ticker for every paced stream: frames leave when they are due, without a task or a timer of their own."""

import asyncio
from bisect import bisect_right
from collections.abc import Callable
from heapq import heappop, heappush
from typing import Protocol

TICK = 0.005
"""Seconds between two looks at the clock; frames that fall due in between leave together."""


class Timer(Protocol):
    def cancel(self) -> None: ...


class Timers(Protocol):
    """What the ticker needs of an event loop."""

    def time(self) -> float: ...
    def call_at(self, when: float, callback: Callable[[], None], /) -> Timer: ...


class PacedStream:
    """Frames on their way, and the future that is done when the last has left."""

    __slots__ = ("_due", "_frames", "_is_paused", "_pacer", "_position", "_started_at", "_write", "done")

    def __init__(
        self, pacer: "Pacer", frames: list[bytes], due: list[float], write: Callable[[bytes], None], now: float
    ) -> None:
        self._pacer = pacer
        self._frames = frames
        self._due = due
        self._write = write
        self._started_at = now
        self._position = 0
        self._is_paused = False
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def __repr__(self) -> str:
        return f"<PacedStream {self._position} of {len(self._frames)}>"

    def pause(self) -> None:
        self._is_paused = True

    def resume(self) -> None:
        if self._is_paused:
            self._is_paused = False
            self._pacer.wake(self)

    def advance(self, now: float) -> float | None:
        """Write what is due; return when the next frame is, or None when there is none or the reader is slow."""
        if self.done.done():
            return None
        position, frames = self._position, self._frames
        until = bisect_right(self._due, now - self._started_at, lo=position) if self._due else len(frames)
        while position < until and not self._is_paused:
            self._write(frames[position])
            position += 1
        self._position = position
        if position == len(frames):
            self.done.set_result(None)
            return None
        return None if self._is_paused else self._started_at + self._due[position]


class Pacer:
    """Holds streams by the tick at which their next frame is due."""

    def __init__(self, loop: Timers) -> None:
        self._loop = loop
        self._wheel: dict[int, list[PacedStream]] = {}
        self._ticks: list[int] = []
        self._timer: Timer | None = None
        self._timer_tick = 0

    def __repr__(self) -> str:
        return f"<Pacer {sum(map(len, self._wheel.values()))} streams>"

    def start(self, frames: list[bytes], due: list[float], write: Callable[[bytes], None]) -> PacedStream:
        """Begin a stream; `due` counts seconds from now and is empty where every frame is due at once."""
        return PacedStream(self, frames, due, write, self._loop.time())

    def wake(self, stream: PacedStream) -> None:
        """Let a stream write what is due, and remember when to look again."""
        self._place(stream, stream.advance(self._loop.time()))
        self._arm()

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._wheel.clear()
        self._ticks.clear()

    def _place(self, stream: PacedStream, due_at: float | None) -> None:
        if due_at is None:
            return
        tick = int(due_at / TICK) + 1
        waiting = self._wheel.get(tick)
        if waiting is None:
            self._wheel[tick] = [stream]
            heappush(self._ticks, tick)
        else:
            waiting.append(stream)

    def _arm(self) -> None:
        if not self._ticks or (self._timer is not None and self._timer_tick <= self._ticks[0]):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_tick = self._ticks[0]
        self._timer = self._loop.call_at(self._timer_tick * TICK, self._turn)

    def _turn(self) -> None:
        self._timer = None
        # A loop with a clock of milliseconds may ring a hair early: the tick that rang is reached all the same.
        now = max(self._loop.time(), self._timer_tick * TICK)
        reached = max(int(now / TICK), self._timer_tick)
        ready: list[PacedStream] = []
        while self._ticks and self._ticks[0] <= reached:
            ready += self._wheel.pop(heappop(self._ticks))
        for stream in ready:
            self._place(stream, stream.advance(now))
        self._arm()
