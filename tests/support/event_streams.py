"""AWS event-stream frames as an upstream writes them (AWS SDK reference, "Event stream encoding")."""

import base64
import struct
import zlib
from collections.abc import Mapping

JSON_EVENT = {":event-type": "chunk", ":content-type": "application/json", ":message-type": "event"}
"""The headers Bedrock sends with every event."""


def frame(headers: bytes | Mapping[str, str], payload: bytes) -> bytes:
    """One frame; `headers` are strings by name, or the encoded block."""
    block = headers if isinstance(headers, bytes) else b"".join(string(*line) for line in headers.items())
    head = prelude(16 + len(block) + len(payload), len(block))
    message = head + block + payload
    return message + struct.pack(">I", zlib.crc32(message))


def prelude(size: int, headers_size: int) -> bytes:
    """A frame's first twelve bytes, true or not."""
    lengths = struct.pack(">II", size, headers_size)
    return lengths + struct.pack(">I", zlib.crc32(lengths))


def header(name: str, kind: int, value: bytes) -> bytes:
    """One header of any type, its value already encoded."""
    encoded = name.encode()
    return bytes([len(encoded)]) + encoded + bytes([kind]) + value


def string(name: str, value: str) -> bytes:
    return header(name, 7, struct.pack(">H", len(value.encode())) + value.encode())


def chunk(event: bytes) -> bytes:
    """The frame around one Anthropic event, as Bedrock sends it."""
    return frame(JSON_EVENT, b'{"bytes":"%b","p":"abcdefgh"}' % base64.b64encode(event))
