"""What each surface that serves Claude takes of the Messages API: betas and body fields, as data.

Sources: Anthropic API docs ("Claude on Amazon Bedrock", "Claude in Amazon Bedrock", "Claude Platform on AWS", "Claude
on Vertex AI", "Claude in Microsoft Foundry", "Beta headers"), Claude Code docs ("LLM gateways"), AWS Bedrock user guide
("Anthropic Claude Messages API"), LiteLLM (anthropic_beta_headers_config.json), and the requests that Claude Code 2.1
itself sends in each of its modes, which decide where the others disagree.
"""

from types import MappingProxyType

from msgspec import Struct

from cc_relay.providers.capabilities import BLOCK, CACHE_SCOPE, FIELD

# A value of `anthropic-beta`, and what happens to it on each surface:
#   yes   it travels            tool  it travels as TOOL_SEARCH
#   -     it stays here         4.5   it travels for models up to 4.5; later ones need no beta for the same thing
# The first-party surfaces (anthropic, platform) and Foundry take an open list: what is not named here travels.
_SURFACES = ("foundry", "bedrock", "mantle", "vertex")
_BETAS = {
    #                                          foundry bedrock mantle vertex
    "claude-code-20250219":                   "yes     -       yes    yes",
    "interleaved-thinking-2025-05-14":        "yes     yes     yes    yes",
    "thinking-token-count-2026-05-13":        "yes     yes     yes    yes",
    "thinking-binding-controls-2026-08-01":   "yes     yes     yes    yes",
    "thinking-display-updates-2026-08-18":    "yes     yes     yes    yes",
    "effort-2025-11-24":                      "yes     4.5     yes    yes",
    "advanced-tool-use-2025-11-20":           "yes     tool    tool   tool",
    "tool-search-tool-2025-10-19":            "yes     yes     yes    yes",
    "context-1m-2025-08-07":                  "yes     yes     yes    yes",
    "context-management-2025-06-27":          "yes     yes     yes    yes",
    "compact-2026-01-12":                     "-       yes     yes    yes",
    "compact-2026-09-04":                     "yes     -       -      -",
    "inline-tools-2026-09-15":                "yes     -       -      yes",
    "computer-use-2024-10-22":                "yes     yes     yes    yes",
    "computer-use-2025-01-24":                "yes     yes     yes    yes",
    "computer-use-2025-11-24":                "yes     yes     yes    yes",
    "fine-grained-tool-streaming-2025-05-14": "-       yes     yes    -",
    "mid-conversation-tool-changes-2026-07-01": "yes   yes     -      yes",
    "mid-conversation-output-config-2026-07-01": "yes  yes     -      -",
    "per-turn-control-2026-07-01":            "yes     -       yes    yes",
    "dangerous-tool-use-2026-09-03":          "yes     yes     yes    yes",
    "structured-outputs-2025-11-13":          "yes     -       yes    -",
    "structured-outputs-2025-12-15":          "yes     -       yes    -",
    "token-efficient-tools-2025-02-19":       "-       -       yes    -",
    "output-128k-2025-02-19":                 "-       -       yes    -",
    "web-search-2025-03-05":                  "yes     -       yes    yes",
    "web-fetch-2025-09-10":                   "yes     -       -      -",
    "files-api-2025-04-14":                   "yes     -       -      -",
    "skills-2025-10-02":                      "yes     -       -      -",
    "code-execution-2025-08-25":              "yes     -       -      -",
    "mcp-client-2025-04-04":                  "yes     -       -      -",
    "mcp-client-2025-11-20":                  "yes     -       -      -",
    "mcp-client-2026-09-15":                  "yes     -       -      -",
    "prompt-caching-scope-2026-01-05":        "yes     -       -      -",
    "fast-mode-2026-02-01":                   "-       -       -      -",
    "advisor-tool-2026-03-01":                "-       -       -      -",
    "server-side-fallback-2026-06-01":        "-       -       -      -",
    "server-side-fallback-2026-07-01":        "-       -       -      -",
    "fallback-credit-2026-06-01":             "-       -       -      -",
    "fallback-credit-2026-07-01":             "-       -       -      -",
    "oauth-2025-04-20":                       "-       -       -      -",
}  # fmt: skip

TOOL_SEARCH = b"tool-search-tool-2025-10-19"
OF_A_LOGIN = frozenset({b"oauth-2025-04-20", b"claude-code-20250219"})
"""Without these Anthropic refuses a Claude subscription's token, so they stay when some other beta is refused."""

PAIRS: dict[bytes, tuple[str, ...]] = {
    b"context-management-2025-06-27": (f"{FIELD}context_management",),
    b"compact-2026-01-12": (f"{FIELD}context_management.edits.*=compact_20260112",),
    b"compact-2026-09-04": (f"{FIELD}compaction",),
    b"per-turn-control-2026-07-01": (f"{FIELD}messages.*.output_config",),
    b"mid-conversation-output-config-2026-07-01": (f"{FIELD}messages.*.output_config",),
    b"mid-conversation-system-clear-at-2026-08-21": (f"{FIELD}messages.*.clear_at",),
    b"mid-conversation-tool-changes-2026-07-01": (f"{BLOCK}tool_addition", f"{BLOCK}tool_removal"),
    b"thinking-display-updates-2026-08-18": (f"{FIELD}thinking.display=updates",),
    b"thinking-binding-controls-2026-08-01": (f"{FIELD}thinking.block_binding",),
    b"task-budgets-2026-03-13": (f"{FIELD}output_config.task_budget",),
    b"fast-mode-2026-02-01": (f"{FIELD}speed",),
    b"server-side-fallback-2026-06-01": (f"{FIELD}fallbacks",),
    b"server-side-fallback-2026-07-01": (f"{FIELD}fallbacks",),
    b"fallback-credit-2026-06-01": (f"{FIELD}fallback_credit_token",),
    b"fallback-credit-2026-07-01": (f"{FIELD}fallback_credit_token",),
    b"cache-diagnosis-2026-04-07": (f"{FIELD}diagnostics",),
    b"request-tags-2026-08-21": (f"{FIELD}tags",),
    b"prompt-caching-scope-2026-01-05": (CACHE_SCOPE,),
}
"""Header and body travel together: the fields and kinds of blocks (as `capabilities` writes them) that a beta brings.

Not here are fields that outlived their beta (`output_config.effort`, `cache_control.ttl`), and those whose loss would
change what is asked (`container`, `mcp_servers`, `thread`) or be noticed by the client (`safeguards`).
"""

