"""Before commit anything may be tried again: who is asked, in which order, how often, and with how much patience."""

from itertools import pairwise
from math import inf

import pytest
from tests.support.builders import PING, event, messages_body, sse_stream
from tests.support.fakes import (
    Chance,
    FakeIncoming,
    Rig,
    answer,
    broken,
    failure,
    key,
    stream,
    unreachable,
    upstream,
)
from tests.support.virtual_time import STARTED_AT, virtual

from cc_relay.errors import Stage, UpstreamError
from cc_relay.exchange import FailureKind, Outcome
from cc_relay.policy.judge import FAILURES, Verdict
from cc_relay.relay.snapshot import Retry, Upstream

MESSAGE = b'{"type":"message","content":[],"usage":{"input_tokens":3,"output_tokens":5}}'
STREAM = sse_stream()
STREAMING = messages_body(stream=True)

ORDER_AFTER_A_FAILURE = {
    Verdict.NEXT: ["a/k1", "a/k2"],
    Verdict.ONWARD: ["a/k1", "a/k2"],
    Verdict.ELSEWHERE: ["a/k1", "b/k1"],
    Verdict.STOP: ["a/k1"],
}


def ok() -> FakeIncoming:
    return answer(MESSAGE)


def pools() -> list[Upstream]:
    return [upstream("a", "k1", "k2"), upstream("b", "k1", "k2")]


@virtual
async def test_providers_are_asked_in_the_order_given_and_each_key_before_the_next_provider() -> None:
    rig = Rig(*[failure(429, "rate_limit_error") for _ in range(3)], ok(), upstreams=pools())
    downstream = await rig.serve()
    assert rig.sender.asked == ["a/k1", "a/k2", "b/k1", "b/k2"]
    assert (downstream.status, rig.record.outcome) == (200, Outcome.DELIVERED)


@virtual
async def test_a_provider_that_fails_twice_is_left_before_its_other_keys_are_tried() -> None:
    rig = Rig(failure(500), failure(500), ok(), upstreams=[upstream("a", "k1", "k2", "k3"), upstream("b")])
    await rig.serve()
    assert rig.sender.asked == ["a/k1", "a/k2", "b/b-key"]


@pytest.mark.parametrize("error", [unreachable(), broken(Stage.HEAD, timed_out=True)], ids=["no dial", "silence"])
@virtual
async def test_where_nobody_answers_the_phone_no_other_key_helps(error: UpstreamError) -> None:
    rig = Rig(error, ok(), upstreams=pools())
    await rig.serve()
    assert rig.sender.asked == ["a/k1", "b/k1"]


@virtual
async def test_the_keys_that_were_put_off_come_before_those_that_failed() -> None:
    rig = Rig(unreachable(), failure(500), failure(500), ok(), upstreams=pools())
    await rig.serve()
    assert rig.sender.asked == ["a/k1", "b/k1", "b/k2", "a/k2"]


@virtual
async def test_silence_is_not_asked_once_more_but_its_providers_other_keys_are() -> None:
    rig = Rig(broken(Stage.HEAD, timed_out=True), ok(), upstreams=[upstream("a", "k1", "k2")])
    await rig.serve()
    assert rig.sender.asked == ["a/k1", "a/k2"]


@pytest.mark.parametrize("kind", FailureKind)
@virtual
async def test_each_kind_of_failure_goes_where_the_judges_table_says(kind: FailureKind) -> None:
    order = ORDER_AFTER_A_FAILURE[FAILURES[kind]]
    rig = Rig(failure(418, kind=kind), *([ok()] if len(order) > 1 else []), upstreams=pools())
    downstream = await rig.serve()
    assert rig.sender.asked == order
    assert downstream.status == (200 if len(order) > 1 else 418)
    assert rig.record.attempts[0].outcome is Outcome.FAILED
    assert (rig.record.attempts[0].status, rig.record.attempts[0].reason) == (418, kind.value)


@pytest.mark.parametrize("kind", FailureKind)
@virtual
async def test_only_what_was_unwell_is_asked_once_more(kind: FailureKind) -> None:
    is_unwell = FAILURES[kind] is Verdict.NEXT
    rig = Rig(failure(418, kind=kind), *([ok()] if is_unwell else []), upstreams=[upstream("a")])
    await rig.serve()
    assert rig.sender.asked == ["a/a-key"] * (2 if is_unwell else 1)


