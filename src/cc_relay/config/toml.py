"""TOML to nodes: read by tomllib; a second, lenient look at the text finds where each key stood."""

import re
import tomllib
from bisect import bisect_right
from collections.abc import Mapping
from contextlib import suppress

from cc_relay.config.nodes import MAX_DEPTH, MAX_NODES, Entry, Node, Position
from cc_relay.config.problems import ConfigErrors, Loc, Problem

_AT_LINE = re.compile(r"(?P<what>.*) \(at line (?P<line>\d+), column (?P<column>\d+)\)\Z", re.DOTALL)


def parse_toml(text: str) -> Node:
    """Parse a document. Raises ConfigErrors with the place of the first fault of syntax."""
    try:
        # tomllib takes a bare CR for a fault; so do we, but CRLF is fine.
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigErrors([_explain(error, text)]) from None
    except (RecursionError, ValueError) as error:
        # RecursionError: nesting; ValueError: a date or a number that does not exist.
        what = "nested too deep" if isinstance(error, RecursionError) else "holds a number that is too long"
        raise ConfigErrors([Problem(None, None, "", what)]) from None
    _check_bounds(document)
    return _to_node(document, (), find_positions(text), Position(1, 1))


def _explain(error: tomllib.TOMLDecodeError, text: str) -> Problem:
    found = _AT_LINE.match(str(error))
    if found:
        return Problem(int(found["line"]), int(found["column"]), "", f"is not TOML: {_uncapitalised(found['what'])}")
    lines = text.split("\n")
    return Problem(len(lines), len(lines[-1]) + 1, "", f"is not TOML: {_uncapitalised(str(error))}")


def _uncapitalised(text: str) -> str:
    return text[:1].lower() + text[1:]


def _check_bounds(document: object) -> None:
    count = 0
    level = [document]
    for depth in range(MAX_DEPTH + 2):
        count += len(level)
        if not level:
            return
        if count > MAX_NODES:
            raise ConfigErrors([Problem(None, None, "", f"more than {MAX_NODES} values")])
        if depth > MAX_DEPTH:
            break
        level = [child for value in level for child in _children(value)]
    raise ConfigErrors([Problem(None, None, "", f"nested more than {MAX_DEPTH} levels deep")])


