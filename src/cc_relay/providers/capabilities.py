"""Names for what an upstream may be found unable to take: known beforehand, or learned from a refusal.

Besides the constants there are kinds that name a detail: `beta:<value>` (or several, with commas), `field:<path>`,
`block:<type>` and `max_tokens:<most>`. A path is a body's own, as Anthropic's errors write it, with `*` for every
index: `messages.*.output_config`. At its end `=value` means: only where the field says so.
"""

THINKING = "thinking"
ADAPTIVE_THINKING = "adaptive_thinking"
ENABLED_THINKING = "enabled_thinking"
DISABLED_THINKING = "disabled_thinking"
DISABLED_ABOVE_HIGH = "disabled_thinking_above_high"
"""`disabled` together with an effort of xhigh or max."""

EFFORT = "effort"
EFFORT_ABOVE_HIGH = "effort_above_high"
EFFORT_XHIGH = "effort_xhigh"
FORCED_TOOL_CHOICE = "forced_tool_choice"
SAMPLING = "sampling"
SYSTEM_MESSAGES = "system_messages"
BETAS = "betas"
"""Some beta that the refusal did not name."""

THINKING_HISTORY = "thinking_history"
"""The thinking in this conversation was refused: none of it travels."""

THINKING_START = "thinking_start"
"""Manual thinking in the middle of a tool loop whose last turn does not begin with thinking."""

FOREIGN_HISTORY = "foreign_history"
"""This conversation has turns of another family: what is not Claude's is left out."""

TOOL_IDS = "tool_ids"
"""This conversation has tool ids that Claude does not take."""

LEADING_SYSTEM = "leading_system"
"""This conversation begins with a system message."""

BETA = "beta:"
FIELD = "field:"
BLOCK = "block:"
MAX_TOKENS = "max_tokens:"

CACHE_SCOPE = FIELD + "cache_control.scope"
CACHE_TTL = FIELD + "cache_control.ttl"
"""These two wherever a cache breakpoint stands, not only at the top level."""

OF_A_CONVERSATION = frozenset({
    THINKING_HISTORY, THINKING_START, FOREIGN_HISTORY, TOOL_IDS, LEADING_SYSTEM,
    # Whether these are fields at all depends on the `anthropic-version` the client speaks.
    FIELD + "temperature", FIELD + "top_p", FIELD + "top_k",
})  # fmt: skip

_WORDS = {
    THINKING: "thinking of any kind",
    ADAPTIVE_THINKING: "adaptive thinking",
    ENABLED_THINKING: "thinking with a budget",
    DISABLED_THINKING: "switching thinking off",
    DISABLED_ABOVE_HIGH: "switching thinking off at an effort above high",
    EFFORT: "output_config.effort",
    EFFORT_ABOVE_HIGH: "an effort above high",
    EFFORT_XHIGH: "an effort of xhigh",
    FORCED_TOOL_CHOICE: "a forced tool_choice",
    SAMPLING: "temperature, top_p and top_k",
    SYSTEM_MESSAGES: "system messages between turns",
    BETAS: "some value of anthropic-beta",
    THINKING_HISTORY: "the thinking in this conversation",
    THINKING_START: "thinking with a budget in the middle of a tool loop",
    FOREIGN_HISTORY: "turns that another family of models wrote",
    TOOL_IDS: "the tool ids of this conversation",
    LEADING_SYSTEM: "a system message at the beginning of messages",
    CACHE_SCOPE: "cache_control.scope",
    CACHE_TTL: "cache_control.ttl",
}
_KINDS = {
    BETA: "the beta {}",
    FIELD: "the field {}",
    BLOCK: "blocks of type {}",
    MAX_TOKENS: "answers of more than {} tokens",
}


def is_lasting(capability: str) -> bool:
    """Whether it is remembered for the upstream and model; False: it is this conversation's only."""
    return capability not in OF_A_CONVERSATION


def describe(capability: str) -> str:
    """The capability in words: "adaptive thinking", "the beta context-1m-2025-08-07", "the field speed", …"""
    if capability in _WORDS:
        return _WORDS[capability]
    kind, _, detail = capability.partition(":")
    words = _KINDS.get(f"{kind}:")
    return capability if words is None else words.format(detail.replace(",", ", "))
