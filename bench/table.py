"""The table: rows, their bars and aims, and what the samples say about them."""

from dataclasses import dataclass
from statistics import median

from bench.rows import Samples


@dataclass(frozen=True)
class Row:
    """One line. `bar` and `aim` bound the ratio where `is_ratio`, the second figure of the two otherwise."""

    key: str
    title: str
    unit: str
    digits: int
    bar: float | None = None
    aim: float | None = None
    is_ratio: bool = False

    def mark(self, judged: float | None) -> str:
        if self.bar is None or judged is None:
            return ""
        if self.aim is not None and judged <= self.aim:
            return "aim"
        return "bar" if judged <= self.bar else "MISS"

    def bound(self, value: float | None) -> str:
        if value is None:
            return ""
        return f"{value:.1f}x" if self.is_ratio else f"{value:g}"


@dataclass(frozen=True)
class Table:
    """Lines that set `measured` beside `beside`."""

    beside: str
    measured: str
    rows: tuple[Row, ...]

    @property
    def heads(self) -> tuple[str, ...]:
        ratio = f"{self.measured}/{self.beside}"
        return ("", "unit", self.beside, self.measured, ratio, "spread", "bar", "aim", "reached")

    def lines(self, samples: Samples) -> list[tuple[str, ...]]:
        """The cells of the rows that were measured; heads first."""
        return [self.heads, *(self._cells(row, samples[row.key]) for row in self.rows if row.key in samples)]

    def _cells(self, row: Row, figures: dict[str, list[float]]) -> tuple[str, ...]:
        beside, measured = (median(figures[name]) for name in (self.beside, self.measured))
        ratio = measured / beside if beside > 0 else None
        return (
            row.title,
            row.unit,
            f"{beside:,.{row.digits}f}",
            f"{measured:,.{row.digits}f}",
            f"{ratio:.2f}x" if ratio is not None else "-",
            spread(figures[self.measured]),
            row.bound(row.bar),
            row.bound(row.aim),
            row.mark(ratio if row.is_ratio else measured),
        )


_NGINX = Table(
    "nginx",
    "relay",
    (
        Row("json", "CPU per request, 1 KB JSON", "us", 1, 3.0, 2.0, is_ratio=True),
        Row("body", "CPU per request, 200 KB body", "us", 0, 2.0, 1.3, is_ratio=True),
        Row("stream", "CPU per 302-chunk stream", "us", 0, 1.5, 1.1, is_ratio=True),
        Row("paced", "CPU per event, 1,000 paced streams", "us", 1, 1.5, 1.1, is_ratio=True),
        Row("memory", "memory per open stream", "KB", 1, 24, 12),
        Row("p50", "added latency, p50", "ms", 3, 0.35, 0.175),
        Row("p99", "added latency, p99", "ms", 3, 1.5, 0.75),
        Row("version", "`--version`, CPU", "s", 3, 0.12, 0.06),
        Row("start", "`serve` until listening", "s", 3, 1.0, 0.4),
        Row("start_cpu", "`serve` until listening, CPU", "s", 3),
        Row("rss", "idle memory, RSS", "MB", 1, 60, 40),
        Row("pss", "idle memory, PSS", "MB", 1),
    ),
)

_BEDROCK = Table(
    "anthropic",
    "bedrock",
    (
        Row("bedrock_stream", "CPU per 302-event stream", "us", 0, 2.5, is_ratio=True),
        Row("bedrock_paced", "CPU per event, 1,000 paced streams", "us", 1, 2.5, is_ratio=True),
        Row("bedrock_memory", "memory per open stream", "KB", 1),
        Row("bedrock_body", "CPU per request, 200 KB body, signed", "us", 0),
    ),
)

TABLES = (_NGINX, _BEDROCK)


def spread(figures: list[float]) -> str:
    """How far the relay's rounds lie apart, as a share of their median; a smaller difference means nothing."""
    middle = median(figures)
    return f"{(max(figures) - min(figures)) / middle:.0%}" if middle > 0 and len(figures) > 1 else ""


def chosen(samples: Samples) -> list[list[tuple[str, ...]]]:
    """The lines of each table that has any."""
    return [lines for table in TABLES if len(lines := table.lines(samples)) > 1]


def plain(samples: Samples) -> str:
    return "\n\n".join(map(_plain, chosen(samples)))


def _plain(lines: list[tuple[str, ...]]) -> str:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if at < 2 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def markdown(samples: Samples, date: str, machine: str) -> str:
    return "\n\n".join([f"{date}; {machine}.", *map(_markdown, chosen(samples))])


def _markdown(lines: list[tuple[str, ...]]) -> str:
    head, *rest = (" | ".join(line) for line in lines)
    rule = "|".join(["---", "---", *["--:"] * (len(lines[0]) - 2)])
    return "\n".join([f"| {head} |", f"|{rule}|", *(f"| {line} |" for line in rest)])