# fmt: off
_BEDROCK_FIELDS = frozenset({
    "model", "stream", "anthropic_version", "anthropic_beta",  # the provider's own business
    "max_tokens", "messages", "system", "stop_sequences", "temperature", "top_p", "top_k", "tools", "tool_choice",
    "thinking", "metadata", "output_config", "safeguards", "context_management", "user_profile_id",
})
_VERTEX_FIELDS = _BEDROCK_FIELDS - {"user_profile_id"}
_NOT_ON_MANTLE = frozenset({
    "fallbacks", "fallback_credit_token", "tags", "speed", "container", "thread", "mcp_servers", "billing_policy",
})
_NOT_ON_FOUNDRY = frozenset({"fallbacks", "fallback_credit_token", "speed"})
# fmt: on

_CLOUD_EDITS = frozenset({b"compact_20260112", b"clear_tool_uses_20250919"})
_TOOL_DETAILS = frozenset({f"{FIELD}tools.*.eager_input_streaming", f"{FIELD}tools.*.type=custom"})


class ClaudeSurface(Struct, frozen=True):
    """One surface.

    `betas` maps a value to the name it has there; b"" drops it, as does absence unless `has_open_betas`. `old_betas`
    travel for models up to 4.5 only. `fields` are the top-level fields taken (None: all but `refused`), `edits` the
    kinds of `context_management` edits (None: all), `lacks` the capabilities no model has there. `knows_models` says
    that a request is fitted to the model's generation beforehand; else only once something was refused. `server_tools`
    are the beginnings of tool types that cannot run there. `has_links` and `has_files`: whether images and documents
    may be named by URL and by file id.
    """

    name: str
    betas: MappingProxyType[bytes, bytes]
    old_betas: frozenset[bytes] = frozenset()
    has_open_betas: bool = False
    fields: frozenset[str] | None = None
    refused: frozenset[str] = frozenset()
    edits: frozenset[bytes] | None = None
    lacks: frozenset[str] = frozenset()
    knows_models: bool = True
    server_tools: tuple[str, ...] = ()
    has_links: bool = True
    has_files: bool = True

    def takes(self, field: str) -> bool:
        """Whether a top-level body field may travel there."""
        return field not in self.refused and (self.fields is None or field in self.fields)


def _betas(surface: str) -> MappingProxyType[bytes, bytes]:
    column = _SURFACES.index(surface)
    marks = {name.encode(): row.split()[column] for name, row in _BETAS.items()}
    names = {"-": b"", "tool": TOOL_SEARCH}
    return MappingProxyType({name: names.get(mark, name) for name, mark in marks.items()})


def _old_betas(surface: str) -> frozenset[bytes]:
    column = _SURFACES.index(surface)
    return frozenset(name.encode() for name, row in _BETAS.items() if row.split()[column] == "4.5")


_NO_BETAS: MappingProxyType[bytes, bytes] = MappingProxyType({})

SURFACES: dict[str, ClaudeSurface] = {
    # Anthropic's own API gets every request as it came, until it has refused something.
    "anthropic": ClaudeSurface("anthropic", _NO_BETAS, has_open_betas=True, knows_models=False),
    # Anthropic-operated as well: the whole first-party API behind an AWS credential.
    "platform": ClaudeSurface("platform", MappingProxyType({b"oauth-2025-04-20": b""}), has_open_betas=True),
    "foundry": ClaudeSurface(
        "foundry", _betas("foundry"), has_open_betas=True, refused=_NOT_ON_FOUNDRY, server_tools=("advisor",)
    ),
    "bedrock": ClaudeSurface(
        "bedrock",
        _betas("bedrock"),
        _old_betas("bedrock"),
        fields=_BEDROCK_FIELDS,
        edits=_CLOUD_EDITS,
        lacks=_TOOL_DETAILS,
        server_tools=("web_search", "web_fetch", "code_execution", "advisor", "mcp_toolset"),
        has_links=False,
        has_files=False,
    ),
    "mantle": ClaudeSurface(
        "mantle",
        _betas("mantle"),
        refused=_NOT_ON_MANTLE,
        server_tools=("web_fetch", "code_execution", "advisor", "mcp_toolset"),
        has_files=False,
    ),
    "vertex": ClaudeSurface(
        "vertex",
        _betas("vertex"),
        fields=_VERTEX_FIELDS,
        edits=_CLOUD_EDITS,
        server_tools=("web_fetch", "code_execution", "advisor", "mcp_toolset"),
        has_links=False,
        has_files=False,
    ),
}
