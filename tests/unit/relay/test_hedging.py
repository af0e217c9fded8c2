"""When a first token is late, a second attempt beside the first: one answers, the other is let go, uncharged."""

import asyncio
from math import inf

import pytest
from tests.support.builders import messages_body, sse_stream
from tests.support.fakes import FakeIncoming, Rig, broken, failure, stream, unreachable, upstream
from tests.support.virtual_time import STARTED_AT, virtual

from cc_relay.errors import UpstreamError
from cc_relay.exchange import FailureKind, Outcome
from cc_relay.policy.breaker import BreakerState
from cc_relay.policy.hedge import HedgeBudget
from cc_relay.policy.latency import LEAST_OBSERVATIONS
from cc_relay.relay.snapshot import Hedging, Retry, Upstream

FRAMES = sse_stream()
STREAMING = messages_body(stream=True)


def known(name: str, *keys: str, **traits: object) -> Upstream:
    """A provider whose first tokens mostly come within a second."""
    of = upstream(name, *keys, **traits)
    for _ in range(LEAST_OBSERVATIONS):
        of.standing.latency.observe(1.0, STARTED_AT)
    return of


def hedged(*answers: FakeIncoming | UpstreamError, spare: int = 1, factor: float = 2.0, **settings: object) -> Rig:
    """A relay that hedges after two seconds, with `spare` hedges saved up."""
    budget = HedgeBudget(1.0)
    for _ in range(spare - 1):
        budget.earn()
    settings = {"upstreams": [known("a"), upstream("b")], **settings}
    return Rig(*answers, hedging=Hedging(factor, budget), **settings)


def late(seconds: float = inf, text: str = "late") -> FakeIncoming:
    return stream(*sse_stream((text,)), after=seconds)


def seen(rig: Rig) -> list[tuple[str, str, bool]]:
    """The attempts of the one exchange: where, what came of it, whether it was the hedge."""
    return [(one.candidate.provider, one.outcome.value, one.is_hedge) for one in rig.record.attempts]


@virtual
async def test_a_late_first_token_starts_the_next_candidate_and_the_first_to_answer_wins() -> None:
    slow = late(60.0)
    rig = hedged(slow, stream(*FRAMES, after=1.0), failover_timeout=inf)
    downstream = await rig.serve(body=STREAMING)
    assert rig.sender.sent_at == [STARTED_AT, STARTED_AT + 2.0]
    assert (downstream.body, downstream.ended_at) == (b"".join(FRAMES), STARTED_AT + 3.0)
    assert slow.closed_at == STARTED_AT + 3.0
    assert seen(rig) == [("a", "gone", False), ("b", "delivered", True)]


@virtual
async def test_the_first_attempt_may_still_win() -> None:
    hedge = late()
    rig = hedged(stream(*FRAMES, after=3.0), hedge)
    downstream = await rig.serve(body=STREAMING)
    assert (downstream.body, hedge.closed_at) == (b"".join(FRAMES), STARTED_AT + 3.0)
    assert seen(rig) == [("b", "gone", True), ("a", "delivered", False)]


@virtual
async def test_a_first_token_in_time_is_not_hedged() -> None:
    rig = hedged(stream(*FRAMES, after=1.9))
    await rig.serve(body=STREAMING)
    assert rig.sender.asked == ["a/a-key"]


@virtual
async def test_only_the_first_meaningful_byte_wins() -> None:
    """A stream that has begun and says nothing is no winner until its hold is over."""
    slow = stream(FRAMES[0], 60.0, *FRAMES[1:], after=1.5)
    rig = hedged(slow, stream(*FRAMES, after=0.2), hold=30.0)
    downstream = await rig.serve(body=STREAMING)
    assert downstream.ended_at == STARTED_AT + 2.2
    assert seen(rig)[-1] == ("b", "delivered", True)


@virtual
async def test_of_two_that_answer_in_the_same_moment_one_is_let_go() -> None:
    first, second = stream(*FRAMES, after=3.0), stream(*FRAMES, after=1.0)
    rig = hedged(first, second)
    downstream = await rig.serve(body=STREAMING)
    assert downstream.body == b"".join(FRAMES)
    assert [one[1] for one in seen(rig)] == ["gone", "delivered"]


@virtual
async def test_the_loser_charges_nobody() -> None:
    upstreams = [known("a", threshold=1), upstream("b", threshold=1)]
    rig = hedged(late(), stream(*FRAMES), upstreams=upstreams)
    await rig.serve(body=STREAMING)
    assert [one.breaker.state(rig.loop.time()) for one in upstreams] == [BreakerState.CLOSED] * 2
    assert rig.watch.heard == []


@virtual
async def test_a_failure_beside_a_hedge_is_charged_and_not_seen() -> None:
    upstreams = [known("a", threshold=1), upstream("b")]
    rig = hedged(stream(3.0, broken()), stream(*FRAMES, after=5.0), upstreams=upstreams)
    downstream = await rig.serve(body=STREAMING)
    assert downstream.body == b"".join(FRAMES)
    assert upstreams[0].breaker.state(rig.loop.time()) is BreakerState.OPEN
    assert seen(rig) == [("a", "failed", False), ("b", "delivered", True)]


