import json

import pytest
from msgspec.structs import replace
from tests.support.builders import messages_body, relay_request
from tests.support.providers import SECRET, candidate, prepare, provider

from cc_relay.codec.messages import peek
from cc_relay.errors import Rejection
from cc_relay.exchange import Timeouts
from cc_relay.providers.anthropic import MAX_BODY


def test_the_clients_query_travels() -> None:
    assert prepare(provider("anthropic"), query="beta=true").target == b"/v1/messages?beta=true"
    assert prepare(provider("anthropic"), query="").target == b"/v1/messages"


def test_a_body_keeps_its_encoding_unless_it_is_written_anew() -> None:
    headers = [(b"content-encoding", b"identity")]
    assert b"content-encoding" in dict(prepare(provider("anthropic"), headers=headers).headers)
    assert b"content-encoding" not in dict(prepare(provider("anthropic"), headers=headers, model="mapped").headers)


def test_counting_goes_to_its_own_endpoint() -> None:
    seen, body = peek(messages_body())
    upstream = provider("anthropic").prepare_count(relay_request(body=body, query="beta=true"), seen, candidate())
    assert upstream is not None
    assert upstream.target == b"/v1/messages/count_tokens?beta=true"
    assert upstream.body is body


def test_a_body_over_the_limit_is_answered_here() -> None:
    body = messages_body(system="x" * MAX_BODY)
    with pytest.raises(Rejection, match=str(MAX_BODY)) as refused:
        prepare(provider("anthropic"), body)
    assert (refused.value.status, refused.value.error_type) == (413, "request_too_large")


def test_a_body_at_the_limit_goes_out() -> None:
    body = messages_body(system="")
    body = messages_body(system="x" * (MAX_BODY - len(body)))
    assert len(prepare(provider("anthropic"), body).body) == MAX_BODY


@pytest.mark.parametrize(
    "path",
    [
        "/v1/messages/batches",
        "/v1/messages/batches/msgbatch_1/results",
        "/v1/files/file_1/content",
        "/v1/skills",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_side_endpoints_pass_as_they_came(method: str, path: str) -> None:
    request = relay_request(method=method, path=path, query="limit=5", body=b"\x00multipart")
    upstream = provider("anthropic", "https://gateway.test/a").prepare_passthrough(request, candidate())
    assert upstream is not None
    assert (upstream.method, upstream.target) == (method.encode(), f"/a{path}?limit=5".encode())
    assert upstream.body is request.body
    assert dict(upstream.headers)[b"x-api-key"] == SECRET.encode()


@pytest.mark.parametrize(
    "path",
    [
        "/v1/messages",
        "/v1/filesystem",
        "/v1/organizations/me",
        "/v1/files/../organizations/me",
        "/v1/files/%2e%2e/organizations/me",
        "/v1/files/x/%2E%2E%2f%2e%2e/me",
        "/v1/skills/..\\..\\me",
    ],
)
def test_no_other_path_can_be_reached_with_our_key(path: str) -> None:
    assert provider("anthropic").prepare_passthrough(relay_request(path=path), candidate()) is None


def test_the_probe_lists_one_model() -> None:
    upstream = provider("anthropic").prepare_probe(candidate())
    assert (upstream.method, upstream.target) == (b"GET", b"/v1/models?limit=1")


def test_the_probe_of_a_login_says_that_it_is_one() -> None:
    own = candidate(secret="sk-ant-oat01-invented", is_client_owned=True)
    headers = dict(provider("anthropic").prepare_probe(own).headers)
    assert headers[b"authorization"] == b"Bearer sk-ant-oat01-invented"
    assert headers[b"anthropic-beta"] == b"oauth-2025-04-20"


def test_a_login_travels_to_anthropic_with_the_clients_betas() -> None:
    seen, body = peek(messages_body())
    request = relay_request(body=body, headers=[(b"anthropic-beta", b"oauth-2025-04-20")])
    own = candidate(secret="sk-ant-oat01-invented", is_client_owned=True)
    headers = dict(provider("anthropic").prepare_messages(request, seen, own).headers)
    assert headers[b"authorization"] == b"Bearer sk-ant-oat01-invented"
    assert headers[b"anthropic-beta"] == b"oauth-2025-04-20"
    assert b"x-api-key" not in headers


def test_only_claude_is_served_unless_told_otherwise() -> None:
    assert provider("anthropic").upstream_model("Claude-Opus-5-5[1m]") == "Claude-Opus-5-5"
    assert provider("anthropic").upstream_model("anthropic.claude-opus-5-5") is None
    assert (
        provider("anthropic", model_mapping={"glm-*": "claude-haiku-5-5"}).upstream_model("glm-5") == "claude-haiku-5-5"
    )


def test_the_catalogue_is_listed() -> None:
    assert "claude-opus-5-5" in provider("anthropic").models


def test_timeouts_are_the_providers() -> None:
    timeouts = Timeouts(connect=1.0, first_byte=2.0, idle=3.0)
    assert prepare(provider("anthropic", timeouts=timeouts)).timeouts is timeouts


def test_the_debugger_sees_no_key() -> None:
    of = provider("anthropic")
    assert repr(of) == "<Anthropic anthropic https://api.anthropic.com>"
    assert SECRET not in repr(candidate().credential)


def test_what_was_refused_is_left_out_and_the_rest_stays() -> None:
    body = messages_body(speed="fast", thinking={"type": "adaptive"})
    seen, body = peek(body)
    headers = [(b"x-app", b"cli"), (b"anthropic-beta", b"fast-mode-2026-02-01,oauth-2025-04-20"), (b"x-b", b"1")]
    lacking = replace(candidate("claude-opus-4-8"), lacking=frozenset({"beta:fast-mode-2026-02-01"}))
    upstream = provider("anthropic").prepare_messages(relay_request(body=body, headers=headers), seen, lacking)
    assert json.loads(upstream.body) == {
        **json.loads(messages_body(thinking={"type": "adaptive"})),
        "model": lacking.model,
    }
    assert upstream.headers[:3] == [(b"x-app", b"cli"), (b"anthropic-beta", b"oauth-2025-04-20"), (b"x-b", b"1")]


def test_a_refusal_that_does_not_concern_this_request_changes_nothing() -> None:
    seen, body = peek(messages_body())
    lacking = replace(candidate(seen.model), lacking=frozenset({"beta:fast-mode-2026-02-01", "sampling"}))
    request = relay_request(body=body, headers=[(b"anthropic-beta", b"a, b")])
    upstream = provider("anthropic").prepare_messages(request, seen, lacking)
    assert upstream.body is body
    assert (b"anthropic-beta", b"a, b") in upstream.headers
