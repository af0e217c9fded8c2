"""When every key is exhausted: who waits, in which order, for how long, and what the client sees meanwhile."""

import asyncio
import json
from math import inf

import pytest
from tests.support.builders import messages_body, sse_stream
from tests.support.fakes import (
    Chance,
    Exchange,
    FakeIncoming,
    Rig,
    answer,
    broken,
    failure,
    key,
    of_session,
    stream,
    unreachable,
    upstream,
)
from tests.support.virtual_time import STARTED_AT, settle, virtual

from cc_relay.codec.sse import PING
from cc_relay.exchange import FailureKind, Headers, Outcome
from cc_relay.policy.sessions import Home
from cc_relay.relay.snapshot import Queueing, Retry, Upstream
from cc_relay.relay.waiting import WaitingRoom

MESSAGE = b'{"type":"message","content":[],"usage":{"input_tokens":3,"output_tokens":5}}'
FRAMES = sse_stream()
STREAMING = messages_body(stream=True)
A_MINUTE = Queueing(max_wait=60.0)


def ok() -> FakeIncoming:
    return answer(MESSAGE)


def cooled(seconds: float, *names: str) -> Upstream:
    """A provider whose keys are all exhausted for so long."""
    of = upstream("a", *(names or ("k1",)))
    for one in of.pool.keys:
        of.pool.cool(one, "", seconds, STARTED_AT, Chance(0.5))
    return of


def one_a_second(*names: str) -> Upstream:
    """A provider whose keys answer one request a second each, and have just answered it."""
    of = upstream("a", *(names or ("k1",)), limits={"rpm": 60.0})
    for one in of.pool.keys:
        for _ in range(60):
            lease = of.pool.reserve(one, "", 0, 0, STARTED_AT)
            of.pool.give_back(lease, STARTED_AT, was_counted=True)  # type: ignore[arg-type]  # 60 are there
    return of


def home(of: Upstream, name: str, cached: int = 0) -> Home:
    return Home(of.provider.name, f"key-{name}", cached, STARTED_AT)


# -- waiting and not waiting ------------------------------------------------------------------------------------------


@virtual
async def test_a_request_waits_for_the_key_that_is_free_first() -> None:
    pool = cooled(20.0, "k1", "k2")
    pool.pool.cool(key(pool, "k2"), "", 7.0, STARTED_AT, Chance(0.5))
    rig = Rig(ok(), upstreams=[pool], queueing=A_MINUTE)
    downstream = await rig.serve()
    assert (downstream.status, downstream.ended_at) == (200, STARTED_AT + 7.0)
    assert rig.sender.asked == ["a/k2"]


@virtual
async def test_a_request_that_was_throttled_itself_waits_too() -> None:
    rig = Rig(failure(429, retry_after="9"), ok(), upstreams=[upstream("a")], queueing=A_MINUTE)
    downstream = await rig.serve()
    assert (downstream.status, downstream.ended_at) == (200, STARTED_AT + 9.0)


@virtual
async def test_a_spent_plan_is_waited_for_where_it_is_back_soon() -> None:
    spent = failure(402, kind=FailureKind.PLAN)
    rig = Rig(spent, ok(), upstreams=[upstream("a")], queueing=Queueing(max_wait=60.0))
    assert (await rig.serve()).ended_at == STARTED_AT + 60.0


@virtual
async def test_without_a_queue_nobody_waits() -> None:
    downstream = await Rig(upstreams=[cooled(7.0)]).serve()
    assert (downstream.status, downstream.ended_at) == (429, STARTED_AT)
    assert downstream.header(b"retry-after") == b"7"


@virtual
async def test_what_would_take_too_long_is_told_at_once() -> None:
    downstream = await Rig(upstreams=[cooled(61.0)], queueing=A_MINUTE).serve()
    assert (downstream.status, downstream.ended_at) == (429, STARTED_AT)
    assert downstream.header(b"retry-after") == b"61"


@virtual
async def test_nobody_waits_beyond_the_time_of_the_whole_request() -> None:
    downstream = await Rig(upstreams=[cooled(7.0)], queueing=A_MINUTE, timeout=5.0).serve()
    assert (downstream.status, downstream.header(b"retry-after")) == (429, b"7")


