"""Laws of the names of conversations: turns that follow change nothing, however they are written."""

import json

from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from cc_relay.codec.session_hash import HEAD, TEXT, session_of

words = st.text(min_size=1, max_size=30).filter(lambda text: not text.startswith("x-anthropic"))
lengths = st.integers(0, 40) | st.integers(HEAD - 200, HEAD + 200)
marks = st.sampled_from(
    [{}, {"cache_control": {"type": "ephemeral"}}, {"cache_control": {"type": "ephemeral", "ttl": "1h"}}]
)


@st.composite
def contents(draw: st.DrawFn, text: str) -> object:
    """One text as clients write it: a string, or a list of blocks with or without a breakpoint."""
    if draw(st.booleans()):
        return text
    parts = [("type", "text"), ("text", text), *draw(marks).items()]
    return [dict(draw(st.permutations(parts)))]


@st.composite
def turns(draw: st.DrawFn, text: str, prompt: str) -> dict[str, Raw]:
    """A request of a conversation that begins with `text` and `prompt`."""
    first = dict(draw(st.permutations([("role", "user"), ("content", draw(contents(text)))])))
    later = draw(
        st.lists(st.fixed_dictionaries({"role": st.sampled_from(["assistant", "user"]), "content": words}), max_size=3)
    )
    ascii_only, separators = draw(st.booleans()), draw(st.sampled_from([None, (",", ":")]))

    def write(value: object) -> Raw:
        return Raw(json.dumps(value, ensure_ascii=ascii_only, separators=separators).encode("utf-8", "replace"))

    return {"messages": write([first, *later]), "system": write(draw(contents(prompt)))}


@given(st.data(), words, words, lengths, lengths)
def test_every_turn_of_a_conversation_has_its_name(
    data: st.DataObject, text: str, prompt: str, length: int, prompt_length: int
) -> None:
    text, prompt = (text * (length + 1))[: length + 1], (prompt * (prompt_length + 1))[: prompt_length + 1]
    name = session_of(data.draw(turns(text, prompt)))
    assert name is not None
    assert session_of(data.draw(turns(text, prompt))) == name
    assert session_of(data.draw(turns("-" + text, prompt))) != name or text[:TEXT] == "-" * TEXT


@given(st.fixed_dictionaries({}, optional={"messages": st.binary(max_size=60), "system": st.binary(max_size=60)}))
def test_no_bytes_raise_anything(fields: dict[str, bytes]) -> None:
    for start in (b"", b"[", b'[{"role":"user","content":', b'[{"role":"user","content":"'):
        session_of({name: Raw(start + value) for name, value in fields.items()})
