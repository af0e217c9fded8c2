"""Pings of ours, put into a stream whose upstream is silent."""

from math import inf

import pytest
from tests.support.builders import event, messages_body, sse_stream
from tests.support.fakes import FakeDownstream, Rig, Step, answer, stream
from tests.support.virtual_time import STARTED_AT, virtual

from cc_relay.codec.sse import PING
from cc_relay.exchange import Outcome

FRAMES = sse_stream(("one", "two"))
HEAD, TAIL = FRAMES[:4], FRAMES[4:]


async def pumped(*steps: Step, **settings: object) -> FakeDownstream:
    rig = Rig(stream(*steps), **settings)
    return await rig.serve(body=messages_body(stream=True))


def pings(downstream: FakeDownstream) -> list[float]:
    """When pings of ours went out, in seconds since the start; the upstream's own came inside other writes."""
    return [at - STARTED_AT for at, data in downstream.writes if data == PING]


@virtual
async def test_fifteen_seconds_of_silence_bring_a_ping() -> None:
    downstream = await pumped(*HEAD, 15.5, *TAIL)
    assert pings(downstream) == [15.0]
    assert downstream.body == b"".join(HEAD) + PING + b"".join(TAIL)


@virtual
async def test_less_brings_none() -> None:
    assert pings(await pumped(*HEAD, 14.9, *TAIL)) == []


@virtual
async def test_pings_keep_coming() -> None:
    assert pings(await pumped(*HEAD, 100.0, *TAIL)) == [15.0, 30.0, 45.0, 60.0, 75.0, 90.0]


@virtual
async def test_every_byte_of_the_upstream_starts_the_silence_anew() -> None:
    downstream = await pumped(*HEAD, 10.0, TAIL[0], 10.0, TAIL[1], 20.0, *TAIL[2:])
    assert pings(downstream) == [35.0]


@virtual
async def test_no_ping_inside_an_event() -> None:
    downstream = await pumped(*HEAD, TAIL[0][:7], 50.0, TAIL[0][7:], *TAIL[1:])
    assert pings(downstream) == []
    assert downstream.body == b"".join(FRAMES)


@virtual
async def test_a_ping_comes_soon_after_an_event_that_took_long_to_end() -> None:
    downstream = await pumped(*HEAD, TAIL[0][:7], 20.0, TAIL[0][7:], 16.0, *TAIL[1:])
    assert pings(downstream) == [35.0]


@virtual
async def test_no_ping_after_message_stop() -> None:
    downstream = await pumped(*FRAMES, 100.0)
    assert pings(downstream) == []


@virtual
async def test_a_whole_answer_is_never_pinged() -> None:
    large = b"x" * 1_048_577
    downstream = await Rig(answer(large, 100.0, b"y")).serve()
    assert downstream.body == large + b"y"


@virtual
async def test_no_ping_before_the_commit() -> None:
    rig = Rig(stream(*FRAMES, after=100.0), failover_timeout=inf)
    downstream = await rig.serve(body=messages_body(stream=True))
    assert downstream.writes[0] == (STARTED_AT + 100.0, b"".join(FRAMES[:3]))


@virtual
async def test_pings_are_no_bytes_of_the_upstreams() -> None:
    rig = Rig(stream(*HEAD, 100.0, *TAIL))
    await rig.serve(body=messages_body(stream=True))
    assert (rig.record.bytes_out, rig.record.outcome) == (len(b"".join(FRAMES)), Outcome.DELIVERED)


@virtual
async def test_no_timer_outlives_its_stream() -> None:
    rig = Rig(stream(*HEAD, 1.0, *TAIL))
    await rig.serve(body=messages_body(stream=True))
    timers = rig.loop._scheduled  # type: ignore[attr-defined]  # BaseEventLoop's heap
    assert [timer for timer in timers if not timer.cancelled()] == []


@pytest.mark.parametrize("comment", [b": keep-alive\n\n", event("ping")])
@virtual
async def test_an_upstream_that_pings_by_itself_needs_none_of_ours(comment: bytes) -> None:
    downstream = await pumped(*HEAD, 10.0, comment, 10.0, comment, 10.0, *TAIL)
    assert pings(downstream) == []