@virtual
async def test_nobody_waits_for_a_breaker_or_a_credential() -> None:
    refused = upstream("a")
    refused.pool.refuse(key(refused, "a-key"), STARTED_AT)
    broken_one = upstream("b", threshold=1)
    broken_one.breaker.record_failure(0, None, "test", STARTED_AT)
    downstream = await Rig(upstreams=[refused, broken_one], queueing=A_MINUTE).serve()
    assert (downstream.status, downstream.ended_at) == (529, STARTED_AT)


@virtual
async def test_those_who_wait_for_one_key_and_fail_there_are_told_of_it() -> None:
    rig = Rig(failure(400, "invalid_request_error"), upstreams=[cooled(7.0)], queueing=A_MINUTE)
    downstream = await rig.serve()
    assert (downstream.status, downstream.ended_at) == (400, STARTED_AT + 7.0)


@virtual
async def test_who_got_its_key_and_failed_there_does_not_wait_for_it_again() -> None:
    losses = [failure(500), failure(500)]
    rig = Rig(*losses, upstreams=[cooled(7.0)], queueing=A_MINUTE, retry=Retry(max_attempts=10), dice=Chance(0.0))
    downstream = await rig.serve()
    assert (downstream.status, len(rig.sender.requests)) == (500, 2)


@virtual
async def test_a_full_queue_takes_nobody_more() -> None:
    rig = Rig(ok(), upstreams=[cooled(7.0)], queueing=A_MINUTE)
    rig.shells.waiting.set_size(1)
    async with rig.begin() as first:
        await settle()
        refused = await rig.serve()
        assert (refused.status, refused.header(b"x-cc-relay-error")) == (429, b"keys_exhausted")
        assert refused.header(b"retry-after") == b"7"
        await first.ended()
    assert first.downstream.status == 200


@virtual
async def test_the_end_of_a_wait_in_vain_tells_when_the_key_is_really_back() -> None:
    pool = cooled(7.0)
    rig = Rig(upstreams=[pool], queueing=A_MINUTE)
    async with rig.begin() as exchange:
        await asyncio.sleep(5.0)
        pool.pool.cool(key(pool, "k1"), "", 100.0, rig.loop.time(), Chance(0.5))
        await exchange.ended()
    assert (exchange.downstream.status, exchange.downstream.ended_at) == (429, STARTED_AT + 60.0)
    assert exchange.downstream.header(b"retry-after") == b"45"
    assert rig.record.trace is not None
    assert rig.record.trace.waited == 60.0


@virtual
async def test_nobody_waits_in_a_busy_loop() -> None:
    rig = Rig(ok(), upstreams=[cooled(59.0)], queueing=A_MINUTE)
    deals = 0
    deal = WaitingRoom._deal  # how often is what this is about

    def counted(room: WaitingRoom) -> None:
        nonlocal deals
        deals += 1
        deal(room)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WaitingRoom, "_deal", counted)
        await rig.serve()
    assert deals <= 2


@virtual
async def test_a_freed_key_is_noticed_without_a_timer() -> None:
    """Whoever ends gives back what it did not use, and the next in line need not wait for the clock."""
    pool = upstream("a", "k1", limits={"otpm": 1000.0})
    rig = Rig(answer(MESSAGE, after=3.0), ok(), upstreams=[pool], queueing=A_MINUTE)
    long = messages_body(max_tokens=32_000)
    async with rig.begin(body=long) as first:
        await settle()
        second = await rig.serve(body=long)
        await first.ended()
    assert (second.status, second.ended_at) == (200, STARTED_AT + 3.0)


# -- order ------------------------------------------------------------------------------------------------------------


async def line_up(rig: Rig, *sessions: Headers) -> list[Exchange]:
    """One exchange for each, who come one after the other."""
    waiting = []
    for headers in sessions:
        exchange = rig.begin(headers=headers)
        await exchange.__aenter__()
        waiting.append(exchange)
        await settle()
    return waiting


async def served(waiting: list[Exchange]) -> list[int]:
    """Their numbers in the order in which they were answered."""
    for exchange in waiting:
        await exchange.ended()
        await exchange.__aexit__(None)
    return sorted(range(len(waiting)), key=lambda number: waiting[number].downstream.ended_at)


@virtual
async def test_one_session_is_served_first_in_first_out() -> None:
    rig = Rig(ok(), ok(), ok(), upstreams=[one_a_second()], queueing=A_MINUTE)
    waiting = await line_up(rig, of_session("s"), of_session("s"), of_session("s"))
    assert await served(waiting) == [0, 1, 2]
    assert [one.downstream.ended_at - STARTED_AT for one in waiting] == [pytest.approx(at) for at in (1.0, 2.0, 3.0)]