@virtual
async def test_a_hedge_that_fails_leaves_the_first_attempt_its_time() -> None:
    rig = hedged(stream(*FRAMES, after=4.0), failure(500))
    downstream = await rig.serve(body=STREAMING)
    assert (downstream.body, downstream.ended_at) == (b"".join(FRAMES), STARTED_AT + 4.0)


@virtual
async def test_when_both_fail_the_next_is_tried() -> None:
    upstreams = [known("a"), upstream("b"), upstream("c")]
    rig = hedged(stream(3.0, broken()), stream(2.0, broken()), stream(*FRAMES), upstreams=upstreams)
    downstream = await rig.serve(body=STREAMING)
    assert (downstream.body, rig.sender.asked) == (b"".join(FRAMES), ["a/a-key", "b/b-key", "c/c-key"])


@virtual
async def test_when_both_fail_and_nobody_is_left_the_client_hears_it() -> None:
    rig = hedged(stream(3.0, broken()), failure(500), retry=Retry(max_attempts=2))
    assert (await rig.serve(body=STREAMING)).status == 500
    assert rig.record.outcome is Outcome.FAILED


@virtual
async def test_a_fault_of_the_request_beside_a_hedge_asks_nobody_more() -> None:
    faulty = failure(400, "invalid_request_error", kind=FailureKind.CLIENT)
    faulty.after = 3.0
    rig = hedged(faulty, stream(5.0, broken()), upstreams=[known("a"), upstream("b"), upstream("c")])
    assert (await rig.serve(body=STREAMING)).status == 400
    assert len(rig.sender.requests) == 2


# -- who is hedged ----------------------------------------------------------------------------------------------------


@virtual
async def test_an_upstream_nobody_knows_yet_is_not_hedged() -> None:
    rig = hedged(stream(*FRAMES, after=4.0), upstreams=[upstream("a"), upstream("b")])
    await rig.serve(body=STREAMING)
    assert rig.sender.asked == ["a/a-key"]


@virtual
async def test_an_answer_that_is_asked_for_whole_is_not_hedged() -> None:
    """It shows nothing before its last token, so that lateness says nothing."""
    rig = hedged(stream(*FRAMES, after=4.0), timeout=1.0)
    await rig.serve()
    assert rig.sender.asked == ["a/a-key"]


@virtual
async def test_hedging_is_off_unless_asked_for() -> None:
    rig = Rig(stream(*FRAMES, after=4.0), upstreams=[known("a"), upstream("b")])
    await rig.serve(body=STREAMING)
    assert rig.sender.asked == ["a/a-key"]


@virtual
async def test_a_budget_caps_what_hedges_cost() -> None:
    answers = [stream(*FRAMES, after=3.0) for _ in range(4)] + [late()]
    rig = Rig(*answers, upstreams=[known("a"), upstream("b")], hedging=Hedging(2.0, HedgeBudget(0.25)))
    for _ in range(4):
        await rig.serve(body=STREAMING)
    assert [sum(one.is_hedge for one in record.attempts) for record in rig.records] == [0, 0, 0, 1]


@virtual
async def test_where_nobody_could_take_over_nothing_is_spent() -> None:
    rig = hedged(stream(*FRAMES, after=4.0), upstreams=[known("a")])
    await rig.serve(body=STREAMING)
    hedging = rig.front.snapshot.hedging
    assert hedging is not None
    assert hedging.budget.try_spend()


@virtual
async def test_a_bound_request_is_not_hedged() -> None:
    rig = hedged(stream(*FRAMES, after=4.0), upstreams=[known("a", "k1", "k2")])
    await rig.serve(body=messages_body(stream=True, container="c1"))
    assert len(rig.sender.requests) == 1


@virtual
async def test_a_hedge_counts_as_an_attempt() -> None:
    rig = hedged(stream(3.0, broken()), stream(2.0, broken()), retry=Retry(max_attempts=2))
    await rig.serve(body=STREAMING)
    assert len(rig.sender.requests) == 2


# -- leaving ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_gone", [True, False])
@pytest.mark.parametrize("at", [1.0, 2.0, 2.5, 3.0])
@pytest.mark.parametrize("turns", range(12))
@virtual
async def test_cancelled_at_any_turn_both_are_let_go(turns: int, at: float, is_gone: bool) -> None:
    """The laws of every exchange are checked behind it: nothing in flight, every answer closed."""
    first, second = stream(*FRAMES, after=3.0), stream(*FRAMES, 60.0, after=1.0)
    rig = hedged(first, second, failover_timeout=inf)
    async with rig.begin(body=STREAMING) as exchange:
        await asyncio.sleep(at)
        for _ in range(turns):
            await asyncio.sleep(0)
        if exchange.task.done():
            return
        await (exchange.client_leaves() if is_gone else exchange.relay_stops())
    charged = {Outcome.FAILED, Outcome.BROKEN}
    assert not [one for one in (rig.record, *rig.record.attempts) if one.outcome in charged]


@virtual
async def test_a_hedge_that_cannot_be_dialled_is_a_failure_like_any_other() -> None:
    rig = hedged(stream(*FRAMES, after=4.0), unreachable())
    await rig.serve(body=STREAMING)
    assert seen(rig) == [("b", "failed", True), ("a", "delivered", False)]
