"""The configurations that the README and the docs show are ones the relay accepts."""

import re
from textwrap import dedent
from typing import Literal, NamedTuple

import pytest
from tests.repository.tree import ROOT, files

FENCE = re.compile(
    r"^(?P<indent> *)```(?P<format>yaml|yml|toml)[^\n]*\n(?P<text>.*?)^(?P=indent)```", re.MULTILINE | re.DOTALL
)
PROVIDERS = re.compile(r"^(?:providers:|\[\[providers\]\])", re.MULTILINE)
VARIABLE = re.compile(r"\$\{(\w+)")


class Example(NamedTuple):
    place: str
    format: Literal["yaml", "toml"]
    text: str


def examples_in(markdown: str, name: str) -> list[Example]:
    """Every fenced YAML or TOML block that configures providers, as a whole file would."""
    return [
        Example(
            place=f"{name}:{markdown.count(chr(10), 0, fence.start()) + 1}",
            format="toml" if fence["format"] == "toml" else "yaml",
            text=text,
        )
        for fence in FENCE.finditer(markdown)
        if PROVIDERS.search(text := dedent(fence["text"]))
    ]


EXAMPLES = [
    example
    for path in files()
    if path.suffix == ".md"
    for example in examples_in(path.read_text(), str(path.relative_to(ROOT)))
]


def test_the_readme_or_the_docs_show_a_configuration() -> None:
    assert EXAMPLES


def test_an_example_is_found_in_either_format_and_inside_a_list() -> None:
    page = "```toml\n[[providers]]\n```\n- so:\n  ```yaml\n  providers: []\n  ```\n```yaml\nserver: {}\n```\n"

    assert examples_in(page, "page.md") == [
        Example("page.md:1", "toml", "[[providers]]\n"),
        Example("page.md:5", "yaml", "providers: []\n"),
    ]


@pytest.mark.parametrize("example", [pytest.param(example, id=example.place) for example in EXAMPLES])
def test_an_example_is_a_valid_configuration(example: Example) -> None:
    from cc_relay.config import parse

    environ = dict.fromkeys(VARIABLE.findall(example.text), "from-the-environment")
    parse(example.text, format=example.format, source=example.place, environ=environ)
