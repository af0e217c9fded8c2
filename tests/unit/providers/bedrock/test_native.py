import json

import pytest
from msgspec.structs import replace
from tests.support.builders import claude_code_body, claude_code_headers, messages_body, relay_request
from tests.support.providers import SECRET, candidate, prepare, provider, sent_body

from cc_relay.codec.messages import peek
from cc_relay.errors import Rejection
from cc_relay.exchange import AwsKeys, Candidate, Credential, FailureKind
from cc_relay.providers.anthropic import MAX_BODY
from cc_relay.providers.base import Provider

SIGNED = Credential("key-1", "", aws=AwsKeys("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"))
JANUARY = 1_767_323_045.0
MANTLE = "anthropic.claude-opus-5-5"


def mantle(base_url: str = "", **settings: object) -> Provider:
    return provider("bedrock", base_url, surface="mantle", **settings)


def platform(base_url: str = "", **settings: object) -> Provider:
    return provider("bedrock", base_url, **{"surface": "platform", "workspace": "wrkspc_1", **settings})


def signed(model: str = MANTLE) -> Candidate:
    return replace(candidate(model), credential=SIGNED)


def test_mantle_has_a_home() -> None:
    sent = prepare(mantle(), model=MANTLE, query="beta=true")
    assert f"{sent.origin}{sent.target.decode()}" == (
        "https://bedrock-mantle.us-east-1.api.aws/anthropic/v1/messages?beta=true"
    )


def test_the_platform_has_a_home() -> None:
    sent = prepare(platform(region="eu-west-1"), query="")
    assert f"{sent.origin}{sent.target.decode()}" == "https://aws-external-anthropic.eu-west-1.api.aws/v1/messages"


@pytest.mark.parametrize("of", [mantle, platform])
def test_a_base_url_stands_in_for_it(of: type[Provider]) -> None:
    sent = prepare(of("https://gateway.test/x/v1"))
    assert f"{sent.origin}{sent.target.decode()}" == "https://gateway.test/x/v1/messages"


@pytest.mark.parametrize(
    ("of", "service"), [(mantle, b"/us-east-1/bedrock-mantle/"), (platform, b"/us-east-1/aws-external-anthropic/")]
)
def test_keys_sign_for_the_surfaces_own_service(of: type[Provider], service: bytes) -> None:
    seen, body = peek(messages_body())
    sent = of().prepare_messages(relay_request(body=body), seen, signed())
    assert sent.seal is not None
    assert service in dict(sent.seal(JANUARY))[b"authorization"]
    assert not {b"authorization", b"x-api-key"} & dict(sent.headers).keys()


@pytest.mark.parametrize("of", [mantle, platform])
def test_a_key_travels_as_configured_and_the_clients_never(of: type[Provider]) -> None:
    headers = [(b"x-api-key", b"sk-ant-api03-theirs"), (b"authorization", b"Bearer sk-ant-oat01-theirs")]
    names = (b"x-api-key", b"authorization")
    plain, bearer = (prepare(of(auth_style=style), headers=headers).headers for style in ("x-api-key", "bearer"))
    assert [line for line in plain if line[0] in names] == [(b"x-api-key", SECRET.encode())]
    assert [line for line in bearer if line[0] in names] == [(b"authorization", f"Bearer {SECRET}".encode())]


@pytest.mark.parametrize(
    ("asked", "id_"),
    [
        ("claude-opus-5-5", "anthropic.claude-opus-5-5"),
        ("claude-haiku-4-5-20251001", "anthropic.claude-haiku-4-5"),
        ("anthropic.claude-opus-4-8", "anthropic.claude-opus-4-8"),
        ("claude-opus-4-6", None),
        ("us.anthropic.claude-opus-4-8", None),
        ("gpt-7", None),
    ],
)
def test_mantle_has_ids_of_its_own(asked: str, id_: str | None) -> None:
    assert mantle().upstream_model(asked) == id_


def test_the_platform_has_anthropics_ids() -> None:
    assert platform().upstream_model("claude-haiku-4-5-20251001") == "claude-haiku-4-5-20251001"
    assert platform().upstream_model("anthropic.claude-opus-4-8") is None


def test_the_mantle_body_names_its_own_model() -> None:
    assert sent_body(mantle(), model=MANTLE)["model"] == MANTLE


def test_a_platform_body_that_fits_is_the_one_that_came() -> None:
    body = messages_body(stream=True)
    sent = prepare(platform(), body)
    assert sent.body is body
    assert sent.translate is None


def test_a_turn_of_claude_code_passes_the_platform_whole() -> None:
    body = claude_code_body()
    sent = prepare(platform(), body, headers=claude_code_headers())
    assert sent.body is body
    named = dict(sent.headers)
    assert named[b"anthropic-beta"] == dict(claude_code_headers())[b"anthropic-beta"]
    assert named[b"x-claude-code-session-id"]


def test_mantle_takes_betas_in_the_header_and_renames_one() -> None:
    headers = [(b"anthropic-beta", b"advanced-tool-use-2025-11-20,files-api-2025-04-14,claude-code-20250219")]
    assert dict(prepare(mantle(), model=MANTLE, headers=headers).headers)[b"anthropic-beta"] == (
        b"tool-search-tool-2025-10-19,claude-code-20250219"
    )


