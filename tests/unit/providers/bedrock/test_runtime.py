import json
from base64 import b64decode

import pytest
from msgspec.structs import replace
from tests.support.builders import claude_code_body, claude_code_headers, messages_body, relay_request
from tests.support.event_streams import chunk
from tests.support.providers import SECRET, candidate, prepare, provider, sent_body

from cc_relay.codec.messages import peek
from cc_relay.errors import Rejection
from cc_relay.exchange import AwsKeys, Candidate, Credential, Timeouts, UpstreamRequest
from cc_relay.providers.bedrock.runtime import MAX_BODY
from cc_relay.providers.capabilities import SYSTEM_MESSAGES

OPUS = "us.anthropic.claude-opus-5-5"
HAIKU = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
PROFILE_ARN = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123"
SIGNED = Credential("key-1", "", aws=AwsKeys("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"))


def count(asked: Candidate, body: bytes | None = None, **request: object) -> UpstreamRequest | None:
    seen, body = peek(messages_body(max_tokens=None) if body is None else body)
    return provider("bedrock").prepare_count(relay_request(body=body, **request), seen, asked)


def counted(asked: Candidate, body: bytes | None = None, **request: object) -> dict[str, object]:
    """The body that is counted."""
    upstream = count(asked, body, **request)
    assert upstream is not None
    return inner(upstream)


def inner(upstream: UpstreamRequest) -> dict[str, object]:
    return json.loads(b64decode(json.loads(upstream.body)["input"]["invokeModel"]["body"]))


def betas(*values: str) -> list[tuple[bytes, bytes]]:
    return [(b"anthropic-beta", ",".join(values).encode())]


@pytest.mark.parametrize(
    ("stream", "method"), [(None, "invoke"), (False, "invoke"), (True, "invoke-with-response-stream")]
)
def test_the_stream_field_names_the_method_and_leaves_the_body(stream: bool | None, method: str) -> None:
    sent = prepare(provider("bedrock"), messages_body(stream=stream), model=OPUS, query="beta=true")
    assert f"{sent.origin}{sent.target.decode()}" == (
        f"https://bedrock-runtime.us-east-1.amazonaws.com/model/{OPUS}/{method}"
    )
    assert "stream" not in json.loads(sent.body)


def test_the_model_leaves_the_body_and_the_version_enters_it() -> None:
    came = json.loads(messages_body())
    del came["model"]
    assert sent_body(provider("bedrock"), model=OPUS) == {**came, "anthropic_version": "bedrock-2023-05-31"}


@pytest.mark.parametrize(
    ("model", "version"),
    [(OPUS, "2026-10-21"), (PROFILE_ARN, "2026-10-21"), (HAIKU, "bedrock-2023-05-31")],
)
def test_a_newer_version_travels_to_models_that_speak_it(model: str, version: str) -> None:
    headers = [(b"anthropic-version", b"2026-10-21")]
    sent = prepare(provider("bedrock"), model=model, headers=headers)
    assert json.loads(sent.body)["anthropic_version"] == version