@virtual
async def test_sessions_take_turns_however_much_each_asks_for() -> None:
    rig = Rig(*[ok() for _ in range(5)], upstreams=[one_a_second()], queueing=A_MINUTE, keeps_sessions=True)
    greedy, modest = of_session("greedy"), of_session("modest")
    assert await served(await line_up(rig, greedy, greedy, greedy, greedy, modest)) == [0, 4, 1, 2, 3]


@pytest.mark.parametrize(
    ("sub_agent", "main"),
    [
        (of_session("s", x_claude_code_agent_id="7"), of_session("s")),
        (of_session("s", x_claude_code_request_class="subagent"), of_session("s", x_claude_code_request_class="main")),
    ],
)
@virtual
async def test_a_main_agent_goes_before_its_sub_agents(sub_agent: Headers, main: Headers) -> None:
    rig = Rig(ok(), ok(), ok(), upstreams=[one_a_second()], queueing=A_MINUTE, keeps_sessions=True)
    assert await served(await line_up(rig, sub_agent, sub_agent, main)) == [2, 0, 1]


@virtual
async def test_a_newcomer_does_not_overtake_those_who_wait() -> None:
    """The newcomer is small enough for what is left; who waits is not."""
    pool = upstream("a", "k1", limits={"itpm": 6000.0})
    lease = pool.pool.reserve(key(pool, "k1"), "", 3000, 0, STARTED_AT)
    pool.pool.settle(lease, 3000, 0, STARTED_AT)  # type: ignore[arg-type]  # there was enough
    rig = Rig(ok(), ok(), upstreams=[pool], queueing=A_MINUTE)
    async with rig.begin(body=messages_body(system="x" * 4 * 4000)) as large:
        await settle()
        async with rig.begin() as small:
            await large.ended()
            assert not small.downstream.is_started
            await small.ended()
    assert large.downstream.ended_at > STARTED_AT + 9.0
    assert (large.downstream.status, small.downstream.status) == (200, 200)


@virtual
async def test_who_waits_for_one_key_holds_up_nobody_who_takes_another() -> None:
    pool = cooled(50.0, "k1", "k2")
    pool.pool.restore(key(pool, "k2"))
    rig = Rig(ok(), ok(), ok(), upstreams=[pool], queueing=A_MINUTE, keeps_sessions=True)
    name = "bound"
    rig.shells.sessions.remember(name, home(pool, "k1"), STARTED_AT)
    async with rig.begin(headers=of_session(name), body=messages_body(container="c1")) as bound:
        await settle()
        assert [(await rig.serve(headers=of_session(other))).ended_at for other in "xy"] == [STARTED_AT, STARTED_AT]
        await bound.ended()
    assert rig.sender.asked == ["a/k2", "a/k2", "a/k1"]


@virtual
async def test_who_waits_for_one_key_holds_up_nobody_who_waits_for_any() -> None:
    pool = cooled(50.0, "k1", "k2")
    pool.pool.cool(key(pool, "k2"), "", 5.0, STARTED_AT, Chance(0.5))
    rig = Rig(ok(), ok(), upstreams=[pool], queueing=A_MINUTE, keeps_sessions=True)
    rig.shells.sessions.remember("bound", home(pool, "k1"), STARTED_AT)
    async with rig.begin(headers=of_session("bound"), body=messages_body(container="c1")) as bound:
        await settle()
        assert (await rig.serve(headers=of_session("other"))).ended_at == STARTED_AT + 5.0
        await bound.ended()
    assert bound.downstream.ended_at == STARTED_AT + 50.0


@virtual
async def test_who_waits_for_messages_holds_up_nobody_who_counts() -> None:
    """Limits on counting are limits of their own."""
    pool = upstream("a", "k1", families={"claude-sonnet-5-5": "sonnet"})
    pool.pool.cool(key(pool, "k1"), "sonnet", 30.0, STARTED_AT, Chance(0.5))
    rig = Rig(answer(b'{"input_tokens":7}'), ok(), upstreams=[pool], queueing=A_MINUTE)
    async with rig.begin() as waiting:
        await settle()
        counted = await rig.serve(path="/v1/messages/count_tokens")
        assert (counted.status, counted.ended_at) == (200, STARTED_AT)
        await waiting.ended()


