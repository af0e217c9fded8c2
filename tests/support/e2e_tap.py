"""A tap on an HTTP connection: forwards bytes as they are, and keeps what went each way."""

import asyncio
import socket
from collections.abc import Callable
from threading import Thread
from typing import Self
from urllib.parse import urlsplit

from tests.support.http1 import Head, read_body, read_head

PIECE = 65536
Message = tuple[Head, bytes]


class Tap:
    """`with Tap(url) as tap` listens on `tap.url` and forwards everything to `url`; read it once all is over."""

    def __init__(self, url: str) -> None:
        target = urlsplit(url)
        assert target.hostname is not None
        assert target.port is not None
        self._target = (target.hostname, target.port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._tracks: list[tuple[bytearray, bytearray]] = []
        self._sockets: list[socket.socket] = []
        self._threads: list[Thread] = []
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for one in self._sockets:
            one.close()

    @property
    def requests(self) -> list[Message]:
        """Each request's head and body, connection by connection."""
        return [message for asked, _ in self._tracks for message in parse(bytes(asked))]

    @property
    def answers(self) -> list[Message]:
        """Each answer's head and body, in the order of `requests`."""
        return [message for _, answered in self._tracks for message in parse(bytes(answered))]

    def _start(self, work: Callable[..., None], *arguments: object) -> None:
        thread = Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:  # closed: the end
                return
            far = socket.create_connection(self._target)
            self._sockets += (near, far)
            track = (bytearray(), bytearray())
            self._tracks.append(track)
            self._start(self._copy, near, far, track[0])
            self._start(self._copy, far, near, track[1])

    @staticmethod
    def _copy(source: socket.socket, sink: socket.socket, kept: bytearray) -> None:
        try:
            while data := source.recv(PIECE):
                kept += data
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:  # one side is gone: so is the other
            sink.close()


def parse(track: bytes) -> list[Message]:
    """The messages in one direction of a connection; raises where they are not whole."""
    return asyncio.run(_parse(track))


async def _parse(track: bytes) -> list[Message]:
    reader = asyncio.StreamReader()
    reader.feed_data(track)
    reader.feed_eof()
    messages: list[Message] = []
    while not reader.at_eof():
        head = await read_head(reader)
        chunks: list[bytes] = []
        await read_body(reader, head, chunks, to_end=False)
        messages.append((head, b"".join(chunks)))
    return messages