@pytest.mark.parametrize(
    ("region", "asked", "id_"),
    [
        ("us-east-1", "claude-sonnet-4-5", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"),
        ("eu-west-1", "claude-opus-4-6", "eu.anthropic.claude-opus-4-6-v1"),
        ("ap-northeast-1", "claude-opus-5-5[1m]", "jp.anthropic.claude-opus-5-5"),
        ("eu-west-1", "global.anthropic.claude-opus-5-5", "global.anthropic.claude-opus-5-5"),
        ("eu-west-1", "anthropic.claude-opus-5-5", "anthropic.claude-opus-5-5"),
        ("eu-west-1", PROFILE_ARN, PROFILE_ARN),
    ],
)
def test_a_name_becomes_a_profile_of_the_region(region: str, asked: str, id_: str) -> None:
    assert provider("bedrock", region=region).upstream_model(asked) == id_


def test_a_mapping_may_name_anything() -> None:
    mapping = {"claude-opus-*": PROFILE_ARN, "claude-haiku-*": "claude-haiku-4-5"}
    of = provider("bedrock", model_mapping=mapping)
    assert of.upstream_model("claude-opus-5-5") == PROFILE_ARN
    assert of.upstream_model("claude-haiku-5-5") == HAIKU


def test_an_arn_is_encoded_once() -> None:
    assert prepare(provider("bedrock"), model=PROFILE_ARN).target == (
        b"/model/arn:aws:bedrock:us-east-1:123456789012:application-inference-profile%2Fabc123/invoke"
    )


@pytest.mark.parametrize("model", ["anthropic.x/../../y", "claude?x", "claude#x", "claude x", "claude;x", "claude\x00"])
def test_a_model_that_would_break_the_path_is_refused(model: str) -> None:
    of = provider("bedrock")
    with pytest.raises(Rejection, match="model: ") as refused:
        prepare(of, model=of.upstream_model(model) or model)
    assert refused.value.status == 400


def test_the_base_url_is_honoured_to_its_last_segment() -> None:
    sent = prepare(provider("bedrock", "https://gateway.test/aws/v1"), model=OPUS)
    assert f"{sent.origin}{sent.target.decode()}" == f"https://gateway.test/aws/v1/model/{OPUS}/invoke"


def test_only_headers_that_mean_something_here_travel() -> None:
    guardrail = (b"x-amzn-bedrock-guardrailidentifier", b"abc")
    headers = [*claude_code_headers(), guardrail, (b"authorization", b"Bearer sk-ant-oat01-theirs")]
    assert prepare(provider("bedrock"), model=OPUS, headers=headers).headers == [
        (b"content-type", b"application/json"),
        (b"accept", b"application/json"),
        (b"accept-encoding", b"identity"),
        (b"user-agent", b"claude-cli/2.1.330 (external, sdk-cli)"),
        guardrail,
        (b"authorization", f"Bearer {SECRET}".encode()),
    ]


def test_keys_sign_instead() -> None:
    seen, body = peek(messages_body())
    asked = replace(candidate(OPUS), credential=SIGNED)
    sent = provider("bedrock").prepare_messages(relay_request(body=body), seen, asked)
    assert sent.seal is not None
    assert b"authorization" not in dict(sent.headers)
    assert b"/us-east-1/bedrock/aws4_request" in dict(sent.seal(1_767_323_045.0))[b"authorization"]


def test_betas_travel_in_the_body() -> None:
    headers = betas("interleaved-thinking-2025-05-14", "claude-code-20250219", "advanced-tool-use-2025-11-20")
    sent = json.loads(prepare(provider("bedrock"), model=OPUS, headers=headers).body)
    assert sent["anthropic_beta"] == ["interleaved-thinking-2025-05-14", "tool-search-tool-2025-10-19"]


def test_betas_that_came_in_the_body_give_way_to_the_headers() -> None:
    body = messages_body(anthropic_beta=["x"], anthropic_version="y")
    assert "anthropic_beta" not in sent_body(provider("bedrock"), body, model=OPUS)


def test_a_turn_of_claude_code_loses_what_bedrock_does_not_take() -> None:
    sent = json.loads(prepare(provider("bedrock"), claude_code_body(), model=OPUS, headers=claude_code_headers()).body)
    assert not {"model", "stream", "tags"} & sent.keys()
    assert sent["anthropic_beta"] == [
        "interleaved-thinking-2025-05-14",
        "thinking-token-count-2026-05-13",
        "tool-search-tool-2025-10-19",
    ]
    assert "context_management" not in sent


def test_what_was_refused_stays_out() -> None:
    body = claude_code_body()
    seen, body = peek(body)
    lacking = replace(candidate(OPUS), lacking=frozenset({SYSTEM_MESSAGES}))
    sent = provider("bedrock").prepare_messages(relay_request(body=body), seen, lacking)
    assert "system" not in [message["role"] for message in json.loads(sent.body)["messages"]]


def test_a_user_profile_enters_the_body() -> None:
    headers = [(b"anthropic-user-profile-id", b"prof_1")]
    sent = json.loads(prepare(provider("bedrock"), model=OPUS, headers=headers).body)
    assert sent["user_profile_id"] == "prof_1"


def test_a_body_over_the_limit_is_answered_here() -> None:
    with pytest.raises(Rejection, match=str(MAX_BODY)) as refused:
        prepare(provider("bedrock"), messages_body(system="x" * MAX_BODY), model=OPUS)
    assert (refused.value.status, refused.value.error_type) == (413, "request_too_large")


def test_the_answers_are_translated() -> None:
    streamed = prepare(provider("bedrock"), messages_body(stream=True), model=OPUS).translate
    whole = prepare(provider("bedrock"), messages_body(), model=OPUS).translate
    assert streamed is not None
    assert whole is not None
    assert streamed().receive_data(chunk(b'{"type":"ping"}')) == b'event: ping\ndata: {"type":"ping"}\n\n'
    assert (streamed().media_type, whole().media_type) == (b"text/event-stream", b"application/json")
    assert b"req_builder" in streamed().receive_eof()


def test_counting_wraps_a_body_of_the_foundation_model() -> None:
    upstream = count(candidate("eu.anthropic.claude-opus-4-8"))
    assert upstream is not None
    assert upstream.target == b"/model/anthropic.claude-opus-4-8/count-tokens"
    assert inner(upstream) == {
        "messages": [{"role": "user", "content": "What is the capital of Portugal?"}],
        "max_tokens": 4096,
        "anthropic_version": "bedrock-2023-05-31",
    }
    assert upstream.translate is not None
    translation = upstream.translate()
    translation.receive_data(b'{"inputTokens":12}')
    assert json.loads(translation.receive_eof()) == {"input_tokens": 12}


def test_counting_leaves_room_for_the_thinking() -> None:
    body = messages_body(max_tokens=100, thinking={"type": "enabled", "budget_tokens": 9000})
    assert counted(candidate(HAIKU), body)["max_tokens"] == 9001


def test_counting_keeps_a_limit_that_will_do() -> None:
    assert counted(candidate(OPUS), messages_body(max_tokens=77))["max_tokens"] == 77


def test_counting_takes_no_empty_list_of_tools() -> None:
    assert "tools" not in counted(candidate(OPUS), messages_body(tools=[]))
    assert "tools" in counted(candidate(OPUS), messages_body(tools=[{"name": "a", "input_schema": {}}]))


def test_counting_knows_few_betas_and_loses_what_the_others_bring() -> None:
    headers = betas("interleaved-thinking-2025-05-14", "context-management-2025-06-27", "effort-2025-11-24")
    edits = {"edits": [{"type": "clear_tool_uses_20250919"}]}
    body = messages_body(context_management=edits)
    sent = counted(candidate(OPUS), body, headers=headers)
    assert sent["anthropic_beta"] == ["interleaved-thinking-2025-05-14"]
    assert "context_management" not in sent
    assert "context_management" in json.loads(prepare(provider("bedrock"), body, model=OPUS, headers=headers).body)


def test_a_profile_of_ones_own_cannot_be_counted() -> None:
    assert count(candidate(PROFILE_ARN)) is None


def test_the_probe_counts_a_word() -> None:
    upstream = provider("bedrock").prepare_probe(candidate(OPUS))
    assert upstream.target == b"/model/anthropic.claude-opus-5-5/count-tokens"
    assert inner(upstream)["messages"] == [{"role": "user", "content": "ping"}]


def test_a_probe_without_a_model_finds_one() -> None:
    assert provider("bedrock", models=("claude-opus-4-8",)).prepare_probe(candidate("")).target == (
        b"/model/anthropic.claude-opus-4-8/count-tokens"
    )


def test_the_probe_of_a_model_that_cannot_be_counted_asks_for_one_token() -> None:
    upstream = provider("bedrock").prepare_probe(candidate(PROFILE_ARN))
    assert upstream.target.endswith(b"application-inference-profile%2Fabc123/invoke")
    assert json.loads(upstream.body)["max_tokens"] == 1


def test_there_are_no_side_endpoints() -> None:
    assert provider("bedrock").prepare_passthrough(relay_request(path="/v1/files"), candidate()) is None


def test_documents_by_link_are_lacking() -> None:
    source = {"type": "url", "url": "https://host.test/a.pdf"}
    content = [{"type": "document", "source": source}]
    seen, _ = peek(messages_body(messages=[{"role": "user", "content": content}]))
    assert provider("bedrock").lacks(seen)
    assert provider("bedrock").lacks(peek(messages_body())[0]) is None


def test_quotas_are_each_models_own() -> None:
    of = provider("bedrock")
    assert of.limit_family("us.anthropic.claude-opus-4-5-20251101-v1:0") == "claude-opus-4-5"
    assert of.limit_family("anthropic.claude-opus-4-8") == "claude-opus-4-8"


def test_every_model_is_claude_and_no_login_is_taken() -> None:
    of = provider("bedrock")
    assert of.is_claude(PROFILE_ARN)
    assert not of.accepts_client_login


def test_a_failure_is_read_as_bedrocks() -> None:
    headers = [(b"x-amzn-errortype", b"ModelNotReadyException")]
    assert provider("bedrock").read_failure(429, headers, b'{"message":"wait"}').status == 529


def test_timeouts_are_the_providers() -> None:
    timeouts = Timeouts(connect=1.0, first_byte=2.0, idle=3.0)
    assert prepare(provider("bedrock", timeouts=timeouts), model=OPUS).timeouts is timeouts


def test_an_unknown_surface_is_named() -> None:
    with pytest.raises(ValueError, match=r"surface 'vault' is not one of runtime, mantle, platform"):
        provider("bedrock", surface="vault")


def test_the_debugger_sees_no_key() -> None:
    assert repr(provider("bedrock")) == "<Runtime bedrock https://bedrock-runtime.us-east-1.amazonaws.com>"
