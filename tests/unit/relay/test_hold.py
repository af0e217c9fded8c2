"""Law 9: a stream's beginning is held until its first content, for a moment at most."""

from math import inf

import pytest
from tests.support.builders import PING, event, messages_body, sse_stream
from tests.support.fakes import Rig, broken, stream
from tests.support.virtual_time import STARTED_AT, virtual

from cc_relay.exchange import Outcome

START, _, BLOCK, *REST = sse_stream()
OVERLOADED = event("error", error={"type": "overloaded_error", "message": "Overloaded"})
STREAMING = messages_body(stream=True)


@virtual
async def test_message_start_and_pings_wait_for_the_first_content_block() -> None:
    rig = Rig(stream(START, 0.25, PING, 0.25, BLOCK, *REST), hold=1.0)
    downstream = await rig.serve(body=STREAMING)
    assert downstream.writes[0] == (STARTED_AT + 0.5, START + PING + BLOCK)


@virtual
async def test_message_start_waits_no_longer_than_the_hold() -> None:
    rig = Rig(stream(START, 30.0, BLOCK, *REST), hold=1.0)
    downstream = await rig.serve(body=STREAMING)
    assert downstream.writes[0] == (STARTED_AT + 1.0, START)


@virtual
async def test_the_hold_begins_with_the_first_byte() -> None:
    rig = Rig(stream(4.0, START, 0.9, BLOCK, *REST), hold=1.0, failover_timeout=5.0)
    downstream = await rig.serve(body=STREAMING)
    assert downstream.writes[0] == (STARTED_AT + 4.9, START + BLOCK)


@virtual
async def test_an_error_event_within_the_hold_fails_over_in_silence() -> None:
    rig = Rig(stream(START, PING, 0.9, OVERLOADED), stream(START, BLOCK, *REST), hold=1.0)
    downstream = await rig.serve(body=STREAMING)
    assert (downstream.body, downstream.end) == (b"".join([START, BLOCK, *REST]), "finish")
    assert [attempt.outcome for attempt in rig.record.attempts] == [Outcome.FAILED, Outcome.DELIVERED]
    assert rig.record.attempts[0].reason == "transient"


@virtual
async def test_an_error_event_after_the_hold_is_delivered_as_it_came() -> None:
    rig = Rig(stream(START, 1.1, OVERLOADED), hold=1.0)
    downstream = await rig.serve(body=STREAMING)
    assert (downstream.body, downstream.end) == (START + OVERLOADED, "finish")
    assert (rig.record.outcome, rig.record.attempts[0].outcome) == (Outcome.BROKEN, Outcome.BROKEN)


@virtual
async def test_a_reset_after_the_hold_is_passed_on() -> None:
    rig = Rig(stream(START, 1.1, broken()), hold=1.0)
    downstream = await rig.serve(body=STREAMING)
    assert (downstream.body, downstream.end) == (START, "abort")


@virtual
async def test_without_a_hold_the_first_bytes_are_committed() -> None:
    rig = Rig(stream(START, 0.1, OVERLOADED), hold=0.0)
    downstream = await rig.serve(body=STREAMING)
    assert downstream.writes[0] == (STARTED_AT, START)


@virtual
async def test_an_error_in_the_same_read_as_content_is_delivered() -> None:
    rig = Rig(stream(START + BLOCK + OVERLOADED))
    downstream = await rig.serve(body=STREAMING)
    assert (downstream.body, downstream.end) == (START + BLOCK + OVERLOADED, "finish")


@pytest.mark.parametrize(
    ("event_data", "status"),
    [
        (b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}', 529),
        (b'{"type":"error","error":{"type":"rate_limit_error","message":"slow down"}}', 429),
        (b'{"type":"error","error":{"type":"new_word","message":"?"}}', 500),
        (b"not even JSON", 500),
    ],
)
@virtual
async def test_when_nobody_can_take_over_an_early_error_event_becomes_an_answer(event_data: bytes, status: int) -> None:
    frames = [START, b"event: error\ndata: " + event_data + b"\n\n"]
    rig = Rig(*[stream(*frames) for _ in range(4)])
    downstream = await rig.serve(body=STREAMING)
    assert (downstream.status, downstream.end) == (status, "respond")
    assert downstream.header(b"content-type") == b"application/json"
    assert rig.record.outcome is Outcome.FAILED


@virtual
async def test_a_message_without_any_content_is_a_message() -> None:
    frames = [START, event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 1})]
    frames.append(event("message_stop"))
    downstream = await Rig(stream(*frames)).serve(body=STREAMING)
    assert (downstream.body, downstream.end) == (b"".join(frames), "finish")


@virtual
async def test_what_is_held_when_the_failover_timeout_comes_is_delivered() -> None:
    rig = Rig(stream(4.5, START, 3.0, BLOCK, *REST), failover_timeout=5.0, hold=1.0)
    downstream = await rig.serve(body=STREAMING)
    assert downstream.writes[0] == (STARTED_AT + 5.0, START)
    assert len(rig.record.attempts) == 1


@virtual
async def test_a_stream_that_stays_silent_after_its_hold_is_broken_off_by_its_idle_timeout() -> None:
    rig = Rig(stream(START, 300.0, broken(timed_out=True), inf))
    downstream = await rig.serve(body=STREAMING)
    assert (downstream.end, downstream.ended_at) == ("abort", STARTED_AT + 300.0)
