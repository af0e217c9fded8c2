"""Bedrock: ids and profiles, what a body may hold, binary streams, exceptions, lists."""

import json
from base64 import b64encode
from urllib.parse import quote

import pytest
from botocore.eventstream import ChecksumMismatch
from tests.support.sim_clouds import as_sse, read_frames
from tests.support.stream_rules import assert_valid_stream, final_usage
from tests.unit.sim.clouds.cloud_simulation import Cloud, header, parsed

from cc_relay.sim.faults import FaultRule

SONNET = "us.anthropic.claude-sonnet-5-5"
OLD = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
ARN = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123"


def messages(**fields):
    return {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 1000,
        "messages": [{"role": "user", "content": "hello"}],
    } | fields


def invoke(cloud, model=SONNET, *, stream=False, **fields):
    verb = "invoke-with-response-stream" if stream else "invoke"
    return cloud.signed("POST", f"/model/{quote(model, safe=':')}/{verb}", messages(**fields))


def refusal(reply):
    """Status, exception and message."""
    return reply.status, header(reply, b"x-amzn-errortype").partition(b":")[0].decode(), parsed(reply)["message"]


def test_an_answer_is_a_message_with_its_counts_in_headers():
    reply = invoke(Cloud("bedrock"))
    message = parsed(reply)
    assert (message["model"], message["type"]) == ("claude-sonnet-5-5", "message")
    assert message["id"].startswith("msg_bdrk_")
    assert int(header(reply, b"x-amzn-bedrock-output-token-count")) == message["usage"]["output_tokens"]
    assert header(reply, b"x-amzn-requestid").count(b"-") == 4


def test_a_stream_is_frames_that_botocore_reads():
    reply = invoke(Cloud("bedrock"), stream=True)
    assert header(reply, b"content-type") == b"application/vnd.amazon.eventstream"
    frames = read_frames(b"".join(reply.frames))
    assert len(frames) == len(reply.frames)
    for headers, payload in frames:
        assert (headers[":message-type"], headers[":event-type"]) == ("event", "chunk")
        assert payload["p"]
    events = assert_valid_stream([as_sse(b"".join(reply.frames))])
    assert "ping" not in [event["type"] for event in events]


def test_the_last_event_carries_awss_own_metrics():
    events = assert_valid_stream([as_sse(b"".join(invoke(Cloud("bedrock"), stream=True).frames))])
    metrics = events[-1]["amazon-bedrock-invocationMetrics"]
    usage = final_usage(events)
    assert metrics["inputTokenCount"] == usage["input_tokens"]
    assert metrics["outputTokenCount"] == usage["output_tokens"]
    assert {"invocationLatency", "firstByteLatency", "cacheReadInputTokenCount"} <= metrics.keys()


@pytest.mark.parametrize(
    ("model", "name"),
    [
        (SONNET, "claude-sonnet-5-5"),
        ("global.anthropic.claude-opus-4-6-v1", "claude-opus-4-6"),
        (OLD, "claude-sonnet-4-5-20250929"),
        ("anthropic.claude-3-haiku-20240307-v1:0", "claude-3-haiku-20240307"),
        (f"arn:aws:bedrock:us-east-1:123456789012:inference-profile/{OLD}", "claude-sonnet-4-5-20250929"),
        (ARN, "claude-opus-5-5"),
    ],
)
def test_a_model_is_reached_by_id_profile_or_arn(model, name):
    assert parsed(invoke(Cloud("bedrock", models=(f"{ARN}=claude-opus-5-5",)), model))["model"] == name


@pytest.mark.parametrize(
    ("model", "status", "exception", "words"),
    [
        ("anthropic.claude-sonnet-5-5", 400, "ValidationException", "with on-demand throughput isn"),
        (
            "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-opus-5-5",
            400,
            "ValidationException",
            "Retry your request with the ID or ARN of an inference profile",
        ),
        ("eu.anthropic.claude-sonnet-5-5", 400, "ValidationException", "The provided model identifier is invalid."),
        ("claude-sonnet-5-5", 400, "ValidationException", "The provided model identifier is invalid."),
        ("us.anthropic.claude-none", 400, "ValidationException", "The provided model identifier is invalid."),
        (ARN, 404, "ResourceNotFoundException", "application-inference-profile/abc123"),
        (ARN.replace("us-east-1", "eu-west-1"), 400, "ValidationException", "identifier is invalid"),
    ],
)
def test_what_reaches_no_model_is_refused(model, status, exception, words):
    found = refusal(invoke(Cloud("bedrock"), model))
    assert found[:2] == (status, exception)
    assert words in found[2]


