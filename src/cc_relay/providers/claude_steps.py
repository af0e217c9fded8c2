"""The changes a surface of Claude may need, each a step that does nothing where there is nothing to do."""

from collections.abc import Callable

from msgspec import Raw
from msgspec.json import Decoder, encode

from cc_relay.providers import capabilities as able
from cc_relay.providers.blocks import kind_of, text_block
from cc_relay.providers.claude_plan import Plan
from cc_relay.providers.claude_surfaces import ClaudeSurface
from cc_relay.providers.claude_thinking import fit_thinking
from cc_relay.providers.draft import Draft
from cc_relay.providers.needs import STATEFUL
from cc_relay.providers.prune import Tree, prune, trim_messages
from cc_relay.providers.raw_json import inner, is_list, is_object, read_object, read_objects
from cc_relay.providers.switching import clean_for_claude, fold_system_messages, lift_leading_system

MOST_BREAKPOINTS = 4
"""Cache breakpoints a request may have (Anthropic API docs, Prompt caching)."""

_HISTORY = frozenset({able.FOREIGN_HISTORY, able.THINKING_HISTORY, able.TOOL_IDS})
_AUTO = Raw(b'"auto"')
_UNTOUCHED = frozenset({"model", "stream", "anthropic_version", "anthropic_beta"})
_NEEDED = _UNTOUCHED | {
    "messages", "system", "tools", "tool_choice", "max_tokens", "stop_sequences", "output_format", "inference_geo",
    "safeguards", *STATEFUL,
}  # fmt: skip
"""Fields that stay although they were refused: the request would be another one, or the client has to know."""

_SAMPLING = ("temperature", "top_p", "top_k")
_CACHEABLE = frozenset({b"text", b"image", b"document", b"tool_use", b"tool_result", b"search_result"})

_read_int = Decoder(int).decode

Step = Callable[[Draft, Plan, ClaudeSurface], None]


def _drop_fields(draft: Draft, plan: Plan, surface: ClaudeSurface) -> None:
    """Leave out what the surface does not take; what it cannot do without (`lacks_for_claude`) stays, to be refused."""
    for name in draft.came:
        if not surface.takes(name) and name not in STATEFUL and name not in _UNTOUCHED:
            draft.put(name, None)


def _keep_format(draft: Draft, plan: Plan, surface: ClaudeSurface) -> None:
    """`output_format` by its later name, where only that is taken."""
    wanted = draft.came.get("output_format")
    if wanted is None or surface.takes("output_format") or not is_object(wanted):
        return
    config = draft.read("output_config")
    if "format" not in config:
        draft.put("output_config", encode({**config, "format": wanted}))


def _keep_breakpoint(draft: Draft, plan: Plan, surface: ClaudeSurface) -> None:
    """Automatic caching, where there is none, is a breakpoint on the last block."""
    mark = draft.get("cache_control")
    if mark is None or not is_object(mark) or surface.takes("cache_control"):
        return
    names = {*draft.came, *draft.changes}
    if sum(bytes(draft.get(name) or b"").count(b'"cache_control"') for name in names) >= MOST_BREAKPOINTS:
        return
    messages = read_objects(draft["messages"])
    last = messages[-1] if messages else {}
    content = last.get("content", Raw(b"null"))
    own = [text_block(content)] if inner(content) else []
    blocks = read_objects(content) if is_list(content) else own
    if not blocks or "cache_control" in blocks[-1] or kind_of(blocks[-1]) not in _CACHEABLE:
        return
    blocks[-1] = {**blocks[-1], "cache_control": mark}
    messages[-1] = {**last, "content": Raw(encode(blocks))}
    draft.put("messages", encode(messages))


def _clean_history(draft: Draft, plan: Plan, surface: ClaudeSurface) -> None:
    if _HISTORY.isdisjoint(plan.without):
        return
    cleaned = clean_for_claude(draft.came["messages"], drop_all_thinking=able.THINKING_HISTORY in plan.without)
    if cleaned is not None:
        draft.put("messages", cleaned)


