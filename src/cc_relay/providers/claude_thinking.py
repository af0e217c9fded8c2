"""The thinking settings of a request, fitted to what one generation of Claude takes."""

from msgspec import Raw
from msgspec.json import Decoder, encode

from cc_relay.providers import capabilities as able
from cc_relay.providers.blocks import kind_of
from cc_relay.providers.draft import Draft
from cc_relay.providers.raw_json import Object, inner, quoted
from cc_relay.providers.switching import is_loop_without_thinking
from cc_relay.providers.thinking import BUDGET_BY_EFFORT, DEFAULT_BUDGET, MIN_BUDGET

_EFFORT_BY_BUDGET = ((4096, b"low"), (10_000, b"medium"))
"""Up to how many tokens a budget is which effort; a larger one is `high`, the API's own default."""

_ABOVE_HIGH = frozenset({b"xhigh", b"max"})
_HIGH = b"high"
_ENABLED, _ADAPTIVE = Raw(b'"enabled"'), Raw(b'"adaptive"')

_read_int = Decoder(int).decode


def fit_thinking(draft: Draft, without: frozenset[str], *, is_history_foreign: bool) -> None:
    """Change `thinking` and `output_config.effort` to what is left of them: adaptive becomes a budget, a budget
    becomes adaptive with an effort, what cannot be said otherwise is left out.

    `is_history_foreign` says that turns of this conversation may have lost their thinking.
    """
    if draft.get("thinking") is not None:
        _fit_mode(draft, draft.read("thinking"), without, is_history_foreign=is_history_foreign)
    _fit_effort(draft, without)


def _fit_mode(draft: Draft, thinking: Object, without: frozenset[str], *, is_history_foreign: bool) -> None:
    mode = kind_of(thinking)
    may_break = is_history_foreign or able.THINKING_START in without
    if mode == b"enabled" and able.ENABLED_THINKING in without:
        mode, thinking = _to_adaptive(draft, thinking, without)
    elif mode == b"adaptive" and able.ADAPTIVE_THINKING in without:
        mode, thinking, may_break = *_to_enabled(draft, thinking, without), True
    elif mode == b"disabled" and able.DISABLED_THINKING in without:
        mode = b""
    elif mode == b"disabled" and able.DISABLED_ABOVE_HIGH in without and _effort(draft) in _ABOVE_HIGH:
        _set_effort(draft, _HIGH)
    if mode == b"enabled":
        thinking = _under_limit(draft, thinking)
        if not thinking or (may_break and is_loop_without_thinking(draft["messages"])):
            mode = b""
    if not mode or able.THINKING in without:
        draft.put("thinking", None)
    elif bytes(encode(thinking)) != bytes(encode(draft.read("thinking"))):
        draft.put("thinking", encode(thinking))


def _to_adaptive(draft: Draft, thinking: Object, without: frozenset[str]) -> tuple[bytes, Object]:
    if able.ADAPTIVE_THINKING in without:
        return b"", thinking
    budget = thinking.get("budget_tokens")
    if budget is not None and able.EFFORT not in without and not _effort(draft):
        tokens = _read_int(budget)
        _set_effort(draft, next((effort for most, effort in _EFFORT_BY_BUDGET if tokens <= most), _HIGH))
    kept = {key: value for key, value in thinking.items() if key != "budget_tokens"}
    return b"adaptive", {**kept, "type": _ADAPTIVE}


def _to_enabled(draft: Draft, thinking: Object, without: frozenset[str]) -> tuple[bytes, Object]:
    """Manual thinking does not go with a forced tool choice (Anthropic API docs, Extended thinking)."""
    is_forced = kind_of(draft.read("tool_choice")) in (b"any", b"tool")
    if able.ENABLED_THINKING in without or is_forced:
        return b"", thinking
    budget = BUDGET_BY_EFFORT.get(_effort(draft), DEFAULT_BUDGET)
    return b"enabled", {**thinking, "type": _ENABLED, "budget_tokens": Raw(encode(budget))}


def _under_limit(draft: Draft, thinking: Object) -> Object:
    """The settings with a budget below a `max_tokens` that was changed with them; empty where no room is left."""
    asked, budget = draft.get("max_tokens"), thinking.get("budget_tokens")
    if asked is None or budget is None or not ("max_tokens" in draft.changes or thinking != draft.read("thinking")):
        return thinking
    most = _read_int(asked) - 1
    if _read_int(budget) <= most:
        return thinking
    return {**thinking, "budget_tokens": Raw(encode(most))} if most >= MIN_BUDGET else {}


def _fit_effort(draft: Draft, without: frozenset[str]) -> None:
    effort = _effort(draft)
    if not effort:
        return
    if able.EFFORT in without:
        config = {key: value for key, value in draft.read("output_config").items() if key != "effort"}
        draft.put("output_config", encode(config) if config else None)
    elif (able.EFFORT_ABOVE_HIGH in without and effort in _ABOVE_HIGH) or (
        able.EFFORT_XHIGH in without and effort == b"xhigh"
    ):
        _set_effort(draft, _HIGH)


def _effort(draft: Draft) -> bytes:
    return inner(draft.read("output_config").get("effort"))


def _set_effort(draft: Draft, effort: bytes) -> None:
    draft.put("output_config", encode({**draft.read("output_config"), "effort": quoted(effort)}))
