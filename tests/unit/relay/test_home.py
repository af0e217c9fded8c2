"""Where a session's prompt cache is: stay there, wait there for as long as it is worth, move where it is not."""

import asyncio

import pytest
from tests.support.builders import messages_body, sse_stream
from tests.support.fakes import (
    Chance,
    FakeIncoming,
    Rig,
    answer,
    failure,
    key,
    of_session,
    stream,
    unreachable,
    upstream,
)
from tests.support.virtual_time import STARTED_AT, virtual

from cc_relay.exchange import FailureKind
from cc_relay.policy.routing.round_robin import RoundRobin
from cc_relay.policy.sessions import Home
from cc_relay.relay.snapshot import Queueing, Upstream

S = "the-session"
FRAMES = sse_stream()
STREAMING = messages_body(stream=True)
A_MINUTE = Queueing(max_wait=60.0)
LONG = messages_body(system="x" * 400_000)
"""A prompt of about 100,000 tokens."""


def ok(cached: int = 0) -> FakeIncoming:
    usage = b'"usage":{"input_tokens":3,"output_tokens":5,"cache_read_input_tokens":%d}' % cached
    return answer(b'{"type":"message","content":[],%b}' % usage)


def at_home(*answers: FakeIncoming, pool: Upstream, name: str = "k1", cached: int = 0, **settings: object) -> Rig:
    """A relay that remembers the session at that key, with so many tokens cached."""
    settings = {"upstreams": [pool], "keeps_sessions": True, "shows_debug_headers": True, **settings}
    rig = Rig(*answers, **settings)
    rig.shells.sessions.remember(S, Home(pool.provider.name, f"key-{name}", cached, STARTED_AT), STARTED_AT)
    return rig


def cool(of: Upstream, name: str, seconds: float) -> None:
    of.pool.cool(key(of, name), "", seconds, asyncio.get_running_loop().time(), Chance(0.5))


def own_order(of: Upstream) -> list[str]:
    """The keys as the session ranks them."""
    return [one.name.removeprefix("key-") for one in of.pool.rank_for(S)]


# -- staying ----------------------------------------------------------------------------------------------------------


@virtual
async def test_a_session_stays_on_one_key_and_sessions_spread_over_all() -> None:
    names = [f"k{number}" for number in range(4)]
    rig = Rig(*[ok() for _ in range(120)], upstreams=[upstream("a", *names)], keeps_sessions=True)
    for _ in range(3):
        for number in range(40):
            await rig.serve(headers=of_session(f"session-{number}"))
    asked = rig.sender.asked
    assert asked[:40] == asked[40:80] == asked[80:]
    assert len(set(asked)) == 4


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"headers": of_session(S)}, id="the client's header"),
        pytest.param({"body": messages_body(metadata={"user_id": '{"session_id":"s-1"}'})}, id="user_id"),
        pytest.param({"body": messages_body(system="You are a careful assistant.")}, id="how it begins"),
    ],
)
@virtual
async def test_what_a_session_is_known_by(changes: dict[str, object]) -> None:
    pool = upstream("a", *[f"k{number}" for number in range(8)])
    rig = Rig(*[ok() for _ in range(5)], upstreams=[pool], keeps_sessions=True)
    for _ in range(5):
        await rig.serve(**changes)
    assert len(set(rig.sender.asked)) == 1


@virtual
async def test_a_first_place_is_kept_by_a_strategy_that_spreads() -> None:
    upstreams = [upstream("a"), upstream("b")]
    rig = Rig(
        *[ok() for _ in range(6)],
        upstreams=upstreams,
        strategy=RoundRobin(),
        keeps_sessions=True,
        shows_debug_headers=True,
    )
    told = [(await rig.serve(headers=of_session(name))).header(b"x-cc-relay-affinity") for name in "xyxyxy"]
    assert rig.sender.asked == ["a/a-key", "b/b-key"] * 3
    assert told == [b"placed", b"placed", b"home", b"home", b"home", b"home"]


@virtual
async def test_without_sessions_there_is_no_affinity() -> None:
    rig = Rig(ok(), ok(), upstreams=[upstream("a", "k1", "k2")], shows_debug_headers=True)
    told = [(await rig.serve(headers=of_session(S))).header(b"x-cc-relay-affinity") for _ in range(2)]
    assert (told, rig.sender.asked) == ([b"none", b"none"], ["a/k1", "a/k2"])


# -- moving -----------------------------------------------------------------------------------------------------------


@virtual
async def test_a_session_whose_key_is_exhausted_moves_when_no_cache_is_lost() -> None:
    pool = upstream("a", "k1", "k2")
    first, second = own_order(pool)
    rig = at_home(ok(), pool=pool, name=first, queueing=A_MINUTE)
    cool(pool, first, 5.0)
    downstream = await rig.serve(headers=of_session(S))
    assert (downstream.ended_at, rig.sender.asked) == (STARTED_AT, [f"a/{second}"])
    assert downstream.header(b"x-cc-relay-affinity") == b"moved"


