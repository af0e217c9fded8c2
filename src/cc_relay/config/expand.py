"""`${NAME}`, `${NAME:-default}` and `$$` inside text values, after parsing: a value can never change the structure."""

import re
from collections.abc import Iterator, Mapping

from cc_relay.config.nodes import Node, walk
from cc_relay.config.problems import Loc, Problem, show_path
from cc_relay.config.suggest import closest

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z", re.ASCII)
_PIECE = re.compile(r"\$\$|\$\{(?P<inside>[^}]*)(?P<end>\}?)")
_BARE_VARIABLE = re.compile(r"\$(?P<name>[A-Za-z_][A-Za-z0-9_]*)\Z", re.ASCII)
_NEEDED = (("name",), ("type",))
"""What even a disabled provider must have."""
_OFF = ("false", "no", "off", "0", "n", "f")


class _UnsetError(Exception):
    """A variable that is neither set nor given a default."""


def expand(root: Node, environ: Mapping[str, str]) -> list[Problem]:
    """Expand every text value in place; return what is wrong.

    In a disabled provider an unset variable is no error: what depends on it is left out of the tree.
    """
    problems: list[Problem] = []
    optional = frozenset(_disabled_providers(root, environ))
    for loc, node in list(walk(root)):
        if not isinstance(node.value, str) or "$" not in node.value:
            continue
        try:
            node.value, node.origin = expand_text(node.value, environ)
        except _UnsetError as error:
            node.is_broken = True
            if loc[:2] not in optional or loc[2:] in _NEEDED:
                problems.append(_unset(str(error), loc, node, environ))
        except ValueError as error:
            node.is_broken = True
            problems.append(Problem(*node.at, show_path(loc), str(error)))
    for loc in optional:
        provider = root.entries["providers"].node.items[int(loc[1])]
        _prune(provider)
    return problems


def expand_text(text: str, environ: Mapping[str, str]) -> tuple[str, str | None]:
    """The text with its variables filled in, and in words where they came from (None: none was named).

    A default applies where the variable is unset or empty, as in a shell. Raises ValueError for text that is no
    valid reference.
    """
    bare = _BARE_VARIABLE.match(text)
    if bare:
        raise ValueError(f"variables are written ${{{bare['name']}}} here (and $$ is a plain $)")
    origins: list[str] = []

    def fill(found: re.Match[str]) -> str:
        if found[0] == "$$":
            return "$"
        value, origin = _look_up(found["inside"], is_closed=bool(found["end"]), environ=environ)
        origins.append(origin)
        return value

    return _PIECE.sub(fill, text), ", ".join(dict.fromkeys(origins)) or None


def _look_up(inside: str, *, is_closed: bool, environ: Mapping[str, str]) -> tuple[str, str]:
    if not is_closed:
        raise ValueError("has a ${ without its }; a plain $ is written $$")
    name, has_default, default = inside.partition(":-")
    if not _NAME.match(name):
        raise ValueError("has a ${…} that holds no variable name; a plain $ is written $$")
    if "${" in default:
        raise ValueError(f"the default of ${{{name}}} may not hold another ${{…}}")
    value = environ.get(name)
    if has_default and not value:
        return default, f"the default of ${{{name}}}"
    if value is None:
        raise _UnsetError(name)
    return value, f"${{{name}}} from the environment"


def _unset(name: str, loc: Loc, node: Node, environ: Mapping[str, str]) -> Problem:
    other = closest(name, environ)
    message = f"environment variable {name} is not set"
    if other is None:
        message += f" (set it, or give a default: ${{{name}:-…}})"
    return Problem(*node.at, show_path(loc), message, f"${{{other}}}" if other else None)


def _disabled_providers(root: Node, environ: Mapping[str, str]) -> Iterator[Loc]:
    providers = root.child("providers")
    for index, provider in enumerate(providers.items if providers else []):
        enabled = provider.child("enabled")
        if enabled and _is_off(enabled, environ):
            yield ("providers", index)


def _is_off(node: Node, environ: Mapping[str, str]) -> bool:
    value = node.value
    if isinstance(value, str):
        try:
            value, _ = expand_text(value, environ)
        except (_UnsetError, ValueError):
            return False
    return str(value).strip().lower() in _OFF


def _prune(node: Node) -> None:
    """Leave out what could not be filled in; a key entry without its key goes whole."""
    if isinstance(node.value, dict):
        node.value = {
            name: entry for name, entry in node.value.items() if not _is_lost(entry.node) or (name,) in _NEEDED
        }
    elif isinstance(node.value, list):
        node.value = [item for item in node.value if not _is_lost(item)]
    for entry in node.entries.values():
        _prune(entry.node)
    for item in node.items:
        _prune(item)


def _is_lost(node: Node) -> bool:
    key = node.child("key")
    return node.is_broken or (key is not None and key.is_broken)
