"""Conversations that other families of models took part in, on their way to Claude."""

import json

import pytest
from msgspec import Raw
from tests.support.conversations import NAMES, blocks_of, check_pairs, compact, conversation

from cc_relay.providers.signatures import is_claude_signature
from cc_relay.providers.switching import (
    clean_for_claude,
    fold_system_messages,
    is_loop_without_thinking,
    lift_leading_system,
)

CLAUDE = "EmJlZ2luLi4uLi4uLi4uLi4uLi4uLi4uLi4uLi4uLi4uLi4uLi4uLi4="
CALL = {"type": "tool_use", "id": "toolu_1", "name": "Read", "input": {}}
RESULT = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "A sloop."}
THINKING = {"type": "thinking", "thinking": "Hm.", "signature": CLAUDE}
HELLO = {"role": "user", "content": "Hello."}


def clean(messages: object, *, drop_all_thinking: bool = False) -> list[dict[str, object]]:
    came = compact(messages)
    cleaned = clean_for_claude(Raw(came), drop_all_thinking=drop_all_thinking)
    return json.loads(came if cleaned is None else cleaned)


@pytest.mark.parametrize("name", NAMES)
def test_a_conversation_becomes_what_claude_takes(name: str) -> None:
    told = conversation(name)
    assert clean(told["messages"]) == (told["cleaned"] or told["messages"])


@pytest.mark.parametrize("name", NAMES)
def test_a_conversation_can_lose_all_its_thinking(name: str) -> None:
    told = conversation(name)
    cleaned = clean(told["messages"], drop_all_thinking=True)
    assert cleaned == (told.get("without_thinking") or told["cleaned"] or told["messages"])
    assert not [block for message in cleaned for block in blocks_of(message) if "thinking" in block["type"]]


