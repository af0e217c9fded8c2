"""Every provider type over the corpus of requests."""

import json

import pytest
from tests.conformance.requests import BASE, CASES, MODEL, UPSTREAM_MODEL, Case
from tests.support.builders import claude_code_body, claude_code_headers, messages_body, relay_request
from tests.support.providers import SECRET, candidate, prepare, provider

from cc_relay.codec.messages import peek
from cc_relay.errors import Rejection

EVERY_CASE = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
CLIENT_SECRET = b"sk-ant-api03-the-clients-own"


def written(case: Case) -> bytes:
    return json.dumps({"model": MODEL, **case.sent}, ensure_ascii=False).encode()


@EVERY_CASE
def test_a_foreign_upstream_gets_what_it_understands(provider_type: str, case: Case) -> None:
    upstream = prepare(provider(provider_type), written(case), model=UPSTREAM_MODEL)
    assert json.loads(upstream.body) == case.expected(provider_type)


@EVERY_CASE
def test_what_is_adapted_once_needs_no_adapting_again(provider_type: str, case: Case) -> None:
    of = provider(provider_type)
    once = prepare(of, written(case), model=UPSTREAM_MODEL).body
    assert prepare(of, once, model=UPSTREAM_MODEL).body is once


@EVERY_CASE
def test_claude_gets_the_very_bytes_the_client_sent(case: Case) -> None:
    body = written(case)
    assert prepare(provider("anthropic"), body).body is body


@EVERY_CASE
def test_claude_behind_a_gateway_gets_everything_but_the_models_name(case: Case) -> None:
    upstream = prepare(provider("anthropic_compatible"), written(case), model="anthropic/claude-opus-5.5")
    assert json.loads(upstream.body) == {"model": "anthropic/claude-opus-5.5", **case.sent}


def test_a_mapped_model_changes_nothing_else_for_claude() -> None:
    body = claude_code_body()
    upstream = prepare(provider("anthropic"), body, model="claude-sonnet-5")
    assert upstream.body == body.replace(b'"claude-opus-5-5"', b'"claude-sonnet-5"', 1)


def test_a_body_that_names_a_key_twice_does_not_travel_as_it_came(provider_type: str) -> None:
    body = messages_body()
    twice = body[:-1] + b', "max_tokens": 7}'
    upstream = prepare(provider(provider_type), twice)
    assert upstream.body.count(b'"max_tokens"') == 1
    assert json.loads(upstream.body)["max_tokens"] == 7


def test_the_hello_of_claude_code_arrives_complete(provider_type: str) -> None:
    body = claude_code_body()
    sent, asked = json.loads(prepare(provider(provider_type), body, model=UPSTREAM_MODEL).body), json.loads(body)
    assert [tool["name"] for tool in asked["tools"] if tool["name"] in str(sent["tools"])] == [
        tool["name"] for tool in sent["tools"]
    ]
    said = json.dumps(sent["messages"])
    for message in asked["messages"]:
        for block in message["content"]:
            assert json.dumps(block["text"])[1:-1] in said
    assert sent["system"][-1]["text"] == asked["system"][-1]["text"]


def test_nothing_private_travels(provider_type: str) -> None:
    upstream = prepare(provider(provider_type), claude_code_body(), model=UPSTREAM_MODEL)
    for private in (b"user_id", b"device_id", b"billing-header", b"context_management", b"DeferredToolPlaceholder"):
        assert private not in upstream.body


def test_neither_credential_of_the_client_travels(provider_type: str) -> None:
    headers = [*claude_code_headers(CLIENT_SECRET), (b"authorization", b"Bearer " + CLIENT_SECRET), (b"cookie", b"c=1")]
    upstream = prepare(provider(provider_type), headers=headers)
    values = b"\n".join(value for _, value in upstream.headers)
    assert CLIENT_SECRET not in values
    assert values.count(SECRET.encode()) == 1
    assert b"cookie" not in dict(upstream.headers)


def test_the_relay_asks_for_answers_it_can_read(provider_type: str) -> None:
    headers = prepare(provider(provider_type), headers=claude_code_headers()).headers
    assert [value for name, value in headers if name == b"accept-encoding"] == [b"identity"]


