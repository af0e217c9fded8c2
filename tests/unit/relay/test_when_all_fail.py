"""What the client hears when nobody answered."""

import json

import pytest
from tests.support.builders import messages_body
from tests.support.fakes import Rig, answer, broken, failure, stream, unreachable, upstream, upstream_of
from tests.support.virtual_time import virtual

from cc_relay.errors import Stage, UpstreamError
from cc_relay.exchange import Credential, FailureKind, Outcome
from cc_relay.relay.snapshot import Access

OPEN_TO_SUBSCRIPTIONS = Access(allows_subscription=True)
OAT = b"sk-ant-oat01-invented"
LOGGED_IN = [(b"authorization", b"Bearer " + OAT)]


@virtual
async def test_the_upstreams_own_error_arrives_byte_for_byte_with_the_headers_recovery_goes_by() -> None:
    body = b'{"type":"error", "error":{"type":"rate_limit_error","message":"Slow down"},"request_id":"req_theirs"}'
    headers = [
        (b"content-type", b"application/json; charset=utf-8"),
        (b"retry-after", b"7"),
        (b"x-should-retry", b"true"),
        (b"request-id", b"req_theirs"),
        (b"x-request-id", b"another"),
    ]
    rig = Rig(answer(body, status=429, headers=headers), upstreams=[upstream("a", "k1")])
    downstream = await rig.serve()
    assert (downstream.status, downstream.body) == (429, body)
    assert dict(downstream.headers) == {
        b"content-type": b"application/json",
        b"retry-after": b"7",
        b"x-should-retry": b"true",
        b"request-id": b"req_theirs",
    }
    assert (rig.record.status, rig.record.outcome, rig.record.reason) == (429, Outcome.FAILED, "throttle")
    assert rig.record.bytes_out == len(body)


@virtual
async def test_an_error_without_an_id_gets_the_one_its_answer_carries() -> None:
    rig = Rig(answer(b"<html>Bad request</html>", status=400), upstreams=[upstream("a", "k1")])
    downstream = await rig.serve(id="req_ours")
    told = json.loads(downstream.body)
    assert (told["type"], told["request_id"]) == ("error", "req_ours")
    assert rig.record.bytes_out == len(downstream.body)


@pytest.mark.parametrize(
    ("said", "told"),
    [("0", b"0"), ("12", b"12"), ("0.2", b"1"), ("2.5", b"3"), ("soon", None)],
)
@virtual
async def test_retry_after_is_told_in_whole_seconds_and_never_sooner_than_said(said: str, told: bytes | None) -> None:
    rig = Rig(failure(429, "rate_limit_error", retry_after=said), upstreams=[upstream("a", "k1")])
    downstream = await rig.serve()
    assert downstream.header(b"retry-after") == told


@virtual
async def test_the_last_upstreams_error_is_the_one_that_is_told() -> None:
    rig = Rig(failure(429, "rate_limit_error"), failure(402, "billing_error"))
    downstream = await rig.serve()
    assert downstream.status == 402
    assert b"the upstream's own 402" in downstream.body


@virtual
async def test_an_upstreams_own_words_win_over_a_later_silence() -> None:
    rig = Rig(failure(429, "rate_limit_error"), unreachable(), unreachable())
    downstream = await rig.serve()
    assert downstream.status == 429


@virtual
async def test_debug_headers_come_with_an_upstreams_error_too() -> None:
    rig = Rig(failure(400, "invalid_request_error"), shows_debug_headers=True)
    downstream = await rig.serve()
    assert downstream.header(b"x-cc-relay-provider") == b"a"
    assert downstream.header(b"x-cc-relay-attempts") == b"1"


@pytest.mark.parametrize(
    ("error", "status", "error_type", "reason"),
    [
        (unreachable(), 502, "api_error", b"upstream_unreachable"),
        (UpstreamError("no route", stage=Stage.CONNECT, timed_out=True), 502, "api_error", b"upstream_unreachable"),
        (broken(Stage.SEND), 502, "api_error", b"upstream_broke"),
        (broken(Stage.HEAD), 502, "api_error", b"upstream_broke"),
        (broken(Stage.HEAD, timed_out=True), 504, "timeout_error", b"upstream_timeout"),
        (broken(Stage.BODY, timed_out=True), 504, "timeout_error", b"upstream_timeout"),
    ],
)
@virtual
async def test_an_upstream_that_never_answered_is_named_in_an_error_of_ours(
    error: UpstreamError, status: int, error_type: str, reason: bytes
) -> None:
    rig = Rig(error, error, upstreams=[upstream("a", "k1")])
    downstream = await rig.serve(id="req_9")
    told = json.loads(downstream.body)
    assert (downstream.status, told["error"]["type"]) == (status, error_type)
    assert downstream.header(b"x-cc-relay-error") == reason
    assert "'a'" in told["error"]["message"]
    assert told["request_id"] == "req_9"
    assert rig.record.outcome is Outcome.FAILED


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (lambda: answer(b"<html>", headers=[(b"content-type", b"text/html")]), "text/html"),
        (lambda: answer(b"", status=302), "redirects"),
        (lambda: stream(b""), "asked for whole"),
    ],
)
@virtual
async def test_a_useless_answer_is_described(given: "object", words: str) -> None:
    rig = Rig(given(), given(), upstreams=[upstream("a", "k1")])  # type: ignore[operator]  # fakes are built in their loop
    downstream = await rig.serve()
    assert downstream.status == 502
    assert words.encode() in downstream.body


