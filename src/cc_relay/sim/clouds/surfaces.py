"""Which betas and body fields each cloud takes, as tables, and what it says to the others.

From the clouds' own documentation and from what Claude Code sends to each of them; kept apart from the relay's table on
purpose, so that a mistake there is refused here.
"""

import msgspec
from msgspec import Raw, Struct, field

from cc_relay.sim.ask import Fields, block_type, read_string

BEDROCK_FIELDS = frozenset(
    [
        "anthropic_version",
        "anthropic_beta",
        "max_tokens",
        "messages",
        "system",
        "stop_sequences",
        "temperature",
        "top_p",
        "top_k",
        "tools",
        "tool_choice",
        "thinking",
        "metadata",
        "output_config",
        "safeguards",
        "context_management",
        "user_profile_id",
    ]
)
BEDROCK_BETAS = frozenset(
    [
        "tool-search-tool-2025-10-19",
        "interleaved-thinking-2025-05-14",
        "context-1m-2025-08-07",
        "context-management-2025-06-27",
        "compact-2026-01-12",
        "computer-use-2024-10-22",
        "computer-use-2025-01-24",
        "computer-use-2025-11-24",
        "effort-2025-11-24",
        "fine-grained-tool-streaming-2025-05-14",
        "thinking-binding-controls-2026-08-01",
        "thinking-display-updates-2026-08-18",
        "thinking-token-count-2026-05-13",
        "mid-conversation-tool-changes-2026-07-01",
        "mid-conversation-output-config-2026-07-01",
        "dangerous-tool-use-2026-09-03",
    ]
)
NOWHERE_BETAS = frozenset(
    [
        "web-fetch-2025-09-10",
        "files-api-2025-04-14",
        "skills-2025-10-02",
        "mcp-client-2025-04-04",
        "mcp-client-2025-11-20",
        "code-execution-2025-08-25",
        "prompt-caching-scope-2026-01-05",
        "fast-mode-2026-02-01",
        "advisor-tool-2026-03-01",
    ]
)
"""Refused by Mantle and Vertex alike."""

BEDROCK_EDITS = frozenset({"compact_20260112", "clear_tool_uses_20250919"})
CONTEXT_BETAS = frozenset({"context-management-2025-06-27", "compact-2026-01-12"})

EXTRA = "{}: Extra inputs are not permitted"
UNEXPECTED_BETA = (
    "Unexpected value(s) `{}` for the `anthropic-beta` header. Please consult our documentation at "
    "docs.anthropic.com or try again without the header."
)
TAG = "{}: Input tag '{}' found using 'type' does not match any of the expected tags: {}"


class Surface(Struct, frozen=True):
    """What one cloud takes. `fields` and `betas` None take whatever is not among the refused.

    `needs` pairs a body field with the betas any one of which it takes to send it. `is_plain`: no server tools, no
    sources by URL or file, no scoped caching, no eager tool input.
    """

    fields: frozenset[str] | None = None
    refused_fields: frozenset[str] = frozenset()
    betas: frozenset[str] | None = None
    refused_betas: frozenset[str] = frozenset()
    beta_words: str = UNEXPECTED_BETA
    needs: dict[str, frozenset[str]] = field(default_factory=lambda: {"context_management": CONTEXT_BETAS})
    edits: frozenset[str] | None = None
    is_plain: bool = False