@pytest.mark.parametrize(
    ("region", "model"), [("eu-central-1", "eu"), ("ap-northeast-1", "jp"), ("us-gov-west-1", "us-gov")]
)
def test_a_geography_belongs_to_its_regions(region, model):
    cloud = Cloud("bedrock", region=region)
    target = f"/model/{model}.anthropic.claude-sonnet-5-5/invoke"
    assert cloud.signed("POST", target, messages(), region=region).status == 200
    wrong = "/model/us.anthropic.claude-sonnet-5-5/invoke"
    assert cloud.signed("POST", wrong, messages(), region=region).status == 400


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"model": "x"}, "model: Extra inputs are not permitted"),
        ({"stream": True}, "stream: Extra inputs are not permitted"),
        ({"tags": {}}, "tags: Extra inputs are not permitted"),
        ({"cache_control": {"type": "ephemeral"}}, "cache_control: Extra inputs are not permitted"),
        ({"context_management": {"edits": []}}, "context_management: Extra inputs are not permitted"),
        ({"anthropic_version": "2023-06-01"}, "anthropic_version"),
        ({"anthropic_beta": ["interleaved-thinking-2025-05-14", "made-up-2026-01-01"]}, "invalid beta flag"),
        ({"anthropic_beta": "interleaved-thinking-2025-05-14"}, "anthropic_beta: Input should be a valid list"),
        ({"max_tokens": None}, "max_tokens: Field required"),
        ({"messages": []}, "at least one message"),
        (
            {"system": [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral", "scope": "global"}}]},
            "system.0.cache_control.ephemeral.scope: Extra inputs are not permitted",
        ),
        ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "Input tag 'web_search_20250305'"),
        (
            {"tools": [{"name": "R", "input_schema": {}, "eager_input_streaming": True}]},
            "tools.0.custom.eager_input_streaming: Extra inputs are not permitted",
        ),
        (
            {
                "messages": [
                    {
                        "role": "user",
                        "content": [{"type": "image", "source": {"type": "url", "url": "https://x.example"}}],
                    }
                ]
            },
            "messages.0.content.0.image.source: Input tag 'url'",
        ),
        (
            {
                "anthropic_beta": ["context-management-2025-06-27"],
                "context_management": {"edits": [{"type": "clear_thinking_20251015"}]},
            },
            "context_management.edits.0",
        ),
    ],
)
def test_what_bedrock_does_not_take_is_refused(fields, words):
    reply = Cloud("bedrock").signed("POST", f"/model/{SONNET}/invoke", messages(**fields))
    status, exception, message = refusal(reply)
    assert (status, exception) == (400, "ValidationException")
    assert words in message


def test_a_missing_version_is_refused():
    bare = {name: value for name, value in messages().items() if name != "anthropic_version"}
    reply = Cloud("bedrock").signed("POST", f"/model/{SONNET}/invoke", bare)
    assert refusal(reply)[2] == "anthropic_version: Field required"


@pytest.mark.parametrize(("model", "status"), [(SONNET, 200), (OLD, 400)])
def test_only_newer_models_speak_the_newer_version(model, status):
    assert invoke(Cloud("bedrock"), model, anthropic_version="2026-10-21").status == status


