"""Header lines kept or dropped by their names."""

from collections.abc import Callable
from itertools import compress

from cc_relay.exchange import Headers

HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        b"content-length",
    }
)
"""Names that speak of one connection and its framing, and never travel on (RFC 9110, 7.6.1)."""

MOST_SHAPES = 512
"""How many sequences of names are remembered; a client or an upstream sends the same few again and again."""


class NameFilter:
    """Keeps the header lines whose name passes `keeps`; hot path.

    What was decided for a sequence of names is remembered, so that a head of a known shape costs no decision a line.
    """

    __slots__ = ("_keeps", "_known")

    def __init__(self, keeps: Callable[[bytes], bool]) -> None:
        self._keeps = keeps
        self._known: dict[tuple[bytes, ...], list[bool]] = {}

    def __repr__(self) -> str:
        return f"<NameFilter {len(self._known)} shapes>"

    def __call__(self, headers: Headers) -> Headers:
        names = next(zip(*headers, strict=False), ())
        kept = self._known.get(names)
        if kept is None:
            kept = [self._keeps(name) for name in names]
            if len(self._known) < MOST_SHAPES:
                self._known[names] = kept
        return list(compress(headers, kept))