@pytest.mark.parametrize("status", [401, 403])
@virtual
async def test_a_refusal_of_our_own_key_names_the_provider_and_no_secret(status: int) -> None:
    body = (
        b'{"type":"error","error":{"type":"authentication_error","message":"key k1-secret of organization org-77 was '
        b'revoked"}}'
    )
    headers = [(b"anthropic-organization-id", b"org-77"), (b"content-type", b"application/json")]
    rig = Rig(answer(body, status=status, headers=headers), upstreams=[upstream("a", "k1-secret")])
    downstream = await rig.serve()
    told = json.loads(downstream.body)
    assert (downstream.status, told["error"]["type"]) == (502, "api_error")
    assert downstream.header(b"x-should-retry") == b"false"
    seen = downstream.body + b"".join(name + value for name, value in downstream.headers)
    assert b"'a'" in downstream.body
    assert b"k1-secret" not in seen
    assert b"org-77" not in seen
    assert rig.record.outcome is Outcome.FAILED


@virtual
async def test_a_refused_key_is_passed_over() -> None:
    refused = failure(401, "authentication_error")
    good = answer(b'{"type":"message","content":[]}')
    rig = Rig(refused, good, upstreams=[upstream("a", "k1", "k2")])
    downstream = await rig.serve()
    assert (downstream.status, rig.sender.asked) == (200, ["a/k1", "a/k2"])


@virtual
async def test_a_refused_key_is_not_what_the_client_hears_when_another_upstream_said_something() -> None:
    rig = Rig(failure(429, "rate_limit_error"), failure(401, "authentication_error"))
    assert (await rig.serve()).status == 429


@pytest.mark.parametrize("status", [401, 403, 402])
@virtual
async def test_a_clients_own_login_that_is_refused_hears_it_verbatim_and_nobody_else_is_asked(status: int) -> None:
    body = b'{"type":"error","error":{"type":"authentication_error","message":"OAuth token has expired"}}'
    unified = [(b"anthropic-ratelimit-unified-status", b"rejected"), (b"content-type", b"application/json")]
    home = upstream("home", "pool", accepts_client_login=True)
    rig = Rig(
        answer(body, status=status, headers=unified), upstreams=[home, upstream("b")], access=OPEN_TO_SUBSCRIPTIONS
    )
    downstream = await rig.serve(headers=LOGGED_IN)
    assert (downstream.status, downstream.body) == (status, body)
    assert downstream.header(b"anthropic-ratelimit-unified-status") == b"rejected"
    assert rig.sender.asked == ["home/" + OAT.decode()]


@virtual
async def test_a_pools_plan_limits_are_not_shown_as_the_clients_own() -> None:
    rig = Rig(
        failure(429, "rate_limit_error", anthropic_ratelimit_unified_status="rejected"), upstreams=[upstream("a", "k1")]
    )
    downstream = await rig.serve()
    assert downstream.header(b"anthropic-ratelimit-unified-status") is None


@virtual
async def test_no_provider_at_all_is_an_unknown_model() -> None:
    rig = Rig(upstreams=[])
    assert (await rig.serve()).status == 404


@virtual
async def test_providers_that_none_of_the_clients_credentials_fit_are_a_401() -> None:
    rig = Rig(upstreams=[upstream_of(upstream("home", accepts_client_login=True).provider)])
    downstream = await rig.serve(headers=[])
    assert (downstream.status, downstream.header(b"x-cc-relay-error")) == (401, b"no_usable_credential")


@virtual
async def test_a_spent_pool_goes_on_to_the_next_key() -> None:
    spent = failure(400, "invalid_request_error", kind=FailureKind.PLAN)
    rig = Rig(spent, answer(b'{"type":"message","content":[]}'), upstreams=[upstream("a", "k1", "k2")])
    await rig.serve(body=messages_body())
    assert rig.sender.asked == ["a/k1", "a/k2"]


@virtual
async def test_an_upstream_that_asks_for_no_key_is_sent_none() -> None:
    rig = Rig(
        answer(b'{"type":"message","content":[]}'),
        upstreams=[upstream_of(upstream("a").provider, (Credential("no-key", ""),))],
    )
    await rig.serve()
    assert rig.sender.asked == ["a/"]
