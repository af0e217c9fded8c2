"""Heads seen before: a client repeats its head with every request of a session, but for the length of the body."""

import re

from msgspec import Struct

from cc_relay.exchange import Headers

LENGTH_LINE = re.compile(rb"\r\ncontent-length: ?([0-9]{1,9})\r\n", re.IGNORECASE)
DIGITS = re.compile(rb"[0-9]{1,9}")

MOST_HEADS = 256
"""How many heads a listener remembers; each session of Claude Code has one for each of its few kinds of request."""

PARSED_ALWAYS = frozenset({b"expect", b"transfer-encoding", b"upgrade"})
"""Headers that make a request something the parser must see."""


class FamiliarHead(Struct, frozen=True):
    """A head the parser found valid: its bytes before and behind the body's length, and what it means.

    `headers` and `named` lack the line of the length.
    """

    prefix: bytes
    suffix: bytes
    method: str
    path: str
    query: str
    headers: Headers
    named: dict[bytes, bytes]

    def length_in(self, data: bytes) -> tuple[int, int] | None:
        """The body's length and where it begins, where `data` begins with this head; None elsewhere. Hot path."""
        if not data.startswith(self.prefix):
            return None
        digits = DIGITS.match(data, len(self.prefix))
        if digits is None or not data.startswith(self.suffix, digits.end()):
            return None
        return int(digits[0]), digits.end() + len(self.suffix)


class FamiliarHeads:
    """The heads that one listener's connections share; asked with bytes, so that nothing is parsed twice."""

    def __init__(self) -> None:
        self._known: dict[bytes, FamiliarHead] = {}

    def __repr__(self) -> str:
        return f"<FamiliarHeads {len(self._known)}>"

    def remember(
        self, data: bytes, method: str, target: tuple[str, str], headers: Headers, named: dict[bytes, bytes]
    ) -> FamiliarHead | None:
        """The head that `data` begins with, parsed just now as the rest says; None where it has another shape."""
        end = data.find(b"\r\n\r\n") + 4
        line = LENGTH_LINE.search(data, 0, end)
        if line is None or not PARSED_ALWAYS.isdisjoint(named):
            return None
        prefix, suffix = data[: line.start(1)], data[line.end(1) : end]
        known = self._known.get(prefix)
        if known is not None and known.suffix == suffix:
            return known
        # As many lines as the parser saw: the bytes are what the parser took them for.
        if data.count(b"\r\n", 0, end) != len(headers) + 2:
            return None
        kept = [one for one in headers if one[0] != b"content-length"]
        head = FamiliarHead(prefix, suffix, method, *target, kept, dict(kept))
        if len(self._known) < MOST_HEADS:
            self._known[prefix] = head
        return head