@virtual
async def test_a_warm_cache_is_worth_a_wait() -> None:
    pool = upstream("a", "k1", "k2")
    first, _ = own_order(pool)
    rig = at_home(ok(90_000), pool=pool, name=first, cached=90_000, queueing=A_MINUTE)
    cool(pool, first, 5.0)
    downstream = await rig.serve(headers=of_session(S), body=LONG)
    assert (downstream.ended_at, rig.sender.asked) == (STARTED_AT + 5.0, [f"a/{first}"])
    assert downstream.header(b"x-cc-relay-affinity") == b"home"
    assert rig.record.trace is not None
    assert rig.record.trace.waited == 5.0


@virtual
async def test_a_wait_that_is_longer_than_the_cache_is_worth_is_not_begun() -> None:
    pool = upstream("a", "k1", "k2")
    first, second = own_order(pool)
    rig = at_home(ok(), pool=pool, name=first, cached=90_000, queueing=A_MINUTE)
    cool(pool, first, 59.0)
    downstream = await rig.serve(headers=of_session(S), body=LONG)
    assert (downstream.ended_at, rig.sender.asked) == (STARTED_AT, [f"a/{second}"])


@virtual
async def test_a_cache_that_has_died_is_worth_nothing() -> None:
    pool = upstream("a", "k1", "k2")
    first, second = own_order(pool)
    rig = at_home(ok(), pool=pool, name=first, cached=90_000, queueing=A_MINUTE)
    await asyncio.sleep(300.0)
    cool(pool, first, 5.0)
    await rig.serve(headers=of_session(S), body=LONG)
    assert rig.sender.asked == [f"a/{second}"]


@virtual
async def test_without_a_queue_a_session_moves_at_once() -> None:
    pool = upstream("a", "k1", "k2")
    first, second = own_order(pool)
    rig = at_home(ok(), pool=pool, name=first, cached=90_000)
    cool(pool, first, 5.0)
    await rig.serve(headers=of_session(S), body=LONG)
    assert rig.sender.asked == [f"a/{second}"]


@virtual
async def test_a_wait_at_home_that_was_in_vain_ends_in_a_move() -> None:
    pool = upstream("a", "k1", "k2")
    first, second = own_order(pool)
    rig = at_home(ok(), pool=pool, name=first, cached=90_000, queueing=A_MINUTE)
    cool(pool, first, 5.0)
    async with rig.begin(headers=of_session(S), body=LONG) as exchange:
        await asyncio.sleep(1.0)
        cool(pool, first, 300.0)
        await exchange.ended()
    assert rig.sender.asked == [f"a/{second}"]
    assert STARTED_AT + 5.0 < exchange.downstream.ended_at < STARTED_AT + 60.0


@virtual
async def test_a_key_that_says_when_it_is_free_is_waited_for_and_asked_again() -> None:
    pool = upstream("a", "k1", "k2")
    first, _ = own_order(pool)
    rig = at_home(failure(429, retry_after="5"), ok(), pool=pool, name=first, cached=90_000, queueing=A_MINUTE)
    downstream = await rig.serve(headers=of_session(S), body=LONG)
    assert rig.sender.asked == [f"a/{first}", f"a/{first}"]
    assert downstream.ended_at == STARTED_AT + 5.0


@pytest.mark.parametrize(
    ("failed", "cached"),
    [
        pytest.param(failure(429, retry_after="59"), 90_000, id="for longer than its cache is worth"),
        pytest.param(failure(429, retry_after="5"), 0, id="without a cache"),
        pytest.param(failure(429), 90_000, id="without a word of when"),
        pytest.param(failure(529), 90_000, id="overloaded"),
    ],
)
@virtual
async def test_a_key_that_fails_is_not_waited_for(failed: FakeIncoming, cached: int) -> None:
    pool = upstream("a", "k1", "k2")
    first, second = own_order(pool)
    rig = at_home(failed, ok(), pool=pool, name=first, cached=cached, queueing=A_MINUTE)
    downstream = await rig.serve(headers=of_session(S), body=LONG)
    assert rig.sender.asked == [f"a/{first}", f"a/{second}"]
    assert downstream.ended_at == STARTED_AT


@virtual
async def test_a_key_that_breaks_its_word_is_asked_twice_and_its_cache_waited_for_once() -> None:
    pool = upstream("a", "k1", "k2")
    first, second = own_order(pool)
    answers = [failure(429, retry_after="5"), failure(429, retry_after="5"), ok()]
    rig = at_home(*answers, pool=pool, name=first, cached=90_000, queueing=A_MINUTE)
    downstream = await rig.serve(headers=of_session(S), body=LONG)
    assert rig.sender.asked == [f"a/{first}", f"a/{first}", f"a/{second}"]
    assert downstream.ended_at == STARTED_AT + 5.0


