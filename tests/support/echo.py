"""Both ends of a connection, as small as they can be: a server that answers in capitals, and a client's protocol."""

import asyncio
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self, cast


class EchoServer:
    """`async with EchoServer(tls=context) as server` listens on loopback and answers every read in capitals.

    With an `answer` it says that instead; b"" is silence. `port` 0 is any.
    """

    def __init__(self, *, tls: ssl.SSLContext | None = None, answer: bytes | None = None, port: int = 0) -> None:
        self._tls = tls
        self.port = port
        self.answer = answer
        self.accepted = asyncio.Event()
        self.is_idle = asyncio.Event()
        self.open: set[asyncio.Transport] = set()

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Echo(self), "127.0.0.1", self.port, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for transport in list(self.open):
            transport.abort()
        await self._server.wait_closed()


class _Echo(asyncio.Protocol):
    def __init__(self, server: EchoServer) -> None:
        self._server = server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # A cast, since uvloop's transports are asyncio's by shape only.
        self._transport = cast("asyncio.Transport", transport)
        self._server.open.add(self._transport)
        self._server.is_idle.clear()
        self._server.accepted.set()

    def data_received(self, data: bytes) -> None:
        answer = self._server.answer
        self._transport.write(data.upper() if answer is None else answer)

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.open.discard(self._transport)
        if not self._server.open:
            self._server.is_idle.set()


class Line(asyncio.Protocol):
    """A client's end that records what happens to it."""

    def __init__(self) -> None:
        self.made = 0
        self.heard = b""
        self.lost = asyncio.Event()
        self._news = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.made += 1

    def data_received(self, data: bytes) -> None:
        self.heard += data
        self._news.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set()

    async def ask(self, question: bytes) -> bytes:
        """What comes back, as much as was sent."""
        self.heard = b""
        self.transport.write(question)
        while len(self.heard) < len(question):
            self._news.clear()
            await self._news.wait()
        return self.heard

    async def hang_up(self) -> None:
        self.transport.close()
        await self.lost.wait()


def closed_port(family: socket.AddressFamily = socket.AF_INET) -> int:
    """A loopback port that nobody listens on."""
    with socket.socket(family) as sock:
        sock.bind(("127.0.0.1" if family == socket.AF_INET else "::1", 0))
        port: int = sock.getsockname()[1]
        return port


@contextmanager
def unanswering_port() -> Iterator[int]:
    """A loopback port whose queue of connections is full: the next one waits for ever."""
    with socket.socket() as listener, socket.socket() as waiting:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting.connect(listener.getsockname())
        yield listener.getsockname()[1]