@virtual
async def test_nobody_joins_a_line_that_leads_nowhere() -> None:
    """Who came first still hopes; who comes now knows better, and is told at once."""
    pool = cooled(7.0)
    rig = Rig(upstreams=[pool], queueing=A_MINUTE)
    async with rig.begin() as first:
        await asyncio.sleep(1.0)
        pool.pool.cool(key(pool, "k1"), "", 300.0, rig.loop.time(), Chance(0.5))
        newcomer = await rig.serve()
        assert (newcomer.status, newcomer.header(b"retry-after")) == (429, b"300")
        assert newcomer.ended_at == STARTED_AT + 1.0
        await first.ended()


@virtual
async def test_a_provider_nobody_waits_for_takes_newcomers_meanwhile() -> None:
    rig = Rig(ok(), ok(), upstreams=[cooled(30.0), upstream("c", models=("other",))], queueing=A_MINUTE)
    async with rig.begin() as waiting:
        await settle()
        assert (await rig.serve(body=messages_body(model="other"))).ended_at == STARTED_AT
        await waiting.ended()


# -- leaving ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_gone", [True, False])
@virtual
async def test_a_client_that_leaves_gives_up_its_place(is_gone: bool) -> None:
    rig = Rig(ok(), upstreams=[cooled(7.0)], queueing=A_MINUTE)
    async with rig.begin() as first, rig.begin() as second:
        await asyncio.sleep(1.0)
        await (first.client_leaves() if is_gone else first.relay_stops())
        assert len(rig.shells.waiting) == 1
        await second.ended()
    assert (second.downstream.status, len(rig.sender.requests)) == (200, 1)
    assert rig.records[0].outcome is (Outcome.GONE if is_gone else Outcome.DRAINED)


@pytest.mark.parametrize("turns", range(6))
@virtual
async def test_a_client_that_leaves_as_its_turn_comes_passes_the_key_on(turns: int) -> None:
    rig = Rig(ok(), ok(), upstreams=[one_a_second()], queueing=A_MINUTE)
    async with rig.begin() as first, rig.begin() as second:
        await asyncio.sleep(1.0)
        for _ in range(turns):
            await asyncio.sleep(0)
        await first.client_leaves()
        await second.ended()
    assert second.downstream.status == 200


# -- what the client sees ---------------------------------------------------------------------------------------------


@virtual
async def test_a_stream_that_waits_for_long_is_pinged_and_then_goes_on_as_ever() -> None:
    rig = Rig(stream(*FRAMES), upstreams=[cooled(40.0)], queueing=A_MINUTE)
    downstream = await rig.serve(body=STREAMING)
    assert downstream.status == 200
    assert downstream.header(b"content-type") == b"text/event-stream; charset=utf-8"
    pings = [at - STARTED_AT for at, data in downstream.writes if data == PING]
    assert pings == [15.0, 30.0]
    assert downstream.body == PING * 2 + b"".join(FRAMES)
    assert downstream.end == "finish"
    assert (rig.record.outcome, rig.record.first_byte_at) == (Outcome.DELIVERED, STARTED_AT + 15.0)


@virtual
async def test_what_has_begun_with_pings_is_pinged_until_the_answer_is_here() -> None:
    rig = Rig(stream(*FRAMES, after=200.0), upstreams=[cooled(20.0)], queueing=A_MINUTE)
    downstream = await rig.serve(body=STREAMING)
    pings = [at - STARTED_AT for at, data in downstream.writes if data == PING]
    assert pings == [15.0 * number for number in range(1, 15)]
    assert downstream.body == PING * 14 + b"".join(FRAMES)


@virtual
async def test_an_attempt_without_a_wait_before_it_begins_no_stream() -> None:
    rig = Rig(stream(*FRAMES, after=200.0), upstreams=[cooled(10.0)], queueing=A_MINUTE)
    assert (await rig.serve(body=STREAMING)).body == b"".join(FRAMES)


@virtual
async def test_a_short_wait_leaves_no_trace_in_the_answer() -> None:
    rig = Rig(stream(*FRAMES), upstreams=[cooled(14.9)], queueing=A_MINUTE)
    downstream = await rig.serve(body=STREAMING)
    assert downstream.body == b"".join(FRAMES)


@virtual
async def test_pings_can_be_turned_off() -> None:
    rig = Rig(stream(*FRAMES), upstreams=[cooled(40.0)], queueing=Queueing(max_wait=60.0, pings=False))
    assert (await rig.serve(body=STREAMING)).body == b"".join(FRAMES)


