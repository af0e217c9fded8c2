"""The official SDK, newest, through the relay: what a good answer must keep."""

import json
from collections.abc import Iterator

import anthropic
import pytest
from tests.support.e2e_stage import RELAY_KEY, Stage

MODEL = "claude-sonnet-5-5"
HELLO: list[anthropic.types.MessageParam] = [{"role": "user", "content": "Hello"}]
TOOLS: list[anthropic.types.ToolParam] = [
    {
        "name": name,
        "description": f"{name} a file.",
        "input_schema": {"type": "object", "properties": {"file_path": {"type": "string"}}, "required": ["file_path"]},
    }
    for name in ("Read", "Write")
]
TWO_CALLS = {
    "blocks": [
        {"type": "thinking", "thinking": "Two files, at once."},
        {"type": "text", "text": "I read both. Grüße, 世界, 🦀."},
        {
            "type": "tool_use",
            "name": "Read",
            "id": "toolu_one",
            "input": {"file_path": "/tmp/a b", "n": [1, {"x": None}]},
        },
        {"type": "tool_use", "name": "Write", "id": "toolu_two", "input": {}},
    ]
}


@pytest.fixture
def client(stage: Stage) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=stage.url, api_key=RELAY_KEY, max_retries=0, timeout=20) as client:
        yield client


def test_a_message_is_created(client: anthropic.Anthropic, stage: Stage) -> None:
    message = client.messages.create(model=MODEL, max_tokens=200, messages=HELLO)

    assert (message.type, message.role, message.model, message.stop_reason) == (
        "message", "assistant", MODEL, "end_turn",
    )  # fmt: skip
    assert [block.type for block in message.content] == ["text"]
    assert message.usage.output_tokens > 0
    assert message._request_id is not None
    assert message._request_id.startswith("req_")
    assert [one.outcome for one in stage.first.messages] == ["answered"]


def test_the_same_words_come_whole_and_streamed(client: anthropic.Anthropic, stage: Stage) -> None:
    stage.first.script({"for": "side", "blocks": [{"type": "text", "text": "Grüße, 世界, 🦀"}]})
    whole = client.messages.create(model=MODEL, max_tokens=200, messages=HELLO)
    stage.first.script({"for": "side", "blocks": [{"type": "text", "text": "Grüße, 世界, 🦀"}]})
    with client.messages.stream(model=MODEL, max_tokens=200, messages=HELLO) as stream:
        streamed = "".join(stream.text_stream)

    assert [block.text for block in whole.content if block.type == "text"] == [streamed] == ["Grüße, 世界, 🦀"]


def test_a_streams_events_come_in_their_order(client: anthropic.Anthropic) -> None:
    stream = client.messages.create(model=MODEL, max_tokens=30, messages=HELLO, stream=True)
    kinds = [event.type for event in stream]

    assert (kinds[0], kinds[1], kinds[-3:]) == (
        "message_start",
        "content_block_start",
        ["content_block_stop", "message_delta", "message_stop"],
    )
    assert set(kinds[2:-3]) == {"content_block_delta"}


def test_the_final_message_of_a_stream_is_whole(client: anthropic.Anthropic, stage: Stage) -> None:
    stage.first.script(TWO_CALLS)
    with client.messages.stream(
        model=MODEL, max_tokens=2000, messages=HELLO, tools=TOOLS, thinking={"type": "adaptive"}
    ) as stream:
        message = stream.get_final_message()

    thinking, text, one, two = message.content
    assert (thinking.type, text.type, one.type, two.type) == ("thinking", "text", "tool_use", "tool_use")
    assert thinking.thinking == "Two files, at once."
    assert len(thinking.signature) > 20
    assert text.text == "I read both. Grüße, 世界, 🦀."
    assert (one.id, one.name, one.input) == ("toolu_one", "Read", {"file_path": "/tmp/a b", "n": [1, {"x": None}]})
    assert (two.id, two.name, two.input) == ("toolu_two", "Write", {})
    assert message.stop_reason == "tool_use"
    assert message.usage.output_tokens > 0


def test_a_tool_loop_brings_thinking_and_results_back_unchanged(client: anthropic.Anthropic, stage: Stage) -> None:
    stage.first.script(TWO_CALLS, {"blocks": [{"type": "text", "text": "Both read."}]})
    asked = client.messages.create(
        model=MODEL, max_tokens=2000, messages=HELLO, tools=TOOLS, thinking={"type": "adaptive"}
    )
    results: list[anthropic.types.ToolResultBlockParam] = [
        {"type": "tool_result", "tool_use_id": block.id, "content": "done"}
        for block in asked.content
        if block.type == "tool_use"
    ]
    answered = client.messages.create(
        model=MODEL,
        max_tokens=2000,
        tools=TOOLS,
        thinking={"type": "adaptive"},
        messages=[*HELLO, {"role": "assistant", "content": asked.content}, {"role": "user", "content": results}],
    )

    assert [block.text for block in answered.content if block.type == "text"] == ["Both read."]
    sent = json.loads(stage.first.messages[-1].body)["messages"][1]["content"]
    thinking = asked.content[0]
    assert thinking.type == "thinking"
    assert sent[0] == {"type": "thinking", "thinking": thinking.thinking, "signature": thinking.signature}


