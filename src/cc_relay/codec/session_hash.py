"""A name for the conversation of a request that names no session: a hash of how it begins."""

import re
from collections.abc import Mapping
from hashlib import blake2b
from json import JSONDecoder, dumps

from msgspec import Raw

HEAD = 16_384
"""Bytes of `system` and of `messages` that are looked at."""

TEXT = 1024
"""Characters of a block that count: so few that, however escaped, they and what is around them fit into the head."""

_MOST_LEADING = 8
"""Messages passed over on the way to the user's first; Claude Code's own system messages come behind it."""

_LONGEST_ESCAPE = 6

_BILLING = "x-anthropic-billing-header:"
"""Opens a block of Claude Code's that is no part of the prompt."""

_MARK = re.compile(r',?\s*"cache_control"\s*:\s*\{[^{}]*\}')
_TEXT = re.compile(r'"(?:text|content)"\s*:\s*"')
_SPACE = re.compile(r"[\s,]*")

_decode = JSONDecoder(strict=False).raw_decode


def session_of(fields: Mapping[str, Raw]) -> str | None:
    """`h-` and 16 hexadecimal digits, the same for every turn of a conversation; None where no user speaks.

    `fields` are the top-level values of a Messages body. The first block of the system prompt and the user's first
    count, by their text: cache breakpoints wander from turn to turn, and make a list of blocks of a plain string.
    A first message longer than the head is taken for the user's. Never raises. Hot path.
    """
    messages = fields.get("messages")
    spoken = None if messages is None else _first_spoken(_head(messages))
    if not spoken:
        return None
    system = fields.get("system")
    prompt = "" if system is None else _first_prompt(_head(system))
    text = f"{prompt[:TEXT]}\0{spoken[:TEXT]}"
    return "h-" + blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def _head(value: Raw) -> str:
    return bytes(memoryview(value)[:HEAD]).decode("utf-8", "replace")


def _first_spoken(head: str) -> str | None:
    """The text of the user's first block."""
    if not head.startswith("["):
        return None
    position = 1
    for _ in range(_MOST_LEADING):
        position = _after_space(head, position)
        if head.startswith("]", position):
            return None
        try:
            message, position = _decode(head, position)
        except (ValueError, RecursionError):
            return _cut(head, position)
        if isinstance(message, dict) and message.get("role") == "user":
            return _text(message.get("content"))
    return None


def _first_prompt(head: str) -> str:
    """The text of the first system block that is not the billing header."""
    if not head.startswith("["):
        text = _string(head, 0)
        return text.partition("\n")[2].lstrip("\n") if text.startswith(_BILLING) else text
    position = _after_space(head, 1)
    try:
        block, position = _decode(head, position)
        text = _text(block)
        if not text.startswith(_BILLING):
            return text
        position = _after_space(head, position)
        return _text(_decode(head, position)[0])
    except (ValueError, RecursionError):
        return _cut(head, position)


def _text(content: object) -> str:
    """The text of a string, of a block, or of the first of some; of a block without one, all but its breakpoint."""
    if isinstance(content, list) and content:
        content = content[0]
    if isinstance(content, dict):
        text = content.get("text")
        content = text if isinstance(text, str) else dumps({**content, "cache_control": None})
    return content if isinstance(content, str) else ""


def _cut(head: str, position: int) -> str:
    """The same of a message or block whose end is not in the head: the first text in it, or else how it begins."""
    found = _TEXT.search(head, position)
    if found is None:
        return _MARK.sub("", head[position : position + 2 * TEXT])
    return _string(head, found.end() - 1)


def _string(head: str, position: int) -> str:
    """The string whose opening quote is at `position`, up to the end of the head; empty where there is none."""
    if not head.startswith('"', position):
        return ""
    for end in range(len(head), len(head) - _LONGEST_ESCAPE - 1, -1):  # the last escape may be cut
        try:
            return str(_decode(head[position:end] + '"')[0])
        except ValueError:
            continue
    return ""


def _after_space(head: str, position: int) -> int:
    space = _SPACE.match(head, position)
    return space.end() if space else position