@pytest.mark.parametrize("stage", Stage)
@virtual
async def test_a_break_at_any_stage_before_commit_goes_on(stage: Stage) -> None:
    rig = Rig(UpstreamError("reset", stage=stage), ok())
    downstream = await rig.serve()
    assert (downstream.status, rig.sender.asked) == (200, ["a/a-key", "b/b-key"])


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(lambda: answer(MESSAGE[:20], broken()), id="whole answer broken half-way"),
        pytest.param(lambda: answer(b""), id="empty body"),
        pytest.param(lambda: answer(b"<html>hi</html>", headers=[(b"content-type", b"text/html")]), id="web page"),
        pytest.param(lambda: answer(b'{"type":"error","error":{"type":"api_error","message":"x"}}'), id="error in 200"),
        pytest.param(lambda: answer(b'{"hello":"world"}'), id="some other JSON"),
        pytest.param(lambda: answer(b"", status=307, headers=[(b"location", b"/x")]), id="redirect"),
        pytest.param(lambda: stream(*STREAM), id="stream that was not asked for"),
        pytest.param(lambda: failure(529, "overloaded_error"), id="overloaded"),
        pytest.param(lambda: failure(500), id="internal error"),
    ],
)
@virtual
async def test_a_bad_first_answer_to_a_whole_request_is_never_seen(first: "object") -> None:
    rig = Rig(first(), ok())  # type: ignore[operator]  # a lambda: fakes are built in their loop
    downstream = await rig.serve()
    assert (downstream.status, downstream.body) == (200, MESSAGE)
    assert rig.sender.asked == ["a/a-key", "b/b-key"]


@pytest.mark.parametrize(
    "first",
    [
        pytest.param([broken()], id="reset before a byte"),
        pytest.param([], id="end before a byte"),
        pytest.param([STREAM[0], PING], id="end before any content"),
        pytest.param([STREAM[0], PING, broken()], id="reset before any content"),
        pytest.param([STREAM[0][:50], 0.2, broken()], id="reset inside message_start"),
        pytest.param([event("error", error={"type": "overloaded_error", "message": "Overloaded"})], id="error event"),
    ],
)
@virtual
async def test_a_stream_that_fails_before_its_content_is_never_seen(first: list[bytes | UpstreamError]) -> None:
    rig = Rig(stream(*first), stream(*STREAM))
    downstream = await rig.serve(body=STREAMING)
    assert (downstream.body, downstream.end) == (b"".join(STREAM), "finish")
    assert rig.record.usage.input == 25


@virtual
async def test_a_half_read_error_body_still_counts_by_its_status() -> None:
    rig = Rig(answer(b'{"type":"err', broken(), status=429), ok())
    await rig.serve()
    assert (rig.record.attempts[0].status, rig.record.attempts[0].reason) == (429, "throttle")


@virtual
async def test_an_error_body_that_does_not_end_is_not_waited_for() -> None:
    rig = Rig(answer(b"{", inf, status=500), ok())
    await rig.serve()
    assert rig.record.ended_at == STARTED_AT + 10.0


@virtual
async def test_an_endless_error_body_is_cut() -> None:
    rig = Rig(answer(*[b"x" * 65_536] * 100, status=500), ok())
    await rig.serve()
    first = rig.sender.answers[0]
    assert isinstance(first, FakeIncoming)
    assert first.is_closed
    assert not first.is_finished


@virtual
async def test_nothing_is_tried_beyond_max_attempts() -> None:
    rig = Rig(*[unreachable()] * 3, upstreams=pools(), retry=Retry(max_attempts=3))
    downstream = await rig.serve()
    assert rig.sender.asked == ["a/k1", "b/k1", "a/k2"]
    assert downstream.status == 502


@virtual
async def test_the_unwell_are_asked_once_more_in_the_same_order_and_no_third_time() -> None:
    rig = Rig(*[unreachable()] * 4, retry=Retry(max_attempts=10))
    await rig.serve()
    assert rig.sender.asked == ["a/a-key", "b/b-key", "a/a-key", "b/b-key"]


@virtual
async def test_only_the_unwell_come_up_once_more() -> None:
    rig = Rig(failure(529, "overloaded_error"), failure(429, "rate_limit_error"), ok(), retry=Retry(max_attempts=10))
    await rig.serve()
    assert rig.sender.asked == ["a/a-key", "b/b-key", "a/a-key"]