def test_framing_is_left_to_the_connection(provider_type: str) -> None:
    headers = [*claude_code_headers(), (b"content-length", b"9"), (b"transfer-encoding", b"chunked"), (b"te", b"x")]
    sent = dict(prepare(provider(provider_type), headers=headers).headers)
    assert not sent.keys() & {b"host", b"connection", b"content-length", b"transfer-encoding", b"te"}


def test_the_version_of_the_api_is_the_clients(provider_type: str) -> None:
    headers = claude_code_headers(anthropic_version=b"2026-10-21")
    assert dict(prepare(provider(provider_type), headers=headers).headers)[b"anthropic-version"] == b"2026-10-21"


def test_a_client_without_a_version_gets_the_classic_one(provider_type: str) -> None:
    sent = prepare(provider(provider_type), headers=[(b"content-type", b"application/json")])
    assert dict(sent.headers)[b"anthropic-version"] == b"2023-06-01"


def test_few_headers_travel(provider_type: str) -> None:
    sent = prepare(provider(provider_type), headers=[*claude_code_headers(), (b"x-internal", b"1")])
    allowed = {b"content-type", b"accept", b"user-agent", b"anthropic-version", b"anthropic-beta", b"accept-encoding"}
    assert dict(sent.headers).keys() - allowed <= {b"x-api-key", b"authorization"}


def test_the_call_goes_to_the_messages_endpoint(provider_type: str) -> None:
    upstream = prepare(provider(provider_type, "http://gateway.test:8080/llm"), query="")
    assert (upstream.method, upstream.target) == (b"POST", b"/llm/v1/messages")
    assert str(upstream.origin) == "http://gateway.test:8080"


def test_a_request_for_a_server_tool_alone_is_refused(provider_type: str) -> None:
    body = messages_body(tools=[{"type": "web_search_20250305", "name": "web_search"}])
    with pytest.raises(Rejection, match="web_search_20250305") as refused:
        prepare(provider(provider_type), body, model=UPSTREAM_MODEL)
    assert (refused.value.status, refused.value.error_type) == (400, "invalid_request_error")


@pytest.mark.parametrize(
    "field",
    [{"container": "c_1"}, {"thread": {"id": "t"}}, {"mcp_servers": [{"type": "url", "url": "https://m.test"}]}],
)
def test_state_kept_at_anthropic_is_refused_elsewhere(provider_type: str, field: dict[str, object]) -> None:
    with pytest.raises(Rejection, match=next(iter(field))):
        prepare(provider(provider_type), messages_body(**field), model=UPSTREAM_MODEL)


def test_counting_uses_the_same_rules_or_is_not_offered(provider_type: str) -> None:
    of = provider(provider_type, "http://gateway.test")
    body = json.dumps({"model": MODEL, "messages": BASE["messages"], "metadata": {"user_id": "u"}}).encode()
    seen, _ = peek(body)
    upstream = of.prepare_count(relay_request(body=body), seen, candidate(UPSTREAM_MODEL))
    if upstream is None:
        assert provider_type in {"zai", "minimax", "ollama"}
    else:
        assert upstream.target == b"/v1/messages/count_tokens"
        assert json.loads(upstream.body)["model"] == UPSTREAM_MODEL


def test_a_probe_proves_the_credential(provider_type: str) -> None:
    upstream = provider(provider_type).prepare_probe(candidate("some-model"))
    assert SECRET.encode() in b"\n".join(value for _, value in upstream.headers)
    is_counting = b"count" in upstream.target
    assert upstream.method == b"GET" or is_counting or json.loads(upstream.body)["max_tokens"] == 1
    assert bool(upstream.body) == (upstream.method == b"POST")


def test_a_clients_own_login_never_leaves_for_another_host(provider_type: str) -> None:
    of = provider(provider_type, "https://gateway.test")
    own = candidate(secret="sk-ant-oat01-invented", is_client_owned=True)
    seen, body = peek(messages_body())
    request = relay_request(body=body)
    assert not of.accepts_client_login
    with pytest.raises(AssertionError, match=r"api\.anthropic\.com only"):
        of.prepare_messages(request, seen, own)
    with pytest.raises(AssertionError, match=r"api\.anthropic\.com only"):
        of.prepare_probe(own)
