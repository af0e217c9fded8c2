"""The answer to a count_tokens call."""

from msgspec import Struct
from msgspec.json import Decoder

from cc_relay.exchange import Usage


class _TokenCount(Struct):
    input_tokens: int


_read = Decoder(_TokenCount).decode


def read_token_count(body: bytes) -> Usage | None:
    """An empty usage, as counting costs nothing; None where `body` is no count.

    LM Studio answers 200 with an error in the body, so the status alone proves nothing.
    """
    try:
        _read(body)
    except (ValueError, RecursionError):
        return None
    return Usage()
