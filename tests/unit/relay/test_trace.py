"""Why an exchange went where it went: what its record tells whoever asks."""

from math import inf

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

from cc_relay.exchange import Considered, Outcome, Price, Trace
from cc_relay.policy.routing import STRATEGIES, StrategySettings
from cc_relay.policy.sessions import Home
from cc_relay.relay.snapshot import Queueing, Retry, Upstream

MESSAGE = b'{"type":"message","content":[],"usage":{"input_tokens":3,"output_tokens":5}}'
A_MINUTE = Queueing(max_wait=60.0)


def ok() -> FakeIncoming:
    return answer(MESSAGE)


def trace(rig: Rig) -> Trace:
    found = rig.records[-1].trace
    assert found is not None
    return found


def ranked(candidates: tuple[Considered, ...]) -> list[tuple[int, str, str]]:
    return [(one.rank, f"{one.candidate.provider}/{one.candidate.credential.secret}", one.reason) for one in candidates]


def refused(of: Trace) -> list[tuple[str, str, float]]:
    return [(one.candidate.credential.secret, one.refusal.reason, one.refusal.retry_at) for one in of.declined]


def out(name: str, *keys: str) -> Upstream:
    """A provider each of whose keys is out for a minute."""
    of = upstream(name, *keys)
    for one in of.pool.keys:
        of.pool.cool(one, "", 60.0, STARTED_AT, Chance(0.5))
    return of


@virtual
async def test_it_names_the_strategy_and_the_configuration() -> None:
    rig = Rig(ok())
    await rig.serve()
    assert (trace(rig).strategy, trace(rig).generation, trace(rig).waited) == ("failover", 1, 0.0)


@virtual
async def test_every_candidate_has_a_rank_and_a_reason() -> None:
    rig = Rig(ok(), upstreams=[upstream("a", "k1", "k2"), upstream("b", "k3")])
    await rig.serve()
    assert ranked(trace(rig).candidates()) == [
        (1, "a/k1", "priority 1"),
        (2, "a/k2", "priority 1"),
        (3, "b/k3", "priority 1"),
    ]


@pytest.mark.parametrize("name", STRATEGIES)
@virtual
async def test_every_strategy_ranks_every_candidate_once_and_says_why(name: str) -> None:
    price = Price(5, 25, 0.5, 6.25, 10)
    upstreams = [upstream(one, "k1", "k2", price=price) for one in "abcdef"]
    strategy = STRATEGIES[name](StrategySettings())
    rig = Rig(ok(), upstreams=upstreams, strategy=strategy, dice=Chance(0.25))
    await rig.serve()
    told = trace(rig)
    candidates = told.candidates()
    assert told.strategy == name
    assert [one.rank for one in candidates] == list(range(1, 13))
    assert len({(one.candidate.provider, one.candidate.credential.secret) for one in candidates}) == 12
    assert all(one.reason for one in candidates)
    assert candidates[0].candidate.provider == rig.sender.asked[0][0]


@virtual
async def test_who_was_passed_over_is_told_with_the_reason_and_when_it_is_back() -> None:
    spent = upstream("b", "k3")
    spent.pool.spend(key(spent, "k3"), 90.0, STARTED_AT)
    down = upstream("c", "k4", threshold=1)
    down.breaker.record_failure(0, None, "500", STARTED_AT)
    blind = upstream("d", "k5", gap="cannot see")
    rig = Rig(ok(), upstreams=[out("a", "k1", "k2"), spent, down, blind, upstream("e")])
    await rig.serve()
    assert refused(trace(rig)) == [
        ("k1", "throttled", STARTED_AT + 60.0),
        ("k2", "throttled", STARTED_AT + 60.0),
        ("k3", "plan", STARTED_AT + 90.0),
        ("k4", "open", STARTED_AT + 30.0),
        ("k5", "cannot carry it: cannot see", inf),
    ]
    assert rig.sender.asked == ["e/e-key"]


@virtual
async def test_attempts_are_told_with_stage_status_and_times() -> None:
    rig = Rig(unreachable(), failure(529, "overloaded_error"), stream(*sse_stream(), after=1.5), failover_timeout=inf)
    await rig.serve(body=messages_body(stream=True))
    told = [
        (one.candidate.provider, one.outcome, one.status, one.stage, one.reason, one.ended_at - one.started_at)
        for one in rig.record.attempts
    ]
    assert told == [
        ("a", Outcome.FAILED, None, "CONNECT", "connection refused", 0.0),
        ("b", Outcome.FAILED, 529, None, "transient", 0.0),
        ("a", Outcome.DELIVERED, 200, None, "", 1.5),
    ]


@virtual
async def test_a_wait_is_told() -> None:
    only = upstream("a", "k1")
    only.pool.cool(key(only, "k1"), "", 7.0, STARTED_AT, Chance(0.5))
    rig = Rig(ok(), upstreams=[only], queueing=A_MINUTE)
    await rig.serve()
    assert trace(rig).waited == 7.0
    assert refused(trace(rig)) == [("k1", "throttled", STARTED_AT + 7.0)]


@virtual
async def test_a_session_at_home_is_told_so() -> None:
    pool = upstream("a", *[f"k{number}" for number in range(4)])
    rig = Rig(ok(), ok(), upstreams=[pool], keeps_sessions=True)
    told = []
    for _ in range(2):
        await rig.serve(headers=of_session("s"))
        told.append(trace(rig).affinity)
        first = trace(rig).candidates()[0].candidate.credential.fingerprint
        assert first == pool.pool.rank_for("s")[0].name
    assert told == ["placed", "home"]


@virtual
async def test_a_bound_request_tells_which_candidates_could_not_know() -> None:
    pool = upstream("a", "k1", "k2")
    rig = Rig(ok(), upstreams=[pool], keeps_sessions=True)
    rig.shells.sessions.remember("s", Home("a", "key-k2", 9000, STARTED_AT), STARTED_AT)
    await rig.serve(headers=of_session("s"), body=messages_body(container="c1"))
    reasons = {one.candidate.credential.secret: one.reason for one in trace(rig).candidates()}
    assert reasons == {"k1": "not where the session lives", "k2": "the session's place"}


@virtual
async def test_who_failed_tells_as_much_as_who_answered() -> None:
    rig = Rig(failure(500), failure(500), retry=Retry(max_attempts=2))
    await rig.serve()
    assert [one.candidate.provider for one in trace(rig).candidates()] == ["a", "b"]


@virtual
async def test_what_was_never_planned_has_no_trace() -> None:
    rig = Rig()
    await rig.serve(body=b"no json")
    assert rig.record.trace is None


@virtual
async def test_a_trace_keeps_nothing_of_the_request() -> None:
    rig = Rig(ok())
    await rig.serve(body=messages_body(system="a secret of the user's"))
    assert "a secret of the user's" not in repr([rig.record, trace(rig).candidates()])