@pytest.mark.parametrize("drop_all_thinking", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_every_call_is_next_to_its_result(name: str, drop_all_thinking: bool) -> None:
    check_pairs(clean(conversation(name)["messages"], drop_all_thinking=drop_all_thinking))


@pytest.mark.parametrize("drop_all_thinking", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_cleaning_twice_changes_nothing(name: str, drop_all_thinking: bool) -> None:
    once = clean_for_claude(Raw(compact(conversation(name)["messages"])), drop_all_thinking=drop_all_thinking)
    assert once is None or clean_for_claude(Raw(once), drop_all_thinking=drop_all_thinking) is None


@pytest.mark.parametrize("name", NAMES)
def test_all_thinking_that_stays_is_signed_by_claude(name: str) -> None:
    for message in clean(conversation(name)["messages"]):
        for block in blocks_of(message):
            assert block["type"] != "thinking" or is_claude_signature(block["signature"].encode())


@pytest.mark.parametrize("name", [name for name in NAMES if name != "neighbours"])
def test_what_was_said_once_stays_the_same_from_turn_to_turn(name: str) -> None:
    messages = conversation(name)["messages"]
    whole = clean(messages)
    ends = [at for at, message in enumerate(messages) if message["role"] == "assistant"]
    for end in ends[1:]:
        earlier = clean(messages[:end])
        assert whole[: len(earlier) - 1] == earlier[:-1]


@pytest.mark.parametrize("name", ["claude", "plain_words"])
def test_claudes_own_conversation_keeps_its_bytes(name: str) -> None:
    spaced = json.dumps(conversation(name)["messages"], indent=1).encode()
    assert clean_for_claude(Raw(spaced), drop_all_thinking=False) is None


def test_values_nobody_had_to_change_keep_their_bytes() -> None:
    came = (
        b'[{"role": "user","content":"\\u00e9"},{"role":"assistant","content":[{"thinking":"","type":"thinking",'
        b'"signature":""},{"input":{"n":1e1},"type":"tool_use","id":"a.b","name":"Read"}]},'
        b'{"role":"user","content":[{"type":"tool_result","tool_use_id":"a.b","content":"\\/"}]}]'
    )
    cleaned = clean_for_claude(Raw(came), drop_all_thinking=False)
    assert cleaned == (
        b'[{"role":"user","content":"\\u00e9"},{"role":"assistant","content":['
        b'{"input":{"n":1e1},"type":"tool_use","id":"ccr_a_2eb","name":"Read"}]},'
        b'{"role":"user","content":[{"type":"tool_result","tool_use_id":"ccr_a_2eb","content":"\\/"}]}]'
    )


def test_a_fallback_stays_between_the_thinking_it_parts() -> None:
    fallback = {"type": "fallback", "from": {"model": "a"}, "to": {"model": "b"}}
    parted = [HELLO, {"role": "assistant", "content": [THINKING, fallback, THINKING, {"type": "text", "text": "Hi."}]}]
    assert clean(parted) == parted
    kinds = [block["type"] for block in clean(parted, drop_all_thinking=True)[1]["content"]]
    assert kinds == ["text"]


def test_a_signature_of_claudes_stays_on_its_call() -> None:
    signed = [
        HELLO,
        {"role": "assistant", "content": [{**CALL, "signature": CLAUDE}]},
        {"role": "user", "content": [RESULT]},
    ]
    assert clean(signed) == signed
    signed[1]["content"][0]["signature"] = "AVSoXO4="
    assert "signature" not in clean(signed)[1]["content"][0]


@pytest.mark.parametrize("messages", [{}, "Hi", [1], [{"role": "user", "content": {"type": "text"}}], None])
def test_what_is_no_conversation_is_left_to_others(messages: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        clean(messages)


@pytest.mark.parametrize(
    ("last", "is_broken"),
    [
        ([CALL], True),
        ([{"type": "text", "text": "I read it."}, CALL], True),
        ([THINKING, CALL], False),
        ([{"type": "redacted_thinking", "data": CLAUDE}, CALL], False),
    ],
)
def test_a_tool_loop_that_does_not_begin_with_thinking_is_seen(last: list[object], is_broken: bool) -> None:
    turns = [HELLO, {"role": "assistant", "content": last}, {"role": "user", "content": [RESULT]}]
    assert is_loop_without_thinking(Raw(compact(turns))) is is_broken
    assert is_loop_without_thinking(Raw(compact([*turns, {"role": "system", "content": "Note."}]))) is is_broken
    assert not is_loop_without_thinking(Raw(compact(turns[:2])))
    assert not is_loop_without_thinking(Raw(compact([*turns[:2], HELLO])))


def test_folding_keeps_what_claude_knows() -> None:
    mark = {"type": "ephemeral", "ttl": "1h"}
    messages = [
        {"role": "system", "content": "First of all."},
        HELLO,
        {"role": "system", "content": [{"type": "text", "text": "Note.", "cache_control": mark}], "output_config": {}},
        {"role": "assistant", "content": [THINKING, CALL]},
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [RESULT]},
    ]
    folded, leading = fold_system_messages(Raw(compact(messages)))
    assert folded is not None
    told = json.loads(folded)
    assert [message["role"] for message in told] == ["user", "assistant", "user"]
    assert told[0]["content"][1] == {
        "type": "text",
        "text": "<system-reminder>\nNote.\n</system-reminder>",
        "cache_control": mark,
    }
    assert told[1] == messages[3]
    assert "Be brief." in told[2]["content"][0]["content"][1]["text"]
    assert [bytes(note["text"]) for note in leading] == [b'"First of all."']


def test_nothing_to_fold_is_nothing_to_change() -> None:
    assert fold_system_messages(Raw(compact([HELLO]))) == (None, [])
    assert lift_leading_system(Raw(compact([HELLO]))) == (None, [])


def test_only_what_leads_is_lifted() -> None:
    note = {"role": "system", "content": "Note."}
    lifted, leading = lift_leading_system(Raw(compact([note, note, HELLO, note])))
    assert lifted is not None
    assert json.loads(lifted) == [HELLO, note]
    assert len(leading) == 2
