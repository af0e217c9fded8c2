"""What a refusal is about, in the words of Anthropic's API and of the clouds."""

import json

import pytest
from tests.support.providers import provider

from cc_relay.exchange import FailureKind
from cc_relay.providers import capabilities as able
from cc_relay.providers.rejections import read_lack

READINGS = {
    "messages.1.content.0: Invalid `signature` in `thinking` block": able.THINKING_HISTORY,
    "Invalid `data` in `redacted_thinking` block": able.THINKING_HISTORY,
    "messages.3.content.0: The block is bound to a different conversation. Remove the block.": able.THINKING_HISTORY,
    "messages.1.content.0: `thinking` or `redacted_thinking` blocks in the latest assistant message cannot be "
    "modified. These blocks must remain as they were": able.THINKING_HISTORY,
    "messages.1.content.0.thinking.signature: Field required": able.THINKING_HISTORY,
    "messages.1.content.0.type: Expected `thinking` or `redacted_thinking`, but found `tool_use`. When `thinking` is "
    "enabled, a final `assistant` message must start with a thinking block": able.THINKING_START,
    '"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive" and "output_config.effort" '
    "to control thinking behavior.": able.ENABLED_THINKING,
    "adaptive thinking is not supported on this model": able.ADAPTIVE_THINKING,
    '"thinking.type.disabled" is not supported for this model. Use "thinking.type.adaptive"': able.DISABLED_THINKING,
    '"qwen2" does not support thinking': able.THINKING,
    "This model does not support the effort parameter.": able.EFFORT,
    "output_config.effort: Extra inputs are not permitted": able.EFFORT,
    'tool_choice: type "tool" and "any" are not supported for this model.': able.FORCED_TOOL_CHOICE,
    "`temperature` is deprecated for this model.": able.SAMPLING,
    "top_k is not supported for this model": able.SAMPLING,
    "temperature: Extra inputs are not permitted": "field:temperature",
    "messages.0: use the top-level 'system' parameter for the initial system prompt": able.LEADING_SYSTEM,
    "role 'system' is not supported on this model": able.SYSTEM_MESSAGES,
    'messages: Unexpected role "system". The Messages API accepts a top-level `system` parameter, not "system" as an '
    "input message role.": able.SYSTEM_MESSAGES,
    "messages.1.role: Input should be 'user' or 'assistant'": able.SYSTEM_MESSAGES,
    "messages.1.content.0.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'": able.TOOL_IDS,
    "messages.2.content.0.tool_result.tool_use_id: String should match pattern '^[a-zA-Z0-9_-]+$'": able.TOOL_IDS,
    "messages.3.content.1: `tool_use` ids must be unique": able.TOOL_IDS,
    "Unexpected value(s) `x-2026-01-01` for the `anthropic-beta` header. Please consult our documentation at "
    "docs.anthropic.com or try again without the header.": "beta:x-2026-01-01",
    "Unexpected value(s) `a-1`, `b-2` for the `anthropic-beta` header.": "beta:a-1,b-2",
    "invalid beta flag": able.BETAS,
    "context_management: Extra inputs are not permitted": "field:context_management",
    "messages.1.output_config: Extra inputs are not permitted": "field:messages.*.output_config",
    "tools.0.custom.input_examples: Extra inputs are not permitted": "field:tools.*.custom.input_examples",
    "messages[12].content[0].tool_use.caller: Extra inputs are not permitted": (
        "field:messages.*.content.*.tool_use.caller"
    ),
    "system.2.cache_control.ephemeral.scope: Extra inputs are not permitted": able.CACHE_SCOPE,
    "messages.0.content.1.text.cache_control.ephemeral.ttl: Extra inputs are not permitted": able.CACHE_TTL,
    "cache_control: Extra inputs are not permitted": "field:cache_control",
    "messages.1.content.0: Input tag 'tool_addition' found using 'type' does not match": "block:tool_addition",
    "max_tokens: 128000 > 64000, which is the maximum allowed number of output tokens": "max_tokens:64000",
    "capability_rejected: thinking_type:adaptive": able.ADAPTIVE_THINKING,
    "capability_rejected: mid_conv_system. Not here.": able.SYSTEM_MESSAGES,
    "capability_rejected: beta_header:x-2026-01-01": "beta:x-2026-01-01",
    # Nothing to go without: the request is at fault, or the client has to know.
    "capability_rejected: document_block": "",
    "safeguards: Extra inputs are not permitted": "",
    "safeguards.0.classifier_context: Extra inputs are not permitted": "",
    "output_config.format: Extra inputs are not permitted": "",
    "mcp_servers: Extra inputs are not permitted": "",
    "messages.0.content.0.image.source.url: Extra inputs are not permitted": "",
    "messages: Extra inputs are not permitted": "",
    "invalid image source type: url. Only base64 images are supported.": "",
    "This model does not support assistant message prefill.": "",
    "`tool_use` ids were found without `tool_result` blocks immediately after: toolu_1.": "",
    "prompt is too long: 210000 tokens > 200000 maximum": "",
    "max_tokens: must be greater than 0": "",
    "`temperature` may only be set to 1 when thinking is enabled.": "",
    "": "",
}


@pytest.mark.parametrize("message", READINGS)
def test_a_refusal_says_what_it_is_about(message: str) -> None:
    assert read_lack(message) == READINGS[message]


@pytest.mark.parametrize("message", [message for message, lack in READINGS.items() if lack])
def test_what_a_cloud_puts_around_the_words_does_no_harm(message: str) -> None:
    quoted = json.dumps({"type": "error", "error": {"type": "invalid_request_error", "message": message}})
    assert read_lack(f"The model returned the following errors: {message}") == READINGS[message]
    assert read_lack(f"The model returned the following errors: {quoted}") == READINGS[message]


@pytest.mark.parametrize("type_", ["anthropic", "anthropic_compatible"])
@pytest.mark.parametrize("message", [message for message in READINGS if message])
def test_a_failure_names_the_capability_and_keeps_the_words(type_: str, message: str) -> None:
    error = {"type": "error", "error": {"type": "invalid_request_error", "message": message}}
    body = json.dumps(error).encode()
    failure = provider(type_).read_failure(400, [], body)
    assert failure.lacks == READINGS[message]
    assert failure.body == body
    if failure.lacks:
        assert failure.kind is FailureKind.CAPABILITY


def test_only_a_refused_capability_is_named() -> None:
    body = b'{"type":"error","error":{"type":"overloaded_error","message":"invalid beta flag"}}'
    assert provider("anthropic").read_failure(529, [], body).lacks == ""


@pytest.mark.parametrize("capability", sorted({lack for lack in READINGS.values() if lack}))
def test_every_capability_has_words_for_people(capability: str) -> None:
    assert able.describe(capability) != capability


def test_what_a_conversation_holds_is_not_remembered_of_the_model() -> None:
    lasting = {name for name in READINGS.values() if name and able.is_lasting(name)}
    assert able.SAMPLING in lasting
    assert "beta:x-2026-01-01" in lasting
    assert lasting.isdisjoint({
        able.THINKING_HISTORY, able.THINKING_START, able.TOOL_IDS, able.LEADING_SYSTEM, "field:temperature",
    })  # fmt: skip
