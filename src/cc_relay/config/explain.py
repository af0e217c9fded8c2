"""pydantic's errors in the words of the file: a place, a path, a sentence, a suggestion."""

from collections.abc import Callable, Iterator, Mapping
from typing import get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from cc_relay.config.field_types import ALIASES
from cc_relay.config.nodes import Node, key_position, look_up, value_position
from cc_relay.config.problems import Loc, Problem, show_path
from cc_relay.config.schema import Config
from cc_relay.config.suggest import closest

_Context = Mapping[str, object]

_SENTENCES: dict[str, Callable[[_Context], str]] = {
    "missing": lambda _: "is required",
    "extra_forbidden": lambda _: "unknown key",
    "string_type": lambda _: "must be text (put it in quotes)",
    "string_unicode": lambda _: "must be valid Unicode text",
    "bool_type": lambda _: "must be true or false",
    "bool_parsing": lambda _: "must be true or false",
    "int_type": lambda _: "must be a whole number",
    "int_parsing": lambda _: "must be a whole number",
    "int_parsing_size": lambda _: "is too large",
    "int_from_float": lambda _: "must be a whole number",
    "float_type": lambda _: "must be a number",
    "float_parsing": lambda _: "must be a number",
    "finite_number": lambda _: "must be a finite number",
    "greater_than_equal": lambda context: f"must be at least {context['ge']}".removesuffix(".0"),
    "less_than_equal": lambda _: "is too large",
    "model_type": lambda _: "must be a mapping of keys",
    "model_attributes_type": lambda _: "must be a mapping of keys",
    "dict_type": lambda _: "must be a mapping of keys",
    "tuple_type": lambda _: "must be a list",
    "literal_error": lambda context: f"must be one of {str(context['expected']).replace(chr(39), '')}",
    "value_error": lambda context: str(context["error"]),
}
_KEY_LOC = "[key]"
"""What pydantic appends to a location when a mapping's key, not its value, is at fault."""


def explain(error: ValidationError, root: Node) -> Iterator[Problem]:
    """One problem for each error, but for values about which a problem was already reported."""
    for detail in error.errors(include_url=False):
        loc: Loc = detail["loc"]
        is_key = bool(loc) and loc[-1] == _KEY_LOC
        loc = loc[:-1] if is_key else loc
        if not _is_reported(root, loc):
            yield _problem(detail, loc, root, is_key=is_key)


def _is_reported(root: Node, loc: Loc) -> bool:
    nodes = (look_up(root, loc[:end]) for end in range(len(loc) + 1))
    return any(node.is_broken for node in nodes if node is not None)


def _problem(detail: ErrorDetails, loc: Loc, root: Node, *, is_key: bool) -> Problem:
    kind = detail["type"]
    context: _Context = detail.get("ctx", {})
    sentence = _SENTENCES.get(kind)
    message = sentence(context) if sentence else "is not valid"
    node = look_up(root, loc)
    if node is not None and node.origin and node.value == "":
        message += f" ({node.origin})"
    at = key_position(root, loc) if is_key or kind == "extra_forbidden" else value_position(root, loc)
    return Problem(*at, show_path(loc), message, _suggest(kind, loc, detail["input"]))


def _suggest(kind: str, loc: Loc, value: object) -> str | None:
    if kind == "extra_forbidden":
        section = section_at(loc[:-1])
        return _suggest_key(str(loc[-1]), section, loc) if section else None
    if kind == "literal_error" and isinstance(value, str):
        section = section_at(loc[:-1])
        return closest(value, _choices(section, str(loc[-1]))) if section else None
    return None


def _suggest_key(name: str, section: type[BaseModel], loc: Loc) -> str | None:
    # Right key, wrong place: `timeout_ms` at the top is `server.timeout_ms`.
    homes = [home for home in Config.model_fields if (inner := _inner(Config, home)) and name in inner.model_fields]
    homes = [home for home in homes if home not in ("providers", *loc[:1])]
    if homes and (len(homes) == 1 or "server" in homes):
        return f"{homes[0]}.{name}"
    return closest(name, section.model_fields)


def section_at(loc: Loc) -> type[BaseModel] | None:
    """The model that a location is read with; None inside free-form mappings."""
    section: type[BaseModel] | None = Config
    is_free = False
    for part in loc:
        if isinstance(part, int) or is_free:
            # An index, or a free-form name such as the model in `price`: the section stays.
            is_free = False
            continue
        if section is None:
            return None
        is_free = part == "price"
        section = _inner(section, part)
    return section


def _inner(section: type[BaseModel], name: str) -> type[BaseModel] | None:
    field = section.model_fields.get(name)
    if field is None:
        return None
    candidates = (field.annotation, *get_args(field.annotation))
    return next((kind for kind in candidates if isinstance(kind, type) and issubclass(kind, BaseModel)), None)


def _choices(section: type[BaseModel], name: str) -> list[str]:
    field = section.model_fields.get(name)
    names = [str(choice) for choice in get_args(field.annotation)] if field else []
    return names + [alias for alias, target in ALIASES.items() if target in names]