BEDROCK = Surface(
    fields=BEDROCK_FIELDS,
    betas=BEDROCK_BETAS,
    beta_words="invalid beta flag",
    edits=BEDROCK_EDITS,
    is_plain=True,
)
MANTLE = Surface(
    refused_fields=frozenset({"tags", "fallbacks", "fallback_credit_token", "container", "mcp_servers", "speed"}),
    refused_betas=NOWHERE_BETAS,
)
VERTEX = Surface(
    refused_fields=frozenset(
        {"model", "tags", "fallbacks", "fallback_credit_token", "container", "mcp_servers", "speed", "output_format"}
    ),
    refused_betas=NOWHERE_BETAS
    | {
        "fine-grained-tool-streaming-2025-05-14",
        "structured-outputs-2025-11-13",
        "token-efficient-tools-2025-02-19",
        "output-128k-2025-02-19",
    },
)
FOUNDRY = Surface(
    refused_fields=frozenset({"fallbacks", "fallback_credit_token", "speed"}),
    refused_betas=frozenset(
        {
            "compact-2026-01-12",
            "fine-grained-tool-streaming-2025-05-14",
            "token-efficient-tools-2025-02-19",
            "output-128k-2025-02-19",
            "fast-mode-2026-02-01",
            "advisor-tool-2026-03-01",
        }
    ),
)


def surface_complaint(surface: Surface, fields: Fields, betas: list[str]) -> str | None:
    """The first thing this cloud does not take, in its words; None where it takes all of it."""
    for beta in betas:
        if beta in surface.refused_betas or (surface.betas is not None and beta not in surface.betas):
            return surface.beta_words.format(beta)
    for name in fields:
        if name in surface.refused_fields or (surface.fields is not None and name not in surface.fields):
            return EXTRA.format(name)
        if name in surface.needs and surface.needs[name].isdisjoint(betas):
            return EXTRA.format(name)
    if surface.edits is not None and "context_management" in fields:
        found = _edit_complaint(fields["context_management"], surface.edits)
        if found is not None:
            return found
    return _plain_complaint(fields) if surface.is_plain else None


class _Edit(Struct):
    type: str = ""


class _ContextManagement(Struct):
    edits: list[_Edit] = []


def _edit_complaint(raw: Raw, known: frozenset[str]) -> str | None:
    for number, edit in enumerate(msgspec.json.decode(raw, type=_ContextManagement).edits):
        if edit.type not in known:
            return TAG.format(f"context_management.edits.{number}", edit.type, ", ".join(sorted(known)))
    return None


class _Message(Struct):
    content: str | list[Fields] = ""


def _plain_complaint(fields: Fields) -> str | None:
    for number, tool in enumerate(msgspec.json.decode(fields.get("tools", Raw(b"[]")), type=list[Fields])):
        place = f"tools.{number}"
        kind = block_type(tool)
        if kind.startswith(("web_search_", "web_fetch_", "code_execution_")):
            return TAG.format(place, kind, "'bash_20250124', 'custom', 'memory_20250818', 'text_editor_20250728'")
        if "eager_input_streaming" in tool:
            return EXTRA.format(f"{place}.custom.eager_input_streaming")
        if _is_scoped(tool):
            return EXTRA.format(f"{place}.custom.cache_control.ephemeral.scope")
    system = msgspec.json.decode(fields.get("system", Raw(b'""')), type=str | list[Fields])
    for number, block in enumerate(system if isinstance(system, list) else ()):
        if _is_scoped(block):
            return EXTRA.format(f"system.{number}.cache_control.ephemeral.scope")
    return _message_complaint(fields)


def _message_complaint(fields: Fields) -> str | None:
    messages = msgspec.json.decode(fields.get("messages", Raw(b"[]")), type=list[_Message])
    for number, message in enumerate(messages):
        for position, block in enumerate(message.content if isinstance(message.content, list) else ()):
            place, kind = f"messages.{number}.content.{position}", block_type(block)
            if _is_scoped(block):
                return EXTRA.format(f"{place}.{kind}.cache_control.ephemeral.scope")
            if kind in ("image", "document") and "source" in block:
                source = read_string(msgspec.json.decode(block["source"], type=Fields), "type")
                if source in ("url", "file"):
                    return TAG.format(f"{place}.{kind}.source", source, "'base64', 'text', 'content'")
    return None


def _is_scoped(block: Fields) -> bool:
    raw = bytes(block.get("cache_control", b"null"))
    return raw[:1] == b"{" and "scope" in msgspec.json.decode(raw, type=Fields)
