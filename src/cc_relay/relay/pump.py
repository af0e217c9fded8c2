"""Phase 12: upstream bytes go downstream as they arrive; an observer gets a copy."""

import asyncio
from collections.abc import Callable

from cc_relay.codec.observer import StreamObserver
from cc_relay.codec.sse import PING
from cc_relay.exchange import Headers
from cc_relay.relay.ports import Downstream

PING_SECONDS = 15.0
"""Upstream silence after which a stream gets a ping of ours. Claude Code gives a silent stream up after 300 s."""


SSE_HEAD: Headers = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-cache")]


class KeepAlive:
    """Begins a stream with pings when its request waits for long; from then on an error can only be an event."""

    __slots__ = ("_begin", "_downstream", "_loop", "_timer")

    def __init__(self, downstream: Downstream, loop: asyncio.AbstractEventLoop, begin: Callable[[int], None]) -> None:
        """`begin` is told the status when the head goes out."""
        self._downstream = downstream
        self._loop = loop
        self._begin = begin
        self._timer = loop.call_later(PING_SECONDS, self._ping)

    def __repr__(self) -> str:
        return f"<KeepAlive {'pinging' if self._downstream.is_started else 'silent'}>"

    def stop(self) -> None:
        """The wait is over."""
        self._timer.cancel()

    def _ping(self) -> None:
        if not self._downstream.is_started:
            self._begin(200)
            self._downstream.start(200, SSE_HEAD, None)
        self._downstream.write(PING)
        self._timer = self._loop.call_later(PING_SECONDS, self._ping)


class Pump:
    """The sink of a splice: no task and no await for a chunk.

    A watched stream is pinged whenever its upstream is silent (Bedrock and Ollama never ping by themselves); a body
    without an observer passes as it is.
    """

    __slots__ = ("_downstream", "_loop", "_observer", "_timer", "_written_at", "size")

    def __init__(
        self, downstream: Downstream, observer: StreamObserver | None, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._downstream = downstream
        self._observer = observer
        self._loop = loop
        self._timer: asyncio.TimerHandle | None = None
        self._written_at = 0.0
        self.size = 0

    def __repr__(self) -> str:
        return f"<Pump {self.size} bytes>"

    def begin(self, held: bytes) -> None:
        """Write what was kept back and already observed."""
        self.size = len(held)
        self._downstream.write(held)
        self._written_at = self._loop.time()
        if self._observer is not None:
            self._timer = self._loop.call_at(self._written_at + PING_SECONDS, self._ping)

    def sink(self, data: bytes) -> None:
        """Take the next bytes; hot path."""
        self.size += len(data)
        self._downstream.write(data)
        if self._observer is not None:
            self._observer.receive_data(data)
            self._written_at = self._loop.time()

    def stop(self) -> None:
        """The body is over: no more pings."""
        if self._timer is not None:
            self._timer.cancel()

    def _ping(self) -> None:
        now = self._loop.time()
        if now >= self._written_at + PING_SECONDS:
            self._written_at = now
            if self._observer is not None and self._observer.is_at_boundary and not self._observer.has_stopped:
                self._downstream.write(PING)
        self._timer = self._loop.call_at(self._written_at + PING_SECONDS, self._ping)
