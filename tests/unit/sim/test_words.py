"""Prose and the values that fit a schema."""

import json
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from cc_relay.sim.blocks import Text, ToolUse
from cc_relay.sim.compose import clip
from cc_relay.sim.schemas import fill
from cc_relay.sim.words import Book, count_tokens, pieces


@given(st.text())
def test_pieces_joined_are_the_text(text):
    assert "".join(pieces(text)) == text


@given(st.integers(1, 9000), st.integers(0, 1000))
def test_an_excerpt_has_as_many_tokens_as_asked_for(tokens, seed):
    assert count_tokens(BOOK.excerpt(tokens, Random(seed))) == tokens


BOOK = Book(1)


@given(st.text(), st.integers(0, 40))
def test_clipped_text_is_a_beginning_within_the_budget(text, budget):
    clipped = clip((Text(text),), budget, [])
    kept = "".join(block.text for block in clipped.blocks)
    assert text.startswith(kept)
    assert clipped.output_tokens <= budget
    assert (clipped.stop_reason == "max_tokens") == (kept != text)


def test_a_tool_call_that_does_not_fit_is_left_out():
    clipped = clip((Text("one two"), ToolUse("Read")), 3, [])
    assert [type(block) for block in clipped.blocks] == [Text]
    assert clipped.stop_reason == "max_tokens"


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}, {"n": 1}),
        ({"type": "object", "properties": {"n": {"type": "integer"}}}, {}),
        ({"enum": ["a", "b"]}, "a"),
        ({"const": 3}, 3),
        ({"type": ["string", "null"]}, "simulated"),
        ({"type": "array", "items": {"type": "boolean"}, "minItems": 1}, [False]),
        ({"type": "array", "items": {"type": "boolean"}}, []),
    ],
)
def test_values_fit_their_schema(schema, value):
    assert json.loads(bytes(fill(Raw(json.dumps(schema).encode())))) == value


def test_an_unreadable_schema_gives_an_empty_object():
    assert bytes(fill(Raw(b"[]"))) == b"{}"
