"""A small HTTP/1.1 client for generated traffic: one connection a request, plain `http` only."""

import asyncio
from time import perf_counter
from urllib.parse import urlsplit

import httptools
from msgspec import Struct

READ_SIZE = 1 << 16


class Received(Struct, frozen=True):
    """An answer. `status` 0: none came; `is_complete` False: the body broke off.

    `first_byte` (of the body) and `total` are seconds since the start.
    """

    status: int
    headers: dict[str, str]
    body: bytes
    is_complete: bool
    first_byte: float
    total: float


class _Parser:
    """What httptools calls back."""

    def __init__(self) -> None:
        self.headers: dict[str, str] = {}
        self.pieces: list[bytes] = []
        self.is_complete = False
        self.first_byte_at: float | None = None
        self.parser = httptools.HttpResponseParser(self)

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, piece: bytes) -> None:
        if self.first_byte_at is None:
            self.first_byte_at = perf_counter()
        self.pieces.append(piece)

    def on_message_complete(self) -> None:
        self.is_complete = True


async def send(method: str, url: str, headers: dict[str, str], body: bytes = b"") -> Received:
    """Send one request and read its whole answer. A refused or broken connection is an answer as well, never raised."""
    started_at = perf_counter()
    parser = _Parser()
    try:
        await _exchange(parser, method, url, headers, body)
    except (OSError, httptools.HttpParserError):
        # What has arrived so far is what there is to tell.
        parser.is_complete = False
    ended_at = perf_counter()
    return Received(
        status=parser.parser.get_status_code() if parser.headers else 0,
        headers=parser.headers,
        body=b"".join(parser.pieces),
        is_complete=parser.is_complete,
        first_byte=(parser.first_byte_at or ended_at) - started_at,
        total=ended_at - started_at,
    )


async def _exchange(parser: _Parser, method: str, url: str, headers: dict[str, str], body: bytes) -> None:
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port or 80)
    try:
        writer.write(_head(method, url, headers, len(body)) + body)
        await writer.drain()
        while not parser.is_complete:
            data = await reader.read(READ_SIZE)
            if not data:
                return
            parser.parser.feed_data(data)
    finally:
        writer.close()


def _head(method: str, url: str, headers: dict[str, str], length: int) -> bytes:
    address = urlsplit(url)
    target = address.path + (f"?{address.query}" if address.query else "")
    lines = {"host": address.netloc, "content-length": str(length), "connection": "close", **headers}
    return (f"{method} {target} HTTP/1.1\r\n" + "".join(f"{n}: {v}\r\n" for n, v in lines.items()) + "\r\n").encode()