def test_the_stream_arrives_while_it_is_written(client: anthropic.Anthropic, stage: Stage) -> None:
    stage.first.script(
        {"for": "side", "blocks": [{"type": "text", "text": "soon"}, {"type": "text", "text": "never"}],
         "break": {"after_block": 1, "how": "stall"}}
    )  # fmt: skip
    with client.messages.stream(model=MODEL, max_tokens=200, messages=HELLO) as stream:
        # The upstream hangs after this: were it buffered on the way, it would not be here.
        assert next(iter(stream.text_stream)) == "soon"


def test_a_stream_the_client_leaves_is_left_upstream_too(client: anthropic.Anthropic, stage: Stage) -> None:
    with client.messages.create(
        model=f"{MODEL}+slow=20+text=4000", max_tokens=5000, messages=HELLO, stream=True
    ) as stream:
        assert next(iter(stream)).type == "message_start"

    assert stage.relay.logged("gone").provider == "first"
    stage.first.wait_until_cancelled()


def test_leaving_before_the_first_byte_is_noticed_upstream(stage: Stage) -> None:
    stage.first.fault("stall")
    stage.second.fault("stall")
    impatient = anthropic.Anthropic(base_url=stage.url, api_key=RELAY_KEY, max_retries=0, timeout=0.5)
    with impatient, pytest.raises(anthropic.APITimeoutError):
        impatient.messages.create(model=MODEL, max_tokens=30, messages=HELLO)

    assert stage.relay.logged("gone").status == 499
    stage.first.wait_until_cancelled()


def test_tokens_are_counted_upstream(client: anthropic.Anthropic, stage: Stage) -> None:
    short = client.messages.count_tokens(model=MODEL, messages=HELLO)
    long = client.messages.count_tokens(model=MODEL, messages=[{"role": "user", "content": "Hello " * 1000}])

    assert 0 < short.input_tokens < long.input_tokens
    assert [one.path for one in stage.first.seen] == ["/v1/messages/count_tokens"] * 2


def test_models_are_listed_page_by_page(client: anthropic.Anthropic) -> None:
    at_once = [model.id for model in client.models.list(limit=1000)]
    in_pages = [model.id for model in client.models.list(limit=3)]

    assert MODEL in at_once
    assert len(at_once) > 3
    assert in_pages == at_once
    backwards = client.models.list(limit=2, before_id=at_once[4])
    assert [model.id for model in backwards.data] == at_once[2:4]


def test_a_model_is_described(client: anthropic.Anthropic) -> None:
    model = client.models.retrieve(MODEL)
    assert (model.id, model.display_name) == (MODEL, "Claude Sonnet 5.5")


def test_headers_of_the_answer_come_along(client: anthropic.Anthropic) -> None:
    raw = client.messages.with_raw_response.create(model=MODEL, max_tokens=30, messages=HELLO)

    assert raw.headers["request-id"].startswith("req_")
    assert raw.headers["x-cc-relay-provider"] == "first"
    assert raw.headers["content-type"] == "application/json"


def test_a_beta_travels_with_its_field(client: anthropic.Anthropic, stage: Stage) -> None:
    client.beta.messages.create(
        model=MODEL, max_tokens=30, messages=[{"role": "user", "content": "Hello"}],
        betas=["a-beta-2027-01-01", "interleaved-thinking-2025-05-14"],
        extra_body={"a_field_of_tomorrow": {"x": [1, 2]}}, extra_query={"beta": "true"},
    )  # fmt: skip
    seen = stage.first.messages[-1]

    assert seen.header("anthropic-beta") == "a-beta-2027-01-01,interleaved-thinking-2025-05-14"
    assert seen.query == "beta=true"
    assert seen.json()["a_field_of_tomorrow"] == {"x": [1, 2]}


def test_a_key_is_taken_as_bearer_and_as_api_key_and_stays_here(stage: Stage) -> None:
    ways: list[dict[str, object]] = [
        {"api_key": RELAY_KEY},  # 2.x sends it as a bearer credential
        {"auth_token": RELAY_KEY},
        {"api_key": "", "default_headers": {"x-api-key": RELAY_KEY, "authorization": anthropic.Omit()}},
    ]
    sent = []
    for way in ways:
        with anthropic.Anthropic(base_url=stage.url, max_retries=0, timeout=20, **way) as client:
            raw = client.messages.with_raw_response.create(model=MODEL, max_tokens=9, messages=HELLO)
        headers = raw.http_request.headers
        sent.append((headers.get("authorization"), headers.get("x-api-key")))

    assert sent == [(f"Bearer {RELAY_KEY}", None), (f"Bearer {RELAY_KEY}", None), (None, RELAY_KEY)]
    # The upstream was asked with one key of its own each time.
    assert len({one.key for one in stage.first.messages}) == 1
    assert [one.header("authorization") for one in stage.first.messages] == [None, None, None]


async def test_the_asynchronous_client_has_twenty_streams_at_once(stage: Stage) -> None:
    import asyncio

    async with anthropic.AsyncAnthropic(base_url=stage.url, api_key=RELAY_KEY, max_retries=0, timeout=20) as client:

        async def streamed(number: int) -> str:
            marked = f"{MODEL}+wait=1+text=40"
            async with client.messages.stream(
                model=marked, max_tokens=50, messages=[{"role": "user", "content": f"number {number}"}]
            ) as stream:
                return await stream.get_final_text()

        texts = await asyncio.gather(*[streamed(number) for number in range(20)])

    assert len(set(texts)) == 20
    arrivals = [one.at for one in stage.first.messages]
    assert len(arrivals) == 20
    # Each is silent for a second first, so that those who came within one were open together.
    assert max(arrivals) - min(arrivals) < 1
