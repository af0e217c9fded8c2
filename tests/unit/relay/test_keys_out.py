"""A key that said no is left alone for as long as it said, and the next one answers."""

import asyncio

import pytest
from tests.support.builders import messages_body, sse_stream
from tests.support.fakes import (
    FakeIncoming,
    Rig,
    answer,
    broken,
    failure,
    key,
    stream,
    unreachable,
    upstream,
    upstream_of,
)
from tests.support.virtual_time import STARTED_AT, settle, virtual

from cc_relay.errors import Stage, UpstreamError
from cc_relay.exchange import Credential, FailureKind, Headers, Outcome

MESSAGE = b'{"type":"message","content":[],"usage":{"input_tokens":3,"output_tokens":5}}'
STREAMING = messages_body(stream=True)
FRAMES = sse_stream()


def ok(headers: Headers | None = None) -> FakeIncoming:
    return answer(MESSAGE, headers=[(b"content-type", b"application/json"), *(headers or [])])


def throttled(seconds: str | None = None) -> FakeIncoming:
    return failure(429, "rate_limit_error", **({} if seconds is None else {"retry_after": seconds}))


def refused(kind: FailureKind, status: int = 400) -> FakeIncoming:
    return failure(status, kind=kind)


# -- 429 --------------------------------------------------------------------------------------------------------------


@virtual
async def test_a_429_moves_to_the_next_key_and_cools_the_first_exactly_as_said() -> None:
    pool = upstream("a", "k1", "k2")
    rig = Rig(throttled("7"), ok(), ok(), ok(), upstreams=[pool])
    assert (await rig.serve()).status == 200
    assert rig.sender.asked == ["a/k1", "a/k2"]
    assert key(pool, "k1").state(rig.loop.time()).until == STARTED_AT + 7.0
    await asyncio.sleep(6.9)
    await rig.serve()
    assert rig.sender.asked[2:] == ["a/k2"]
    await asyncio.sleep(0.1)
    await rig.serve()
    assert rig.sender.asked[3:] == ["a/k1"]
    assert rig.watch.heard == ["a/key-k1 throttle 7"]


@virtual
async def test_a_429_costs_the_client_no_time() -> None:
    rig = Rig(throttled("7"), throttled("9"), ok(), upstreams=[upstream("a", "k1", "k2"), upstream("b")])
    downstream = await rig.serve()
    assert (downstream.status, downstream.ended_at) == (200, STARTED_AT)


@pytest.mark.parametrize("said", [None, "0", "-3", "soon", "nan"])
@virtual
async def test_a_429_that_does_not_say_how_long_is_left_alone_for_a_moment_only(said: str | None) -> None:
    pool = upstream("a", "k1", "k2")
    rig = Rig(throttled(said), ok(), upstreams=[pool])
    await rig.serve()
    assert STARTED_AT < key(pool, "k1").state(STARTED_AT).until <= STARTED_AT + 1.0


@virtual
async def test_a_429_of_a_year_is_believed_for_an_hour() -> None:
    pool = upstream("a", "k1", "k2")
    rig = Rig(throttled("31536000"), ok(), upstreams=[pool])
    await rig.serve()
    assert key(pool, "k1").state(STARTED_AT).until == STARTED_AT + 3600.0


@virtual
async def test_a_429_cools_the_models_family_only() -> None:
    pool = upstream("a", "k1", families={"claude-sonnet-5-5": "sonnet"})
    rig = Rig(throttled("60"), ok(), upstreams=[pool])
    await rig.serve()
    assert (await rig.serve(body=messages_body(model="claude-opus-5-5"))).status == 200
    assert (await rig.serve()).header(b"retry-after") == b"60"


@virtual
async def test_a_throttled_answer_in_band_is_the_keys_too() -> None:
    body = b'event: error\ndata: {"type":"error","error":{"type":"rate_limit_error","message":"slow down"}}\n\n'
    pool = upstream("a", "k1", "k2")
    rig = Rig(stream(FRAMES[0], body), stream(*FRAMES), upstreams=[pool])
    await rig.serve(body=STREAMING)
    assert rig.sender.asked == ["a/k1", "a/k2"]
    assert key(pool, "k1").state(STARTED_AT).is_open


@virtual
async def test_when_every_key_is_exhausted_nobody_is_asked_and_the_client_hears_when_to_come_back() -> None:
    rig = Rig(throttled("7"), throttled("30"), upstreams=[upstream("a", "k1", "k2")])
    first = await rig.serve()
    assert b"the upstream's own 429" in first.body
    await asyncio.sleep(2.5)
    second = await rig.serve()
    assert (second.status, second.header(b"x-cc-relay-error")) == (429, b"keys_exhausted")
    assert second.header(b"retry-after") == b"5"
    assert len(rig.sender.requests) == 2
    assert rig.records[1].outcome is Outcome.REJECTED