def _children(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return list(value) if isinstance(value, list) else []


def _to_node(value: object, loc: Loc, places: Mapping[Loc, tuple[Position, Position]], around: Position) -> Node:
    at = places[loc][1] if loc in places else around
    if isinstance(value, dict):
        entries: dict[str, Entry] = {}
        for key, child in value.items():
            node = _to_node(child, (*loc, key), places, at)
            entries[key] = Entry(places[(*loc, key)][0] if (*loc, key) in places else node.at, node)
        return Node(entries, at)
    if isinstance(value, list):
        return Node([_to_node(item, (*loc, index), places, at) for index, item in enumerate(value)], at)
    if isinstance(value, str | int | float | bool):
        return Node(value, at)
    # Dates and times: no setting is one, so they are told as their text.
    return Node(str(value), at)


def find_positions(text: str) -> dict[Loc, tuple[Position, Position]]:
    """Where the key and the value of each location begin, as far as a lenient scan can tell.

    `text` must be valid TOML; where the scan loses its way the rest has no positions.
    """
    scan = _Scan(text)
    with suppress(_LostError):
        scan.document()
    return scan.places


class _LostError(Exception):
    """The scan met what it does not know."""


_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_NAME = re.compile(r'[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'')
_DOT = re.compile(r"[ \t]*\.[ \t]*")
# No possessive quantifiers: those over groups lose their way in CPython before 3.11.5.
_TEXT = re.compile(
    r'"""(?:[^"\\]|\\.|"{1,2}(?!"))*"{3,5}|\'\'\'(?:[^\']|\'{1,2}(?!\'))*\'{3,5}|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'',
    re.DOTALL,
)
_BARE = re.compile(r"[^,\]}#\r\n]+")


class _Scan:
    def __init__(self, text: str) -> None:
        self.places: dict[Loc, tuple[Position, Position]] = {}
        self._text = text
        self._at = 0
        self._lines = [0, *(found.end() for found in re.finditer("\n", text))]
        self._lengths: dict[Loc, int] = {}

    def document(self) -> None:
        table: Loc = ()
        self._take(_BLANK)
        while self._at < len(self._text):
            if self._text[self._at] == "[":
                table = self._header()
            else:
                self._pair(table)
            self._take(_BLANK)

    def _header(self) -> Loc:
        begin = self._at
        is_array = self._text.startswith("[[", self._at)
        self._at += 2 if is_array else 1
        self._take(_SPACE)
        names = self._names()
        self._take(_SPACE)
        self._expect("]]" if is_array else "]")
        place = self._place(begin)
        if is_array:
            array = (*self._element((), names[:-1]), names[-1])
            self._note(array, place, place)
            self._lengths[array] = self._lengths.get(array, 0) + 1
        table = self._element((), names)
        self._note(table, place, place)
        return table

    def _pair(self, table: Loc) -> None:
        begin = self._place(self._at)
        names = self._names()
        self._take(_SPACE)
        self._expect("=")
        self._take(_SPACE)
        value = self._place(self._at)
        for end in range(1, len(names) + 1):
            self._note((*table, *names[:end]), begin, value)
        self._value((*table, *names))

    def _value(self, loc: Loc) -> None:
        if self._text.startswith("[", self._at):
            self._array(loc)
        elif self._text.startswith("{", self._at):
            self._inline_table(loc)
        elif self._text.startswith(('"', "'"), self._at):
            self._need(_TEXT)
        else:
            self._need(_BARE)

    def _array(self, loc: Loc) -> None:
        self._expect("[")
        index = 0
        self._take(_BLANK)
        while not self._text.startswith("]", self._at):
            place = self._place(self._at)
            self._note((*loc, index), place, place)
            self._value((*loc, index))
            index += 1
            self._separator()
        self._expect("]")

    def _inline_table(self, loc: Loc) -> None:
        self._expect("{")
        self._take(_BLANK)
        while not self._text.startswith("}", self._at):
            self._pair(loc)
            self._separator()
        self._expect("}")

    def _separator(self) -> None:
        self._take(_BLANK)
        if self._text.startswith(",", self._at):
            self._at += 1
            self._take(_BLANK)
        elif not self._text.startswith(("]", "}"), self._at):
            raise _LostError

    def _names(self) -> tuple[str, ...]:
        names = [self._name()]
        while _DOT.match(self._text, self._at):
            self._take(_DOT)
            names.append(self._name())
        return tuple(names)

    def _name(self) -> str:
        raw = self._need(_NAME)
        if raw[0] not in "\"'":
            return raw
        value = tomllib.loads(f"name = {raw}")["name"]
        return str(value)

    def _element(self, table: Loc, names: tuple[str, ...]) -> Loc:
        """The location of a table by its names: an array of tables stands for its last element."""
        for name in names:
            table = (*table, name)
            if table in self._lengths:
                table = (*table, self._lengths[table] - 1)
        return table

    def _note(self, loc: Loc, key: Position, value: Position) -> None:
        self.places.setdefault(loc, (key, value))

    def _take(self, pattern: re.Pattern[str]) -> None:
        found = pattern.match(self._text, self._at)
        self._at = found.end() if found else self._at

    def _need(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self._text, self._at)
        if found is None:
            raise _LostError
        self._at = found.end()
        return found[0]

    def _expect(self, token: str) -> None:
        if not self._text.startswith(token, self._at):
            raise _LostError
        self._at += len(token)

    def _place(self, offset: int) -> Position:
        line = bisect_right(self._lines, offset)
        return Position(line, offset - self._lines[line - 1] + 1)
