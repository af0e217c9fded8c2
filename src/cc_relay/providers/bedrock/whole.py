"""Whole answers of Bedrock's in Anthropic's words."""

from collections.abc import Callable

from msgspec import Struct
from msgspec.json import Decoder, encode

from cc_relay.providers.bedrock import metrics

MAX_ANSWER = 64 * 1024 * 1024
"""Bytes of a whole answer that are gathered."""


class _Message(Struct):
    usage: object = None


class _Counted(Struct, rename={"tokens": "inputTokens"}):
    tokens: int


class _TokenCount(Struct, rename={"tokens": "input_tokens"}):
    tokens: int


_read_message = Decoder(_Message).decode
_read_counted = Decoder(_Counted).decode


class WholeTranslation:
    """Gathers an answer and has it rewritten once it is complete."""

    __slots__ = ("_pieces", "_rewrite", "_size")

    media_type = b"application/json"

    def __init__(self, rewrite: Callable[[bytes], bytes]) -> None:
        self._pieces: list[bytes] = []
        self._rewrite = rewrite
        self._size = 0

    def __repr__(self) -> str:
        return f"<WholeTranslation {self._size} bytes>"

    def receive_data(self, data: bytes) -> bytes:
        """Nothing yet. Raises ValueError for an answer beyond measure."""
        self._size += len(data)
        if self._size > MAX_ANSWER:
            raise ValueError(f"an answer of more than {MAX_ANSWER} bytes")
        self._pieces.append(data)
        return b""

    def receive_eof(self) -> bytes:
        body = b"".join(self._pieces)
        self._pieces = []
        return self._rewrite(body) if body else b""


def translate_message(body: bytes) -> bytes:
    """A message without Bedrock's metrics; what its `usage` left out is filled in. Anything else stays as it is."""
    if metrics.MARK not in body:
        return body
    try:
        message, counts = metrics.cut(body)
        return metrics.fill(message, metrics.counts_of(_read_message(message).usage), counts)
    except (ValueError, RecursionError):
        return body


def translate_count(body: bytes) -> bytes:
    """`{"inputTokens":12}` as Anthropic says it. Anything else stays as it is."""
    try:
        return encode(_TokenCount(_read_counted(body).tokens))
    except (ValueError, RecursionError):
        return body
