"""Bedrock's own count of what an answer cost: cut out of events, kept for what they leave unsaid."""

from collections.abc import Mapping

from msgspec import Raw, Struct, field
from msgspec.json import Decoder, encode

NAME = "amazon-bedrock-invocationMetrics"
MARK = NAME.encode()

COUNTS = {
    "inputTokenCount": "input_tokens",
    "outputTokenCount": "output_tokens",
    "cacheReadInputTokenCount": "cache_read_input_tokens",
    "cacheWriteInputTokenCount": "cache_creation_input_tokens",
}
"""Bedrock's names for Anthropic's counts; the input count is without the cache's in both."""

Counts = dict[str, int]
"""Tokens by Anthropic's names; what was not said, or said to be 0, is absent."""

Fields = dict[str, Raw]


class _Measured(Struct):
    metrics: object = field(default=None, name=NAME)


_read_measured = Decoder(_Measured).decode
_read_fields = Decoder(Fields).decode


def counts_of(usage: object) -> Counts:
    """What a decoded `usage` says."""
    return _counts(usage, {name: name for name in COUNTS.values()})


def cut(event: bytes) -> tuple[bytes, Counts]:
    """An event (or a whole message) without the metrics, every other value as it was, and their counts.

    Raises ValueError for what is no JSON object.
    """
    fields = _read_fields(event)
    if fields.pop(NAME, None) is None:
        return event, {}
    return encode(fields), _counts(_read_measured(event).metrics, COUNTS)


def fill(event: bytes, known: Counts, metrics: Counts) -> bytes:
    """An event (or a whole message) whose `usage` also says what only the metrics know."""
    missing = {name: count for name, count in metrics.items() if name not in known}
    if not missing:
        return event
    fields = _read_fields(event)
    usage = _object(fields.get("usage"))
    usage |= {name: Raw(b"%d" % count) for name, count in missing.items()}
    fields["usage"] = Raw(encode(usage))
    return encode(fields)


def _object(raw: Raw | None) -> Fields:
    try:
        return {} if raw is None else _read_fields(raw)
    except ValueError:
        return {}


def _counts(said: object, names: Mapping[str, str]) -> Counts:
    if not isinstance(said, dict):
        return {}
    counts = {ours: said.get(theirs) for theirs, ours in names.items()}
    return {name: count for name, count in counts.items() if type(count) is int and count > 0}
