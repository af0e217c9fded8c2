"""The load: wrk for plain requests, raw protocols on uvloop for streams, a blocking socket for latency."""

import asyncio
import contextlib
import re
import socket
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bench import messages, proxies
from bench.machine import RigError

STREAM_LIMIT = 60.0
"""Seconds any set of streams may take before the run is given up."""

OPENING_BATCH = 50
"""Paced streams opened at once, well within every listen backlog."""


def wrk(port: int, size: int, seconds: float, connections: int, model: str = messages.JSON_MODEL) -> int:
    """Requests answered in `seconds` (whole ones, for wrk). Raises RigError unless every one of them was a success."""
    with tempfile.TemporaryDirectory(prefix="bench-wrk-") as folder:
        body = Path(folder, "body.json")
        body.write_bytes(messages.request_body(model, size))
        script = Path(folder, "post.lua")
        script.write_text(wrk_script(body))
        command = [proxies.find("wrk"), "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--timeout", "10s"]
        done = subprocess.run(
            [*command, "-s", str(script), f"http://127.0.0.1:{port}/v1/messages?beta=true"],
            capture_output=True,
            text=True,
            timeout=seconds + 30,
            check=False,
        )
    tally = re.search(r"^bench (\d+) (\d+)$", done.stdout, re.MULTILINE)
    if tally is None or int(tally[2]) or not int(tally[1]):
        raise RigError(f"wrk saw errors:\n{done.stdout}{done.stderr}")
    return int(tally[1])


def wrk_script(body: Path) -> str:
    headers = "\n".join(f'wrk.headers["{name}"] = "{value}"' for name, value in messages.HEADERS)
    return f"""
wrk.method = "POST"
{headers}
wrk.body = io.open("{body}", "rb"):read("*a")
done = function(summary)
    local e = summary.errors
    io.write(string.format("bench %d %d\\n", summary.requests, e.connect + e.read + e.write + e.timeout + e.status))
end
"""


class StreamClient(asyncio.Protocol):
    """Reads `streams` whole streams one after the other on one connection; the first is compared byte for byte."""

    def __init__(self, request: bytes, streams: int) -> None:
        self._request = request
        self._left = streams
        self._received = bytearray()
        self._is_compared = False
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self._received.endswith(b"\r\n0\r\n\r\n"):
            return
        try:
            self._compare()
        except ValueError as error:
            self._fail(str(error))
            return
        self._received.clear()
        self._left -= 1
        if self._left:
            self._transport.write(self._request)
        elif not self.done.done():
            self.done.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(f"the connection broke ({exc})")

    def close(self) -> None:
        self._transport.close()

    def _compare(self) -> None:
        if len(self._received) < len(messages.STREAM_BODY):
            raise ValueError(f"a short answer: {bytes(self._received[:500])!r}")
        if not self._is_compared:
            self._is_compared = True
            head, _, body = self._received.partition(b"\r\n\r\n")
            if messages.dechunk(bytes(body)) != messages.STREAM_BODY:
                raise ValueError(f"the stream was changed on its way; its head: {bytes(head)!r}")

    def _fail(self, reason: str) -> None:
        if not self.done.done():
            self.done.set_exception(RigError(f"stream client: {reason}"))


async def streams(port: int, count: int, connections: int, model: str = messages.STREAM_MODEL) -> int:
    """Read about `count` streams over `connections`; gives how many exactly."""
    loop = asyncio.get_running_loop()
    each = max(1, count // connections)
    request = messages.request_bytes(model, 1024, f"127.0.0.1:{port}")
    async with asyncio.timeout(STREAM_LIMIT):
        clients = [
            (await loop.create_connection(lambda: StreamClient(request, each), "127.0.0.1", port))[1]
            for _ in range(connections)
        ]
        try:
            await asyncio.gather(*(client.done for client in clients))
        finally:
            for client in clients:
                client.close()
    return each * connections


@dataclass
class Tally:
    """Events seen so far by all paced streams of a crowd, and how many of those streams broke."""

    events: int = 0
    broken: int = 0


class PacedClient(asyncio.Protocol):
    """One endless stream: counts its events until it is closed."""

    def __init__(self, request: bytes, tally: Tally) -> None:
        self._request = request
        self._tally = tally
        self._is_closed = False
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        # A delta is far smaller than any read, so none is cut in two.
        self._tally.events += data.count(b"\n\n")
        if not self.opened.done() and b"event: " in data:
            self.opened.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._is_closed:
            self._tally.broken += 1
        if not self.opened.done():
            self.opened.set_exception(RigError(f"paced client: the connection broke before its first event ({exc})"))

    def close(self) -> None:
        self._is_closed = True
        self._transport.close()


async def paced(
    port: int, count: int, observe: Callable[[Tally], Awaitable[None]], model: str = messages.PACED_MODEL
) -> None:
    """Hold `count` paced streams open while `observe` runs. Raises RigError when one of them broke."""
    loop = asyncio.get_running_loop()
    request = messages.request_bytes(model, 1024, f"127.0.0.1:{port}")
    tally = Tally()
    clients: list[PacedClient] = []
    try:
        async with asyncio.timeout(STREAM_LIMIT):
            while len(clients) < count:
                for _ in range(min(OPENING_BATCH, count - len(clients))):
                    _, client = await loop.create_connection(lambda: PacedClient(request, tally), "127.0.0.1", port)
                    clients.append(client)
                await asyncio.gather(*(client.opened for client in clients[-OPENING_BATCH:]))
            await observe(tally)
    finally:
        for client in clients:
            client.close()
    if tally.broken:
        raise RigError(f"{tally.broken} of {count} paced streams broke")


class Caller:
    """One connection, one request at a time, blocking: a loop of our own would only add its noise to the latency."""

    def __init__(self, connection: socket.socket, request: bytes) -> None:
        self._connection = connection
        self._request = request

    def call(self) -> float:
        """Seconds from the first byte sent to the last one received."""
        began_at = time.perf_counter()
        self._connection.sendall(self._request)
        answer = self._connection.recv(65536)
        while len(answer) < whole_length(answer):
            more = self._connection.recv(65536)
            if not more:
                raise RigError(f"the answer broke off: {answer[:500]!r}")
            answer += more
        seconds = time.perf_counter() - began_at
        if not answer.startswith(b"HTTP/1.1 200"):
            raise RigError(f"not a success: {answer[:500]!r}")
        return seconds


def whole_length(answer: bytes) -> int:
    """Bytes of head and body together, more than it has while its head is incomplete."""
    head_end = answer.find(b"\r\n\r\n")
    if head_end < 0:
        return len(answer) + 1
    declared = re.search(rb"\r\ncontent-length: *(\d+)", answer[: head_end + 2], re.IGNORECASE)
    if declared is None:
        raise RigError(f"an answer without content-length: {answer[:500]!r}")
    return head_end + 4 + int(declared[1])


@contextlib.contextmanager
def caller(port: int, size: int = 1024) -> Iterator[Caller]:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield Caller(connection, messages.request_bytes(messages.JSON_MODEL, size, f"127.0.0.1:{port}"))
