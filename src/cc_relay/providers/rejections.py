"""Which capability an upstream's refusal is about, read from its words.

Sources: the errors of Anthropic's API as its docs ("Thinking troubleshooting", "Errors") and public issue trackers
quote them, Bedrock's and Vertex's among them, and the classes Claude Code reads after `capability_rejected:` (Claude
Code docs, "LLM gateways").
"""

import re
from collections.abc import Callable

from cc_relay.providers.capabilities import (
    ADAPTIVE_THINKING,
    BETA,
    BETAS,
    BLOCK,
    CACHE_SCOPE,
    CACHE_TTL,
    DISABLED_THINKING,
    EFFORT,
    EFFORT_ABOVE_HIGH,
    ENABLED_THINKING,
    FIELD,
    FORCED_TOOL_CHOICE,
    LEADING_SYSTEM,
    MAX_TOKENS,
    SAMPLING,
    SYSTEM_MESSAGES,
    THINKING,
    THINKING_HISTORY,
    THINKING_START,
    TOOL_IDS,
)

MOST_WORDS = 4000
"""Characters of a message that are read."""

# What stays although it is refused: without it the request would be another one (`output_config.format`,
# `mcp_servers`), or the client acts on the refusal itself (`safeguards`).
_KEPT = re.compile(
    r"(?:model|max_tokens|stream|messages|system|tools|tool_choice|stop_sequences|output_format|inference_geo)"
    r"|(?:safeguards|container|thread|mcp_servers)(?:\..*)?|output_config\.format(?:\..*)?|.*\.source(?:\..*)?"
)
_CACHE_FIELD = re.compile(r"(?:.*\.)?cache_control\.(?:ephemeral\.)?(scope|ttl)")
_NAME = re.compile(r"[A-Za-z0-9._-]+")

_CLASSES = {
    "mid_conv_system": SYSTEM_MESSAGES,
    "thinking_signature": THINKING_HISTORY,
    "thinking_type:enabled": ENABLED_THINKING,
    "thinking_type:adaptive": ADAPTIVE_THINKING,
    "effort_unsupported": EFFORT,
}


def _of_class(found: re.Match[str]) -> str:
    name = found[1].rstrip(".")
    if name.startswith("beta_header:"):
        return BETA + name.removeprefix("beta_header:")
    return _CLASSES.get(name, "")


def _of_field(found: re.Match[str]) -> str:
    """The capability of a field nobody expected at that place."""
    parts = found[1].replace("[", ".").replace("]", "").strip(".").split(".")
    path = ".".join("*" if part.isdigit() else part for part in parts)
    if _KEPT.fullmatch(path):
        return ""
    cache = _CACHE_FIELD.fullmatch(path)
    if cache is not None:
        return CACHE_SCOPE if cache[1] == "scope" else CACHE_TTL
    return EFFORT if path == "output_config.effort" else FIELD + path


def _of_betas(found: re.Match[str]) -> str:
    names = _NAME.findall(found[1])
    return BETA + ",".join(names) if names else BETAS


_READINGS: tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...] = (
    (r"capability_rejected: ?([\w:.-]+)", _of_class),
    (r"invalid `(?:signature|data)` in `(?:redacted_)?thinking`", THINKING_HISTORY),
    (r"bound to a different conversation", THINKING_HISTORY),
    (r"blocks in the latest assistant message cannot be modified", THINKING_HISTORY),
    (r"thinking\.signature: field required", THINKING_HISTORY),
    (r"expected `thinking` or `redacted_thinking`, but found", THINKING_START),
    (r"thinking\.type\.enabled\W{1,2} is not supported", ENABLED_THINKING),
    (r"thinking\.type\.adaptive\W{1,2} is not supported|adaptive thinking is not supported", ADAPTIVE_THINKING),
    (r"thinking\.type\.disabled\W{1,2} is not supported", DISABLED_THINKING),
    (r"does not support thinking", THINKING),
    (r"does not support the effort parameter", EFFORT),
    (r"effort\W.{0,40}\b(?:xhigh|max)\b.{0,40}not supported", EFFORT_ABOVE_HIGH),
    (r"tool_choice: type .* not supported for this model", FORCED_TOOL_CHOICE),
    (r"\b(?:temperature|top_p|top_k)`? is (?:deprecated|not supported)", SAMPLING),
    (r"use the top-level 'system' parameter", LEADING_SYSTEM),
    (r"role 'system' is not supported|unexpected role \W?system|\.role: input should be 'user' or", SYSTEM_MESSAGES),
    (r"input should be 'user' or 'assistant'", SYSTEM_MESSAGES),
    (r"tool_use(?:\.|_)id: string should match pattern|`tool_use` ids must be unique", TOOL_IDS),
    (r"unexpected value\(s\) (.*?) for the `anthropic-beta` header", _of_betas),
    (r"invalid beta flag", BETAS),
    (r"([\w.\[\]-]+): extra inputs are not permitted", _of_field),
    (r"input tag '(tool_addition|tool_removal)' found", lambda found: BLOCK + found[1]),
    (r"max_tokens: \d{1,9} > ([1-9]\d{0,8})\b", lambda found: MAX_TOKENS + found[1]),
)
_PATTERNS = tuple((re.compile(pattern, re.IGNORECASE), reading) for pattern, reading in _READINGS)


def read_lack(message: str) -> str:
    """The capability that was refused; "" where the words name none that a request could go without.

    What a cloud puts around the model's own words (Bedrock's "The model returned the following errors: …", quotes
    of an envelope inside) does no harm.
    """
    words = message[:MOST_WORDS].replace('\\"', '"')
    for pattern, reading in _PATTERNS:
        found = pattern.search(words)
        if found is not None:
            return reading if isinstance(reading, str) else reading(found)
    return ""
