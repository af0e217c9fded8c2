"""Edits inside a JSON text: one member changes, every other byte stays."""

import re
from json import JSONDecodeError, JSONDecoder, dumps
from typing import NoReturn

from msgspec import Struct

Path = tuple[str, ...]

BYTE_ORDER_MARK = "\ufeff"


class InvalidJson(ValueError):
    """The text is not a JSON object; the message says where it stops being one."""


class Member(Struct, frozen=True):
    """One `"key": value` and where its parts stand in the text."""

    key: str
    start: int
    key_end: int
    value_start: int
    end: int


class Object(Struct, frozen=True):
    """One `{…}`; `start` is at the brace, `end` behind the other one."""

    start: int
    end: int
    members: tuple[Member, ...]

    def find(self, key: str) -> int | None:
        """The index of `key`; where it stands twice the last one counts, as it does for every parser."""
        return next((i for i in reversed(range(len(self.members))) if self.members[i].key == key), None)


def _refuse(name: str) -> NoReturn:
    raise InvalidJson(f"{name} is not JSON")


_DECODER = JSONDecoder(parse_constant=_refuse)
_SPACE = re.compile(r"[ \t\r\n]*")


def check(text: str) -> None:
    """Raise InvalidJson unless `text` is one JSON object."""
    try:
        value = _DECODER.decode(text.removeprefix(BYTE_ORDER_MARK))
    except JSONDecodeError as error:
        raise InvalidJson(f"{error.lineno}:{error.colno}: {error.msg}") from error
    except RecursionError as error:
        raise InvalidJson("it is nested too deeply") from error
    if not isinstance(value, dict):
        raise InvalidJson("1:1: an object { … } is expected")


def value_at(text: str, path: Path) -> object | None:
    """The decoded value at `path`, or None where there is none (or null)."""
    raw = raw_at(text, path)
    return None if raw is None else _DECODER.decode(raw)


def raw_at(text: str, path: Path) -> str | None:
    """The value at `path` as it is written, or None. Raises InvalidJson where a parent is no object."""
    parent = _object_at(text, path[:-1])
    index = None if parent is None else parent.find(path[-1])
    if parent is None or index is None:
        return None
    member = parent.members[index]
    return text[member.value_start : member.end]


def inside(text: str, path: Path) -> str | None:
    """The white space inside the object at `path`; None where there is no object or it has members."""
    found = _object_at(text, path)
    return None if found is None or found.members else text[found.start + 1 : found.end - 1]


def put(text: str, path: Path, raw: str) -> str:
    """`text` with `raw` (a JSON value) at `path`: in place of the value there, else as the last member.

    Missing objects on the way are made. New members are laid out as their neighbours are.
    """
    parent = _object_at(text, path[:-1])
    if parent is None:
        return put(put(text, path[:-1], "{}"), path, raw)
    index = parent.find(path[-1])
    if index is not None:
        member = parent.members[index]
        return text[: member.value_start] + raw + text[member.end :]
    key = dumps(path[-1])
    if parent.members:
        last = parent.members[-1]
        colon = text[last.key_end : last.value_start]
        return text[: last.end] + "," + _gap_before_last(text, parent) + key + colon + raw + text[last.end :]
    newline, unit = _layout(text)
    opening, closing = newline + unit * len(path), newline + unit * (len(path) - 1)
    return text[: parent.start + 1] + opening + key + _colon(text) + raw + closing + text[parent.end - 1 :]


def drop(text: str, path: Path, *, hollow: str) -> str:
    """`text` without the member at `path`, undoing `put`; an object it leaves empty holds the white space `hollow`."""
    parent = _object_at(text, path[:-1])
    index = None if parent is None else parent.find(path[-1])
    if parent is None or index is None:
        return text
    members = parent.members
    if index > 0:
        return text[: members[index - 1].end] + text[members[index].end :]
    if len(members) > 1:
        return text[: members[0].start] + text[members[1].start :]
    return text[: parent.start + 1] + hollow + text[parent.end - 1 :]


def _object_at(text: str, path: Path) -> Object | None:
    start = _skip_space(text, len(BYTE_ORDER_MARK) if text.startswith(BYTE_ORDER_MARK) else 0)
    for depth in range(len(path) + 1):
        if text[start] != "{":
            raise InvalidJson(f"`{'.'.join(path[:depth])}` must be an object {{ … }}")
        found = _scan(text, start)
        if depth == len(path):
            return found
        index = found.find(path[depth])
        if index is None:
            return None
        start = found.members[index].value_start
    raise AssertionError("the loop returns at its last turn")


def _scan(text: str, start: int) -> Object:
    members = []
    at = _skip_space(text, start + 1)
    while text[at] != "}":
        key, key_end = _DECODER.raw_decode(text, at)
        value_start = _skip_space(text, _skip_space(text, key_end) + 1)
        _, end = _DECODER.raw_decode(text, value_start)
        members.append(Member(key, at, key_end, value_start, end))
        at = _skip_space(text, end)
        if text[at] == ",":
            at = _skip_space(text, at + 1)
    return Object(start, at + 1, tuple(members))


def _gap_before_last(text: str, parent: Object) -> str:
    """The white space in front of the last member."""
    start = parent.start + 1 if len(parent.members) == 1 else text.index(",", parent.members[-2].end) + 1
    return text[start : parent.members[-1].start]


def _layout(text: str) -> tuple[str, str]:
    """How the text breaks lines and what one step of indentation is; both empty for a text on one line."""
    root = _object_at(text, ())
    if root is None or not root.members:
        return ("\r\n" if "\r\n" in text else "\n"), "  "
    gap = text[root.start + 1 : root.members[0].start]
    if "\n" not in gap:
        return "", ""
    return ("\r\n" if "\r\n" in gap else "\n"), gap.rpartition("\n")[2]


def _colon(text: str) -> str:
    root = _object_at(text, ())
    if root is None or not root.members:
        return ": "
    return text[root.members[0].key_end : root.members[0].value_start]


def _skip_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at