# -- limits -----------------------------------------------------------------------------------------------------------


@virtual
async def test_a_configured_limit_is_never_exceeded() -> None:
    rig = Rig(ok(), ok(), ok(), upstreams=[upstream("a", "k1", "k2", limits={"rpm": 1.0})])
    told = [await rig.serve() for _ in range(3)]
    assert [one.status for one in told] == [200, 200, 429]
    assert told[2].header(b"retry-after") == b"60"
    await asyncio.sleep(60.0)
    assert (await rig.serve()).status == 200


@virtual
async def test_a_limit_is_learned_from_an_answer_and_kept_from_then_on() -> None:
    headers = [
        (b"anthropic-ratelimit-requests-limit", b"60"),
        (b"anthropic-ratelimit-requests-remaining", b"0"),
    ]
    pool = upstream("a", "k1", "k2")
    rig = Rig(ok(headers), ok(), ok(), upstreams=[pool])
    for _ in range(3):
        await rig.serve()
    assert rig.sender.asked == ["a/k1", "a/k2", "a/k2"]


@virtual
async def test_what_is_used_is_settled_with_the_true_counts() -> None:
    pool = upstream("a", "k1", limits={"itpm": 1000.0, "otpm": 1000.0})
    body = (
        b'{"type":"message","content":[],"usage":{"input_tokens":300,"output_tokens":20,"cache_read_input_tokens":9}}'
    )
    await Rig(answer(body), upstreams=[pool]).serve()
    levels = {kind: level for _, kind, _, level in key(pool, "k1").utilisation(STARTED_AT)}
    assert levels == {"input": 700.0, "output": 980.0}


@pytest.mark.parametrize(
    ("given", "spent"),
    [
        pytest.param(unreachable, 0, id="never sent"),
        pytest.param(lambda: broken(Stage.HEAD, timed_out=True), 1, id="sent and silent"),
        pytest.param(lambda: failure(400, "invalid_request_error"), 1, id="refused"),
        pytest.param(lambda: failure(500), 1, id="failed"),
    ],
)
@virtual
async def test_a_request_counts_where_the_upstream_saw_it(given: "object", spent: int) -> None:
    pool = upstream("a", "k1", limits={"rpm": 60.0})
    rig = Rig(given(), upstreams=[pool], timeout=0.05)  # type: ignore[operator]  # fakes are built in their loop
    await rig.serve()
    ((_, _, limit, level),) = key(pool, "k1").utilisation(STARTED_AT)
    assert limit - level == spent


@virtual
async def test_a_request_counts_though_its_client_left_meanwhile() -> None:
    pool = upstream("a", "k1", limits={"rpm": 60.0})
    rig = Rig(stream(*FRAMES, after=10.0), upstreams=[pool])
    async with rig.begin(body=STREAMING) as exchange:
        await settle()
        await exchange.client_leaves()
    ((_, _, limit, level),) = key(pool, "k1").utilisation(STARTED_AT)
    assert limit - level == 1


@virtual
async def test_a_stream_its_client_left_is_settled_with_what_it_had_cost() -> None:
    pool = upstream("a", "k1", limits={"itpm": 1000.0})
    rig = Rig(stream(*FRAMES[:4], 60.0), upstreams=[pool])
    async with rig.begin(body=STREAMING) as exchange:
        await settle()
        await exchange.client_leaves()
    ((_, _, limit, level),) = key(pool, "k1").utilisation(STARTED_AT)
    assert limit - level == 25


# -- plans and credentials --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [FailureKind.PLAN, FailureKind.CREDENTIAL])
@virtual
async def test_a_key_that_is_spent_or_refused_is_out_and_the_next_one_answers(kind: FailureKind) -> None:
    rig = Rig(refused(kind), ok(), ok(), ok(), upstreams=[upstream("a", "k1", "k2")])
    for _ in range(3):
        assert (await rig.serve()).status == 200
    assert rig.sender.asked == ["a/k1", "a/k2", "a/k2", "a/k2"]
    assert rig.watch.heard == [f"a/key-k1 {kind.value} 60"]


