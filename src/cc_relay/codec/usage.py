"""Adding up what a message cost, from whatever its events said (Anthropic API docs, streaming and pricing pages)."""

from cc_relay.exchange import Usage

_SIDE_ITERATIONS = frozenset({"compaction", "advisor_message"})
"""Model calls inside a message that its top-level counts leave out."""

_FALLBACK = "fallback_message"
"""A second model wrote the message: top-level counts are its alone, and each call is billed."""

_METRICS = {
    "inputTokenCount": "input_tokens",
    "outputTokenCount": "output_tokens",
    "cacheReadInputTokenCount": "cache_read_input_tokens",
    "cacheWriteInputTokenCount": "cache_creation_input_tokens",
}

MAX_COUNT = 2**53 - 1


class Counts:
    """The token counts of one model call; later reports overwrite earlier ones and never add to them."""

    __slots__ = ("cache_read", "cache_write", "cache_write_1h", "input", "output")

    def __init__(self) -> None:
        self.input = 0
        self.output = 0
        self.cache_read = 0
        self.cache_write = 0
        self.cache_write_1h = 0

    def report(self, usage: dict[str, object]) -> None:
        """Take a `usage` object.

        A 0 on the input side means "not said" (some upstreams repeat the keys without the values). Only
        `message_start` splits cache writes by lifetime; what a later total adds to the split counts as five minutes'.
        """
        self.input = _count(usage.get("input_tokens")) or self.input
        self.cache_read = _count(usage.get("cache_read_input_tokens")) or self.cache_read
        self.cache_write = _count(usage.get("cache_creation_input_tokens")) or self.cache_write
        output = _count(usage.get("output_tokens"))
        if output is not None:
            self.output = output
        split = usage.get("cache_creation")
        if isinstance(split, dict):
            one_hour = _count(split.get("ephemeral_1h_input_tokens")) or 0
            five_minutes = _count(split.get("ephemeral_5m_input_tokens")) or 0
            self.cache_write = one_hour + five_minutes or self.cache_write
            self.cache_write_1h = one_hour or self.cache_write_1h

    def report_missing(self, usage: dict[str, object]) -> None:
        """Take a `usage` object only for the counts still at 0."""
        self.input = self.input or _count(usage.get("input_tokens")) or 0
        self.output = self.output or _count(usage.get("output_tokens")) or 0
        self.cache_read = self.cache_read or _count(usage.get("cache_read_input_tokens")) or 0
        self.cache_write = self.cache_write or _count(usage.get("cache_creation_input_tokens")) or 0

    def add(self, other: "Counts") -> None:
        """Add another call's counts to these."""
        self.input += other.input
        self.output += other.output
        self.cache_read += other.cache_read
        self.cache_write += other.cache_write
        self.cache_write_1h += min(other.cache_write_1h, other.cache_write)


class UsageTally:
    """Usage of one message: `report` each `usage` object in the order it came, then read `usage`."""

    __slots__ = ("_counts", "_iterations", "is_complete", "model", "stop_reason")

    def __init__(self) -> None:
        self._counts = Counts()
        self._iterations: list[dict[str, object]] = []
        self.model = ""
        self.stop_reason = ""
        self.is_complete = False

    def report(self, usage: object) -> None:
        """Take a decoded `usage`; anything but an object is passed over."""
        if not isinstance(usage, dict):
            return
        self._counts.report(usage)
        iterations = usage.get("iterations")
        if isinstance(iterations, list):
            self._iterations = [entry for entry in iterations if isinstance(entry, dict)]

    def report_metrics(self, metrics: object) -> None:
        """Take Bedrock's `amazon-bedrock-invocationMetrics`, which only fill what was not said otherwise."""
        if isinstance(metrics, dict):
            self._counts.report_missing({ours: metrics.get(theirs) for theirs, ours in _METRICS.items()})

    @property
    def usage(self) -> Usage:
        """What the message cost by everything reported so far, calls to helper models included."""
        total, model = self._total()
        one_hour = min(total.cache_write_1h, total.cache_write)
        return Usage(
            input=total.input,
            output=total.output,
            cache_read=total.cache_read,
            cache_write_5m=total.cache_write - one_hour,
            cache_write_1h=one_hour,
            model=model,
            stop_reason=self.stop_reason,
            is_complete=self.is_complete,
        )

    def _total(self) -> tuple[Counts, str]:
        if not self._iterations:
            return self._counts, self.model
        total = Counts()
        served = [entry for entry in self._iterations if entry.get("type") == _FALLBACK]
        if not served:
            total.add(self._counts)
        for entry in self._iterations:
            if served or entry.get("type") in _SIDE_ITERATIONS:
                call = Counts()
                call.report(entry)
                total.add(call)
        model = served[-1].get("model") if served else None
        return total, model if isinstance(model, str) and model else self.model


def _count(value: object) -> int | None:
    """A sane token count, or None; floats appear where an upstream writes `12.0`."""
    if type(value) is float and value.is_integer():
        value = int(value)
    return value if type(value) is int and 0 <= value <= MAX_COUNT else None
