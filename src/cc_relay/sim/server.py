"""A simulated provider on a port."""

import asyncio
import time
from typing import Protocol

from cc_relay.exchange import Headers, RelayRequest
from cc_relay.net.downstream import Limits, Listener, listen
from cc_relay.sim.control import control, is_control
from cc_relay.sim.engine import Engine
from cc_relay.sim.journal import Journal
from cc_relay.sim.pacer import PacedStream, Pacer
from cc_relay.sim.reply import Ending, Reply
from cc_relay.sim.settings import SimSettings

LIMITS = Limits(body_size=64 << 20)
"""Twice what Anthropic takes, so that a test sees the relay's limit and not this one."""


class Flow(Protocol):
    def pause(self) -> None: ...
    def resume(self) -> None: ...


class Way(Protocol):
    """The way back to one client, as the listener gives it."""

    def start(self, status: int, headers: Headers, length: int | None) -> None: ...
    def write(self, data: bytes) -> None: ...
    def finish(self) -> None: ...
    def abort(self) -> None: ...
    def respond(self, status: int, headers: Headers, body: bytes) -> None: ...
    def regulate(self, flow: Flow) -> None: ...


class Simulator:
    """One simulated provider; `engine` is open for tests that run in the same process."""

    def __init__(self, settings: SimSettings) -> None:
        """Raises KeyError for a dialect or a fault nobody knows."""
        self.engine = Engine(settings)
        self._idle = asyncio.Event()
        self._idle.set()
        self._arrival = asyncio.Event()

    def __repr__(self) -> str:
        return f"<Simulator {self.engine!r}>"

    @property
    def url(self) -> str:
        """The base URL; of use once started."""
        return f"http://{self._listener.host}:{self._listener.port}"

    @property
    def journal(self) -> Journal:
        return self.engine.journal

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen; port 0 is any free one. Raises OSError."""
        self._pacer = Pacer(asyncio.get_running_loop())
        self._listener: Listener = await listen(self._serve, host, port, limits=LIMITS)

    async def close(self) -> None:
        """Break what is open and stop listening."""
        await self._listener.close()
        self._pacer.close()

    async def idle(self) -> None:
        """Return when no request is being answered."""
        await self._idle.wait()

    async def seen(self, count: int) -> None:
        """Return when `count` requests have arrived since the start (control requests are none)."""
        while self.journal.seen < count:
            await self._arrival.wait()

    async def _serve(self, request: RelayRequest, way: Way) -> None:
        if is_control(request):
            reply = control(self.engine, request)
            way.respond(reply.status, reply.headers, reply.frames[0])
            return
        entry = self.journal.begin(request, time.time())
        self._idle.clear()
        self._arrival.set()
        self._arrival.clear()
        outcome = "cancelled"
        try:
            reply = self.engine.answer(request, entry, time.time())
            outcome = await self._send(reply, way)
        finally:
            self.journal.end(entry, outcome)
            if self.journal.open == 0:
                self._idle.set()

    async def _send(self, reply: Reply, way: Way) -> str:
        """Send a reply as it says; return the journal's word for its end."""
        if reply.delay > 0:
            await asyncio.sleep(reply.delay)
        if reply.status and reply.ending is Ending.FINISH and reply.length is not None and len(reply.frames) == 1:
            way.respond(reply.status, reply.headers, reply.frames[0])
            return "answered"
        if reply.status:
            way.start(reply.status, reply.headers, reply.length)
            await self._send_frames(reply, way)
        match reply.ending:
            case Ending.FINISH:
                way.finish()
                return "answered"
            case Ending.ABORT:
                way.abort()
                return "broken"
            case Ending.HANG:
                # The one way out is the client's: it leaves, and this task is cancelled.
                await asyncio.get_running_loop().create_future()
        raise AssertionError(reply.ending)

    async def _send_frames(self, reply: Reply, way: Way) -> None:
        stream: PacedStream = self._pacer.start(reply.frames, reply.due, way.write)
        way.regulate(stream)
        try:
            self._pacer.wake(stream)
            await stream.done
        finally:
            stream.done.cancel()