def _fold(draft: Draft, plan: Plan, surface: ClaudeSurface) -> None:
    if able.SYSTEM_MESSAGES in plan.without:
        messages, leading = fold_system_messages(draft["messages"])
    elif able.LEADING_SYSTEM in plan.without:
        messages, leading = lift_leading_system(draft["messages"])
    else:
        return
    if messages is not None:
        draft.put("messages", messages)
    if leading:
        system = draft.get("system") or Raw(b"null")
        own = [text_block(system)] if inner(system) else []
        draft.put("system", encode([*(read_objects(system) if is_list(system) else own), *leading]))


def _prune(draft: Draft, plan: Plan, surface: ClaudeSurface) -> None:
    for name, tree in plan.prunes.items():
        value = draft.get(name)
        if value is None or name == "messages" or (not tree and _is_needed(name, value)):
            continue
        left = prune(value, tree) if tree else None
        if left is not value:
            draft.put(name, None if left is None or bytes(left) == b"{}" else bytes(left))


def _is_needed(name: str, value: Raw) -> bool:
    """Whether the whole field cannot go: the request would be another one without it."""
    return name in _NEEDED or (name == "output_config" and is_object(value) and "format" in read_object(value))


def _trim_messages(draft: Draft, plan: Plan, surface: ClaudeSurface) -> None:
    tree = plan.prunes.get("messages")
    if tree or plan.blocks:
        left = trim_messages(draft["messages"], tree or Tree(), plan.blocks)
        if left is not None:
            draft.put("messages", left)


def _cap_tokens(draft: Draft, plan: Plan, surface: ClaudeSurface) -> None:
    asked = draft.came.get("max_tokens")
    if plan.limit is not None and asked is not None and _read_int(asked) > plan.limit:
        draft.put("max_tokens", encode(plan.limit))


def _fit_thinking(draft: Draft, plan: Plan, surface: ClaudeSurface) -> None:
    fit_thinking(draft, plan.without, is_history_foreign=not _HISTORY.isdisjoint(plan.without))


def _choose_edits(draft: Draft, plan: Plan, surface: ClaudeSurface) -> None:
    """Keep the `context_management` edits the surface takes, and those about thinking only beside thinking."""
    if draft.get("context_management") is None:
        return
    context = draft.read("context_management")
    edits = context.get("edits")
    if edits is None or not is_list(edits):
        return
    has_lost_thinking = (
        draft.changes.get("thinking", b"") is None and kind_of(draft.read_came("thinking")) != b"disabled"
    )
    came = read_objects(edits)
    kept = [
        edit
        for edit in came
        if (surface.edits is None or kind_of(edit) in surface.edits)
        and kind_of(edit) not in plan.edits
        and not (has_lost_thinking and kind_of(edit).startswith(b"clear_thinking"))
    ]
    if len(kept) < len(came):
        draft.put("context_management", encode({**context, "edits": kept}) if kept else None)


def _drop_sampling(draft: Draft, plan: Plan, surface: ClaudeSurface) -> None:
    if able.SAMPLING in plan.without:
        for name in _SAMPLING:
            draft.put(name, None)


def _free_choice(draft: Draft, plan: Plan, surface: ClaudeSurface) -> None:
    if able.FORCED_TOOL_CHOICE not in plan.without or draft.get("tool_choice") is None:
        return
    choice = draft.read("tool_choice")
    if kind_of(choice) in (b"any", b"tool"):
        kept = {key: value for key, value in choice.items() if key != "name"}
        draft.put("tool_choice", encode({**kept, "type": _AUTO}))


STEPS: tuple[Step, ...] = (
    _keep_format,
    _clean_history,
    _fold,
    _prune,
    _trim_messages,
    _keep_breakpoint,
    _drop_fields,
    _cap_tokens,
    _fit_thinking,
    _choose_edits,
    _drop_sampling,
    _free_choice,
)
"""In this order: history first, since what is said of thinking depends on it."""
