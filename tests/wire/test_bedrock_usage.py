"""What Bedrock tells of the cost in its metrics alone reaches the client and the record, through a whole relay."""

import json
from collections.abc import Callable

import pytest
from tests.support.builders import sse_stream
from tests.support.event_streams import chunk
from tests.support.scripted import Connection, ScriptedUpstream
from tests.support.staged import BEDROCK, KEY, staged_before
from tests.support.stream_rules import assert_valid_stream, final_usage

NAME = "amazon-bedrock-invocationMetrics"
METRICS = {"inputTokenCount": 40, "outputTokenCount": 15, "cacheReadInputTokenCount": 700,
           "cacheWriteInputTokenCount": 90, "invocationLatency": 900, "firstByteLatency": 90}  # fmt: skip
EVENT_STREAM = [(b"content-type", b"application/vnd.amazon.eventstream")]


def frames(change: Callable[[dict[str, object]], None]) -> bytes:
    """A stream whose last event carries the metrics, each event changed."""
    events = [json.loads(frame.split(b"data: ")[1]) for frame in sse_stream() if b"ping" not in frame]
    for event in events:
        change(event)
    events[-1] |= {NAME: METRICS}
    return b"".join(chunk(json.dumps(event).encode()) for event in events)


def without_caches(event: dict[str, object]) -> None:
    usage = event.get("message", event).get("usage", {})  # type: ignore[attr-defined]
    for name in ("cache_creation_input_tokens", "cache_read_input_tokens", "cache_creation", "input_tokens"):
        usage.pop(name, None)


def as_it_is(event: dict[str, object]) -> None:
    pass


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (without_caches, {"input": 40, "output": 15, "cache_read": 700, "cache_write_5m": 90}),
        (as_it_is, {"input": 25, "output": 15, "cache_read": 700, "cache_write_5m": 90}),
    ],
)
async def test_metrics_fill_what_usage_leaves_unsaid(
    change: Callable[[dict[str, object]], None], expected: dict[str, int]
) -> None:
    async def answer(connection: Connection) -> None:
        await connection.answer(headers=EVENT_STREAM, body=frames(change))

    async with ScriptedUpstream(answer) as upstream:
        entry = BEDROCK | {"name": "up", "base_url": upstream.url, "bearer_token": KEY}
        async with staged_before(entry) as stage:
            streamed = await stage.ask(stream=True)
            told = await stage.told(streamed)
    assert_valid_stream([streamed.response.body])
    assert NAME.encode() not in streamed.response.body
    assert {name: told["usage"][name] for name in expected} == expected
    usage = final_usage(streamed.events)
    assert usage["cache_read_input_tokens"] == 700
    assert usage["output_tokens"] == 15
