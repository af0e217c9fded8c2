"""JSON values looked at without being decoded, so that they keep their bytes."""

from msgspec import Raw
from msgspec.json import Decoder

Object = dict[str, Raw]

read_object = Decoder(Object).decode
read_objects = Decoder(list[Object]).decode

_QUOTE = ord('"')
_BRACKET = ord("[")
_BRACE = ord("{")


def is_string(value: Raw | None) -> bool:
    return value is not None and len(value) > 1 and memoryview(value)[0] == _QUOTE


def is_list(value: Raw | None) -> bool:
    return value is not None and len(value) > 1 and memoryview(value)[0] == _BRACKET


def is_object(value: Raw | None) -> bool:
    return value is not None and len(value) > 1 and memoryview(value)[0] == _BRACE


def is_null(value: Raw | None) -> bool:
    return value is None or bytes(value) == b"null"


def inner(value: Raw | None) -> bytes:
    """A JSON string without its quotes, escapes kept; empty for anything else."""
    return bytes(memoryview(value)[1:-1]) if value is not None and is_string(value) else b""


def quoted(text: bytes) -> Raw:
    """The JSON string around `text`, which must already be escaped."""
    return Raw(b'"' + text + b'"')