@virtual
async def test_who_asked_for_a_whole_answer_just_waits() -> None:
    rig = Rig(ok(), upstreams=[cooled(40.0)], queueing=A_MINUTE)
    downstream = await rig.serve()
    assert (downstream.body, downstream.end, downstream.ended_at) == (MESSAGE, "respond", STARTED_AT + 40.0)


def told(body: bytes) -> dict[str, dict[str, str]]:
    """The error event behind the pings."""
    name, data, *rest = body.removeprefix(PING * body.count(PING)).split(b"\n")
    assert (name, rest) == (b"event: error", [b"", b""])
    return json.loads(data.removeprefix(b"data: "))


@virtual
async def test_once_pinged_a_wait_in_vain_is_told_as_an_event() -> None:
    pool = cooled(20.0)
    rig = Rig(upstreams=[pool], queueing=A_MINUTE)
    async with rig.begin(body=STREAMING, id="req_7") as exchange:
        await asyncio.sleep(16.0)
        pool.pool.cool(key(pool, "k1"), "", 100.0, rig.loop.time(), Chance(0.5))
        await exchange.ended()
    error = told(exchange.downstream.body)
    assert error["error"]["type"] == "rate_limit_error"
    assert error["request_id"] == "req_7"
    assert exchange.downstream.end == "finish"
    assert (rig.record.status, rig.record.reason) == (200, "keys_exhausted")


@pytest.mark.parametrize(
    ("loss", "error_type"),
    [
        pytest.param(lambda: failure(400, "invalid_request_error"), "invalid_request_error", id="upstream's own"),
        pytest.param(unreachable, "api_error", id="ours"),
    ],
)
@virtual
async def test_once_pinged_an_error_is_an_event(loss: "object", error_type: str) -> None:
    rig = Rig(
        loss(),  # type: ignore[operator]  # fakes are built in their loop
        upstreams=[cooled(20.0)],
        queueing=A_MINUTE,
        retry=Retry(max_attempts=1),
    )
    downstream = await rig.serve(body=STREAMING)
    assert told(downstream.body)["error"]["type"] == error_type
    assert rig.record.outcome is not Outcome.DELIVERED


@virtual
async def test_once_pinged_an_answer_that_is_no_stream_is_an_error_of_the_upstreams() -> None:
    rig = Rig(ok(), upstreams=[cooled(20.0)], queueing=A_MINUTE)
    downstream = await rig.serve(body=STREAMING)
    assert told(downstream.body)["error"]["type"] == "api_error"
    assert rig.record.outcome is Outcome.BROKEN


@virtual
async def test_once_pinged_a_stream_that_breaks_is_broken_off() -> None:
    rig = Rig(stream(*FRAMES[:4], broken()), upstreams=[cooled(20.0)], queueing=A_MINUTE)
    downstream = await rig.serve(body=STREAMING)
    assert (downstream.body, downstream.end) == (PING + b"".join(FRAMES[:4]), "abort")


@virtual
async def test_once_pinged_a_client_that_leaves_is_let_go() -> None:
    rig = Rig(upstreams=[cooled(50.0)], queueing=A_MINUTE)
    async with rig.begin(body=STREAMING) as exchange:
        await asyncio.sleep(20.0)
        await exchange.client_leaves()
    assert rig.record.outcome is Outcome.GONE


# For the lead, lifecycle.leave: between pings the stream is at a boundary, and can say so instead of breaking off.
@virtual
async def test_once_pinged_a_relay_that_stops_says_so_in_an_event() -> None:
    rig = Rig(upstreams=[cooled(50.0)], queueing=A_MINUTE)
    async with rig.begin(body=STREAMING) as exchange:
        await asyncio.sleep(20.0)
        await exchange.relay_stops()
    assert told(exchange.downstream.body)["error"]["type"] == "overloaded_error"
    assert (exchange.downstream.end, rig.record.outcome) == ("finish", Outcome.DRAINED)


@virtual
async def test_a_request_waits_once_in_all_for_no_longer_than_the_queue_allows() -> None:
    losses = [failure(429, retry_after="25") for _ in range(3)]
    rig = Rig(*losses, upstreams=[upstream("a")], queueing=A_MINUTE, timeout=inf)
    downstream = await rig.serve()
    assert (downstream.status, downstream.ended_at) == (429, STARTED_AT + 50.0)
    assert downstream.header(b"retry-after") == b"25"
