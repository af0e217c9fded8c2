"""A parsed file as a tree that remembers where everything stood; YAML and TOML both become this."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from cc_relay.config.problems import Loc

MAX_DEPTH = 32
"""Levels of nesting; the deepest key of the format is at seven."""
MAX_NODES = 50_000
"""Values in one file, aliases written out; far above any real file, far below what an alias bomb unfolds to."""

Scalar = str | int | float | bool | None


class Position(NamedTuple):
    """A place in the file; both count from 1."""

    line: int
    column: int


@dataclass(slots=True)
class Node:
    """A value and its place.

    `origin` says in words where a text came from, when it was not simply written there. `is_broken` marks a value
    about which a problem was already reported, so that nothing that follows from it is reported again.
    """

    value: "Scalar | list[Node] | dict[str, Entry]"
    at: Position
    origin: str | None = None
    is_broken: bool = False

    def child(self, part: str | int) -> "Node | None":
        """The value under a key or an index; None where there is none."""
        if isinstance(self.value, dict) and isinstance(part, str):
            entry = self.value.get(part)
            return entry.node if entry else None
        if isinstance(self.value, list) and isinstance(part, int) and 0 <= part < len(self.value):
            return self.value[part]
        return None

    @property
    def entries(self) -> "dict[str, Entry]":
        """The keys of a mapping; empty for anything else."""
        return self.value if isinstance(self.value, dict) else {}

    @property
    def items(self) -> "list[Node]":
        """The values of a list; empty for anything else."""
        return self.value if isinstance(self.value, list) else []


class Entry(NamedTuple):
    """A key of a mapping: where it stood, and its value."""

    at: Position
    node: Node


Plain = Scalar | list["Plain"] | dict[str, "Plain"]


def plain(node: Node) -> Plain:
    """The tree as ordinary values."""
    value = node.value
    if isinstance(value, dict):
        return {key: plain(entry.node) for key, entry in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def walk(node: Node, loc: Loc = ()) -> Iterator[tuple[Loc, Node]]:
    """Every node below and including `node`, parents first."""
    yield loc, node
    for key, entry in node.entries.items():
        yield from walk(entry.node, (*loc, key))
    for index, item in enumerate(node.items):
        yield from walk(item, (*loc, index))


def look_up(root: Node, loc: Sequence[str | int]) -> Node | None:
    """The node at a location; None where the file has none."""
    node: Node | None = root
    for part in loc:
        if node is None:
            return None
        node = node.child(part)
    return node


def key_position(root: Node, loc: Sequence[str | int]) -> Position:
    """Where the last key of `loc` is written; the nearest thing around it where it is not."""
    parent = look_up(root, loc[:-1]) if loc else None
    if parent is not None and isinstance(loc[-1], str) and loc[-1] in parent.entries:
        return parent.entries[loc[-1]].at
    return value_position(root, loc)


def value_position(root: Node, loc: Sequence[str | int]) -> Position:
    """Where the value at `loc` begins; the nearest thing around it where it is not written."""
    node = root
    for part in loc:
        child = node.child(part)
        if child is None:
            break
        node = child
    return node.at
