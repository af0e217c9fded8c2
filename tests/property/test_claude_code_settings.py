"""Claude Code's settings file: whatever stood in it comes back byte for byte."""

import json

from hypothesis import given
from hypothesis import strategies as st

from cc_relay.cli.claude_code.settings import AUTH_TOKEN, BASE_URL, Memory, point, restore

WANTED = {BASE_URL: "http://127.0.0.1:8787", AUTH_TOKEN: "cc-relay-placeholder"}


def pointed(text: str) -> tuple[str, Memory | None]:
    result = point(text, WANTED, None)
    return result.text, result.memory


def restored(text: str, memory: Memory | None) -> str | None:
    return text if memory is None else restore(text, memory).text


def environment(text: str) -> dict[str, str]:
    return json.loads(text.removeprefix("\ufeff"))["env"]


keys = st.sampled_from(["env", "model", "hooks", BASE_URL, AUTH_TOKEN]) | st.text(max_size=4)
scalars = st.none() | st.booleans() | st.integers() | st.text(max_size=6)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3), max_leaves=4
)
spaces = st.sampled_from(["", " ", "\n", "\n  ", "\r\n\t", "  \n\n "])


@st.composite
def written_objects(draw: st.DrawFn, members: st.SearchStrategy[dict[str, object]]) -> str:
    """An object as somebody may have typed it: any white space, keys that stand twice."""

    def write(value: object) -> str:
        if not isinstance(value, dict):
            return json.dumps(value, ensure_ascii=draw(st.booleans()))
        pairs = [f"{space()}{json.dumps(k)}{space()}:{space()}{write(v)}{space()}" for k, v in value.items()]
        if pairs and draw(st.booleans()):
            pairs.append(pairs[0])
        return "{" + (",".join(pairs) if pairs else space()) + "}"

    def space() -> str:
        return draw(spaces)

    return draw(st.sampled_from(["", "\ufeff"])) + space() + write(draw(members)) + space()


settings_texts = written_objects(
    st.fixed_dictionaries(
        {}, optional={"env": st.dictionaries(keys, values, max_size=3), "model": values, "hooks": values, "x": values}
    )
)


@given(text=settings_texts)
def test_giving_back_restores_every_byte(text: str) -> None:
    after, memory = pointed(text)
    assert environment(after) | WANTED == environment(after)
    assert restored(after, memory) == text


@given(text=settings_texts, other=st.fixed_dictionaries({BASE_URL: st.just("http://10.0.0.1:1")}))
def test_pointing_elsewhere_in_between_still_restores_every_byte(text: str, other: dict[str, str]) -> None:
    once, memory = pointed(text)
    again = point(once, other, memory)
    assert environment(again.text)[BASE_URL] == other[BASE_URL]
    assert restored(again.text, again.memory) == text


@given(text=settings_texts)
def test_pointing_twice_changes_nothing(text: str) -> None:
    after, memory = pointed(text)
    again = point(after, WANTED, memory)
    assert (again.text, again.memory, again.changed) == (after, memory, ())


@given(text=settings_texts)
def test_only_our_two_values_change(text: str) -> None:
    before = json.loads(text.removeprefix("\ufeff"))
    after = json.loads(pointed(text)[0].removeprefix("\ufeff"))
    assert after == before | {"env": before.get("env", {}) | WANTED}
    assert [key for key in after if key in before] == list(before)
