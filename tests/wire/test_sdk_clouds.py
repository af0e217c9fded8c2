"""The official SDK before a whole relay whose providers are clouds: it cannot tell that they are."""

import anthropic
import pytest
from tests.support.staged import CLOUDS, MODEL, Stage, staged

READ: anthropic.types.ToolParam = {"name": "Read", "input_schema": {"type": "object", "properties": {}}}
HELLO: list[anthropic.types.MessageParam] = [{"role": "user", "content": "Hello"}]
CLOUD = pytest.mark.parametrize("cloud", CLOUDS)


def client_of(stage: Stage) -> anthropic.AsyncAnthropic:
    host, port = stage.relay.address
    return anthropic.AsyncAnthropic(base_url=f"http://{host}:{port}", api_key="any", max_retries=0, timeout=20)


@CLOUD
async def test_create_stream_and_count(cloud: str) -> None:
    async with staged(cloud) as stage, client_of(stage) as client:
        message = await client.messages.create(model=MODEL, max_tokens=200, messages=HELLO)
        async with client.messages.stream(
            model=MODEL,
            max_tokens=4000,
            thinking={"type": "adaptive"},
            tools=[READ],
            messages=[{"role": "user", "content": "[sim tools=2] look"}],
        ) as stream:
            kinds = [event.type async for event in stream]
            streamed = await stream.get_final_message()
        counted = await client.messages.count_tokens(model=MODEL, messages=HELLO)
    assert (message.content[0].type, message.stop_reason) == ("text", "end_turn")
    assert kinds.count("message_start") == kinds.count("message_stop") == 1
    assert [block.type for block in streamed.content] == ["thinking", "text", "tool_use", "tool_use"]
    assert streamed.stop_reason == "tool_use"
    assert streamed.usage.output_tokens > 1
    assert counted.input_tokens == message.usage.input_tokens


@CLOUD
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("429", anthropic.RateLimitError),
        ("529", anthropic.APIStatusError),
        ("500", anthropic.InternalServerError),
        ("too-long", anthropic.BadRequestError),
        ("401", anthropic.InternalServerError),
    ],
)
async def test_errors_are_raised_as_from_anthropic(
    cloud: str, fault: str, error: type[anthropic.APIStatusError]
) -> None:
    async with staged(cloud) as stage, client_of(stage) as client:
        stage.fault(fault)
        with pytest.raises(error) as raised:
            await client.messages.create(model=MODEL, max_tokens=200, messages=HELLO)
    status = {"too-long": 400, "401": 502}.get(fault) or int(fault)
    assert raised.value.status_code == status
    assert raised.value.type


@pytest.mark.parametrize("cloud", ["bedrock", "vertex", "azure"])
async def test_an_error_in_the_middle_of_a_stream_is_raised(cloud: str) -> None:
    async with staged(cloud) as stage, client_of(stage) as client:
        stage.fault("error-mid", after_events=6)
        with pytest.raises(anthropic.APIStatusError):
            async with client.messages.stream(model=MODEL, max_tokens=200, messages=HELLO) as stream:
                await stream.get_final_message()
