import json

import pytest
from msgspec.structs import replace
from tests.support.builders import claude_code_body, claude_code_headers, messages_body, relay_request
from tests.support.providers import SECRET, candidate, prepare, provider, sent_body

from cc_relay.codec.messages import peek
from cc_relay.errors import Rejection
from cc_relay.exchange import Candidate, Credential, UpstreamRequest
from cc_relay.providers.base import ProviderSettings
from cc_relay.providers.capabilities import SYSTEM_MESSAGES
from cc_relay.providers.registry import build
from cc_relay.providers.vertex.provider import MAX_BODY

HOME = "/v1/projects/invented-project/locations/us-east5/publishers/anthropic/models"


def count(asked: Candidate, region: str = "us-east5") -> UpstreamRequest:
    seen, body = peek(messages_body())
    upstream = provider("vertex", region=region).prepare_count(relay_request(body=body), seen, asked)
    assert upstream is not None
    return upstream


@pytest.mark.parametrize(
    ("stream", "method"), [(None, "rawPredict"), (False, "rawPredict"), (True, "streamRawPredict")]
)
def test_the_stream_field_names_the_method(stream: bool | None, method: str) -> None:
    body = messages_body(stream=stream)
    sent = prepare(provider("vertex"), body, model="claude-sonnet-4-5@20250929")
    assert sent.target == f"{HOME}/claude-sonnet-4-5@20250929:{method}".encode()
    assert json.loads(sent.body).get("stream") == stream


def test_the_model_leaves_the_body_and_the_version_enters_it() -> None:
    came = json.loads(messages_body())
    del came["model"]
    assert sent_body(provider("vertex")) == {**came, "anthropic_version": "vertex-2023-10-16"}


def test_the_newer_version_stays_the_one_a_client_asked_for() -> None:
    sent = prepare(provider("vertex"), headers=[(b"anthropic-version", b"2026-10-21")])
    assert json.loads(sent.body)["anthropic_version"] == "2026-10-21"
    assert b"anthropic-version" not in dict(sent.headers)


def test_what_nobody_changes_keeps_its_bytes() -> None:
    body = b'{"model":"claude-opus-5-5","max_tokens":64,"messages":[ {"role":"user", "content":"ol\\u00e1"} ]}'
    sent = prepare(provider("vertex"), body).body
    assert b'[ {"role":"user", "content":"ol\\u00e1"} ]' in sent


def test_the_credential_is_a_bearer_and_the_clients_own_stays_here() -> None:
    headers = [(b"x-api-key", b"sk-ant-api03-invented"), (b"authorization", b"Bearer sk"), (b"cookie", b"c=1")]
    sent = prepare(provider("vertex"), headers=headers).headers
    assert [line for line in sent if line[0] in {b"x-api-key", b"authorization", b"cookie"}] == [
        (b"authorization", f"Bearer {SECRET}".encode())
    ]
    assert b"x-goog-user-project" not in dict(sent)


def test_a_quota_project_is_named() -> None:
    asked = Candidate("any", Credential("fingerprint", SECRET, quota_project="payer-1"), "claude-opus-5-5")
    assert dict(count(asked).headers)[b"x-goog-user-project"] == b"payer-1"


def test_betas_travel_in_the_header() -> None:
    headers = [(b"anthropic-beta", b"interleaved-thinking-2025-05-14")]
    sent = prepare(provider("vertex"), headers=headers)
    assert dict(sent.headers)[b"anthropic-beta"] == b"interleaved-thinking-2025-05-14"
    assert "anthropic_beta" not in json.loads(sent.body)


def test_header_and_body_are_what_the_surface_takes() -> None:
    sent = prepare(provider("vertex"), claude_code_body(tags={"team": "x"}), headers=claude_code_headers())
    assert not json.loads(sent.body).keys() & {"tags", "context_management"}
    betas = dict(sent.headers)[b"anthropic-beta"].split(b",")
    assert b"tool-search-tool-2025-10-19" in betas
    assert not {b"advanced-tool-use-2025-11-20", b"context-management-2025-06-27"} & set(betas)


def test_what_was_refused_of_late_is_left_out() -> None:
    seen, body = peek(claude_code_body())
    asked = replace(candidate("claude-opus-5-5"), lacking=frozenset({SYSTEM_MESSAGES}))
    sent = provider("vertex").prepare_messages(relay_request(body=body), seen, asked)
    assert {message["role"] for message in json.loads(sent.body)["messages"]} == {"user"}


def test_it_says_what_it_cannot_do() -> None:
    image = {"type": "image", "source": {"type": "url", "url": "https://images.test/a.png"}}
    of = provider("vertex", model_mapping={"fast": "claude-haiku-4-5"})
    assert of.lacks(peek(messages_body(model="fast"))[0]) is None
    assert of.lacks(peek(messages_body(messages=[{"role": "user", "content": [image]}]))[0])


