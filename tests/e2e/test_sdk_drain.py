"""The official SDK, newest, while the relay is told to stop."""

import signal
from collections.abc import Iterator
from pathlib import Path

import anthropic
import pytest
from tests.support.e2e_stage import RELAY_KEY, RelayProcess, Stage, write_config

MODEL = "claude-sonnet-5-5"
HELLO: list[anthropic.types.MessageParam] = [{"role": "user", "content": "Hello"}]


@pytest.fixture
def relay(stage: Stage, tmp_path: Path) -> Iterator[RelayProcess]:
    """A relay of the test's own."""
    with RelayProcess(write_config(tmp_path, first=stage.first.url, second=stage.second.url)) as relay:
        yield relay


@pytest.fixture
def client(relay: RelayProcess) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=relay.url, api_key=RELAY_KEY, max_retries=0, timeout=20) as client:
        yield client


def test_a_stream_that_is_open_ends_whole(client: anthropic.Anthropic, relay: RelayProcess) -> None:
    with client.messages.stream(model=f"{MODEL}+slow=60+text=60", max_tokens=200, messages=HELLO) as stream:
        next(iter(stream.text_stream))
        relay.tell(signal.SIGTERM)
        relay.wait_for(lambda line: line.startswith("Stopping"))
        message = stream.get_final_message()

    assert (message.stop_reason, message.usage.output_tokens) == ("end_turn", 60)
    assert relay.end(10) == 0


def test_a_second_signal_ends_a_stream_with_an_error_and_not_politely(
    client: anthropic.Anthropic, relay: RelayProcess, stage: Stage
) -> None:
    with client.messages.stream(model=f"{MODEL}+slow=10+text=4000", max_tokens=5000, messages=HELLO) as stream:
        next(iter(stream.text_stream))
        relay.tell(signal.SIGTERM)
        relay.wait_for(lambda line: line.startswith("Stopping"))
        relay.tell(signal.SIGTERM)
        with pytest.raises(anthropic.APIStatusError) as caught:
            stream.until_done()

    assert caught.value.type == "overloaded_error"
    assert relay.end(10) == 0
    stage.first.wait_until_cancelled()


def test_new_connections_are_refused_while_it_stops(client: anthropic.Anthropic, relay: RelayProcess) -> None:
    with client.messages.create(
        model=f"{MODEL}+slow=10+text=4000", max_tokens=5000, messages=HELLO, stream=True
    ) as stream:
        next(iter(stream))
        relay.tell(signal.SIGTERM)
        relay.wait_for(lambda line: line.startswith("Stopping"))
        late = anthropic.Anthropic(base_url=relay.url, api_key=RELAY_KEY, max_retries=0, timeout=20)
        with late, pytest.raises(anthropic.APIConnectionError):
            late.messages.create(model=MODEL, max_tokens=30, messages=HELLO)
    assert relay.end(10) == 0
