"""Which of Claude Code's settings are ours: set, remembered, given back."""

from json import dumps

from msgspec import Struct
from msgspec.structs import replace

from cc_relay.cli.claude_code import json_text

BASE_URL = "ANTHROPIC_BASE_URL"
AUTH_TOKEN = "ANTHROPIC_AUTH_TOKEN"  # noqa: S105  the name of a variable
PLACEHOLDER = "cc-relay-placeholder"

_ENV = "env"


class Ours(Struct, frozen=True):
    """A value we wrote, and the text that stood there before; None where nothing did."""

    value: str
    before: str | None


class Memory(Struct, frozen=True):
    """What it takes to give a settings file back exactly as it was.

    `blank` is the whole text of a file that held only white space, "" for one that did not exist; None otherwise.
    `made_file` and `made_env` say that the file, or its `env` object, is of our making; `hollow_root` and `hollow_env`
    are the white space that stood inside empty objects.
    """

    values: dict[str, Ours]
    made_file: bool = False
    blank: str | None = None
    made_env: bool = False
    hollow_root: str = ""
    hollow_env: str = ""


class Pointed(Struct, frozen=True):
    """The new text, what to remember (None: nothing in it is ours), and which values changed."""

    text: str
    memory: Memory | None
    changed: tuple[str, ...]


class Restored(Struct, frozen=True):
    """The new text (None: the file goes), the names given back, and those that somebody else changed since."""

    text: str | None
    given_back: tuple[str, ...]
    left: tuple[str, ...]


def point(text: str | None, wanted: dict[str, str], memory: Memory | None) -> Pointed:
    """Set `wanted` in the settings `text` (None: there is no file).

    `memory` is what an earlier call returned. Values that already stand there as wanted stay whose they are.
    Raises json_text.InvalidJson and changes nothing.
    """
    if text is not None and text.strip(json_text.BYTE_ORDER_MARK + " \t\r\n"):
        json_text.check(text)
        text, memory = _forget_unwanted(text, wanted, memory)
        blank = None
    else:
        memory, blank = None, text or ""
    made_file = text is None
    body = "{}\n" if blank is not None else text or ""
    changed = []
    for name, value in wanted.items():
        current = json_text.value_at(body, (_ENV, name))
        if current == value:
            continue
        if memory is None:
            memory = _first_memory(body, made_file=made_file, blank=blank)
        known = memory.values.get(name)
        before = json_text.raw_at(body, (_ENV, name)) if known is None else known.before
        body = json_text.put(body, (_ENV, name), dumps(value))
        memory = replace(memory, values=memory.values | {name: Ours(value, before)})
        changed.append(name)
    return Pointed(body, memory, tuple(changed))


def restore(text: str, memory: Memory) -> Restored:
    """Undo what `memory` says is ours in `text`, and nothing else. Raises json_text.InvalidJson."""
    json_text.check(text)
    given_back, left = [], []
    for name, ours in reversed(memory.values.items()):
        current = json_text.value_at(text, (_ENV, name))
        if current == ours.value:
            text = _give_back(text, name, ours, memory)
            given_back.append(name)
        elif current is not None:
            left.append(name)
    if memory.made_env and json_text.inside(text, (_ENV,)) is not None:
        text = json_text.drop(text, (_ENV,), hollow=memory.hollow_root)
    if memory.blank is not None and json_text.inside(text, ()) is not None:
        return Restored(None if memory.made_file else memory.blank, tuple(given_back), tuple(left))
    return Restored(text, tuple(given_back), tuple(left))


def _forget_unwanted(text: str, wanted: dict[str, str], memory: Memory | None) -> tuple[str, Memory | None]:
    """Drop from memory what is no longer ours, and from the text what is ours and no longer wanted."""
    if memory is None:
        return text, None
    still_ours = {
        name: ours for name, ours in memory.values.items() if json_text.value_at(text, (_ENV, name)) == ours.value
    }
    kept = {name: ours for name, ours in still_ours.items() if name in wanted}
    for name in still_ours.keys() - kept.keys():
        text = _give_back(text, name, still_ours[name], memory)
    if kept:
        return text, replace(memory, values=kept)
    if memory.made_env and json_text.inside(text, (_ENV,)) is not None:
        text = json_text.drop(text, (_ENV,), hollow=memory.hollow_root)
    return text, None


def _give_back(text: str, name: str, ours: Ours, memory: Memory) -> str:
    if ours.before is None:
        return json_text.drop(text, (_ENV, name), hollow=memory.hollow_env)
    return json_text.put(text, (_ENV, name), ours.before)


def _first_memory(text: str, *, made_file: bool, blank: str | None) -> Memory:
    return Memory(
        values={},
        made_file=made_file,
        blank=blank,
        made_env=json_text.raw_at(text, (_ENV,)) is None,
        hollow_root=json_text.inside(text, ()) or "",
        hollow_env=json_text.inside(text, (_ENV,)) or "",
    )