def test_counting_names_the_model_without_its_version() -> None:
    upstream = count(candidate("claude-sonnet-4-5@20250929"))
    assert upstream.target == f"{HOME}/count-tokens:rawPredict".encode()
    sent = json.loads(upstream.body)
    assert (sent["model"], sent["anthropic_version"]) == ("claude-sonnet-4-5", "vertex-2023-10-16")


def test_counting_for_the_global_location_goes_to_a_region() -> None:
    upstream = count(candidate("claude-opus-5-5"), region="global")
    assert str(upstream.origin) == "https://us-east5-aiplatform.googleapis.com"
    assert b"/locations/us-east5/" in upstream.target


def test_the_probe_counts_a_word() -> None:
    upstream = provider("vertex").prepare_probe(candidate("claude-sonnet-4-5@20250929"))
    assert upstream.target == f"{HOME}/count-tokens:rawPredict".encode()
    assert json.loads(upstream.body) == {
        "model": "claude-sonnet-4-5",
        "messages": [{"role": "user", "content": "ping"}],
        "anthropic_version": "vertex-2023-10-16",
    }
    assert dict(upstream.headers)[b"authorization"] == f"Bearer {SECRET}".encode()


@pytest.mark.parametrize(
    ("settings", "probed"),
    [
        ({}, "claude-haiku-4-5"),
        ({"models": ("claude-sonnet-4-5", "claude-opus-5")}, "claude-sonnet-4-5"),
        ({"model_mapping": {"fast": "claude-opus-5"}}, "claude-opus-5"),
        ({"model_mapping": {"claude-*": "claude-opus-5"}}, "claude-opus-5"),
    ],
)
def test_a_probe_without_a_model_takes_one_that_is_served(settings: dict[str, object], probed: str) -> None:
    assert json.loads(provider("vertex", **settings).prepare_probe(candidate("")).body)["model"] == probed


def test_the_catalogue_is_listed() -> None:
    assert "claude-opus-5-5" in provider("vertex").models
    assert provider("vertex", models=("claude-opus-5",)).models == ("claude-opus-5",)


def test_a_body_over_the_limit_is_answered_in_the_words_that_make_the_client_compact() -> None:
    body = messages_body(system="x" * MAX_BODY)
    with pytest.raises(Rejection, match=r"^Input is too long\.$") as refused:
        prepare(provider("vertex"), body)
    assert (refused.value.status, refused.value.error_type) == (400, "invalid_request_error")


def test_a_model_that_would_break_the_path_is_refused() -> None:
    with pytest.raises(Rejection, match=r"claude/\.\./x"):
        prepare(provider("vertex"), model="claude/../x")


def test_names_are_googles() -> None:
    of = provider("vertex", model_mapping={"fast": "claude-haiku-4-5", "newest": "claude-sonnet-4-5@default"})
    assert of.upstream_model("claude-sonnet-4-5-20250929") == "claude-sonnet-4-5@20250929"
    assert of.upstream_model("claude-opus-5-5[1m]") == "claude-opus-5-5"
    assert of.upstream_model("fast") == "claude-haiku-4-5@20251001"
    assert of.upstream_model("newest") == "claude-sonnet-4-5@default"
    assert of.upstream_model("glm-5.3") is None


def test_a_mapping_to_what_cannot_be_a_model_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="publishers/x"):
        provider("vertex", model_mapping={"a": "publishers/x"})


def test_quotas_are_each_models() -> None:
    of = provider("vertex")
    assert of.limit_family("claude-opus-4-5@20251101") == "claude-opus-4-5"
    assert of.limit_family("claude-opus-4-8") == "claude-opus-4-8"


def test_every_model_is_a_claude_and_no_login_travels_here() -> None:
    of = provider("vertex")
    assert of.is_claude("claude-opus-5-5")
    assert not of.accepts_client_login
    own = replace(candidate(), credential=Credential("own", "sk-ant-oat01-invented", is_client_owned=True))
    with pytest.raises(AssertionError):
        of.prepare_probe(own)


def test_side_endpoints_are_anthropics_alone() -> None:
    assert provider("vertex").prepare_passthrough(relay_request(path="/v1/files"), candidate()) is None


def test_a_project_is_needed() -> None:
    with pytest.raises(ValueError, match=r"'mine'.*gcp_project_id"):
        build(ProviderSettings(name="mine", type="vertex", base_url="", region="us-east5"))


def test_the_base_url_is_googles_unless_told_otherwise() -> None:
    assert provider("vertex").base_url == "https://us-east5-aiplatform.googleapis.com/v1"
    assert provider("vertex", "https://gateway.test/v1/").base_url == "https://gateway.test/v1"
    assert repr(provider("vertex")) == "<Vertex vertex https://us-east5-aiplatform.googleapis.com>"
