"""Law 8: a stream's verdict comes at its end, and a break after commit stays a break."""

from math import inf

import pytest
from tests.support.builders import event, messages_body, sse_stream
from tests.support.fakes import FakeDownstream, Rig, Step, answer, broken, stream
from tests.support.virtual_time import virtual

from cc_relay.codec.envelope import read_envelope
from cc_relay.errors import Stage
from cc_relay.exchange import Outcome

FRAMES = sse_stream()
OVERLOADED = event("error", error={"type": "overloaded_error", "message": "Overloaded"})
STREAMING = messages_body(stream=True)


@pytest.mark.parametrize("count", range(3, len(FRAMES)))
@virtual
async def test_a_reset_after_commit_breaks_the_clients_stream_and_nobody_else_is_asked(count: int) -> None:
    rig = Rig(stream(*FRAMES[:count], broken()))
    downstream = await rig.serve(body=STREAMING)
    assert (downstream.body, downstream.end) == (b"".join(FRAMES[:count]), "abort")
    assert len(rig.sender.requests) == 1
    assert (rig.record.outcome, rig.record.status, rig.record.reason) == (Outcome.BROKEN, 200, "reset by peer")


@pytest.mark.parametrize("count", range(3, len(FRAMES)))
@virtual
async def test_an_end_without_message_stop_is_never_made_polite(count: int) -> None:
    rig = Rig(stream(*FRAMES[:count]))
    downstream = await rig.serve(body=STREAMING)
    assert (downstream.body, downstream.end) == (b"".join(FRAMES[:count]), "abort")
    assert (rig.record.outcome, rig.record.reason) == (Outcome.BROKEN, "ended without message_stop")


@pytest.mark.parametrize("tail", [[], [FRAMES[-1]], [5.0]])
@virtual
async def test_an_error_event_passes_as_it_came_and_the_stream_ends(tail: list[Step]) -> None:
    rig = Rig(stream(*FRAMES[:4], OVERLOADED, *tail))
    downstream = await rig.serve(body=STREAMING)
    assert downstream.body.startswith(b"".join([*FRAMES[:4], OVERLOADED]))
    assert downstream.end == "finish"
    assert (rig.record.outcome, rig.record.reason) == (Outcome.BROKEN, "error event")


@virtual
async def test_a_break_is_charged_to_the_attempt_that_was_committed() -> None:
    rig = Rig(stream(*FRAMES[:4], 20.0, broken()))
    await rig.serve(body=STREAMING)
    (attempt,) = rig.record.attempts
    assert (attempt.outcome, attempt.reason) == (Outcome.BROKEN, "reset by peer")
    assert attempt.ended_at == rig.record.ended_at


@virtual
async def test_a_broken_streams_usage_so_far_is_kept() -> None:
    rig = Rig(stream(*FRAMES[:4], broken()))
    await rig.serve(body=STREAMING)
    assert (rig.record.usage.input, rig.record.usage.is_complete) == (25, False)
    assert rig.record.bytes_out == len(b"".join(FRAMES[:4]))


@virtual
async def test_a_stream_that_ends_inside_its_last_event_is_broken() -> None:
    raw = b"".join(FRAMES)
    rig = Rig(stream(raw[:-1]))
    downstream = await rig.serve(body=STREAMING)
    assert (downstream.end, rig.record.outcome) == ("abort", Outcome.BROKEN)


@virtual
async def test_a_large_whole_answer_that_breaks_after_commit_is_broken_off() -> None:
    large = b"x" * 1_048_577
    rig = Rig(answer(large, broken(Stage.BODY), length=2_000_000))
    downstream = await rig.serve()
    assert (downstream.body, downstream.end) == (large, "abort")
    assert rig.record.outcome is Outcome.BROKEN


# -- the relay stops --------------------------------------------------------------------------------------------------


@virtual
async def test_a_relay_that_stops_before_commit_says_so_and_when_to_come_back() -> None:
    rig = Rig(answer(inf))
    async with rig.begin() as exchange:
        rig.loop.call_later(1.0, exchange.task.cancel)
        await exchange.cut()
    downstream = exchange.downstream
    assert (downstream.status, downstream.header(b"retry-after")) == (503, b"1")
    envelope = read_envelope(downstream.body)
    assert envelope is not None
    assert envelope.type == "overloaded_error"
    assert (rig.record.status, rig.record.outcome) == (503, Outcome.DRAINED)


@virtual
async def test_a_stream_that_is_cut_between_events_ends_with_an_error_event() -> None:
    rig = Rig(stream(*FRAMES[:4], inf))
    downstream = await cut_after(rig, 20.0)
    assert downstream.body.startswith(b"".join(FRAMES[:4]))
    assert b"event: error\ndata: " in downstream.body
    assert downstream.body.endswith(b"\n\n")
    assert (downstream.end, rig.record.outcome) == ("finish", Outcome.DRAINED)
    assert rig.record.attempts[0].outcome is Outcome.DRAINED


@virtual
async def test_a_stream_that_is_cut_inside_an_event_is_broken_off() -> None:
    rig = Rig(stream(*FRAMES[:4], FRAMES[4][:9], inf))
    downstream = await cut_after(rig, 20.0)
    assert (downstream.body, downstream.end) == (b"".join(FRAMES[:4]) + FRAMES[4][:9], "abort")


@virtual
async def test_a_body_that_cannot_be_read_is_broken_off() -> None:
    headers = [(b"content-type", b"text/event-stream"), (b"content-encoding", b"br")]
    rig = Rig(answer(b"...", inf, headers=headers))
    downstream = await cut_after(rig, 1.0)
    assert (downstream.end, rig.record.outcome) == ("abort", Outcome.DRAINED)


@virtual
async def test_nothing_is_added_to_a_stream_that_has_stopped_though_its_body_goes_on() -> None:
    rig = Rig(stream(*FRAMES, inf))
    downstream = await cut_after(rig, 1.0)
    assert (downstream.body, downstream.end) == (b"".join(FRAMES), "finish")
    assert rig.record.outcome is Outcome.DELIVERED


@virtual
async def test_nothing_is_added_to_a_stream_that_has_had_its_error() -> None:
    rig = Rig(stream(*FRAMES[:4], OVERLOADED, inf))
    downstream = await cut_after(rig, 1.0)
    assert (downstream.body, downstream.end) == (b"".join([*FRAMES[:4], OVERLOADED]), "finish")
    assert rig.record.outcome is Outcome.BROKEN


async def cut_after(rig: Rig, seconds: float) -> FakeDownstream:
    async with rig.begin(body=STREAMING) as exchange:
        rig.loop.call_later(seconds, exchange.task.cancel)
        await exchange.cut()
    return exchange.downstream
