"""An upstream on a real loopback socket that does exactly what the test's script says.

    async with ScriptedUpstream() as upstream:
        upstream.script(lambda connection: connection.answer(body=b'{"ok":true}'))
        ...

Each connection takes the next script. A script that fails, is not done when the block ends, or was never asked for
fails the test, and so does a connection nobody wrote a script for. When a script returns, its connection is closed.
"""

import asyncio
import contextlib
import json
import socket
import ssl
import struct
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Self, TypeVar

from tests.support import http1
from tests.support.http1 import Headers
from tests.support.strict import describe

T = TypeVar("T")

PATIENCE = 10.0
"""Seconds a script waits for its peer before it fails (on a loaded machine; nothing should ever take that long)."""

GRACE = 2.0
"""Seconds the scripts get to end after the test's body did."""

LIMIT = 1 << 20
"""Bytes a head may have, and (twice that) what is read ahead of a script that does not read."""

JSON: Headers = [(b"content-type", b"application/json")]
EVENT_STREAM: Headers = [(b"content-type", b"text/event-stream; charset=utf-8")]

REASONS = {200: b"OK", 400: b"Bad Request", 401: b"Unauthorized", 404: b"Not Found", 429: b"Too Many Requests"}


class ScriptError(AssertionError):
    """What happened on the wire is not what the scripts said."""


@dataclass(frozen=True)
class Received:
    """A request as it came; header names in lower case, `raw_head` has the exact bytes."""

    method: str
    target: str
    headers: Headers
    body: bytes
    raw_head: bytes

    def header(self, name: bytes) -> bytes | None:
        """The first value of `name` (lower case), or None."""
        return next((value for key, value in self.headers if key == name), None)

    def json(self) -> object:
        return json.loads(self.body)


