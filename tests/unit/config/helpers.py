"""Short ways to a parsed configuration, or to what is wrong with one."""

from collections.abc import Mapping
from textwrap import dedent
from typing import Literal

import pytest

from cc_relay.config import ConfigErrors, Loaded, parse

NAME: dict[Literal["yaml", "toml"], str] = {"yaml": "config.yaml", "toml": "config.toml"}
ONE_PROVIDER = "providers: [{name: a, type: anthropic, keys: [sk-1]}]\n"


def read(text: str, environ: Mapping[str, str] | None = None, syntax: Literal["yaml", "toml"] = "yaml") -> Loaded:
    return parse(dedent(text), format=syntax, source=NAME[syntax], environ=environ or {})


def read_with_provider(text: str) -> Loaded:
    """`text` beside one ordinary provider, which stands last."""
    return read(f"{dedent(text)}\n{ONE_PROVIDER}")


def problems(
    text: str, environ: Mapping[str, str] | None = None, syntax: Literal["yaml", "toml"] = "yaml"
) -> list[str]:
    """Every problem as it is shown, without the file's name."""
    with pytest.raises(ConfigErrors) as caught:
        read(text, environ, syntax)
    return [str(problem).removeprefix(f"{NAME[syntax]}:").lstrip() for problem in caught.value.problems]


def problems_with_provider(text: str) -> list[str]:
    return problems(f"{dedent(text)}\n{ONE_PROVIDER}")
