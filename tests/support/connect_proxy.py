"""A small HTTP proxy that opens tunnels, or answers as it is told, and remembers what it was asked."""

import asyncio
from asyncio import StreamReader, StreamWriter
from contextlib import suppress
from typing import Self


class ConnectProxy:
    """`async with ConnectProxy(forward_to=port) as proxy` listens on loopback.

    Every tunnel leads to 127.0.0.1:`forward_to`, whatever its name, so names need not resolve here. With an `answer`
    the proxy sends those bytes instead and keeps the connection, or ends it when `hangs_up`.
    """

    def __init__(self, *, forward_to: int = 0, answer: bytes | None = None, hangs_up: bool = False) -> None:
        self.heads: list[bytes] = []
        self.asked = asyncio.Event()
        self.left = asyncio.Event()
        self._forward_to = forward_to
        self._answer = answer
        self._hangs_up = hangs_up
        self._serving = asyncio.TaskGroup()
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def targets(self) -> list[str]:
        """What each CONNECT asked for, as `host:port`."""
        return [head.split()[1].decode() for head in self.heads]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        await self._serving.__aenter__()
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await self._serving.__aexit__(None, None, None)
        await self._server.wait_closed()

    def _accept(self, reader: StreamReader, writer: StreamWriter) -> None:
        self._tasks.append(self._serving.create_task(self._serve(reader, writer)))

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                self.heads.append(await reader.readuntil(b"\r\n\r\n"))
                self.asked.set()
                await (self._tunnel(reader, writer) if self._answer is None else self._recite(reader, writer))
        finally:
            self.left.set()
            await _close(writer)

    async def _recite(self, reader: StreamReader, writer: StreamWriter) -> None:
        writer.write(self._answer or b"")
        if not self._hangs_up:
            await reader.read()

    async def _tunnel(self, reader: StreamReader, writer: StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._forward_to)
        try:
            writer.write(b"HTTP/1.1 200 Connection established\r\nvia: 1.1 test\r\n\r\n")
            async with asyncio.TaskGroup() as directions:
                directions.create_task(_copy(reader, there_writer))
                directions.create_task(_copy(there_reader, writer))
        finally:
            await _close(there_writer)


async def _copy(reader: StreamReader, writer: StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.write_eof()


async def _close(writer: StreamWriter) -> None:
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