@virtual
async def test_a_provider_that_lacks_the_model_is_not_asked_once_more() -> None:
    missing = failure(404, "not_found_error", kind=FailureKind.UNKNOWN_MODEL)
    rig = Rig(failure(500), missing, upstreams=[upstream("a", "k1", "k2")])
    downstream = await rig.serve()
    assert rig.sender.asked == ["a/k1", "a/k2"]
    assert downstream.status == 404


@pytest.mark.parametrize(("dice", "rests"), [(0.0, [0.2, 0.4]), (1.0, [0.4, 0.8])])
@virtual
async def test_the_second_round_rests_for_a_jittered_and_growing_moment(dice: float, rests: list[float]) -> None:
    two_keys = [upstream("a", "k1", "k2")]
    rig = Rig(*[failure(529, "overloaded_error") for _ in range(4)], upstreams=two_keys, dice=Chance(dice))
    await rig.serve()
    at = rig.sender.sent_at
    assert at[1] == at[0]
    assert [later - earlier for earlier, later in pairwise(at)][1:] == [pytest.approx(rest) for rest in rests]


@virtual
async def test_without_jitter_the_dice_are_not_asked() -> None:
    retry = Retry(base=1.0, ceiling=1.0, has_jitter=False)
    rig = Rig(unreachable(), ok(), upstreams=[upstream("a")], retry=retry, dice=Chance(0.0))
    await rig.serve()
    assert rig.sender.sent_at == [STARTED_AT, STARTED_AT + 1.0]


@virtual
async def test_a_first_failover_does_not_wait() -> None:
    rig = Rig(unreachable(), ok())
    await rig.serve()
    assert rig.sender.sent_at == [STARTED_AT, STARTED_AT]


# -- patience ---------------------------------------------------------------------------------------------------------


@virtual
async def test_a_silent_stream_is_left_after_the_failover_timeout() -> None:
    silent = stream(inf)
    rig = Rig(silent, stream(*STREAM), failover_timeout=5.0)
    await rig.serve(body=STREAMING)
    assert rig.sender.sent_at == [STARTED_AT, STARTED_AT + 5.0]
    assert silent.closed_at == STARTED_AT + 5.0


@virtual
async def test_an_answer_that_is_asked_for_whole_has_the_time_its_tokens_take_beyond_the_timeout() -> None:
    silent = answer(inf)
    rig = Rig(silent, ok(), failover_timeout=5.0)
    await rig.serve(body=messages_body(max_tokens=100))
    assert silent.closed_at == STARTED_AT + 5.0 + 2.0


@virtual
async def test_nobody_is_hurried_for_a_candidate_that_could_not_take_over_now() -> None:
    other = upstream("b")
    other.pool.cool(key(other, "b-key"), "", 60.0, STARTED_AT, Chance(0.5))
    rig = Rig(stream(*STREAM, after=6.0), upstreams=[upstream("a"), other], failover_timeout=5.0)
    assert (await rig.serve(body=STREAMING)).status == 200
    assert rig.sender.asked == ["a/a-key"]


@virtual
async def test_nobody_is_hurried_for_a_provider_that_cannot_take_the_request() -> None:
    rig = Rig(
        stream(*STREAM, after=6.0), upstreams=[upstream("a"), upstream("b", gap="cannot see")], failover_timeout=5.0
    )
    assert (await rig.serve(body=STREAMING)).status == 200
    assert rig.sender.asked == ["a/a-key"]


@virtual
async def test_looking_for_somebody_to_take_over_uses_nothing_up() -> None:
    spare = upstream("b", "k1", "k2", limits={"rpm": 1.0})
    spare.pool.spend(key(spare, "k2"), 1.0, STARTED_AT - 2.0)
    before = [(one.turn, one.state(STARTED_AT), one.utilisation(STARTED_AT)) for one in spare.pool.keys]
    rig = Rig(ok(), upstreams=[upstream("a"), spare])
    await rig.serve()
    assert [(one.turn, one.state(STARTED_AT), one.utilisation(STARTED_AT)) for one in spare.pool.keys] == before


@virtual
async def test_an_upstream_without_a_head_is_left_after_the_failover_timeout() -> None:
    rig = Rig(stream(*STREAM, after=6.0), stream(*STREAM), failover_timeout=5.0)
    await rig.serve(body=STREAMING)
    assert rig.sender.sent_at == [STARTED_AT, STARTED_AT + 5.0]


@virtual
async def test_the_last_candidate_has_all_the_time_it_needs() -> None:
    rig = Rig(stream(*STREAM, after=6.0), stream(*STREAM, after=900.0), failover_timeout=5.0)
    downstream = await rig.serve(body=STREAMING)
    assert (downstream.status, downstream.ended_at) == (200, STARTED_AT + 905.0)


