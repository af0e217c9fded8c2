"""Virtual time: what happens next happens at once, and the clock is wherever it happens."""

from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count


class Timer:
    """Something that is due, and may be called off."""

    __slots__ = ("_at", "_callback")

    def __init__(self, at: float, callback: Callable[[], object]) -> None:
        self._at = at
        self._callback: Callable[[], object] | None = callback

    def __repr__(self) -> str:
        return f"<Timer {self._at:.3f}{'' if self._callback else ' off'}>"

    def when(self) -> float:
        return self._at

    def cancel(self) -> None:
        self._callback = None

    def fire(self) -> None:
        callback, self._callback = self._callback, None
        if callback is not None:
            callback()


class Timeline:
    """A heap of events. It has as much of an event loop's face as the relay's waiting room looks at.

    Events of one instant happen in the order in which they were asked for.
    """

    __slots__ = ("_events", "_numbers", "now")

    def __init__(self, now: float) -> None:
        self.now = now
        self._numbers = count()
        self._events: list[tuple[float, int, Callable[..., object], tuple[object, ...]]] = []

    def __repr__(self) -> str:
        return f"<Timeline {self.now:.3f} [{len(self._events)} events]>"

    def time(self) -> float:
        return self.now

    def at(self, instant: float, callback: Callable[..., object], *arguments: object) -> None:
        """Call at `instant`, or now where that is past."""
        heappush(self._events, (max(instant, self.now), next(self._numbers), callback, arguments))

    def call_at(self, instant: float, callback: Callable[[], object]) -> Timer:
        timer = Timer(instant, callback)
        self.at(instant, timer.fire)
        return timer

    def call_soon(self, callback: Callable[[], object]) -> None:
        self.at(self.now, callback)

    def run(self, until: float) -> None:
        """Let everything happen that is due before `until`."""
        events = self._events
        while events and events[0][0] < until:
            self.now, _, callback, arguments = heappop(events)
            callback(*arguments)
        self.now = max(self.now, until)
