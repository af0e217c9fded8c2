"""YAML to nodes: composed from libyaml's events, with positions, duplicate keys refused and YAML 1.2's scalars.

PyYAML's own composer recurses, forgets positions and reads YAML 1.1 (`no` is false, `010` is 8, dates are dates);
events come flat, so nesting and aliases stay bounded by what we count.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

import yaml

from cc_relay.config.nodes import MAX_DEPTH, MAX_NODES, Entry, Node, Position, Scalar
from cc_relay.config.problems import ConfigErrors, Problem, show_name

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG = "tag:yaml.org,2002:"
_MERGE = "<<"
_START = Position(1, 1)
# The core schema of YAML 1.2.2, section 10.3.2. Longer digit strings stay text: no setting has them.
_CORE: tuple[tuple[re.Pattern[str], Callable[[str], Scalar]], ...] = (
    (re.compile(r"(?:null|Null|NULL|~|)\Z"), lambda _: None),
    (re.compile(r"(?:true|True|TRUE)\Z"), lambda _: True),
    (re.compile(r"(?:false|False|FALSE)\Z"), lambda _: False),
    (re.compile(r"[-+]?[0-9]{1,60}\Z"), int),
    (re.compile(r"0o[0-7]{1,60}\Z"), lambda text: int(text, 0)),
    (re.compile(r"0x[0-9a-fA-F]{1,60}\Z"), lambda text: int(text, 0)),
    (re.compile(r"[-+]?(?:\.[0-9]{1,60}|[0-9]{1,60}(?:\.[0-9]{0,60})?)(?:[eE][-+]?[0-9]{1,9})?\Z"), float),
    (re.compile(r"[-+]?\.(?:inf|Inf|INF)\Z"), lambda text: float(text.replace(".", ""))),
    (re.compile(r"\.(?:nan|NaN|NAN)\Z"), lambda _: float("nan")),
)
_KINDS: dict[str, tuple[type, ...]] = {
    "bool": (bool,),
    "int": (int,),
    "float": (int, float),
    "null": (type(None),),
}


def parse_yaml(text: str) -> Node:
    """Compose one document. Raises ConfigErrors: the first fault of syntax, or every duplicate key."""
    composer = _Composer()
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            composer.receive(event)
    except yaml.MarkedYAMLError as error:
        raise ConfigErrors([*composer.problems, _explain(error, text)]) from None
    except (yaml.YAMLError, UnicodeError, RecursionError) as error:
        raise ConfigErrors([Problem(None, None, "", f"is not YAML ({type(error).__name__})")]) from None
    if composer.problems:
        raise ConfigErrors(composer.problems)
    return composer.root or Node(None, _START)


@dataclass(slots=True)
class _Frame:
    """An open collection, and for a mapping the key that waits for its value."""

    node: Node
    anchor: str | None
    key: str | None = None
    key_at: Position = _START
    is_merge: bool = False
    merges: list[Node] = field(default_factory=list)


class _Composer:
    def __init__(self) -> None:
        self.root: Node | None = None
        self.problems: list[Problem] = []
        self._stack: list[_Frame] = []
        self._anchors: dict[str, Node] = {}
        self._count = 0
        self._documents = 0

    def receive(self, event: yaml.Event) -> None:
        match event:
            case yaml.ScalarEvent():
                self._receive_scalar(event)
            case yaml.AliasEvent():
                self._receive_alias(event)
            case yaml.MappingStartEvent():
                self._open({}, event, "map")
            case yaml.SequenceStartEvent():
                self._open([], event, "seq")
            case yaml.CollectionEndEvent():
                self._close()
            case yaml.DocumentStartEvent():
                self._documents += 1
                if self._documents > 1:
                    self._stop(_place(event), "a second document begins here; a configuration is one document")

    def _receive_scalar(self, event: yaml.ScalarEvent) -> None:
        at = _place(event)
        self._count_node(at)
        frame = self._stack[-1] if self._stack else None
        if frame and isinstance(frame.node.value, dict) and frame.key is None:
            # A key is its text, whatever it looks like: `4.6:` is the name "4.6".
            is_merge = event.value == _MERGE and event.implicit[0]
            self._set_key(frame, str(event.value), at, is_merge=is_merge)
            return
        node = Node(self._resolve(event, at), at)
        if event.anchor:
            self._anchors[event.anchor] = node
        self._add(node)

    def _set_key(self, frame: _Frame, key: str, at: Position, *, is_merge: bool) -> None:
        frame.key, frame.key_at, frame.is_merge = key, at, is_merge
        entries = frame.node.entries
        if not is_merge and key in entries:
            first = entries[key].at.line
            self.problems.append(Problem(*at, show_name(key), f"duplicate key; it is already set on line {first}"))

    def _receive_alias(self, event: yaml.AliasEvent) -> None:
        at = _place(event)
        name = str(event.anchor)
        if any(frame.anchor == name for frame in self._stack):
            self._stop(at, f"alias *{name} stands inside its own anchor")
        node = self._anchors.get(name)
        if node is None:
            self._stop(at, f"alias *{name} has no anchor before it")
            return
        frame = self._stack[-1] if self._stack else None
        if frame and isinstance(frame.node.value, dict) and frame.key is None:
            if isinstance(node.value, dict | list):
                self._stop(at, "a key must be text")
            self._set_key(frame, str(node.value), at, is_merge=False)
            return
        # A copy: each place is expanded and judged for itself, and the count sees what aliases unfold to.
        self._add(self._copy(node, at, len(self._stack)))

    def _copy(self, node: Node, at: Position, depth: int) -> Node:
        self._count_node(at)
        self._check_depth(at, depth)
        value = node.value
        if isinstance(value, dict):
            entries = {key: Entry(entry.at, self._copy(entry.node, at, depth + 1)) for key, entry in value.items()}
            return Node(entries, node.at)
        if isinstance(value, list):
            return Node([self._copy(item, at, depth + 1) for item in value], node.at)
        return Node(value, node.at)

    def _open(self, value: list[Node] | dict[str, Entry], event: yaml.CollectionStartEvent, kind: str) -> None:
        at = _place(event)
        self._count_node(at)
        self._check_depth(at, len(self._stack))
        if event.tag not in (None, "!", _TAG + kind):
            self._stop(at, f"tag {event.tag} is not supported here")
        frame = self._stack[-1] if self._stack else None
        if frame and isinstance(frame.node.value, dict) and frame.key is None:
            self._stop(at, "a key must be text")
        node = Node(value, at)
        if event.anchor:
            self._anchors[event.anchor] = node
        self._stack.append(_Frame(node, event.anchor))

    def _close(self) -> None:
        frame = self._stack.pop()
        entries = frame.node.entries
        for merged in frame.merges:
            for key, entry in merged.entries.items():
                # Explicit keys win, then the earlier of several merged mappings (the merge key's own rule).
                entries.setdefault(key, entry)
        self._add(frame.node)

    def _add(self, node: Node) -> None:
        if not self._stack:
            self.root = node
            return
        frame = self._stack[-1]
        if isinstance(frame.node.value, list):
            frame.node.value.append(node)
            return
        key, frame.key = frame.key, None
        if frame.is_merge:
            self._merge(frame, node)
        elif key is not None:
            frame.node.entries.setdefault(key, Entry(frame.key_at, node))

    def _merge(self, frame: _Frame, node: Node) -> None:
        sources = node.items if isinstance(node.value, list) else [node]
        if not all(isinstance(source.value, dict) for source in sources):
            self._stop(frame.key_at, "<< takes a mapping, or a list of mappings")
        frame.merges.extend(sources)

    def _resolve(self, event: yaml.ScalarEvent, at: Position) -> Scalar:
        text, tag = str(event.value), event.tag
        if tag in ("!", _TAG + "str") or (tag is None and not event.implicit[0]):
            return text
        value = resolve(text)
        if tag is None:
            return value
        wanted = _KINDS.get(str(tag).removeprefix(_TAG))
        if wanted is None:
            self._stop(at, f"tag {tag} is not supported here")
        elif not isinstance(value, wanted) or (isinstance(value, bool) and bool not in wanted):
            self._stop(at, f"this is no {str(tag).removeprefix(_TAG)}, whatever its tag says")
        return value

    def _count_node(self, at: Position) -> None:
        self._count += 1
        if self._count > MAX_NODES:
            self._stop(at, f"more than {MAX_NODES} values; do its aliases multiply?")

    def _check_depth(self, at: Position, depth: int) -> None:
        if depth >= MAX_DEPTH:
            self._stop(at, f"nested more than {MAX_DEPTH} levels deep")

    def _stop(self, at: Position, message: str) -> None:
        raise ConfigErrors([*self.problems, Problem(*at, "", message)])


def resolve(text: str) -> Scalar:
    """What a plain scalar means in YAML 1.2: null, true, false, a number, or else text (`yes` and dates included)."""
    for pattern, convert in _CORE:
        if pattern.match(text):
            return convert(text)
    return text


def _place(event: yaml.Event) -> Position:
    mark = event.start_mark
    return Position(mark.line + 1, mark.column + 1) if mark else _START


def _explain(error: yaml.MarkedYAMLError, text: str) -> Problem:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line, mark.column) if mark else (0, 0)
    lines = text.splitlines()
    written = lines[line] if line < len(lines) else ""
    if "\t" in written[: column + 1]:
        message = "a tab may not indent YAML; use spaces"
    else:
        message = f"is not YAML: {error.problem or error.context or 'cannot be read'}"
    return Problem(line + 1, column + 1, "", message)
