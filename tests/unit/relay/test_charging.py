"""Who is charged with how an exchange went: the breaker with what the upstream is to blame for, and nothing else."""

import asyncio
from math import inf

import pytest
from tests.support.builders import event, messages_body, sse_stream
from tests.support.fakes import (
    OPEN_SECONDS,
    FakeIncoming,
    Rig,
    answer,
    broken,
    failure,
    of_session,
    stream,
    unreachable,
    upstream,
)
from tests.support.virtual_time import STARTED_AT, virtual

from cc_relay.errors import Stage, UpstreamError
from cc_relay.exchange import FailureKind
from cc_relay.policy.breaker import BreakerState
from cc_relay.relay.snapshot import Retry, Upstream

FRAMES = sse_stream()
MESSAGE = b'{"type":"message","content":[],"usage":{"input_tokens":3,"output_tokens":5}}'
OVERLOADED = event("error", error={"type": "overloaded_error", "message": "Overloaded"})
STREAMING = messages_body(stream=True)
ONCE = Retry(max_attempts=1)


def ok() -> FakeIncoming:
    return answer(MESSAGE)


def down() -> FakeIncoming:
    return failure(500)


def state(of: Upstream) -> BreakerState:
    return of.breaker.state(asyncio.get_running_loop().time())


@pytest.mark.parametrize(
    "loss",
    [
        pytest.param(lambda: failure(500), id="500"),
        pytest.param(lambda: failure(529, "overloaded_error"), id="529"),
        pytest.param(lambda: answer(b"<html>", status=503), id="503 page"),
        pytest.param(unreachable, id="refuses connections"),
        pytest.param(lambda: broken(Stage.SEND), id="reset while sending"),
        pytest.param(lambda: broken(Stage.HEAD), id="reset before the head"),
        pytest.param(lambda: broken(Stage.HEAD, timed_out=True), id="silence"),
        pytest.param(lambda: stream(FRAMES[0], broken()), id="reset before content"),
        pytest.param(lambda: stream(FRAMES[0], OVERLOADED), id="fails in-band before content"),
        pytest.param(lambda: stream(*FRAMES[:4], broken()), id="broken stream"),
        pytest.param(lambda: stream(*FRAMES[:4]), id="truncated stream"),
        pytest.param(lambda: stream(*FRAMES[:4], OVERLOADED), id="fails in-band after content"),
        pytest.param(lambda: answer(b"<html>hello</html>"), id="a web page"),
    ],
)
@virtual
async def test_the_upstream_is_charged_with_what_it_is_to_blame_for(loss: "object") -> None:
    only = upstream("a", threshold=1)
    rig = Rig(loss(), upstreams=[only], retry=ONCE)  # type: ignore[operator]  # fakes are built in their loop
    await rig.serve(body=STREAMING)
    assert state(only) is BreakerState.OPEN
    assert rig.watch.heard == ["a open"]


@pytest.mark.parametrize("kind", sorted(set(FailureKind) - {FailureKind.TRANSIENT}, key=lambda kind: kind.value))
@virtual
async def test_the_upstream_is_not_charged_with_anything_else_it_says(kind: FailureKind) -> None:
    only = upstream("a", threshold=1)
    await Rig(failure(400, kind=kind), upstreams=[only], retry=ONCE).serve()
    assert state(only) is BreakerState.CLOSED
    assert only.breaker.failures == 0


@pytest.mark.parametrize("given", [lambda: answer(inf), lambda: stream(inf), lambda: stream(*FRAMES[:4], inf)])
@pytest.mark.parametrize("is_gone", [True, False])
@virtual
async def test_a_client_that_leaves_and_a_relay_that_stops_charge_nobody(given: "object", is_gone: bool) -> None:
    only = upstream("a", threshold=1)
    rig = Rig(given(), upstreams=[only])  # type: ignore[operator]  # fakes are built in their loop
    async with rig.begin(body=STREAMING) as exchange:
        await asyncio.sleep(1.0)
        await (exchange.client_leaves() if is_gone else exchange.relay_stops())
    assert state(only) is BreakerState.CLOSED


@virtual
async def test_a_client_that_reads_slowly_charges_nobody() -> None:
    only = upstream("a", threshold=1)
    rig = Rig(stream(*FRAMES[:4], 1.0, *FRAMES[4:]), upstreams=[only])
    async with rig.begin(body=STREAMING) as exchange:
        await asyncio.sleep(0.5)
        flow = exchange.downstream.flow
        assert flow is not None
        flow.pause()
        await asyncio.sleep(500.0)
        flow.resume()
        await exchange.ended()
    assert state(only) is BreakerState.CLOSED


@virtual
async def test_a_request_of_ours_that_nobody_could_carry_charges_nobody() -> None:
    only = upstream("a", threshold=1, declines=True)
    await Rig(upstreams=[only]).serve()
    assert state(only) is BreakerState.CLOSED


# -- open -------------------------------------------------------------------------------------------------------------


@virtual
async def test_a_provider_that_is_open_is_passed_over_without_an_attempt() -> None:
    a, b = upstream("a", threshold=1), upstream("b")
    rig = Rig(down(), ok(), ok(), upstreams=[a, b])
    await rig.serve()
    await rig.serve()
    assert rig.sender.asked == ["a/a-key", "b/b-key", "b/b-key"]


@virtual
async def test_when_every_provider_is_open_the_client_hears_at_once_when_to_come_back() -> None:
    rig = Rig(down(), down(), upstreams=[upstream("a", threshold=1), upstream("b", threshold=1)])
    await rig.serve()
    await asyncio.sleep(10.0)
    downstream = await rig.serve()
    assert (downstream.status, downstream.ended_at) == (529, rig.loop.time())
    assert downstream.header(b"x-cc-relay-error") == b"circuit_open"
    assert downstream.header(b"retry-after") == b"20"
    assert b"'a', 'b'" in downstream.body


