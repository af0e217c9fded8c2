"""A downstream on a raw loopback socket: sends any bytes, reads strictly, slowly or not at all.

Nothing is read in the background, so a client that does not call a reading method is a slow reader.
"""

import asyncio
import json
import socket
import struct
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Self, TypeVar

from tests.support import http1
from tests.support.http1 import Headers

T = TypeVar("T")

PATIENCE = 10.0
"""Seconds every read may take before the test fails."""

BODILESS = {204, 304}


class BrokenResponse(ConnectionError):
    """The connection ended inside a response; `response` is what had come of it, None before its head was whole."""

    def __init__(self, response: "Response | None", *, was_reset: bool) -> None:
        super().__init__(f"{'reset' if was_reset else 'closed'} within {response or 'the head'}")
        self.response = response
        self.was_reset = was_reset


@dataclass(frozen=True)
class Response:
    """A response as it came. `chunks` are the body's chunks, or its pieces as read; `raw_head` the exact bytes."""

    status: int
    reason: str
    headers: Headers
    chunks: list[bytes]
    raw_head: bytes

    @property
    def body(self) -> bytes:
        return b"".join(self.chunks)

    def header(self, name: bytes) -> bytes | None:
        """The first value of `name` (lower case), or None."""
        return next((value for key, value in self.headers if key == name), None)

    def json(self) -> object:
        return json.loads(self.body)


class RawClient:
    """One connection. `async with await RawClient.connect(port) as client: …` closes it at the end."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._buffer = bytearray()
        self.received = bytearray()
        """Every byte read so far."""

    @classmethod
    async def connect(cls, port: int, host: str = "127.0.0.1", *, receive_buffer: int | None = None) -> Self:
        """`receive_buffer` (bytes, doubled by Linux) makes the kernel hold little for a slow reader."""
        sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if receive_buffer is not None:
            # Before connect: the window is agreed on then (tcp(7)).
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        try:
            await asyncio.get_running_loop().sock_connect(sock, (host, port))
        except BaseException:
            sock.close()
            raise
        return cls(sock)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    # Sending.

    async def send(self, data: bytes, *, piece: int | None = None) -> None:
        """Send `data`, in pieces of that many bytes with a turn of the loop between them where `piece` is given."""
        for start in range(0, len(data), piece or max(len(data), 1)):
            await asyncio.get_running_loop().sock_sendall(self._socket, data[start : start + piece] if piece else data)
            if piece:
                await asyncio.sleep(0)
                await asyncio.sleep(0)

    async def send_request(
        self, method: str, target: str, headers: Sequence[tuple[bytes, bytes]] = (), body: bytes = b""
    ) -> None:
        """Send a well-formed request; `host`, and `content-length` for a body, are added where missing."""
        await self.send(request(method, target, headers, body))

    async def exchange(
        self, method: str, target: str, headers: Sequence[tuple[bytes, bytes]] = (), body: bytes = b""
    ) -> Response:
        """Send a request and read its final response (`100 Continue` is passed over)."""
        await self.send_request(method, target, headers, body)
        response = await self.read_response(method)
        while response.status < 200:
            response = await self.read_response(method)
        return response

    # Reading.

    async def read_response(self, method: str = "POST") -> Response:
        """The next response, an interim one too. `method` is what was asked: HEAD has no body.

        Raises BrokenResponse when the connection ends first, MalformedMessage for wrong framing.
        """
        response, head = await self.read_head()
        if method == "HEAD" or response.status < 200 or response.status in BODILESS:
            return response
        await self._whole(http1.read_body(self, head, response.chunks, to_end=True), response)
        return response

    async def read_head(self) -> tuple[Response, http1.Head]:
        """A response's head, its body (read on with `read_chunk` or `read_body`) still on the wire."""
        head = await self._whole(http1.read_head(self), None)
        version, status, reason = head.first_line
        if not version.startswith("HTTP/1."):
            raise http1.MalformedMessage(f"not a status line: {head.raw!r}")
        return Response(int(status), reason, head.headers, [], head.raw), head

    async def read_chunk(self) -> bytes:
        """The next chunk of a chunked body; b"" for the last. Raises BrokenResponse as `read_response` does."""
        return await self._whole(http1.read_chunk(self), None)

    async def read_body(self, response: Response, head: http1.Head) -> bytes:
        """The rest of the body of what `read_head` gave, appended to `response.chunks`."""
        await self._whole(http1.read_body(self, head, response.chunks, to_end=True), response)
        return response.body

    async def read_to_close(self) -> bytes:
        """Everything until the other side closes. Raises ConnectionResetError when it resets."""
        parts = []
        while data := await self.read(65536):
            parts.append(data)
        return b"".join(parts)

    async def closed(self) -> bool:
        """Wait, discarding what comes, until the other side ended the connection; True when it did so by a reset."""
        try:
            await self.read_to_close()
        except ConnectionResetError:
            return True
        return False

    async def read(self, n: int = -1) -> bytes:
        """At most `n` bytes (-1: what one read gives); b"" at the end."""
        if not self._buffer:
            await self._fill(n if n > 0 else 65536)
        taken = bytes(self._buffer if n < 0 else self._buffer[:n])
        del self._buffer[: len(taken)]
        return taken

    async def readexactly(self, n: int) -> bytes:
        """Raises asyncio.IncompleteReadError when the stream ends first."""
        while len(self._buffer) < n:
            if not await self._fill(65536):
                raise asyncio.IncompleteReadError(bytes(self._buffer), n)
        taken = bytes(self._buffer[:n])
        del self._buffer[:n]
        return taken

    async def readuntil(self, separator: bytes = b"\n") -> bytes:
        """Up to and with `separator`. Raises asyncio.IncompleteReadError when the stream ends first."""
        while (found := self._buffer.find(separator)) < 0:
            if not await self._fill(65536):
                raise asyncio.IncompleteReadError(bytes(self._buffer), None)
        return await self.readexactly(found + len(separator))

    # Ending.

    def half_close(self) -> None:
        """Send FIN; reading goes on."""
        self._socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Send RST."""
        # SO_LINGER on, for zero seconds: close() sends RST (socket(7)).
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()

    def close(self) -> None:
        """Idempotent."""
        self._socket.close()

    async def _fill(self, size: int) -> bool:
        try:
            async with asyncio.timeout(PATIENCE):
                data = await asyncio.get_running_loop().sock_recv(self._socket, size)
        except TimeoutError:
            raise AssertionError(f"nothing came for {PATIENCE:.0f} s; unread: {bytes(self._buffer[-200:])!r}") from None
        self._buffer += data
        self.received += data
        return bool(data)

    async def _whole(self, reading: Awaitable[T], response: Response | None) -> T:
        try:
            return await reading
        except asyncio.IncompleteReadError as error:
            raise BrokenResponse(response, was_reset=False) from error
        except ConnectionResetError as error:
            raise BrokenResponse(response, was_reset=True) from error


def request(method: str, target: str, headers: Sequence[tuple[bytes, bytes]] = (), body: bytes = b"") -> bytes:
    """A well-formed request as bytes; `host`, and `content-length` for a body, are added where missing."""
    names = {name.lower() for name, _ in headers}
    lines = [*headers]
    if b"host" not in names:
        lines.insert(0, (b"host", b"relay.test"))
    if body and not names & {b"content-length", b"transfer-encoding"}:
        lines.append((b"content-length", b"%d" % len(body)))
    head = b"".join(b"%b: %b\r\n" % line for line in lines)
    return f"{method} {target} HTTP/1.1\r\n".encode("latin-1") + head + b"\r\n" + body
