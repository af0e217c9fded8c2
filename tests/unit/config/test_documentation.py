"""The page about configuration names every key, with its true default, and no other."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel, SecretStr

from cc_relay.config import Config

PAGE = Path(__file__).parents[3] / "docs" / "configuration.md"
ROW = re.compile(r"^\| `(?P<path>[a-z][\w.\[\]]*)` \| (?:`(?P<default>[^`]*)`|(?P<required>required)) \|", re.MULTILINE)
FREE = ("cache", "providers[].price")


def inner(annotation: object) -> type[BaseModel] | None:
    kinds = (annotation, *get_args(annotation))
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)


def leaves(section: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, str | None]]:
    """Every key with its default as the page writes it; None for a required one."""
    for name, field in section.model_fields.items():
        path = f"{prefix}{name}"
        below = None if path in FREE else inner(field.annotation)
        is_list = "tuple" in str(field.annotation)
        if below is not None:
            yield from leaves(below, f"{path}[]." if is_list else f"{path}.")
        if below is None or path == "providers[].keys":
            default = field.get_default(call_default_factory=True, validated_data={})
            plain = default.get_secret_value() if isinstance(default, SecretStr) else default
            yield path, None if field.is_required() else json.dumps(plain)


def documented() -> dict[str, str | None]:
    return {row["path"]: row["default"] for row in ROW.finditer(PAGE.read_text())}


@pytest.mark.parametrize(("path", "default"), list(leaves(Config)))
def test_a_key_is_on_the_page_with_its_default(path: str, default: str | None) -> None:
    assert documented().get(path, "nothing") == default


def test_the_page_names_no_key_that_does_not_exist() -> None:
    assert set(documented()) <= {path for path, _ in leaves(Config)}