def test_tags_never_reach_mantle() -> None:
    headers = [(b"anthropic-beta", b"request-tags-2026-08-21")]
    sent = prepare(mantle(), messages_body(tags={"a": "b"}), model=MANTLE, headers=headers)
    assert "tags" not in json.loads(sent.body)
    assert b"anthropic-beta" not in dict(sent.headers)


def test_a_clients_login_beta_stays_out_of_the_platform() -> None:
    headers = [(b"anthropic-beta", b"oauth-2025-04-20")]
    assert b"anthropic-beta" not in dict(prepare(platform(), headers=headers).headers)


def test_the_platforms_workspace_is_ours() -> None:
    headers = [(b"anthropic-workspace-id", b"wrkspc_theirs")]
    lines = [line for line in prepare(platform(), headers=headers).headers if line[0] == b"anthropic-workspace-id"]
    assert lines == [(b"anthropic-workspace-id", b"wrkspc_1")]


def test_a_clients_workspace_counts_where_none_is_configured() -> None:
    headers = [(b"anthropic-workspace-id", b"wrkspc_theirs")]
    named = dict(prepare(platform(workspace=""), headers=headers).headers)
    assert named[b"anthropic-workspace-id"] == b"wrkspc_theirs"


def test_a_user_profile_enters_mantles_body_and_stays_the_platforms_header() -> None:
    headers = [(b"anthropic-user-profile-id", b"prof_1")]
    assert json.loads(prepare(mantle(), model=MANTLE, headers=headers).body)["user_profile_id"] == "prof_1"
    sent = prepare(platform(), headers=headers)
    assert "user_profile_id" not in json.loads(sent.body)
    assert dict(sent.headers)[b"anthropic-user-profile-id"] == b"prof_1"


def test_a_rewritten_body_has_no_encoding() -> None:
    headers = [(b"content-encoding", b"identity")]
    assert b"content-encoding" in dict(prepare(platform(), headers=headers).headers)
    assert b"content-encoding" not in dict(prepare(platform(), headers=headers, model="claude-opus-5").headers)


@pytest.mark.parametrize("of", [mantle, platform])
def test_counting_goes_to_its_own_endpoint(of: type[Provider]) -> None:
    seen, body = peek(messages_body())
    sent = of().prepare_count(relay_request(body=body, query="beta=true"), seen, candidate())
    assert sent is not None
    assert sent.target.endswith(b"/v1/messages/count_tokens?beta=true")


@pytest.mark.parametrize("of", [mantle, platform])
def test_a_body_over_the_limit_is_answered_here(of: type[Provider]) -> None:
    with pytest.raises(Rejection, match=str(MAX_BODY)):
        prepare(of(), messages_body(system="x" * MAX_BODY))


def test_the_platform_has_side_endpoints() -> None:
    request = relay_request(method="GET", path="/v1/files/file_1/content", query="a=b", body=b"")
    sent = platform().prepare_passthrough(request, signed())
    assert sent is not None
    assert (sent.method, sent.target) == (b"GET", b"/v1/files/file_1/content?a=b")
    assert dict(sent.headers)[b"anthropic-workspace-id"] == b"wrkspc_1"
    assert sent.seal is not None


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/files/../organizations/me", "/v1/organizations"])
def test_no_other_path_can_be_reached_with_our_key(path: str) -> None:
    assert platform().prepare_passthrough(relay_request(path=path), candidate()) is None


def test_mantle_has_no_side_endpoints() -> None:
    assert mantle().prepare_passthrough(relay_request(path="/v1/files"), candidate()) is None


def test_the_platforms_probe_lists_one_model() -> None:
    sent = platform().prepare_probe(signed(""))
    assert (sent.method, sent.target) == (b"GET", b"/v1/models?limit=1")
    assert dict(sent.headers)[b"anthropic-workspace-id"] == b"wrkspc_1"


@pytest.mark.parametrize(
    ("model", "sent"), [("", "anthropic.claude-opus-5-5"), ("anthropic.claude-x", "anthropic.claude-x")]
)
def test_mantles_probe_counts_a_word(model: str, sent: str) -> None:
    upstream = mantle().prepare_probe(candidate(model))
    assert upstream.target == b"/anthropic/v1/messages/count_tokens"
    assert json.loads(upstream.body) == {"model": sent, "messages": [{"role": "user", "content": "ping"}]}


def test_the_platform_counts_its_limits_as_anthropic_does() -> None:
    assert platform().limit_family("claude-opus-4-8") == platform().limit_family("claude-opus-4-5")
    assert mantle().limit_family("anthropic.claude-opus-4-8") == "claude-opus-4-8"


@pytest.mark.parametrize("of", [mantle, platform])
def test_a_failure_is_read_as_awss(of: type[Provider]) -> None:
    headers = [(b"x-amzn-errortype", b"ExpiredTokenException")]
    assert of().read_failure(403, headers, b'{"message":"x"}').kind is FailureKind.CREDENTIAL


@pytest.mark.parametrize("of", [mantle, platform])
def test_all_are_claude_and_take_no_login(of: type[Provider]) -> None:
    assert of().is_claude("anything")
    assert not of().accepts_client_login


def test_what_cannot_run_there_is_lacking() -> None:
    seen, _ = peek(messages_body(tools=[{"type": "code_execution_20250825", "name": "code_execution"}]))
    assert mantle().lacks(seen)
    assert platform().lacks(seen) is None


def test_the_debugger_sees_no_key() -> None:
    assert repr(mantle()) == "<Mantle bedrock https://bedrock-mantle.us-east-1.api.aws>"
