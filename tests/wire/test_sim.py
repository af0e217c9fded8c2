"""Simulated providers over real sockets: what a client sees, and what the simulation sees of the client."""

import asyncio
import json
from contextlib import asynccontextmanager

import anthropic
import pytest
from tests.support.stream_rules import assert_valid_stream

from cc_relay.sim.client import send
from cc_relay.sim.server import Simulator
from cc_relay.sim.settings import SimSettings

HEADERS = {"content-type": "application/json", "anthropic-version": "2023-06-01", "x-api-key": "sk-a"}


@asynccontextmanager
async def simulated(**settings):
    simulator = Simulator(SimSettings(**settings))
    await simulator.start()
    try:
        yield simulator
    finally:
        await simulator.close()


def body(**fields):
    asked = {"model": "claude-sonnet-5-5", "max_tokens": 100_000, "stream": True} | fields
    return json.dumps({"messages": [{"role": "user", "content": "hello"}]} | asked).encode()


async def ask(simulator, **fields):
    return await send("POST", simulator.url + "/v1/messages?beta=true", HEADERS, body(**fields))


async def test_a_stream_arrives_whole_and_in_order():
    async with simulated() as simulator:
        received = await ask(simulator)
    assert received.headers["content-type"].startswith("text/event-stream")
    assert received.is_complete
    assert_valid_stream([received.body])


async def test_json_is_answered_where_no_stream_is_asked_for():
    async with simulated() as simulator:
        received = await ask(simulator, stream=False)
    assert received.headers["content-type"] == "application/json"
    assert json.loads(received.body)["type"] == "message"


async def test_a_prompt_of_several_megabytes_is_read_and_a_long_answer_sent():
    long = [{"role": "user", "content": "x" * 3_000_000}]
    async with simulated() as simulator:
        received = await ask(simulator, model="sim-text=50000", messages=long)
    events = assert_valid_stream([received.body])
    assert events[0]["message"]["usage"]["input_tokens"] > 700_000
    assert events[-2]["usage"]["output_tokens"] == 50_000


@pytest.mark.parametrize(
    ("fault", "status", "is_complete"),
    [
        ("529", 529, True),
        ("html", 200, True),
        ("reset", 0, False),
        ("reset-head", 200, False),
        ("reset-mid", 200, False),
        ("short", 200, False),
        ("truncate", 200, True),
        ("error-mid", 200, True),
    ],
)
async def test_each_fault_looks_like_itself(fault, status, is_complete):
    async with simulated() as simulator:
        received = await ask(simulator, model=f"claude-sonnet-5-5+{fault}")
    assert (received.status, received.is_complete) == (status, is_complete)
    assert b"event: message_stop" not in received.body


@pytest.mark.parametrize("fault", ["stall", "stall-head", "stall-mid"])
async def test_a_stall_lasts_until_the_client_leaves(fault):
    async with simulated() as simulator:
        asking = asyncio.create_task(ask(simulator, model=f"sim-{fault}"))
        await simulator.seen(1)
        asking.cancel()
        await simulator.idle()
        assert simulator.journal.cancelled == 1
        assert simulator.journal.entries[0].outcome == "cancelled"


async def test_a_client_that_leaves_a_paced_stream_is_seen():
    async with simulated(speed=0.1) as simulator:
        asking = asyncio.create_task(ask(simulator))
        await simulator.seen(1)
        asking.cancel()
        await simulator.idle()
        assert simulator.journal.cancelled == 1


async def test_many_paced_streams_arrive_whole():
    async with simulated(speed=400, tokens_per_event=2) as simulator:
        answers = await asyncio.gather(*(ask(simulator) for _ in range(100)))
    for received in answers:
        assert_valid_stream([received.body])


async def test_paced_streams_take_their_time():
    async with simulated(speed=600, text_tokens=60) as simulator:
        received = await ask(simulator)
    assert received.first_byte < 0.1 <= received.total


async def test_faults_are_steered_over_http():
    async with simulated() as simulator:
        steer = simulator.url + "/_sim/"
        await send("POST", steer + "faults", {}, b'{"fault":"529","count":1}')
        assert [(await ask(simulator)).status for _ in range(2)] == [529, 200]
        state = json.loads((await send("GET", steer + "state", {})).body)
    assert state["outcomes"]["answered"] == 2
    assert state["answers"] == {"529": 1, "answer": 1}
    assert state["seen"] == 2


async def test_a_probe_is_answered_without_a_body():
    async with simulated() as simulator:
        received = await send("HEAD", simulator.url + "/api/hello", {"connection": "close"})
    assert (received.status, received.body) == (200, b"")


async def test_the_official_sdk_reads_the_stream():
    async with simulated() as simulator, anthropic.AsyncAnthropic(api_key="sk-a", base_url=simulator.url) as client:
        async with client.messages.stream(
            model="claude-sonnet-5-5+thinking+tools=2",
            max_tokens=1000,
            messages=[{"role": "user", "content": "go"}],
            tools=[{"name": "Read", "input_schema": {"type": "object", "properties": {}}}],
        ) as stream:
            message = await stream.get_final_message()
        with pytest.raises(anthropic.NotFoundError, match="model: nothing"):
            await client.messages.create(model="nothing", max_tokens=1, messages=[{"role": "user", "content": "x"}])
        models = [model.id async for model in client.models.list(limit=3)]
    assert [block.type for block in message.content] == ["thinking", "text", "tool_use", "tool_use"]
    assert message.stop_reason == "tool_use"
    assert "claude-opus-5-5" in models