class Connection:
    """One accepted connection, in the hands of its script. Nothing is sent or closed but what the script asks for."""

    def __init__(
        self, upstream: "ScriptedUpstream", reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.requests: list[Received] = []
        self.was_reset = False
        """Whether the peer ended the connection by a reset (known once `closed` returned)."""
        self._upstream = upstream
        self._reader = reader
        self._writer = writer
        self._releases = asyncio.Semaphore(0)
        self._pauses = asyncio.Semaphore(0)
        self._may_end = asyncio.Event()

    # Reading.

    async def expect_request(self) -> Received:
        """Read one whole request. Raises ScriptError when the peer closes instead."""
        received = await self.next_request()
        if received is None:
            raise ScriptError("the peer closed where a request was expected")
        return received

    async def next_request(self) -> Received | None:
        """Like `expect_request`, but None when the peer closes (or resets) between requests."""
        try:
            head = await _patiently("a request", http1.read_head(self._reader))
        except ConnectionResetError:
            self.was_reset = True
            return None
        except asyncio.IncompleteReadError as error:
            if error.partial:
                raise ScriptError(f"the peer closed within a head: {error.partial!r}") from None
            return None
        if (b"expect", b"100-continue") in head.headers:
            await self.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        chunks: list[bytes] = []
        await _patiently("a request's body", http1.read_body(self._reader, head, chunks, to_end=False))
        method, target, _ = head.first_line
        received = Received(method, target, head.headers, b"".join(chunks), head.raw)
        self.requests.append(received)
        self._upstream.requests.append(received)
        return received

    async def expect_head(self) -> http1.Head:
        """Read a request's head and leave its body on the wire: for a peer that is to be kept from sending."""
        return await _patiently("a head", http1.read_head(self._reader))

    async def read(self, size: int) -> bytes:
        """Exactly `size` raw bytes."""
        return await _patiently(f"{size} bytes", self._reader.readexactly(size))

    async def closed(self) -> bytes:
        """Wait until the peer closes or resets; returns the bytes that came before."""
        rest = []
        try:
            while data := await _patiently("the peer to close", self._reader.read(65536)):
                rest.append(data)
        except ConnectionResetError:
            self.was_reset = True
        return b"".join(rest)

    # Sending.

    async def send(self, data: bytes, *, piece: int | None = None) -> None:
        """Send `data`, in pieces of that many bytes with a turn of the loop between them where `piece` is given."""
        for start in range(0, len(data), piece or max(len(data), 1)):
            self._writer.write(data[start : start + piece] if piece else data)
            await self._writer.drain()
            if piece:
                # Twice: the loop sees the peer's socket readable, then the peer reads.
                await asyncio.sleep(0)
                await asyncio.sleep(0)

    async def start(self, status: int = 200, headers: Headers = EVENT_STREAM, *, chunked: bool = True) -> None:
        """Send a head; with `chunked` the body follows by `chunk` and `end`."""
        framing: Headers = [(b"transfer-encoding", b"chunked")] if chunked else []
        await self.send(head(status, [*headers, *framing]))

    async def chunk(self, data: bytes) -> None:
        await self.send(b"%x\r\n%b\r\n" % (len(data), data))

    async def end(self) -> None:
        """The last chunk."""
        await self.send(b"0\r\n\r\n")

    async def reply(self, status: int = 200, headers: Headers = JSON, body: bytes = b"{}") -> None:
        """Send a whole response with a content-length."""
        await self.send(head(status, [*headers, (b"content-length", b"%d" % len(body))]) + body)

    async def answer(self, status: int = 200, headers: Headers = JSON, body: bytes = b"{}") -> Received:
        """Expect a request and reply to it; returns the request."""
        received = await self.expect_request()
        await self.reply(status, headers, body)
        return received

    async def sse(self, events: Iterable[bytes], headers: Headers = EVENT_STREAM, *, end: bool = True) -> None:
        """Send a 200 event stream, one chunk for each event; without `end` the body stays open for what comes next."""
        await self.start(200, headers)
        for event in events:
            await self.chunk(event)
        if end:
            await self.end()

    # Staging.

    async def pause(self) -> None:
        """Wait until the test calls `release`."""
        self._pauses.release()
        await self._releases.acquire()

    async def paused(self) -> None:
        """For the test: wait until the script reaches its next `pause`."""
        await _patiently("the script to pause", self._pauses.acquire())

    def release(self) -> None:
        """For the test: let the script go on; called before its `pause`, that one does not wait."""
        self._releases.release()

    async def wait_for(self, event: asyncio.Event) -> None:
        await event.wait()

    async def hold(self) -> None:
        """Keep the connection open until the peer closes it or the test ends; being here then is no failure."""
        self._may_end.set()
        try:
            while await self._reader.read(65536):
                pass
        except ConnectionResetError:
            self.was_reset = True

    # Ending.

    async def half_close(self) -> None:
        """Send FIN; reading goes on."""
        self._writer.write_eof()
        # A turn of the loop flushes it in uvloop.
        await asyncio.sleep(0)

    async def close(self) -> None:
        """Close both directions, after everything was sent."""
        self._writer.close()
        with contextlib.suppress(OSError):  # ssl.SSLError is one
            await self._writer.wait_closed()

    async def reset(self) -> None:
        """Send RST; what the peer has not read yet is lost to it."""
        self.abort()
        await asyncio.sleep(0)

    def abort(self) -> None:
        """As `reset`, without waiting."""
        transport = self._writer.transport
        if not transport.is_closing():
            # SO_LINGER on, for zero seconds: close() sends RST (socket(7)).
            linger = struct.pack("ii", 1, 0)
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        transport.abort()


Script = Callable[[Connection], Awaitable[object]]


async def keep_answering(connection: Connection) -> None:
    """A script: reply `{}` to every request until the peer closes."""
    while await connection.next_request():
        await connection.reply()


class ScriptedUpstream:
    """Listens on a free port of 127.0.0.1, with TLS where a context is given."""

    def __init__(self, *scripts: Script, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[Received] = []
        """Every request read to its end, over all connections."""
        self.connections: list[Connection] = []
        """Every connection accepted, in order."""
        self.port = 0
        self._tls = tls
        self._scripts = deque(scripts)
        self._otherwise: Script | None = None
        self._running: dict[asyncio.Task[object], Connection] = {}
        self._problems: list[str] = []
        self._causes: list[BaseException] = []
        self._accepted = asyncio.Condition()

    @property
    def url(self) -> str:
        """`http://127.0.0.1:PORT`, or https on TLS."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def script(self, *scripts: Script) -> None:
        """Queue scripts, one for each connection to come."""
        self._scripts.extend(scripts)

    def otherwise(self, script: Script) -> None:
        """The script of every connection beyond the queue; it need not be asked for."""
        self._otherwise = script

    async def connection(self, index: int = 0) -> Connection:
        """The connection accepted as number `index`, waiting for it."""

        async def accepted() -> None:
            async with self._accepted:
                await self._accepted.wait_for(lambda: len(self.connections) > index)

        await _patiently(f"connection {index}", accepted())
        return self.connections[index]

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=LIMIT, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(GRACE):
                    for connection in list(self._running.values()):
                        await connection._may_end.wait()
            self._problems += (
                f"unfinished: {describe(task)}" for task, c in self._running.items() if not c._may_end.is_set()
            )
            self._problems += ["a script was never asked for"] * len(self._scripts)
        await self._stop()
        if error is not None:
            for problem in self._problems:
                error.add_note(f"upstream: {problem}")
        elif self._problems:
            raise ScriptError("\n".join(self._problems)) from next(iter(self._causes), None)

    async def _stop(self) -> None:
        self._server.close()
        for task in self._running:
            task.cancel()
        for connection in self.connections:
            connection._writer.transport.abort()
        await asyncio.gather(*self._running, return_exceptions=True)
        await self._server.wait_closed()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(self, reader, writer)
        index = len(self.connections)
        self.connections.append(connection)
        script = self._scripts.popleft() if self._scripts else self._otherwise
        task: asyncio.Task[object] = asyncio.create_task(self._play(connection, script, index), name=f"script {index}")
        self._running[task] = connection
        task.add_done_callback(self._running.pop)

    async def _play(self, connection: Connection, script: Script | None, index: int) -> None:
        async with self._accepted:
            self._accepted.notify_all()
        if script is None:
            self._problems.append(f"connection {index} came without a script")
            connection.abort()
            connection._may_end.set()
            return
        try:
            await script(connection)
        # A script may fail in any way; the test hears of it at the end, its peer at once.
        except Exception as error:  # noqa: BLE001
            self._problems.append(f"script {index} failed: {error!r}")
            self._causes.append(error)
            connection.abort()
        else:
            await connection.close()
        finally:
            connection._may_end.set()


def head(status: int, headers: Headers) -> bytes:
    """A response's head as bytes, nothing added."""
    lines = b"".join(b"%b: %b\r\n" % header for header in headers)
    return b"HTTP/1.1 %d %b\r\n%b\r\n" % (status, REASONS.get(status, b"Status"), lines)


async def _patiently(what: str, awaitable: Awaitable[T]) -> T:
    try:
        async with asyncio.timeout(PATIENCE):
            return await awaitable
    except TimeoutError:
        raise ScriptError(f"waited {PATIENCE:.0f} s for {what}") from None
