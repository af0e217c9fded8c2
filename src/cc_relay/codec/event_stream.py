"""AWS's binary event stream: bytes to frames (`application/vnd.amazon.eventstream`)."""

import struct
from collections.abc import Callable, Mapping
from functools import lru_cache
from zlib import crc32

from msgspec import Struct

from cc_relay.codec.errors import CodecError

MAX_HEADERS = 128 * 1024
MAX_PAYLOAD = 24 * 1024 * 1024
"""What one frame may hold, in bytes; the bounds of AWS's own Python client (botocore.eventstream)."""

HeaderValue = str | bytes | int | bool
"""A header's value; timestamps are int (milliseconds of Unix time), UUIDs are their 16 bytes."""

_PRELUDE = struct.Struct(">III")
_CHECKSUM = struct.Struct(">I")
_OVERHEAD = _PRELUDE.size + _CHECKSUM.size
_REMEMBERED = 1024
"""The largest block of headers worth remembering, in bytes; Bedrock's has 75."""


class Frame(Struct, frozen=True):
    """One message of a stream. `headers` may be shared with other frames."""

    headers: Mapping[str, HeaderValue]
    payload: bytes


class EventStreamDecoder:
    """Bytes in, frames out; however the bytes are cut, the frames before an error are the same.

    A frame (AWS SDK reference, "Event stream encoding") is three big-endian numbers (its whole length, the length of
    its headers, a CRC-32 of these two), headers, payload, and a CRC-32 of all that.
    """

    __slots__ = ("_broken", "_missing", "_pending")

    def __init__(self) -> None:
        self._pending = bytearray()
        self._missing = 0
        self._broken = ""

    @property
    def is_empty(self) -> bool:
        """Whether everything received was handed out in whole frames; False after an error."""
        return not self._pending and not self._broken

    def receive_data(self, data: bytes) -> list[Frame]:
        """The frames that the next bytes complete. Hot path.

        Raises CodecError where bytes break the format, as soon as that is known: lengths that lie are refused with a
        frame's first twelve bytes. When whole frames stand before the error, they are returned first, and the next call
        raises. A decoder that has raised does so ever after.
        """
        if self._broken:
            raise CodecError(self._broken)
        if self._pending:
            self._pending += data
            self._missing -= len(data)
            if self._missing > 0:
                return []
            data = bytes(self._pending)
            self._pending.clear()
        frames: list[Frame] = []
        try:
            self._split(data, frames)
        except CodecError as error:
            self._broken = str(error)
            if not frames:
                raise
        return frames

    def _split(self, data: bytes, frames: list[Frame]) -> None:
        """Append the whole frames of `data` to `frames`, and keep what is left over."""
        begin, end = 0, len(data)
        needed = _PRELUDE.size
        while end - begin >= needed:
            size, headers_size, checksum = _PRELUDE.unpack_from(data, begin)
            if crc32(data[begin : begin + 8]) != checksum:
                raise CodecError("an event-stream frame begins with a wrong checksum")
            payload_size = size - headers_size - _OVERHEAD
            if payload_size < 0 or payload_size > MAX_PAYLOAD or headers_size > MAX_HEADERS:
                raise CodecError(f"an event-stream frame of {size} bytes with {headers_size} bytes of headers")
            if end - begin < size:
                needed = size
                break
            headers_begin = begin + _PRELUDE.size
            payload_begin = headers_begin + headers_size
            payload_end = payload_begin + payload_size
            # The first eight bytes are already in the prelude's own checksum.
            if (crc32(data[begin + 8 : payload_end], checksum),) != _CHECKSUM.unpack_from(data, payload_end):
                raise CodecError("an event-stream frame ends with a wrong checksum")
            read = _read_again if headers_size <= _REMEMBERED else _read_headers
            frames.append(Frame(read(data[headers_begin:payload_begin]), data[payload_begin:payload_end]))
            begin += size
        if begin < end:
            self._pending += data[begin:]
            self._missing = needed - (end - begin)


def _read_headers(block: bytes) -> Mapping[str, HeaderValue]:
    headers: dict[str, HeaderValue] = {}
    at = 0
    try:
        while at < len(block):
            name_end = at + 1 + block[at]
            name = block[at + 1 : name_end].decode()
            if name in headers:
                raise CodecError(f"an event-stream frame has two headers {name!r}")
            read = _TYPES.get(block[name_end])
            if read is None:
                raise CodecError(f"an event-stream header {name!r} of the unknown type {block[name_end]}")
            headers[name], at = read(block, name_end + 1)
    except (IndexError, struct.error, UnicodeDecodeError) as error:
        raise CodecError("an event-stream frame has headers that make no sense") from error
    return headers


_read_again = lru_cache(maxsize=64)(_read_headers)
"""Every event of a stream comes with the same headers, byte for byte."""

_Reader = Callable[[bytes, int], tuple[HeaderValue, int]]
"""Reads the value at a position: the value, and the position behind it."""


def _constant(value: HeaderValue) -> _Reader:
    return lambda block, at: (value, at)


def _integer(layout: str) -> _Reader:
    number = struct.Struct(layout)

    def read(block: bytes, at: int) -> tuple[HeaderValue, int]:
        value: int = number.unpack_from(block, at)[0]
        return value, at + number.size

    return read


def _bytes(block: bytes, at: int) -> tuple[bytes, int]:
    begin = at + 2
    end = begin + int.from_bytes(block[at:begin])
    return _slice(block, begin, end), end


def _string(block: bytes, at: int) -> tuple[str, int]:
    value, end = _bytes(block, at)
    return value.decode(), end


def _uuid(block: bytes, at: int) -> tuple[bytes, int]:
    return _slice(block, at, at + 16), at + 16


def _slice(block: bytes, begin: int, end: int) -> bytes:
    if end > len(block):
        raise IndexError
    return block[begin:end]


_TYPES: dict[int, _Reader] = {
    0: _constant(value=True),
    1: _constant(value=False),
    2: _integer(">b"),
    3: _integer(">h"),
    4: _integer(">i"),
    5: _integer(">q"),
    6: _bytes,
    7: _string,
    8: _integer(">q"),  # a timestamp
    9: _uuid,
}