@virtual
async def test_the_last_attempt_has_all_the_time_it_needs_though_candidates_are_left() -> None:
    rig = Rig(answer(MESSAGE, after=900.0), retry=Retry(max_attempts=1), failover_timeout=5.0)
    assert (await rig.serve()).status == 200


@virtual
async def test_a_single_candidate_is_never_hurried() -> None:
    rig = Rig(stream(inf, after=0.0), upstreams=[upstream("a")], timeout=7200.0)
    downstream = await rig.serve(body=STREAMING)
    assert (downstream.status, downstream.ended_at) == (504, STARTED_AT + 7200.0)


@virtual
async def test_silence_is_not_tried_again_at_the_same_place() -> None:
    rig = Rig(broken(Stage.HEAD, timed_out=True), upstreams=[upstream("a")])
    downstream = await rig.serve()
    assert (downstream.status, rig.sender.asked) == (504, ["a/a-key"])


# -- the whole request's time -----------------------------------------------------------------------------------------


@virtual
async def test_a_request_out_of_time_before_commit_is_told_so() -> None:
    rig = Rig(answer(inf), upstreams=[upstream("a")], timeout=60.0)
    downstream = await rig.serve()
    assert (downstream.status, downstream.ended_at) == (504, STARTED_AT + 60.0)
    assert downstream.header(b"x-cc-relay-error") == b"upstream_timeout"
    assert rig.record.outcome is Outcome.FAILED


@virtual
async def test_nobody_else_is_asked_once_the_request_is_out_of_time() -> None:
    rig = Rig(answer(inf), failover_timeout=inf, timeout=60.0)
    downstream = await rig.serve()
    assert (downstream.status, rig.sender.asked) == (504, ["a/a-key"])


@virtual
async def test_nobody_is_asked_once_more_after_a_rest_that_outlasts_the_request() -> None:
    rig = Rig(unreachable(), upstreams=[upstream("a")], retry=Retry(base=9.0, ceiling=9.0), timeout=5.0)
    downstream = await rig.serve()
    assert (downstream.status, rig.sender.asked) == (502, ["a/a-key"])


@virtual
async def test_a_request_out_of_time_after_commit_is_broken_off() -> None:
    given = stream(*STREAM[:4], inf)
    rig = Rig(given, timeout=60.0)
    downstream = await rig.serve(body=STREAMING)
    assert (downstream.end, downstream.ended_at) == ("abort", STARTED_AT + 60.0)
    assert rig.record.outcome is Outcome.BROKEN
    assert given.closed_at == STARTED_AT + 60.0


# -- providers that cannot carry a request ----------------------------------------------------------------------------


@virtual
async def test_a_provider_that_cannot_carry_a_request_is_passed_over_without_an_attempt() -> None:
    rig = Rig(ok(), upstreams=[upstream("a", declines=True), upstream("b")], retry=Retry(max_attempts=1))
    downstream = await rig.serve()
    assert (downstream.status, rig.sender.asked, len(rig.record.attempts)) == (200, ["b/b-key"], 1)


@virtual
async def test_a_request_nobody_can_carry_is_answered_with_the_reason() -> None:
    rig = Rig(upstreams=[upstream("a", declines=True)])
    downstream = await rig.serve()
    assert (downstream.status, rig.record.outcome, rig.record.reason) == (413, Outcome.REJECTED, "body_too_large")


@virtual
async def test_the_failure_of_one_who_was_asked_says_more_than_one_who_was_not() -> None:
    rig = Rig(unreachable(), unreachable(), upstreams=[upstream("a"), upstream("b", declines=True)])
    downstream = await rig.serve()
    assert (downstream.status, rig.record.reason) == (502, "upstream_unreachable")


@virtual
async def test_a_long_prompt_has_the_time_its_reading_takes_beyond_the_timeout() -> None:
    """200,000 tokens that no cache holds, at 10,000 a second and the first 10,000 for nothing: 19 s more."""
    long = messages_body(stream=True, system="word " * 160_000)
    tokens = len(long) // 4
    rig = Rig(stream(*STREAM, after=1000.0), stream(*STREAM), failover_timeout=5.0)
    downstream = await rig.serve(body=long)
    assert downstream.status == 200
    assert rig.sender.sent_at[1] - rig.sender.sent_at[0] == pytest.approx(5.0 + (tokens - 10_000) / 10_000)
