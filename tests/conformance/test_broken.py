"""Every way to reach a provider, through a whole relay: answers that break off, before their content and after."""

import pytest
from tests.support.staged import other_than, staged
from tests.support.stream_rules import assert_valid_stream

BEFORE_CONTENT = ["error-first", "error-in-band", "empty", "reset", "reset-head", "stall", "stall-head", "html"]
FRAMES = ["bad-crc", "bad-prelude", "cut-frame", "lying-length"]
"""What only Bedrock's frames can suffer from; elsewhere the stream is cut."""

AFTER_CONTENT = ["error-mid", "reset-mid", "truncate", *FRAMES]
SHORT = {"routing": {"debug": True, "failover_timeout": 60, "queue": {"max_wait_ms": 0}}}
BEDROCK = pytest.mark.parametrize("bedrock", ["bedrock", "bedrock-by-token"])


@pytest.mark.parametrize("fault", BEFORE_CONTENT)
async def test_a_stream_that_breaks_before_its_content_is_begun_by_somebody_else(way: str, fault: str) -> None:
    async with staged(way, other_than(way), **SHORT) as stage:
        stage.fault(fault)
        answer = await stage.ask(stream=True)
        told = await stage.told(answer)
    assert (answer.status, answer.by) == (200, other_than(way))
    assert_valid_stream([answer.response.body])
    assert [one["outcome"] for one in told["attempts"]] == ["failed", "delivered"]


@pytest.mark.parametrize("fault", AFTER_CONTENT)
async def test_a_stream_that_breaks_after_its_content_is_never_ended_politely(way: str, fault: str) -> None:
    async with staged(way, other_than(way)) as stage:
        stage.fault(fault, after_events=6)
        answer = await stage.ask(stream=True)
        told = await stage.told(answer)
        charged = stage.charged()
    assert (answer.status, answer.by) == (200, way)
    assert b"message_stop" not in answer.response.body
    assert b"content_block_delta" in answer.response.body
    assert answer.is_cut != (b"event: error" in answer.response.body)
    if not answer.is_cut:
        assert_valid_stream([answer.response.body], is_complete=False)
    assert (told["outcome"], charged) == ("broken", 1)
    assert stage.sims[other_than(way)].journal.seen == 0


@BEDROCK
@pytest.mark.parametrize("fault", AFTER_CONTENT)
async def test_a_translated_stream_ends_in_an_error_event(bedrock: str, fault: str) -> None:
    """The relay writes every byte of it, so it can always say how it ended."""
    async with staged(bedrock) as stage:
        stage.fault(fault, after_events=6)
        answer = await stage.ask(stream=True)
    assert not answer.is_cut
    assert answer.events[-1]["type"] == "error"
    assert answer.events[-1]["error"]["type"] == "api_error"
    assert answer.events[-1]["request_id"]


@BEDROCK
@pytest.mark.parametrize(
    ("row", "error_type"),
    [
        ("429", "rate_limit_error"),
        ("500", "api_error"),
        ("503", "overloaded_error"),
        ("504", "timeout_error"),
        ("400", "invalid_request_error"),
        ("stream-error", "api_error"),
    ],
)
async def test_an_exception_after_content_is_told_in_anthropics_words(bedrock: str, row: str, error_type: str) -> None:
    async with staged(bedrock) as stage:
        stage.fault("error-mid", error=row, after_events=6)
        answer = await stage.ask(stream=True)
        told = await stage.told(answer)
        charged = stage.charged()
    assert answer.events[-1]["error"]["type"] == error_type
    assert told["outcome"] == "broken"
    assert charged == 1


@BEDROCK
async def test_a_throttled_stream_is_a_429_although_it_began_with_a_200(bedrock: str) -> None:
    async with staged(bedrock) as stage:
        stage.fault("error-first")
        answer = await stage.ask(stream=True)
        provider = await stage.provider(bedrock)
        charged = stage.charged()
    assert (answer.status, answer.error["type"]) == (429, "rate_limit_error")
    assert "Too many requests" in answer.error["message"]
    assert charged == 0
    assert provider["keys"][0]["coolings"] or provider["keys"][0]["state"] == "OPEN"


@BEDROCK
@pytest.mark.parametrize(
    ("fault", "status", "error_type"),
    [
        ("error-bare", 500, "api_error"),
        # Nothing is wrong with the bytes; there are too few of them.
        ("cut-frame", 500, "api_error"),
        *((fault, 502, "api_error") for fault in FRAMES if fault != "cut-frame"),
    ],
)
async def test_frames_that_break_at_once_are_an_error_of_the_provider(
    bedrock: str, fault: str, status: int, error_type: str
) -> None:
    async with staged(bedrock) as stage:
        stage.fault(fault, after_events=0)
        answer = await stage.ask(stream=True)
        told = await stage.told(answer)
    assert (answer.status, answer.error["type"]) == (status, error_type)
    assert told["outcome"] == "failed"
    assert len(told["attempts"]) > 1, "who was only unwell is asked again"


@pytest.mark.parametrize("fault", ["reset-mid", "short", "garbage", "html", "truncate", "500", "429", "model-error"])
async def test_a_whole_answer_that_breaks_is_got_elsewhere(way: str, fault: str) -> None:
    async with staged(way, other_than(way)) as stage:
        stage.fault(fault)
        answer = await stage.ask()
    assert (answer.status, answer.by) == (200, other_than(way))
    assert answer.message["stop_reason"] == "end_turn"


async def test_a_provider_that_breaks_again_and_again_is_left_alone(way: str) -> None:
    async with staged(way, other_than(way)) as stage:
        stage.fault("error-mid", after_events=6)
        for number in range(6):
            answer = await stage.ask(stream=True, session=f"s{number}")
        provider = await stage.provider(way)
    assert provider["state"] == "OPEN"
    assert answer.by == other_than(way)
