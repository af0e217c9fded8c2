"""Laws 3 to 5: whoever leaves, and whenever, everything is let go, settled once and charged to nobody."""

import asyncio
from math import inf

import pytest
from tests.support.builders import event, messages_body, sse_stream
from tests.support.fakes import FakeIncoming, FakeSender, Rig, answer, failure, stream, unreachable, upstream
from tests.support.virtual_time import STARTED_AT, virtual

from cc_relay.errors import UpstreamError
from cc_relay.exchange import Outcome, UpstreamRequest

FRAMES = sse_stream()
STREAMING = messages_body(stream=True)
CHARGED = {Outcome.FAILED, Outcome.BROKEN}


@pytest.mark.parametrize("is_gone", [True, False], ids=["client leaves", "relay stops"])
@pytest.mark.parametrize("turns", range(1, 60))
@virtual
async def test_cancelled_at_any_turn_an_exchange_settles_once_and_lets_go(turns: int, is_gone: bool) -> None:
    # Two failures, a rest of no length, then a stream: every await of the life cycle is among these turns.
    rig = Rig(unreachable(), failure(529, "overloaded_error"), stream(*FRAMES), dice=lambda: -1.0)
    async with rig.begin(body=STREAMING) as exchange:
        for _ in range(turns):
            await asyncio.sleep(0)
        if exchange.task.done():
            return
        await (exchange.client_leaves() if is_gone else exchange.relay_stops())
        assert exchange.downstream.ended_at in (inf, STARTED_AT)
    record = rig.record
    if record.outcome is Outcome.DELIVERED:
        assert exchange.downstream.body == b"".join(FRAMES), "only the end of the body was missing"
    elif is_gone:
        assert record.outcome is Outcome.GONE
        *before, last = record.attempts
        assert all(attempt.outcome in CHARGED for attempt in before), "the failures before stay"
        assert last.outcome is Outcome.GONE or (last.outcome in CHARGED and len(record.attempts) <= 2)
    else:
        assert record.outcome is Outcome.DRAINED


@virtual
async def test_a_client_that_leaves_on_an_error_event_does_not_hide_whose_fault_it_was() -> None:
    broken = event("error", error={"type": "overloaded_error", "message": "Overloaded"})
    rig = Rig(stream(*FRAMES[:3], broken, 60.0))
    async with rig.begin(body=STREAMING) as exchange:
        await asyncio.sleep(1.0)
        await exchange.client_leaves()
    assert (rig.record.outcome, rig.record.reason) == (Outcome.BROKEN, "error event")


@virtual
async def test_the_turns_above_reach_to_the_end_of_the_exchange() -> None:
    rig = Rig(unreachable(), failure(529, "overloaded_error"), stream(*FRAMES), dice=lambda: -1.0)
    async with rig.begin(body=STREAMING) as exchange:
        for _ in range(59):
            await asyncio.sleep(0)
        assert exchange.task.done()


@pytest.mark.parametrize(
    ("given", "status"),
    [
        pytest.param(lambda: answer(b"{}", after=60.0), 499, id="before the head"),
        pytest.param(lambda: answer(inf), 499, id="in a whole answer"),
        pytest.param(lambda: answer(inf, status=500), 499, id="in an error answer"),
        pytest.param(lambda: stream(FRAMES[0], inf), 499, id="while held"),
        pytest.param(lambda: stream(*FRAMES[:5], inf), 200, id="in a stream"),
    ],
)
@virtual
async def test_a_client_that_leaves_closes_its_upstream_at_once_and_charges_nobody(given: object, status: int) -> None:
    rig = Rig(given())  # type: ignore[operator]  # a lambda: fakes are built in their loop
    async with rig.begin(body=messages_body(stream=True)) as exchange:
        await asyncio.sleep(0.5)
        await exchange.client_leaves()
    (upstream_answer,) = rig.sender.answers
    assert isinstance(upstream_answer, FakeIncoming)
    assert upstream_answer.closed_at == STARTED_AT + 0.5
    assert (rig.record.outcome, rig.record.status) == (Outcome.GONE, status)
    assert not [attempt for attempt in rig.record.attempts if attempt.outcome in CHARGED]
    assert exchange.downstream.end == ""


@virtual
async def test_a_client_that_leaves_while_candidates_rest_asks_nobody_any_more() -> None:
    rig = Rig(unreachable(), upstreams=[upstream("a")])
    async with rig.begin() as exchange:
        await asyncio.sleep(0.05)
        await exchange.client_leaves()
    assert (rig.record.outcome, len(rig.sender.requests)) == (Outcome.GONE, 1)


@virtual
async def test_a_client_that_left_is_not_written_to() -> None:
    rig = Rig(stream(*FRAMES[:5], 1.0, *FRAMES[5:]))
    async with rig.begin(body=STREAMING) as exchange:
        await asyncio.sleep(0.5)
        written = len(exchange.downstream.writes)
        await exchange.client_leaves()
        await asyncio.sleep(60.0)
    assert len(exchange.downstream.writes) == written


@virtual
async def test_one_client_leaving_does_not_touch_another() -> None:
    rig = Rig(stream(*FRAMES[:5], inf), stream(*FRAMES))
    async with rig.begin(body=STREAMING) as first:
        await asyncio.sleep(0.5)
        second = await rig.serve(body=STREAMING)
        await first.client_leaves()
    assert (second.end, second.body) == ("finish", b"".join(FRAMES))


class Bug(Exception):
    """Something nobody thought of."""


class BuggySender(FakeSender):
    async def send(self, request: UpstreamRequest, deadline_at: float) -> FakeIncoming:
        raise Bug


@virtual
async def test_a_bug_of_ours_is_settled_as_such_and_goes_to_whoever_logs_it() -> None:
    rig = Rig(sender=BuggySender())
    exchange = rig.begin()
    with pytest.raises(Bug):
        async with exchange:
            await exchange.ended()
    assert (rig.record.status, rig.record.outcome, rig.record.reason) == (500, Outcome.FAILED, "internal")
    assert rig.shells.admission.in_flight == 0


@virtual
async def test_a_full_relay_says_so_and_takes_the_next_when_somebody_left() -> None:
    rig = Rig(stream(*FRAMES[:5], inf), stream(*FRAMES), max_concurrent=1)
    async with rig.begin(body=STREAMING) as first:
        await asyncio.sleep(0.5)
        refused = await rig.serve(body=STREAMING)
        await first.client_leaves()
    assert (refused.status, refused.header(b"retry-after")) == (503, b"1")
    assert refused.header(b"x-cc-relay-error") == b"too_many_requests"
    assert rig.records[0].outcome is Outcome.REJECTED
    assert len(rig.sender.requests) == 1
    assert (await rig.serve(body=STREAMING)).status == 200


@virtual
async def test_every_failure_and_rejection_settles_once() -> None:
    cases: list[tuple[list[FakeIncoming | UpstreamError], dict[str, object]]] = [
        ([], {"body": b"no json"}),
        ([], {"body": messages_body(model=None)}),
        ([unreachable(), unreachable(), unreachable(), unreachable()], {}),
        ([failure(400, "invalid_request_error")], {}),
        ([failure(429, "rate_limit_error"), failure(429, "rate_limit_error")], {}),
    ]
    for answers, request in cases:
        rig = Rig(*answers)
        await rig.serve(**request)
        assert len(rig.records) == 1
        assert rig.sender.is_used_up