@virtual
async def test_a_lone_user_whose_provider_is_down_sees_it_open_at_the_threshold() -> None:
    only = upstream("a", threshold=3)
    rig = Rig(down(), down(), down(), upstreams=[only], retry=ONCE)
    told = [(await rig.serve(headers=of_session("lone"))).status for _ in range(4)]
    assert told == [500, 500, 500, 529]


@virtual
async def test_a_poisonous_session_does_not_open_it_for_others() -> None:
    only = upstream("a", threshold=3)
    rig = Rig(ok(), *[down() for _ in range(10)], ok(), upstreams=[only], retry=ONCE)
    await rig.serve(headers=of_session("well"))
    told = [(await rig.serve(headers=of_session("poisonous"))).status for _ in range(10)]
    assert told == [500] * 10
    assert (await rig.serve(headers=of_session("well"))).status == 200


@virtual
async def test_requests_that_name_no_session_count_each_on_their_own() -> None:
    only = upstream("a", threshold=3)
    rig = Rig(ok(), down(), down(), down(), upstreams=[only], retry=ONCE)
    await rig.serve(headers=of_session("well"))
    for _ in range(3):
        await rig.serve()
    assert state(only) is BreakerState.OPEN


@virtual
async def test_what_began_before_it_opened_does_not_count_once_it_has_closed() -> None:
    only = upstream("a", threshold=1)
    late = answer(OPEN_SECONDS + 10.0, broken())
    rig = Rig(late, down(), ok(), upstreams=[only], retry=ONCE)
    async with rig.begin() as slow:
        await asyncio.sleep(1.0)
        await rig.serve()
        await asyncio.sleep(OPEN_SECONDS)
        await rig.serve()
        assert state(only) is BreakerState.CLOSED
        await slow.ended()
    assert state(only) is BreakerState.CLOSED


# -- half open --------------------------------------------------------------------------------------------------------


async def tripped(*then: FakeIncoming | UpstreamError, probes: int = 1) -> tuple[Rig, Upstream]:
    """A relay whose only provider has just been open for its time."""
    only = upstream("a", threshold=1, probes=probes)
    rig = Rig(down(), *then, upstreams=[only], retry=ONCE)
    await rig.serve()
    await asyncio.sleep(OPEN_SECONDS)
    assert state(only) is BreakerState.HALF_OPEN
    return rig, only


@virtual
async def test_a_probe_that_succeeds_closes_it() -> None:
    rig, only = await tripped(ok())
    assert (await rig.serve()).status == 200
    assert state(only) is BreakerState.CLOSED
    assert rig.watch.heard == ["a open", "a closed"]


@virtual
async def test_as_many_probes_as_configured_must_succeed() -> None:
    rig, only = await tripped(ok(), ok(), probes=2)
    await rig.serve()
    assert state(only) is BreakerState.HALF_OPEN
    await rig.serve()
    assert state(only) is BreakerState.CLOSED


@virtual
async def test_a_probe_that_fails_opens_it_again_for_its_time() -> None:
    rig, _ = await tripped(down())
    await rig.serve()
    assert (await rig.serve()).header(b"retry-after") == b"30"


@virtual
async def test_a_stream_that_breaks_is_a_failed_probe() -> None:
    rig, only = await tripped(stream(*FRAMES[:4], broken()))
    await rig.serve(body=STREAMING)
    assert state(only) is BreakerState.OPEN


@virtual
async def test_while_a_probe_is_out_nobody_else_is_let_through() -> None:
    rig, _ = await tripped(stream(*FRAMES[:4], 5.0, *FRAMES[4:]))
    async with rig.begin(body=STREAMING) as probing:
        await asyncio.sleep(1.0)
        assert (await rig.serve()).status == 529
        await probing.ended()


@pytest.mark.parametrize(
    "nothing_learned",
    [
        pytest.param(lambda: failure(400, "invalid_request_error"), id="the client's fault"),
        pytest.param(lambda: failure(429, "rate_limit_error", retry_after="1"), id="the key's pace"),
    ],
)
@virtual
async def test_a_probe_that_proves_nothing_is_given_back(nothing_learned: "object") -> None:
    rig, only = await tripped(nothing_learned(), ok())  # type: ignore[operator]  # fakes are built in their loop
    await rig.serve()
    assert state(only) is BreakerState.HALF_OPEN
    await asyncio.sleep(1.0)
    assert (await rig.serve()).status == 200


@virtual
async def test_a_cancelled_probe_is_given_back() -> None:
    rig, only = await tripped(stream(*FRAMES[:4], inf), ok())
    async with rig.begin(body=STREAMING) as probing:
        await asyncio.sleep(1.0)
        await probing.client_leaves()
    assert state(only) is BreakerState.HALF_OPEN
    assert (await rig.serve()).status == 200


@virtual
async def test_a_probe_whose_key_is_out_is_given_back() -> None:
    rig, only = await tripped(ok())
    (only_key,) = only.pool.keys
    only.pool.cool(only_key, "", 5.0, rig.loop.time(), lambda: 0.5)
    assert (await rig.serve()).status == 429
    await asyncio.sleep(5.0)
    assert (await rig.serve()).status == 200


@virtual
async def test_debug_headers_tell_how_the_provider_is_doing() -> None:
    rig = Rig(down(), upstreams=[upstream("a", threshold=1)], retry=ONCE, shows_debug_headers=True)
    assert (await rig.serve()).header(b"x-cc-relay-health") == b"open"
    assert rig.loop.time() == STARTED_AT