@virtual
async def test_a_spent_plan_is_spent_for_every_key_of_its_organisation() -> None:
    org = [(b"anthropic-organization-id", b"org-1")]
    spent = answer(b"{}", status=402, headers=[*org, (b"content-type", b"application/json"), (b"x-kind", b"plan")])
    rig = Rig(ok(org), ok(org), spent, ok(), upstreams=[upstream("a", "k1", "k2"), upstream("b")])
    await rig.serve()
    await rig.serve()
    await rig.serve()
    assert rig.sender.asked == ["a/k1", "a/k2", "a/k1", "b/b-key"]


@virtual
async def test_a_key_that_was_out_is_tried_by_one_request_first() -> None:
    rig = Rig(
        refused(FailureKind.CREDENTIAL),
        ok(),
        stream(*FRAMES[:4], 2.0, *FRAMES[4:]),
        ok(),
        ok(),
        upstreams=[upstream("a"), upstream("b")],
    )
    await rig.serve()
    await asyncio.sleep(60.0)
    async with rig.begin(body=STREAMING) as trial:
        await asyncio.sleep(1.0)
        await rig.serve()
        await trial.ended()
    await rig.serve()
    assert rig.sender.asked == ["a/a-key", "b/b-key", "a/a-key", "b/b-key", "a/a-key"]


@virtual
async def test_a_trial_that_ends_with_somebody_elses_fault_keeps_nobody_waiting() -> None:
    rig = Rig(
        *(refused(FailureKind.CREDENTIAL), ok(), failure(529), ok(), ok()),
        upstreams=[upstream("a"), upstream("b")],
    )
    await rig.serve()
    await asyncio.sleep(60.0)
    await rig.serve()
    await rig.serve()
    assert rig.sender.asked == ["a/a-key", "b/b-key", "a/a-key", "b/b-key", "a/a-key"]
    assert rig.watch.heard[-1] == "a/key-a-key back from credential"


@virtual
async def test_a_refused_credential_names_the_provider_also_the_second_time() -> None:
    rig = Rig(failure(401, "authentication_error"), upstreams=[upstream("a", "k1-secret")])
    for _ in range(2):
        downstream = await rig.serve()
        assert (downstream.status, downstream.header(b"x-cc-relay-error")) == (502, b"upstream_credential")
        assert b"'a'" in downstream.body
        assert b"k1-secret" not in downstream.body
        assert downstream.header(b"x-should-retry") == b"false"
    assert len(rig.sender.requests) == 1


@virtual
async def test_a_refused_credential_beside_an_exhausted_key_is_a_matter_of_time() -> None:
    rig = Rig(throttled("20"), failure(401, "authentication_error"), upstreams=[upstream("a", "k1", "k2")])
    await rig.serve()
    downstream = await rig.serve()
    assert (downstream.status, downstream.header(b"retry-after")) == (429, b"20")


@virtual
async def test_an_upstream_without_keys_is_no_worse_off_for_what_a_client_brought() -> None:
    home = upstream_of(upstream("home", accepts_client_login=True).provider)
    rig = Rig(refused(FailureKind.THROTTLE), ok(), upstreams=[home])
    login = [(b"x-api-key", b"sk-ant-api03-invented")]
    assert (await rig.serve(headers=login)).status == 400
    assert (await rig.serve(headers=login)).status == 200
    assert rig.watch.heard == []


# -- the wall clock and garbage ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value", [b"", b"-1", b"1e999", b"nan", b"many", b"9" * 400, "٣".encode(), b"2999-01-01T00:00:00Z", b"0"]
)
@virtual
async def test_absurd_limits_make_no_key_stuck(value: bytes) -> None:
    names = [b"requests", b"input-tokens", b"output-tokens", b"tokens"]
    headers = [(b"anthropic-ratelimit-" + name + end, value) for name in names for end in (b"-limit", b"-reset")]
    rig = Rig(ok(headers), ok(headers), upstreams=[upstream("a")])
    assert [(await rig.serve()).status for _ in range(2)] == [200, 200]


@virtual
async def test_a_no_key_upstream_is_a_key_like_any_other() -> None:
    local = upstream_of(upstream("local").provider, (Credential("no-key", ""),))
    losses: list[FakeIncoming | UpstreamError] = [throttled("5"), ok()]
    rig = Rig(*losses, upstreams=[local, upstream("b")])
    await rig.serve()
    assert rig.sender.asked == ["local/", "b/b-key"]


@virtual
async def test_a_key_that_serves_again_after_an_outage_is_told() -> None:
    pool = upstream("a", "k1")
    rig = Rig(refused(FailureKind.CREDENTIAL, 401), ok(), ok(), upstreams=[pool])
    await rig.serve()
    await asyncio.sleep(60.0)
    await rig.serve()
    await rig.serve()
    assert rig.watch.heard == ["a/key-k1 credential 60", "a/key-k1 back from credential"]
