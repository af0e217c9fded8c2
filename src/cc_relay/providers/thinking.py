"""The `thinking` and `output_config` settings for a foreign upstream."""

from msgspec import Raw, Struct
from msgspec.json import Decoder, encode

from cc_relay.providers.dialect import Dialect
from cc_relay.providers.raw_json import inner, is_null, read_object

MIN_BUDGET = 1024
"""The smallest budget the Messages API takes; it must also stay below `max_tokens`."""

BUDGET_BY_EFFORT = {b"low": 4096, b"medium": 10_000, b"high": 20_000, b"xhigh": 26_000, b"max": 31_999}
DEFAULT_BUDGET = 10_000


class _Thinking(Struct, omit_defaults=True):
    type: str
    budget_tokens: int | None = None


_read_thinking = Decoder(_Thinking).decode


def adapt_thinking(
    thinking: Raw | None, output_config: Raw | None, max_tokens: int | None, dialect: Dialect
) -> dict[str, bytes | None]:
    """The changes to `thinking` and `output_config`: adaptive becomes a budget, or nothing where effort says the same.

    `display` and every other refinement of Claude's is left out. `max_tokens` None means: not limited here.
    """
    changes: dict[str, bytes | None] = {}
    config = _read_config(output_config)
    kept = {key: value for key, value in config.items() if key in dialect.output_config}
    if output_config is not None and (len(kept) != len(config) or not kept):
        changes["output_config"] = encode(kept) if kept else None
    if thinking is not None:
        adapted = _adapt(thinking, inner(config.get("effort")), max_tokens, dialect)
        if adapted != bytes(thinking):
            changes["thinking"] = adapted
    return changes


def _read_config(output_config: Raw | None) -> dict[str, Raw]:
    if output_config is None or is_null(output_config):
        return {}
    try:
        return read_object(output_config)
    except ValueError:
        return {}


def _adapt(thinking: Raw, effort: bytes, max_tokens: int | None, dialect: Dialect) -> bytes | None:
    try:
        asked = _read_thinking(thinking)
    except ValueError:
        return None
    if asked.type == "disabled":
        return encode(_Thinking("disabled"))
    if asked.type == "adaptive" and dialect.has_adaptive_effort:
        return None
    if asked.type not in {"adaptive", "enabled"}:
        return None
    budget = asked.budget_tokens or BUDGET_BY_EFFORT.get(effort, DEFAULT_BUDGET)
    if max_tokens is not None:
        budget = min(budget, max_tokens - 1)
    return encode(_Thinking("enabled", budget)) if budget >= MIN_BUDGET else None
