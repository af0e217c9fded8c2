import json

import pytest
from msgspec.structs import replace
from tests.support.builders import claude_code_body, messages_body, relay_request
from tests.support.providers import SECRET, candidate, prepare, provider, sent_body

from cc_relay.codec.messages import peek
from cc_relay.exchange import Credential
from cc_relay.providers.base import ProviderSettings
from cc_relay.providers.capabilities import SYSTEM_MESSAGES
from cc_relay.providers.registry import build


def test_a_resource_has_a_home() -> None:
    upstream = prepare(provider("azure"))
    assert f"{upstream.origin}{upstream.target.decode()}" == (
        "https://invented-resource.services.ai.azure.com/anthropic/v1/messages"
    )
    assert provider("azure").base_url == "https://invented-resource.services.ai.azure.com/anthropic"


def test_a_base_url_stands_in_for_it() -> None:
    of = provider("azure", "https://gateway.test/anthropic/", resource="")
    assert f"{of.origin}{prepare(of).target.decode()}" == "https://gateway.test/anthropic/v1/messages"


def test_no_query_travels() -> None:
    assert b"?" not in prepare(provider("azure"), query="beta=true").target


def test_a_key_travels_as_anthropics_do() -> None:
    headers = [(b"x-api-key", b"sk-ant-api03-invented"), (b"authorization", b"Bearer sk"), (b"api-key", b"k")]
    sent = prepare(provider("azure"), headers=headers).headers
    assert [line for line in sent if line[0] in {b"x-api-key", b"authorization", b"api-key"}] == [
        (b"x-api-key", SECRET.encode())
    ]


def test_an_entra_token_travels_as_a_bearer() -> None:
    sent = dict(prepare(provider("azure", auth_style="bearer")).headers)
    assert sent[b"authorization"] == f"Bearer {SECRET}".encode()
    assert b"x-api-key" not in sent


@pytest.mark.parametrize(("asked", "sent"), [(b"2026-10-21", b"2026-10-21"), (None, b"2023-06-01")])
def test_the_clients_version_travels(asked: bytes | None, sent: bytes) -> None:
    headers = [] if asked is None else [(b"anthropic-version", asked)]
    assert dict(prepare(provider("azure"), headers=headers).headers)[b"anthropic-version"] == sent


def test_betas_travel_in_the_header() -> None:
    headers = [(b"anthropic-beta", b"interleaved-thinking-2025-05-14")]
    assert dict(prepare(provider("azure"), headers=headers).headers)[b"anthropic-beta"] == (
        b"interleaved-thinking-2025-05-14"
    )


def test_a_body_that_fits_is_the_one_that_came() -> None:
    body = messages_body()
    assert prepare(provider("azure"), body).body is body


def test_the_deployment_is_the_model() -> None:
    assert sent_body(provider("azure"), model="prod-claude")["model"] == "prod-claude"


def test_header_and_body_are_what_the_surface_takes() -> None:
    headers = [(b"anthropic-beta", b"server-side-fallback-2026-07-01,context-management-2025-06-27,of-tomorrow")]
    body = claude_code_body(fallbacks=[{"model": "claude-opus-5"}])
    sent = prepare(provider("azure"), body, headers=headers)
    assert json.loads(body).keys() - json.loads(sent.body).keys() == {"fallbacks"}
    assert dict(sent.headers)[b"anthropic-beta"] == b"context-management-2025-06-27,of-tomorrow"


@pytest.mark.parametrize(
    ("deployment", "sampled"),
    [
        ("prod-claude", False),
        ("claude-prod", False),
        ("claude-opus-5", False),
        ("claude-sonnet-4-6", True),
    ],
)
def test_a_request_is_fitted_to_the_model_the_deployment_names_else_to_the_one_asked_for(
    deployment: str, sampled: bool
) -> None:
    body = messages_body(model="claude-opus-5-5", temperature=0.5)
    assert ("temperature" in sent_body(provider("azure"), body, model=deployment)) is sampled


def test_what_was_refused_of_late_is_left_out() -> None:
    seen, body = peek(claude_code_body())
    asked = replace(candidate("prod-claude"), lacking=frozenset({SYSTEM_MESSAGES}))
    sent = provider("azure").prepare_messages(relay_request(body=body), seen, asked)
    assert {message["role"] for message in json.loads(sent.body)["messages"]} == {"user"}


