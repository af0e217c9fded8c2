"""Every way to reach a provider, through a whole relay: what a client asks for arrives, and is counted."""

import asyncio
import json

import pytest
from tests.support.raw_client import RawClient
from tests.support.staged import CLIENT_HEADERS, WAYS, Json, assistant, body_of, staged, user
from tests.support.stream_rules import assert_valid_stream, final_usage

READ = {"name": "Read", "input_schema": {"type": "object", "properties": {"path": {"type": "string"}}}}
ADAPTIVE = {"type": "adaptive"}
PIXEL = {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}
LONG_PROMPT = "Read a file before you change it. " * 400
CACHED = [{"type": "text", "text": LONG_PROMPT, "cache_control": {"type": "ephemeral"}}]
USAGE = {
    "input": "input_tokens",
    "output": "output_tokens",
    "cache_read": "cache_read_input_tokens",
    "cache_write_5m": "cache_creation_input_tokens",
}
"""What the relay's record calls them, and what the client is told."""


def as_told(record: Json) -> dict[str, int]:
    """A record's counts by the names that clients know; cache writes of five minutes only are asked for here."""
    assert record["usage"]["cache_write_1h"] == 0
    return {theirs: record["usage"][ours] for ours, theirs in USAGE.items()}


def counted(usage: Json) -> dict[str, int]:
    return {name: usage.get(name) or 0 for name in USAGE.values()}


async def test_a_whole_answer_arrives(way: str) -> None:
    async with staged(way) as stage:
        answer = await stage.ask()
        told = await stage.told(answer)
    assert (answer.status, answer.by) == (200, way)
    assert answer.message["type"] == "message"
    assert answer.message["stop_reason"] == "end_turn"
    assert b"amazon-bedrock" not in answer.response.body
    assert answer.response.header(b"content-type") == b"application/json"
    assert (told["outcome"], len(told["attempts"])) == ("delivered", 1)


async def test_a_stream_arrives_whole(way: str) -> None:
    async with staged(way) as stage:
        answer = await stage.ask(stream=True)
        told = await stage.told(answer)
    assert answer.status == 200
    assert (answer.response.header(b"content-type") or b"").startswith(b"text/event-stream")
    assert_valid_stream([answer.response.body])
    assert b"amazon-bedrock" not in answer.response.body
    assert told["outcome"] == "delivered"


@pytest.mark.parametrize("stream", [True, False])
async def test_what_an_answer_cost_is_what_the_client_is_told(way: str, stream: bool) -> None:
    async with staged(way) as stage:
        for _ in range(2):
            answer = await stage.ask(stream=stream, system=CACHED)
            told = await stage.told(answer)
            usage = final_usage(answer.events) if stream else answer.message["usage"]
            assert as_told(told) == counted(usage)
            assert told["usage"]["input"] + told["usage"]["cache_read"] + told["usage"]["cache_write_5m"] > 0
            assert told["usage"]["output"] > 0
        caches = stage.first.engine.dialect.caches
    assert (told["usage"]["cache_read"] > 0) == caches


async def test_tokens_are_counted_where_they_are_spent(way: str) -> None:
    async with staged(way) as stage:
        counted_there = await stage.ask(path="/v1/messages/count_tokens", max_tokens=None, system=LONG_PROMPT)
        answer = await stage.ask(system=LONG_PROMPT)
    assert counted_there.status == 200
    assert counted_there.message == {"input_tokens": answer.message["usage"]["input_tokens"]}


@pytest.mark.parametrize("stream", [True, False])
async def test_tools_are_called_in_parallel_and_answered(way: str, stream: bool) -> None:
    async with staged(way) as stage:
        asked = user("[sim tools=3] look around")
        calls = await stage.ask(stream=stream, tools=[READ], messages=[asked])
        used = [block for block in calls.content if block["type"] == "tool_use"]
        results = [{"type": "tool_result", "tool_use_id": block["id"], "content": "empty"} for block in used]
        said = [block for block in calls.content if block["type"] != "thinking"]
        answer = await stage.ask(stream=stream, tools=[READ], messages=[asked, assistant(said), user(results)])
        sent = stage.sent()[-1]
    assert (calls.status, answer.status) == (200, 200)
    assert len({block["id"] for block in used}) == 3
    assert all(isinstance(block["input"], dict) for block in used)
    assert [block["tool_use_id"] for block in sent["messages"][-1]["content"]] == [
        block["id"] for block in sent["messages"][-2]["content"] if block["type"] == "tool_use"
    ]


@pytest.mark.parametrize("stream", [True, False])
async def test_thinking_comes_back_to_who_thought_it(way: str, stream: bool) -> None:
    async with staged(way) as stage:
        asked = user("[sim thinking+tools=2] think")
        first = await stage.ask(stream=stream, thinking=ADAPTIVE, tools=[READ], messages=[asked])
        content = first.content
        results = [
            {"type": "tool_result", "tool_use_id": block["id"], "content": "x"}
            for block in content
            if block["type"] == "tool_use"
        ]
        messages = [asked, assistant(content), user(results)]
        second = await stage.ask(stream=stream, thinking=ADAPTIVE, tools=[READ], messages=messages)
        sent = stage.sent()[-1]["messages"]
    assert (first.status, second.status) == (200, 200)
    assert content[0]["type"] == "thinking"
    if WAYS[way].is_claude:
        assert content[0]["signature"]
        assert sent == messages


async def test_an_image_arrives(way: str) -> None:
    image = {"type": "image", "source": PIXEL}
    async with staged(way) as stage:
        answer = await stage.ask(messages=[user([image, {"type": "text", "text": "what is it?"}])])
        sent = stage.sent()[-1]["messages"][0]["content"]
    assert answer.status == 200
    assert image in sent


async def test_a_client_that_leaves_takes_its_upstream_along(way: str) -> None:
    async with staged(way, sim={"speed": 20.0, "text_tokens": 400, "tokens_per_event": 1}) as stage:
        async with await RawClient.connect(stage.relay.address[1]) as client:
            await client.send_request("POST", "/v1/messages", CLIENT_HEADERS, body_of(stream=True))
            response, _ = await client.read_head()
            await client.read_chunk()
            client.reset()
        async with asyncio.timeout(5):
            await stage.first.idle()
        told = await stage.settled()
        provider = await stage.provider(way)
    assert response.status == 200
    assert stage.first.journal.cancelled == 1
    assert told["outcome"] == "gone"
    assert provider["state"] == "CLOSED"


async def test_the_history_of_claude_code_travels_as_it_is(way: str) -> None:
    """What no provider has a reason to change: texts, tools, results, in their order."""
    messages = [
        user([{"type": "text", "text": "first"}]),
        assistant([{"type": "text", "text": "answer"}, {"type": "tool_use", "id": "toolu_01a", "name": "Read",
                                                        "input": {"path": "/tmp/a"}}]),
        user([{"type": "tool_result", "tool_use_id": "toolu_01a", "content": "x"}, {"type": "text", "text": "on"}]),
    ]  # fmt: skip
    async with staged(way) as stage:
        answer = await stage.ask(messages=messages, tools=[READ])
        sent = stage.sent()[-1]["messages"]
    assert answer.status == 200
    assert json.loads(json.dumps(sent)) == messages
