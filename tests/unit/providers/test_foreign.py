import json

import pytest
from msgspec.structs import replace
from tests.support.builders import messages_body, relay_request
from tests.support.providers import SECRET, candidate, prepare, provider

from cc_relay.codec.messages import peek
from cc_relay.exchange import UpstreamRequest
from cc_relay.providers.base import Provider

FOREIGN = ("zai", "minimax", "ollama", "anthropic_compatible")


@pytest.mark.parametrize(
    ("type_", "target"),
    [
        ("zai", "https://api.z.ai/api/anthropic/v1/messages"),
        ("minimax", "https://api.minimax.io/anthropic/v1/messages"),
        ("ollama", "http://localhost:11434/v1/messages"),
    ],
)
def test_each_type_has_a_home(type_: str, target: str) -> None:
    upstream = prepare(provider(type_))
    assert f"{upstream.origin}{upstream.target.decode()}" == target


@pytest.mark.parametrize("type_", FOREIGN)
def test_the_clients_query_stays_here(type_: str) -> None:
    assert b"?" not in prepare(provider(type_), query="beta=true").target


@pytest.mark.parametrize("type_", ["zai", "minimax", "ollama"])
def test_keys_travel_as_bearers(type_: str) -> None:
    headers = dict(prepare(provider(type_)).headers)
    assert headers[b"authorization"] == f"Bearer {SECRET}".encode()
    assert b"x-api-key" not in headers


@pytest.mark.parametrize(("style", "name"), [("x-api-key", b"x-api-key"), ("bearer", b"authorization")])
def test_a_compatible_upstreams_style_is_configured(style: str, name: bytes) -> None:
    headers = dict(prepare(provider("anthropic_compatible", auth_style=style)).headers)
    assert SECRET.encode() in headers[name]


def test_a_local_server_needs_no_key() -> None:
    upstream = provider("ollama").prepare_probe(candidate(secret=""))
    assert not dict(upstream.headers).keys() & {b"authorization", b"x-api-key"}


def test_ollamas_probe_lists_its_models_and_other_probes_ask_for_one_token() -> None:
    assert provider("ollama", "http://host.test/o/v1").prepare_probe(candidate()).target == b"/o/api/tags"
    upstream = provider("zai").prepare_probe(candidate("glm-5.3"))
    assert upstream.target == b"/api/anthropic/v1/messages"
    assert json.loads(upstream.body) == {
        "model": "glm-5.3",
        "max_tokens": 1,
        "messages": [{"role": "user", "content": "ping"}],
    }


@pytest.mark.parametrize("type_", FOREIGN)
def test_side_endpoints_are_anthropics_alone(type_: str) -> None:
    assert provider(type_).prepare_passthrough(relay_request(path="/v1/files"), candidate()) is None


@pytest.mark.parametrize(
    ("type_", "served", "unknown"),
    [("zai", "glm-5.3", "qwen3"), ("zai", "claude-opus-5-5", "gpt-9"), ("minimax", "MiniMax-M3", "claude-opus-5-5")],
)
def test_a_type_serves_what_it_knows(type_: str, served: str, unknown: str) -> None:
    assert provider(type_).upstream_model(served) == served
    assert provider(type_).upstream_model(unknown) is None


@pytest.mark.parametrize("type_", ["ollama", "anthropic_compatible"])
def test_an_open_type_serves_anything(type_: str) -> None:
    assert provider(type_).upstream_model("qwen3:8b") == "qwen3:8b"
    assert provider(type_).models == ()


def test_minimax_may_interleave_its_thinking() -> None:
    headers = [(b"anthropic-beta", b"claude-code-20250219,interleaved-thinking-2025-05-14")]
    sent = dict(prepare(provider("minimax"), headers=headers).headers)
    assert sent[b"anthropic-beta"] == b"interleaved-thinking-2025-05-14"


def test_the_betas_of_claude_behind_a_gateway_travel_with_its_body() -> None:
    headers = [(b"anthropic-beta", b"context-management-2025-06-27,of-tomorrow")]
    sent = prepare(provider("anthropic_compatible"), model="claude-opus-5-5", headers=headers)
    assert dict(sent.headers)[b"anthropic-beta"] == b"context-management-2025-06-27,of-tomorrow"


def test_the_debugger_sees_type_name_and_host() -> None:
    assert repr(provider("zai")) == "<Foreign zai zai https://api.z.ai>"


def test_claude_behind_a_gateway_loses_what_was_refused_there() -> None:
    gateway, model = provider("anthropic_compatible"), "anthropic/claude-opus-5.5"
    sent = without(gateway, model, "sampling", "beta:a-1", temperature=0.5)
    assert json.loads(sent.body) == json.loads(messages_body(model=model))
    assert dict(sent.headers)[b"anthropic-beta"] == b"b-2"


def test_a_model_that_cannot_think_is_asked_without_it() -> None:
    sent = without(provider("ollama"), "qwen2", "thinking", thinking={"type": "adaptive"}, max_tokens=64_000)
    assert "thinking" not in json.loads(sent.body)
    assert b"anthropic-beta" not in dict(sent.headers)


def without(of: Provider, model: str, *lacking: str, **changes: object) -> UpstreamRequest:
    """What `of` would send without these capabilities, of a request with the betas a-1 and b-2."""
    seen, body = peek(messages_body(model=model, **changes))
    request = relay_request(body=body, headers=[(b"anthropic-beta", b"a-1,b-2")])
    return of.prepare_messages(request, seen, replace(candidate(model), lacking=frozenset(lacking)))
