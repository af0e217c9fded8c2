"""Laws 1 and 3 to 5: whatever upstreams do and whoever leaves when, an exchange ends once and lets go of everything."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st
from tests.support.builders import PING, event, messages_body, sse_stream
from tests.support.fakes import (
    FakeDownstream,
    FakeIncoming,
    Rig,
    Step,
    answer,
    broken,
    failure,
    stream,
    unreachable,
    upstream,
)
from tests.support.virtual_time import virtual

from cc_relay.errors import Stage, UpstreamError
from cc_relay.exchange import FailureKind, Outcome
from cc_relay.relay.snapshot import Retry

FRAMES = sse_stream()
OVERLOADED = event("error", error={"type": "overloaded_error", "message": "Overloaded"})
MESSAGE = b'{"type":"message","content":[]}'

DELAYS = st.sampled_from([0.0, 0.1, 2.0, 7.0, 20.0])
BREAKS = st.builds(broken, st.sampled_from(Stage), timed_out=st.booleans())
STEPS = st.lists(
    st.sampled_from([*FRAMES, PING, OVERLOADED, FRAMES[2][:9], MESSAGE, b"<html>"]) | DELAYS | BREAKS, max_size=8
)


@st.composite
def answers(draw: st.DrawFn) -> FakeIncoming | UpstreamError:
    """Anything an upstream may do."""
    match draw(st.sampled_from(["dial", "break", "failure", "steps", "stream", "whole", "endless"])):
        case "dial":
            return unreachable()
        case "break":
            return draw(BREAKS)
        case "failure":
            return failure(
                draw(st.sampled_from([400, 401, 404, 429, 500, 529])), kind=draw(st.sampled_from(FailureKind))
            )
        case "steps":
            return stream(*draw(STEPS), after=draw(DELAYS))
        case "stream":
            return stream(*FRAMES[: draw(st.integers(0, len(FRAMES)))], after=draw(DELAYS))
        case "whole":
            return answer(MESSAGE, *draw(STEPS), after=draw(DELAYS))
        case _:
            steps: list[Step] = [*FRAMES[:5], 1e6]
            return stream(*steps)


def check(rig: Rig, downstream: FakeDownstream) -> None:
    record = rig.record
    assert len(record.attempts) <= 4
    if record.outcome is Outcome.DELIVERED:
        assert (downstream.status, downstream.end in ("respond", "finish")) == (200, True)
    if record.outcome is Outcome.BROKEN:
        assert downstream.status == 200
        assert record.attempts[-1].outcome is Outcome.BROKEN
    assert sum(attempt.outcome is not Outcome.FAILED for attempt in record.attempts) <= 1, "one answer is committed"
    assert record.status == (downstream.status or 499)


@given(data=st.data(), is_stream=st.booleans(), jitter=st.floats(0, 1))
@virtual
async def test_every_exchange_ends_once_whatever_upstreams_do(
    data: st.DataObject, is_stream: bool, jitter: float
) -> None:
    script = [data.draw(answers()) for _ in range(4)]
    rig = Rig(*script, upstreams=[upstream("a", "k1", "k2"), upstream("b")], dice=lambda: jitter, timeout=3600.0)
    downstream = await rig.serve(body=messages_body(stream=is_stream))
    check(rig, downstream)


@given(
    data=st.data(),
    at=st.sampled_from([0.0, 0.05, 0.5, 1.0, 2.0, 5.0, 7.1, 21.0, 100.0]),
    turns=st.integers(1, 40),
    is_gone=st.booleans(),
)
@virtual
async def test_every_exchange_ends_once_whoever_leaves_and_when(
    data: st.DataObject, at: float, turns: int, is_gone: bool
) -> None:
    script = [data.draw(answers()) for _ in range(4)]
    rig = Rig(
        *script, retry=Retry(max_attempts=4), upstreams=[upstream("a", "k1", "k2"), upstream("b")], timeout=3600.0
    )
    async with rig.begin(body=messages_body(stream=True)) as exchange:
        await asyncio.sleep(at)
        for _ in range(turns):
            await asyncio.sleep(0)
        if not exchange.task.done():
            cut_at = rig.loop.time()
            await (exchange.client_leaves() if is_gone else exchange.relay_stops())
            for one in script:
                assert not isinstance(one, FakeIncoming) or not one.was_sent or one.closed_at <= cut_at
            expected = {Outcome.GONE if is_gone else Outcome.DRAINED}
            if not is_gone or b'"message_stop"' in exchange.downstream.body:
                expected.add(Outcome.DELIVERED)
            if not is_gone or b'"error"' in exchange.downstream.body:
                expected.add(Outcome.BROKEN)
            assert rig.record.outcome in expected
    assert len(rig.records) == 1


@given(retry=st.integers(1, 6), keys=st.integers(1, 5), has_more=st.booleans(), status=st.sampled_from([0, 429, 500]))
@virtual
async def test_attempts_are_bounded_by_the_configuration_and_by_twice_the_candidates(
    retry: int, keys: int, has_more: bool, status: int
) -> None:
    names = [f"k{number}" for number in range(keys)]
    pools = [upstream("a", *names), *([upstream("b")] if has_more else [])]
    losses = [failure(status) if status else unreachable() for _ in range(20)]
    rig = Rig(*losses, upstreams=pools, retry=Retry(max_attempts=retry))
    await rig.serve()
    asked = rig.sender.asked
    assert len(asked) <= retry
    assert all(asked.count(one) <= 2 for one in asked)
    assert len(asked) == retry or {one[0] for one in asked} == {"a", *("b" if has_more else "")}, "all were asked"
