"""The official SDK, newest, while the first provider is unwell: the second answers, and nobody notices."""

from collections.abc import Iterator
from pathlib import Path

import anthropic
import pytest
from tests.support.e2e_stage import NOWHERE, RELAY_KEY, RelayProcess, Stage, write_config

MODEL = "claude-sonnet-5-5"
HELLO: list[anthropic.types.MessageParam] = [{"role": "user", "content": "Hello"}]

STREAM_FAULTS = (
    "429", "quota", "plan", "401", "500", "502-html", "503", "529", "html", "reset", "reset-head", "stall",
    "stall-head", "error-in-band", "empty",
)  # fmt: skip
WHOLE_FAULTS = ("429", "500", "529", "html", "reset", "reset-mid", "short", "stall", "error-in-band", "truncate")


@pytest.fixture
def client(stage: Stage) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=stage.url, api_key=RELAY_KEY, max_retries=0, timeout=20) as client:
        yield client


@pytest.mark.parametrize("fault", STREAM_FAULTS)
def test_a_stream_comes_from_the_second_provider(fault: str, client: anthropic.Anthropic, stage: Stage) -> None:
    stage.first.fault(fault, count=1)
    with client.messages.stream(model=MODEL, max_tokens=200, messages=HELLO) as stream:
        kinds = [event.type for event in stream]
        message = stream.get_final_message()

    assert kinds.count("message_start") == 1
    assert message.stop_reason == "end_turn"
    assert stream.response.headers["x-cc-relay-provider"] == "second"
    assert [one.answer for one in stage.first.messages] == [fault]
    assert [one.outcome for one in stage.second.messages] == ["answered"]


@pytest.mark.parametrize("fault", WHOLE_FAULTS)
def test_a_whole_answer_comes_from_the_second_provider(fault: str, client: anthropic.Anthropic, stage: Stage) -> None:
    stage.first.fault(fault, count=1)
    raw = client.messages.with_raw_response.create(model=MODEL, max_tokens=200, messages=HELLO)

    assert raw.parse().stop_reason == "end_turn"
    assert (raw.headers["x-cc-relay-provider"], raw.headers["x-cc-relay-attempts"]) == ("second", "2")
    assert [one.answer for one in stage.first.messages] == [fault]


def test_a_provider_that_refuses_connections_is_passed_over(client: anthropic.Anthropic) -> None:
    raw = client.messages.with_raw_response.create(model=NOWHERE, max_tokens=30, messages=HELLO)
    assert (raw.headers["x-cc-relay-provider"], raw.headers["x-cc-relay-attempts"]) == ("first", "2")


def test_both_providers_get_the_same_body(client: anthropic.Anthropic, stage: Stage) -> None:
    stage.first.fault("529", count=1)
    client.messages.create(model=MODEL, max_tokens=30, messages=[{"role": "user", "content": "Grüße \U0001f980"}])

    first, second = stage.first.messages[0], stage.second.messages[0]
    assert first.body == second.body
    assert first.key != second.key


def test_a_count_comes_from_the_second_provider(client: anthropic.Anthropic, stage: Stage) -> None:
    stage.first.fault("529", count=1, everywhere=True)
    assert client.messages.count_tokens(model=MODEL, messages=HELLO).input_tokens > 0
    assert [one.path for one in stage.second.seen] == ["/v1/messages/count_tokens"]


def test_a_rate_limit_of_everybody_that_soon_passes_is_waited_out(stage: Stage, tmp_path: Path) -> None:
    for sim in (stage.first, stage.second):
        sim.fault("429", count=1, retry_after=1)
    config = write_config(tmp_path, first=stage.first.url, second=stage.second.url, max_wait=20_000)
    with (
        RelayProcess(config) as relay,
        anthropic.Anthropic(base_url=relay.url, api_key=RELAY_KEY, max_retries=0, timeout=20) as client,
    ):
        raw = client.messages.with_raw_response.create(model=MODEL, max_tokens=30, messages=HELLO)

    assert (raw.status_code, raw.headers["x-cc-relay-attempts"]) == (200, "3")


def test_a_bad_request_is_not_tried_elsewhere(client: anthropic.Anthropic, stage: Stage) -> None:
    stage.first.fault("400", count=1)
    with pytest.raises(anthropic.BadRequestError):
        client.messages.create(model=MODEL, max_tokens=30, messages=HELLO)
    assert stage.second.messages == []


def test_a_moments_illness_of_everybody_passes_unseen(client: anthropic.Anthropic, stage: Stage) -> None:
    stage.first.fault("500", count=1)
    stage.second.fault("529", count=1)
    raw = client.messages.with_raw_response.create(model=MODEL, max_tokens=30, messages=HELLO)
    assert (raw.status_code, raw.headers["x-cc-relay-attempts"]) == (200, "3")
