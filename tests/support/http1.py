"""Strict HTTP/1.1 reading for tests: what does not parse here was wrong on the wire."""

import asyncio
from dataclasses import dataclass
from typing import Protocol

Headers = list[tuple[bytes, bytes]]


class Reader(Protocol):
    """The part of asyncio.StreamReader that reading a message needs."""

    async def readuntil(self, separator: bytes = b"\n") -> bytes: ...
    async def readexactly(self, n: int) -> bytes: ...
    async def read(self, n: int = -1) -> bytes: ...


class MalformedMessage(AssertionError):
    """Bytes that are not the HTTP message they should be."""


@dataclass(frozen=True)
class Head:
    """A request's or a response's head: its first line split at spaces, headers in wire order, names in lower case."""

    first_line: tuple[str, str, str]
    headers: Headers
    raw: bytes

    def all(self, name: bytes) -> list[bytes]:
        return [value for key, value in self.headers if key == name]

    @property
    def is_chunked(self) -> bool:
        return self.all(b"transfer-encoding") == [b"chunked"]

    @property
    def length(self) -> int | None:
        """The declared content-length; None where there is none. Raises MalformedMessage for two framings."""
        lengths = self.all(b"content-length")
        if len(lengths) > 1 or (lengths and self.all(b"transfer-encoding")):
            raise MalformedMessage(f"two framings in one head: {self.raw!r}")
        return int(lengths[0]) if lengths else None


async def read_head(reader: Reader) -> Head:
    """Raises asyncio.IncompleteReadError at the end of the stream; its `partial` is empty between messages."""
    raw = await reader.readuntil(b"\r\n\r\n")
    first, *lines = raw[:-4].split(b"\r\n")
    words = first.decode("latin-1").split(" ", 2)
    if len(words) < 2:
        raise MalformedMessage(f"no request or status line: {first!r}")
    return Head((words[0], words[1], words[2] if len(words) > 2 else ""), [_header(line) for line in lines], raw)


async def read_chunk(reader: Reader) -> bytes:
    """The next chunk's data; b"" for the last one, whose trailers (none are expected) it reads too."""
    line = await reader.readuntil(b"\r\n")
    try:
        size = int(line.partition(b";")[0], 16)
    except ValueError:
        raise MalformedMessage(f"not a chunk's size: {line!r}") from None
    data = await reader.readexactly(size + 2)
    if data[-2:] != b"\r\n":
        raise MalformedMessage(f"a chunk of {size} bytes ends in {data[-8:]!r}")
    return data[:-2]


async def read_body(reader: Reader, head: Head, chunks: list[bytes], *, to_end: bool) -> None:
    """Append the body's pieces to `chunks` as they arrive, so that a break leaves what came before it.

    A body without framing is empty, or with `to_end` reaches to the end of the stream. Raises
    asyncio.IncompleteReadError when the stream ends first.
    """
    length = head.length
    if head.is_chunked:
        while chunk := await read_chunk(reader):
            chunks.append(chunk)
        return
    while length != 0 if length is not None else to_end:
        data = await reader.read(65536 if length is None else min(length, 65536))
        if not data and length is None:
            return
        if not data:
            raise asyncio.IncompleteReadError(b"", length)
        chunks.append(data)
        length = None if length is None else length - len(data)


def _header(line: bytes) -> tuple[bytes, bytes]:
    name, colon, value = line.partition(b":")
    if not colon or not name or name != name.strip():
        raise MalformedMessage(f"not a header line: {line!r}")
    return name.lower(), value.strip(b" \t")