def test_it_says_what_it_cannot_do() -> None:
    advisor = {"type": "advisor_20260301", "name": "advisor", "model": "claude-opus-5-5"}
    assert provider("azure").lacks(peek(messages_body())[0]) is None
    assert provider("azure").lacks(peek(messages_body(tools=[advisor]))[0])


def test_counting_and_probing_go_to_the_counter() -> None:
    seen, body = peek(messages_body())
    counted = provider("azure").prepare_count(relay_request(body=body), seen, candidate("prod-claude"))
    probe = provider("azure").prepare_probe(candidate("prod-claude"))
    assert counted is not None
    assert counted.target == probe.target == b"/anthropic/v1/messages/count_tokens"
    assert json.loads(counted.body)["model"] == "prod-claude"
    assert json.loads(probe.body) == {"model": "prod-claude", "messages": [{"role": "user", "content": "ping"}]}
    assert dict(probe.headers)[b"x-api-key"] == SECRET.encode()


@pytest.mark.parametrize(
    ("settings", "probed"),
    [
        ({}, "claude-haiku-4-5"),
        ({"deployment": "prod"}, "prod"),
        ({"deployment": "prod", "model_mapping": {"fast": "small"}}, "small"),
        ({"models": ("claude-opus-5",)}, "claude-opus-5"),
    ],
)
def test_a_probe_without_a_model_takes_one_that_is_served(settings: dict[str, object], probed: str) -> None:
    assert json.loads(provider("azure", **settings).prepare_probe(candidate("")).body)["model"] == probed


def test_the_catalogue_is_listed() -> None:
    assert "claude-opus-5-5" in provider("azure").models


def test_a_model_is_its_own_deployment_unless_told_otherwise() -> None:
    of = provider("azure")
    assert of.upstream_model("claude-opus-5-5[1m]") == "claude-opus-5-5"
    assert of.upstream_model("glm-5.3") is None


def test_one_deployment_may_answer_for_every_model() -> None:
    of = provider("azure", deployment="prod-claude")
    assert of.upstream_model("claude-opus-5-5") == "prod-claude"
    assert of.upstream_model("glm-5.3") is None


def test_a_mapping_goes_before_the_deployment_for_every_model() -> None:
    mapping = {"claude-haiku-*": "small", "claude-opus-5-5": "claude-opus-5-5"}
    of = provider("azure", deployment="prod-claude", model_mapping=mapping)
    assert of.upstream_model("claude-haiku-5-5") == "small"
    assert of.upstream_model("claude-opus-5-5") == "claude-opus-5-5"
    assert of.upstream_model("claude-sonnet-5-5") == "prod-claude"


def test_a_list_of_models_limits_the_deployment_for_every_model() -> None:
    of = provider("azure", deployment="prod-claude", models=("claude-opus-5-5",))
    assert of.upstream_model("claude-opus-5-5") == "prod-claude"
    assert of.upstream_model("claude-sonnet-5-5") is None


def test_quotas_are_each_models() -> None:
    assert provider("azure").limit_family("claude-opus-4-5-20251101") == "claude-opus-4-5"
    assert provider("azure").limit_family("prod-claude") == "prod-claude"


def test_every_deployment_is_a_claude_and_no_login_travels_here() -> None:
    of = provider("azure")
    assert of.is_claude("prod-claude")
    assert not of.accepts_client_login
    own = replace(candidate(), credential=Credential("own", "sk-ant-oat01-invented", is_client_owned=True))
    with pytest.raises(AssertionError):
        of.prepare_probe(own)


def test_side_endpoints_are_anthropics_alone() -> None:
    assert provider("azure").prepare_passthrough(relay_request(path="/v1/files"), candidate()) is None


def test_a_resource_or_a_base_url_is_needed() -> None:
    with pytest.raises(ValueError, match=r"'mine'.*azure_resource_name"):
        build(ProviderSettings(name="mine", type="azure", base_url=""))


@pytest.mark.parametrize("resource", ["evil.test/", "a.b", "-a", "a b", "é", "x#"])
def test_a_resource_that_would_be_another_host_is_refused(resource: str) -> None:
    with pytest.raises(ValueError, match="azure_resource_name"):
        provider("azure", resource=resource)


def test_the_debugger_sees_name_and_host() -> None:
    assert repr(provider("azure")) == "<Azure azure https://invented-resource.services.ai.azure.com>"