@virtual
async def test_a_session_comes_home_from_an_excursion_and_not_from_an_outage_that_outlasts_its_cache() -> None:
    upstreams = [upstream("a"), upstream("b")]
    served = [ok(), unreachable(), ok(), ok(), unreachable(), ok(), ok()]
    rig = Rig(*served, upstreams=upstreams, strategy=RoundRobin(), keeps_sessions=True)
    for pause in (0.0, 200.0, 90.0, 300.0, 1.0):
        await asyncio.sleep(pause)
        await rig.serve(headers=of_session(S))
    asked = [one.removesuffix("-key")[-1] for one in rig.sender.asked]
    assert asked == ["a", "a", "b", "a", "a", "b", "b"]


@virtual
async def test_where_a_session_moved_to_is_its_home_from_then_on() -> None:
    upstreams = [upstream("a"), upstream("b")]
    rig = Rig(unreachable(), ok(), ok(), upstreams=upstreams, strategy=RoundRobin(), keeps_sessions=True)
    await rig.serve(headers=of_session(S))
    await rig.serve(headers=of_session(S))
    assert rig.sender.asked == ["a/a-key", "b/b-key", "b/b-key"]


@virtual
async def test_an_answer_that_failed_makes_no_home() -> None:
    rig = Rig(failure(400, "invalid_request_error"), upstreams=[upstream("a")], keeps_sessions=True)
    await rig.serve(headers=of_session(S))
    assert rig.shells.sessions.recall(S, STARTED_AT) is None


# -- what is remembered -----------------------------------------------------------------------------------------------


@virtual
async def test_what_is_cached_is_what_was_read_from_and_written_to_the_cache() -> None:
    given = stream(*sse_stream(input_tokens=700, cache_read=4000, cache_write_5m=200, cache_write_1h=50))
    rig = Rig(given, upstreams=[upstream("a")], keeps_sessions=True)
    await rig.serve(headers=of_session(S), body=STREAMING)
    assert rig.shells.sessions.recall(S, STARTED_AT) == Home("a", "key-a-key", 4250, STARTED_AT, "claude-sonnet-5-5")


@virtual
async def test_counting_tokens_moves_nobody_and_cools_no_cache() -> None:
    pool = upstream("a", "k1", "k2")
    first, second = own_order(pool)
    rig = at_home(answer(b'{"input_tokens":7}'), pool=pool, name=first, cached=90_000)
    before = rig.shells.sessions.recall(S, STARTED_AT)
    pool.pool.cool(key(pool, first), "count_tokens", 5.0, STARTED_AT, Chance(0.5))
    await rig.serve(headers=of_session(S), path="/v1/messages/count_tokens")
    assert rig.sender.asked == [f"a/{second}"]
    assert rig.shells.sessions.recall(S, STARTED_AT) == before


@virtual
async def test_cached_tokens_are_not_reserved_where_they_are_cached() -> None:
    pool = upstream("a", "k1", limits={"itpm": 20_000.0})
    rig = at_home(answer(10.0, b'{"type":"message","content":[]}'), pool=pool, cached=95_000)
    async with rig.begin(headers=of_session(S), body=LONG) as exchange:
        await asyncio.sleep(0.5)
        assert key(pool, "k1").load(STARTED_AT) < 0.5
        await exchange.ended()


# -- bound ------------------------------------------------------------------------------------------------------------

BOUND = messages_body(container="container_1")


@pytest.mark.parametrize("kind", sorted(FailureKind, key=lambda kind: kind.value))
@virtual
async def test_a_bound_request_never_fails_over(kind: FailureKind) -> None:
    pool = upstream("a", "k1", "k2")
    rig = at_home(failure(418, kind=kind), failure(418, kind=kind), pool=pool, upstreams=[upstream("b"), pool])
    await rig.serve(headers=of_session(S), body=BOUND)
    assert set(rig.sender.asked) == {"a/k1"}


@virtual
async def test_a_bound_request_waits_for_its_home() -> None:
    pool = upstream("a", "k1", "k2")
    rig = at_home(ok(), pool=pool, queueing=A_MINUTE)
    cool(pool, "k1", 40.0)
    downstream = await rig.serve(headers=of_session(S), body=BOUND)
    assert (downstream.ended_at, rig.sender.asked) == (STARTED_AT + 40.0, ["a/k1"])


@virtual
async def test_a_bound_request_whose_home_is_out_hears_when_it_is_back() -> None:
    pool = upstream("a", "k1", "k2")
    rig = at_home(pool=pool)
    cool(pool, "k1", 40.0)
    assert (await rig.serve(headers=of_session(S), body=BOUND)).header(b"retry-after") == b"40"


@virtual
async def test_a_bound_request_is_never_hurried() -> None:
    pool = upstream("a", "k1", "k2")
    rig = at_home(stream(*FRAMES, after=60.0), pool=pool, failover_timeout=5.0)
    body = messages_body(container="container_1", stream=True)
    assert (await rig.serve(headers=of_session(S), body=body)).status == 200
