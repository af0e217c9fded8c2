"""Write AWS's binary event stream: frames with two checksums, and the ways they go wrong.

A frame is total length, headers' length, CRC-32 of both, headers, payload, CRC-32 of all before; every number is big
endian (AWS Smithy, "Amazon Event Stream Specification").
"""

from base64 import b64encode
from struct import pack
from zlib import crc32

import msgspec

from cc_relay.sim.clouds.error_texts import STREAM_EXCEPTIONS
from cc_relay.sim.error_texts import ErrorText

MEDIA_TYPE = b"application/vnd.amazon.eventstream"
STRING = b"\x07"
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
LIE = 0x7FFFFFF0
"""A total length that nobody should wait for."""


def frame(headers: dict[str, str], payload: bytes) -> bytes:
    """One frame; every header is a string."""
    lines = b"".join(
        pack("!B", len(name)) + name.encode() + STRING + pack("!H", len(value)) + value.encode()
        for name, value in headers.items()
    )
    prelude = pack("!II", len(lines) + len(payload) + 16, len(lines))
    message = prelude + pack("!I", crc32(prelude)) + lines + payload
    return message + pack("!I", crc32(message))


def chunk(event: bytes) -> bytes:
    """One event's JSON on its way; padding hides its length from whoever watches the wire."""
    padding = LETTERS[: crc32(event) % len(LETTERS) + 1]
    payload = msgspec.json.encode({"bytes": b64encode(event).decode(), "p": padding})
    return frame({":event-type": "chunk", ":content-type": "application/json", ":message-type": "event"}, payload)


def exception(text: ErrorText, message: str) -> bytes:
    """An exception that ends a stream; what no stream may carry is an internal error."""
    name = text.type[:1].lower() + text.type[1:]
    if name not in STREAM_EXCEPTIONS:
        name = "internalServerException"
    body: dict[str, object] = {"message": message}
    if name == "modelStreamErrorException":
        body |= {"originalStatusCode": 500, "originalMessage": message}
    headers = {":exception-type": name, ":content-type": "application/json", ":message-type": "exception"}
    return frame(headers, msgspec.json.encode(body))


def bare_error(text: ErrorText, message: str) -> bytes:
    """An error nobody modelled: code and words in the headers, no payload."""
    return frame({":error-code": text.type, ":error-message": message, ":message-type": "error"}, b"")


def garble(fault: str, whole: bytes) -> bytes:
    """A frame broken the way a fault's name says."""
    match fault:
        case "bad-crc":
            return whole[:-1] + bytes([whole[-1] ^ 0xFF])
        case "bad-prelude":
            return whole[:8] + bytes([whole[8] ^ 0xFF]) + whole[9:]
        case "cut-frame":
            return whole[: len(whole) // 2]
        case "lying-length":
            # The prelude's own checksum fits: only a reader's limit tells that this frame will never end.
            prelude = pack("!I", LIE) + whole[4:8]
            return prelude + pack("!I", crc32(prelude)) + whole[12:]
    raise KeyError(fault)