def test_what_claude_code_sends_is_taken():
    fields = {
        "anthropic_beta": ["interleaved-thinking-2025-05-14", "tool-search-tool-2025-10-19"],
        "thinking": {"type": "adaptive"},
        "output_config": {"effort": "high"},
        "metadata": {"user_id": "u"},
        "system": [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
        "tools": [{"name": "Read", "input_schema": {"type": "object"}}],
    }
    assert invoke(Cloud("bedrock"), stream=True, **fields).status == 200


@pytest.mark.parametrize(
    ("shape", "begins"),
    [
        ("text", 'The model returned the following errors: tool_choice: type "tool"'),
        ("json", 'The model returned the following errors: {"type":"error"'),
    ],
)
def test_what_the_model_says_is_passed_on_in_words_or_in_json(shape, begins):
    reply = invoke(Cloud("bedrock", model_errors=shape), tool_choice={"type": "any"})
    assert refusal(reply)[2].startswith(begins)


def test_what_the_model_says_may_come_in_its_own_envelope():
    body = parsed(invoke(Cloud("bedrock", model_errors="envelope"), tool_choice={"type": "any"}))
    assert (body["type"], body["error"]["message"][:11]) == ("error", "tool_choice")


@pytest.mark.parametrize(
    ("fault", "status", "exception"),
    [
        ("400", 400, "ValidationException"),
        ("401", 403, "UnrecognizedClientException"),
        ("expired", 403, "ExpiredTokenException"),
        ("signature", 403, "InvalidSignatureException"),
        ("403", 403, "AccessDeniedException"),
        ("404", 404, "ResourceNotFoundException"),
        ("429", 429, "ThrottlingException"),
        ("not-ready", 429, "ModelNotReadyException"),
        ("quota", 400, "ServiceQuotaExceededException"),
        ("504", 408, "ModelTimeoutException"),
        ("model-error", 424, "ModelErrorException"),
        ("500", 500, "InternalServerException"),
        ("503", 503, "ServiceUnavailableException"),
        ("529", 503, "ServiceUnavailableException"),
    ],
)
def test_every_refusal_has_its_exception(fault, status, exception):
    assert refusal(invoke(Cloud("bedrock"), f"{SONNET}+{fault}"))[:2] == (status, exception)


def test_too_long_an_input_is_told_in_bedrocks_words():
    assert refusal(invoke(Cloud("bedrock"), "sim-too-long"))[2] == "Input is too long."


def test_no_refusal_says_when_to_come_back():
    assert header(invoke(Cloud("bedrock"), "sim-429=7"), b"retry-after") is None


@pytest.mark.parametrize(
    ("fault", "exception", "position"),
    [
        ("error-first", "throttlingException", 0),
        ("error-in-band", "serviceUnavailableException", 1),
        ("error-mid", "modelStreamErrorException", None),
    ],
)
def test_an_exception_ends_a_stream_that_began_well(fault, exception, position):
    reply = invoke(Cloud("bedrock"), f"{SONNET}+{fault}", stream=True)
    frames = read_frames(b"".join(reply.frames))
    headers, payload = frames[-1]
    assert reply.status == 200
    assert (headers[":message-type"], headers[":exception-type"]) == ("exception", exception)
    assert payload["message"]
    assert position in (None, len(frames) - 1)
    if position is None:
        assert payload["originalStatusCode"] == 500
        kinds = [
            event["type"] for event in assert_valid_stream([as_sse(b"".join(reply.frames[:-1]))], is_complete=False)
        ]
        assert "content_block_delta" in kinds


@pytest.mark.parametrize(
    ("error", "exception"),
    [
        ("500", "internalServerException"),
        ("stream-error", "modelStreamErrorException"),
        ("504", "modelTimeoutException"),
        ("503", "serviceUnavailableException"),
        ("429", "throttlingException"),
        ("400", "validationException"),
    ],
)
def test_every_exception_of_a_stream_can_be_asked_for(error, exception):
    cloud = Cloud("bedrock", faults=(FaultRule(fault="error-mid", error=error, after_events=3),))
    frames = read_frames(b"".join(invoke(cloud, stream=True).frames))
    assert (len(frames), frames[-1][0][":exception-type"]) == (4, exception)


def test_an_error_may_be_one_that_nobody_modelled():
    reply = invoke(Cloud("bedrock"), "sim-error-bare", stream=True)
    headers, payload = read_frames(b"".join(reply.frames))[0]
    assert (headers[":message-type"], headers[":error-code"], payload) == ("error", "InternalServerException", None)


@pytest.mark.parametrize("fault", ["bad-crc", "bad-prelude"])
def test_a_corrupted_frame_is_seen_by_botocore(fault):
    reply = invoke(Cloud("bedrock"), f"sim-{fault}", stream=True)
    read_frames(b"".join(reply.frames[:-1]))
    with pytest.raises(ChecksumMismatch):
        read_frames(b"".join(reply.frames))


@pytest.mark.parametrize("fault", ["cut-frame", "lying-length"])
def test_a_frame_without_end_never_arrives(fault):
    reply = invoke(Cloud("bedrock"), f"sim-{fault}", stream=True)
    before = len(reply.frames) - 1
    if fault == "lying-length":
        assert int.from_bytes(reply.frames[-1][:4], "big") > 1 << 30
    else:
        assert len(read_frames(b"".join(reply.frames))) == before
    assert before > 1


def test_a_count_wraps_a_body():
    cloud = Cloud("bedrock")
    inner = b64encode(json.dumps(messages()).encode()).decode()
    body = {"input": {"invokeModel": {"body": inner}}}
    counted = parsed(cloud.signed("POST", "/model/anthropic.claude-sonnet-5-5/count-tokens", body))
    assert counted == {"inputTokens": parsed(invoke(cloud))["usage"]["input_tokens"]}


@pytest.mark.parametrize("model", [SONNET, ARN, "claude-sonnet-5-5"])
def test_a_count_takes_base_ids_alone(model):
    body = {"input": {"invokeModel": {"body": b64encode(json.dumps(messages()).encode()).decode()}}}
    reply = Cloud("bedrock", models=(ARN,)).signed("POST", f"/model/{quote(model, safe=':')}/count-tokens", body)
    assert "doesn't support counting tokens" in refusal(reply)[2]


@pytest.mark.parametrize(
    ("inner", "words"),
    [
        (messages(tools=[]), "tools: List should have at least 1 item"),
        (messages(model="x"), "model: Extra inputs"),
        ("%%%", "Malformed input request"),
    ],
)
def test_a_count_of_a_wrong_body_is_refused(inner, words):
    wrapped = inner if isinstance(inner, str) else b64encode(json.dumps(inner).encode()).decode()
    body = {"input": {"invokeModel": {"body": wrapped}}}
    reply = Cloud("bedrock").signed("POST", "/model/anthropic.claude-sonnet-5-5/count-tokens", body)
    assert words in refusal(reply)[2]


def test_profiles_are_listed_page_by_page():
    cloud, seen, token = Cloud("bedrock", models=(f"{ARN}=claude-opus-5-5",)), [], ""
    while token is not None:
        page = parsed(cloud.signed("GET", f"/inference-profiles?maxResults=5{token}"))
        seen += [profile["inferenceProfileId"] for profile in page["inferenceProfileSummaries"]]
        token = f"&nextToken={page['nextToken']}" if "nextToken" in page else None
    assert {SONNET, "global.anthropic.claude-opus-4-6-v1", "abc123"} <= set(seen)
    assert not [name for name in seen if name.startswith("eu.")]


def test_profiles_of_an_account_are_listed_alone():
    cloud = Cloud("bedrock", models=(f"{ARN}=claude-opus-5-5",))
    page = parsed(cloud.signed("GET", "/inference-profiles?type=APPLICATION"))
    assert [profile["inferenceProfileArn"] for profile in page["inferenceProfileSummaries"]] == [ARN]


def test_one_profile_tells_the_model_behind_it():
    cloud = Cloud("bedrock", models=(f"{ARN}=claude-opus-5-5",))
    found = parsed(cloud.signed("GET", f"/inference-profiles/{quote(ARN, safe='')}"))
    assert found["models"][0]["modelArn"].endswith("foundation-model/anthropic.claude-opus-5-5")
    assert cloud.signed("GET", "/inference-profiles/none").status == 404


def test_foundation_models_say_how_they_are_reached():
    found = parsed(Cloud("bedrock").signed("GET", "/foundation-models?byProvider=anthropic"))["modelSummaries"]
    types = {model["modelId"]: model["inferenceTypesSupported"] for model in found}
    assert types["anthropic.claude-sonnet-5-5"] == ["INFERENCE_PROFILE"]
    one = parsed(Cloud("bedrock").signed("GET", "/foundation-models/anthropic.claude-sonnet-5-5"))
    assert one["modelDetails"]["modelId"] == "anthropic.claude-sonnet-5-5"


@pytest.mark.parametrize("target", ["/v1/messages", "/model/a/b/invoke", "/model/x/converse"])
def test_an_unknown_operation_is_not_found(target):
    assert Cloud("bedrock").signed("POST", target, messages()).status == 404
