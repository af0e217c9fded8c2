import json

import pytest
from tests.support.builders import messages_body
from tests.support.providers import prepare, provider, sent_body

from cc_relay.errors import Rejection

GLM = "glm-5.3"


def test_values_nobody_had_to_change_keep_their_bytes() -> None:
    body = b'{"model":"claude-x","top_p":0.950,"messages":[{"role":"user","content":"\\u00e9"}],"max_tokens":1e1}'
    assert prepare(provider("zai"), body, model=GLM).body == body.replace(b"claude-x", b"glm-5.3")


def test_a_message_that_changes_leaves_its_neighbours_alone() -> None:
    body = (
        b'{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"\\u00e9"}]},'
        b'{"role":"assistant","content":[{"type":"redacted_thinking","data":"x"},{"text":"\\/","type":"text"}]}]}'
    )
    assert prepare(provider("zai"), body).body == body.replace(b'{"type":"redacted_thinking","data":"x"},', b"")


def test_half_a_surrogate_pair_in_text_that_moves_does_no_harm() -> None:
    body = rb'{"model":"m","messages":[{"role":"user","content":"a\ud83d\ude00"},{"role":"system","content":"\"b\\"}]}'
    message = json.loads(prepare(provider("zai"), body).body)["messages"][0]
    texts = [block["text"] for block in message["content"]]
    assert texts == ["a😀", '<system-reminder>\n"b\\\n</system-reminder>']


def test_a_reminder_is_not_wrapped_twice() -> None:
    body = messages_body(
        messages=[
            {"role": "user", "content": "Hi"},
            {"role": "system", "content": "<system-reminder>x</system-reminder>"},
        ]
    )
    assert (
        sent_body(provider("zai"), body)["messages"][0]["content"][1]["text"] == "<system-reminder>x</system-reminder>"
    )


def test_system_text_goes_behind_tool_results_and_into_the_words_beside_them() -> None:
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "one"}
    body = messages_body(
        messages=[
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1", "name": "Read", "input": {}}]},
            {"role": "system", "content": "Note."},
            {"role": "user", "content": [result, {"type": "text", "text": "Also this."}]},
        ]
    )
    content = sent_body(provider("zai"), body)["messages"][2]["content"]
    assert [block["type"] for block in content] == ["tool_result", "text", "text"]
    assert "Note." in content[2]["text"]


def test_a_tool_result_without_content_takes_system_text_too() -> None:
    body = messages_body(
        messages=[
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1"}]},
            {"role": "system", "content": "Note."},
        ]
    )
    content = sent_body(provider("zai"), body)["messages"][0]["content"]
    assert content[0]["content"] == [{"type": "text", "text": "<system-reminder>\nNote.\n</system-reminder>"}]


def test_the_prefix_of_a_conversation_stays_the_same_from_turn_to_turn() -> None:
    turns = [
        {"role": "user", "content": "Hi"},
        {"role": "system", "content": "Note 1."},
        {"role": "assistant", "content": "Hello."},
        {"role": "system", "content": "Note 2."},
        {"role": "assistant", "content": "Again."},
        {"role": "user", "content": "Go on."},
    ]
    earlier = sent_body(provider("zai"), messages_body(messages=turns[:4]))["messages"]
    later = sent_body(provider("zai"), messages_body(messages=turns))["messages"]
    assert later[: len(earlier)] == earlier
    assert [message["role"] for message in later] == ["user", "assistant", "user", "assistant", "user"]


@pytest.mark.parametrize(
    "changes",
    [
        {"messages": ["Hi"]},
        {"messages": [{"role": "user", "content": ["Hi"]}]},
        {"tools": ["Read"]},
        {"tools": {"name": "Read"}},
        {"tools": [{"name": "Read"}], "tool_choice": "auto"},
    ],
)
def test_what_has_the_wrong_shape_is_refused_before_it_is_sent(changes: dict[str, object]) -> None:
    with pytest.raises(Rejection) as refused:
        prepare(provider("zai"), messages_body(**changes))
    assert (refused.value.status, refused.value.error_type) == (400, "invalid_request_error")


@pytest.mark.parametrize("changes", [{"tools": []}, {"tools": None}, {"max_tokens": "many"}, {"tool_choice": {}}])
def test_odd_values_an_upstream_can_judge_are_left_to_it(changes: dict[str, object]) -> None:
    body = messages_body(**changes)
    assert prepare(provider("zai"), body).body is body


@pytest.mark.parametrize("thinking", [None, "yes", {"type": "hidden"}, {"budget_tokens": 5}])
def test_thinking_nobody_knows_is_left_out(thinking: object) -> None:
    body = messages_body(thinking=thinking)
    assert "thinking" not in sent_body(provider("zai"), body)


@pytest.mark.parametrize(("effort", "budget"), [("low", 4096), ("medium", 10_000), ("max", 31_999), ("x", 10_000)])
def test_effort_decides_the_budget_of_adaptive_thinking(effort: str, budget: int) -> None:
    body = messages_body(max_tokens=64_000, thinking={"type": "adaptive"}, output_config={"effort": effort})
    assert sent_body(provider("minimax"), body)["thinking"] == {"type": "enabled", "budget_tokens": budget}


def test_a_placeholder_alone_leaves_no_tools_to_choose_from() -> None:
    placeholder = {"name": "DeferredToolPlaceholder", "input_schema": {}, "defer_loading": True}
    sent = sent_body(provider("zai"), messages_body(tools=[placeholder], tool_choice={"type": "any"}))
    assert not sent.keys() & {"tools", "tool_choice"}


def test_a_count_knows_no_limit_for_thinking() -> None:
    body = messages_body(max_tokens=None, thinking={"type": "enabled", "budget_tokens": 5000, "display": "omitted"})
    assert sent_body(provider("zai"), body)["thinking"] == {"type": "enabled", "budget_tokens": 5000}


def test_an_output_config_that_is_no_object_is_left_out() -> None:
    assert "output_config" not in sent_body(provider("ollama"), messages_body(output_config="high"))


@pytest.mark.parametrize(
    ("model", "asked", "sent"),
    [
        ("glm-4.5-air", 128_000, 98_304),
        ("GLM-4.5", 128_000, 98_304),
        ("glm-4.5", 500, 500),
        ("glm-5.3", 128_000, 128_000),
    ],
)
def test_answers_are_capped_where_the_model_is_known_to_be_shorter(model: str, asked: int, sent: int) -> None:
    assert sent_body(provider("zai"), messages_body(max_tokens=asked), model=model)["max_tokens"] == sent


def test_a_pdf_is_refused_where_it_would_be_dropped_without_a_word() -> None:
    pdf = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}}
    with pytest.raises(Rejection, match=r"^capability_rejected: document_block"):
        prepare(provider("ollama"), messages_body(messages=[{"role": "user", "content": [pdf]}]))
