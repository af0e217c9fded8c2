"""What is wrong with a configuration file, and where."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

Loc = tuple[str | int, ...]
"""The way from the file's root to a value: mapping keys and list indexes."""

_PLAIN_NAME = re.compile(r"[\w-]+\Z")
_LONGEST_NAME = 48


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake. `line` and `column` count from 1; None where the file has no such place.

    `path` reads like `providers[0].keys[1].rpm_limit` ("" for the file as a whole), `suggestion` is what was probably
    meant. No part of it ever holds a value that may be a secret.
    """

    line: int | None
    column: int | None
    path: str
    message: str
    suggestion: str | None = None
    source: str = ""

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.source, self.line, self.column) if part not in ("", None))
        text = ": ".join(part for part in (place, self.path, self.message) if part)
        return f"{text}; did you mean {self.suggestion}?" if self.suggestion else text


class ConfigErrors(Exception):
    """Everything that is wrong with one file, in the order of the file."""

    def __init__(self, problems: Iterable[Problem], *, source: str = "") -> None:
        named = [problem if problem.source else replace(problem, source=source) for problem in problems]
        self.problems: tuple[Problem, ...] = tuple(sorted(named, key=_place))
        super().__init__("\n".join(map(str, self.problems)))


def _place(problem: Problem) -> tuple[int, int, str]:
    return (problem.line or 0, problem.column or 0, problem.path)


def show_path(loc: Sequence[str | int]) -> str:
    """A location as people write it. Names that look like a pasted key are cut short."""
    parts: list[str] = []
    for part in loc:
        if isinstance(part, int):
            parts.append(f"[{part}]")
        else:
            parts.append(f".{show_name(part)}" if parts else show_name(part))
    return "".join(parts)


def show_name(name: str) -> str:
    """A key's name, fit for one line of a terminal."""
    if len(name) > _LONGEST_NAME or name.startswith("sk-"):
        name = f"{name[:6]}…"
    if _PLAIN_NAME.match(name):
        return name
    return ascii(name).replace("\\u2026", "…") if not name.isprintable() else f'"{name}"'
