"""What each generation of Claude takes of a request, and its words for the rest (Anthropic docs, thinking)."""

import re

from msgspec import Raw, Struct

from cc_relay.sim.ask import WireBody, WireMessage, block_type, has_tool_results, read_string

NAME = re.compile(r"(?:claude-)?(fable|mythos|opus|sonnet|haiku)-(preview|\d)(?:-(\d)(?!\d))?")

ENABLED = (
    '"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive" and "output_config.effort" '
    "to control thinking behavior."
)
DISABLED = ENABLED.replace("type.enabled", "type.disabled")
ADAPTIVE = "adaptive thinking is not supported on this model"
WORDS = {"enabled": ENABLED, "disabled": DISABLED, "adaptive": ADAPTIVE}
FORCED = 'tool_choice: type "tool" and "any" are not supported for this model.'
FORCED_WHILE_THINKING = "Thinking may not be enabled when tool_choice forces tool use."
SAMPLING = "`{}` is deprecated for this model."
WARM = "`temperature` may only be set to 1 when thinking is enabled."
PREFILL = "This model does not support assistant message prefill. The conversation must end with a user message."
SYSTEM = "role 'system' is not supported on this model"
EFFORT = "This model does not support the effort parameter."
SMALL_BUDGET = "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024"
LARGE_BUDGET = "`max_tokens` must be greater than `thinking.budget_tokens`."
UNSTARTED = (
    "messages.{}.content.0.type: Expected `thinking` or `redacted_thinking`, but found `{}`. When `thinking` is "
    "enabled, a final `assistant` message must start with a thinking block (preceeding the lastmost set of `tool_use` "
    "and `tool_result` blocks). To avoid this requirement, disable `thinking`."
)
LEAST_BUDGET = 1024
INTERLEAVED = "interleaved-thinking-2025-05-14"


class ModelRules(Struct, frozen=True):
    """One generation. `thinking` are the modes it takes."""

    thinking: tuple[str, ...]
    takes_forced_tools: bool = True
    takes_sampling: bool = False
    takes_prefill: bool = False
    takes_system: bool = True
    takes_effort: bool = True


ALWAYS_ON = ModelRules(("adaptive",))
SETTLED = ModelRules(("adaptive",), takes_forced_tools=False)
MODERN = ModelRules(("adaptive", "disabled"))
OPUS_4_7 = ModelRules(("adaptive", "disabled"), takes_system=False)
MIXED = ModelRules(("adaptive", "enabled", "disabled"), takes_sampling=True, takes_system=False)
MANUAL = ModelRules(
    ("enabled", "disabled"), takes_sampling=True, takes_prefill=True, takes_system=False, takes_effort=False
)

RULES: dict[str, ModelRules] = {
    "fable-5": ALWAYS_ON,
    "mythos-5": ALWAYS_ON,
    "fable-5-1": SETTLED,
    "fable-5-2": SETTLED,
    "mythos-5-1": SETTLED,
    "mythos-5-2": SETTLED,
    "mythos-preview": ModelRules(("adaptive", "enabled"), takes_sampling=True, takes_system=False),
    "opus-5-5": SETTLED,
    "sonnet-5-5": SETTLED,
    "haiku-5-5": MODERN,
    "opus-5": MODERN,
    "sonnet-5": MODERN,
    "opus-4-8": MODERN,
    "opus-4-7": OPUS_4_7,
    "opus-4-6": MIXED,
    "sonnet-4-6": MIXED,
    "opus-4-5": ModelRules(
        ("enabled", "disabled"), takes_sampling=True, takes_prefill=True, takes_system=False, takes_effort=True
    ),
    "sonnet-4-5": MANUAL,
    "haiku-4-5": MANUAL,
}
"""By family and version; a name that is not here is not held to any rule."""

SPEAKS_2026 = frozenset(name for name, rules in RULES.items() if not rules.takes_sampling)
"""Who takes API version 2026-10-21 in a cloud's body: Claude 4.7 and later."""


def generation(model: str) -> str:
    """`opus-5-5` for `claude-opus-5-5`, `us.anthropic.claude-opus-5-5`, …; "" for what is no Claude's name."""
    found = NAME.search(model)
    return "-".join(part for part in found.groups() if part) if found else ""


def model_complaint(body: WireBody, model: str, betas: list[str]) -> str | None:
    """What this generation of model does not take of the request, in its words; or None."""
    rules = RULES.get(generation(model))
    if rules is None:
        return None
    thinking = body.thinking.type if body.thinking else None
    if thinking in WORDS and thinking not in rules.thinking:
        return WORDS[thinking]
    effort = body.output_config.effort if body.output_config else None
    if effort is not None and not rules.takes_effort:
        return EFFORT
    return (
        _tools_complaint(body, rules, thinking)
        or _sampling_complaint(body, rules, thinking)
        or (_manual_complaint(body, betas) if thinking == "enabled" else None)
        or _role_complaint(body.messages, rules)
    )


def _tools_complaint(body: WireBody, rules: ModelRules, thinking: str | None) -> str | None:
    if body.tool_choice is None or read_string(body.tool_choice, "type") not in ("any", "tool"):
        return None
    if not rules.takes_forced_tools:
        return FORCED
    return FORCED_WHILE_THINKING if thinking == "enabled" else None


def _sampling_complaint(body: WireBody, rules: ModelRules, thinking: str | None) -> str | None:
    sent: dict[str, Raw] = {"temperature": body.temperature, "top_p": body.top_p, "top_k": body.top_k}
    for name, value in sent.items():
        if bytes(value) and not rules.takes_sampling:
            return SAMPLING.format(name)
    temperature = bytes(body.temperature)
    return WARM if thinking in ("enabled", "adaptive") and temperature not in (b"", b"1", b"1.0") else None


def _manual_complaint(body: WireBody, betas: list[str]) -> str | None:
    budget = body.thinking.budget_tokens if body.thinking else None
    if budget is not None and budget < LEAST_BUDGET:
        return SMALL_BUDGET
    if budget is not None and body.max_tokens and budget >= body.max_tokens and INTERLEAVED not in betas:
        return LARGE_BUDGET
    if not has_tool_results(body.messages[-1]):
        return None
    for number, message in reversed(list(enumerate(body.messages))):
        if message.role == "assistant":
            first = _first_block(message)
            return None if first in ("thinking", "redacted_thinking") else UNSTARTED.format(number, first)
    return None


def _first_block(message: WireMessage) -> str:
    if isinstance(message.content, str) or not message.content:
        return "text"
    return block_type(message.content[0])


def _role_complaint(messages: list[WireMessage], rules: ModelRules) -> str | None:
    if not rules.takes_system and any(message.role == "system" for message in messages):
        return SYSTEM
    return PREFILL if messages[-1].role == "assistant" and not rules.takes_prefill else None
