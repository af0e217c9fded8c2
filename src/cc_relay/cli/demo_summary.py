"""The table that `demo --once` ends with."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

import click

from cc_relay.cli.table import columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cc_relay.sim.traffic import TrafficResult

HEADING = ("ANSWERED BY", "REQUESTS", "FAILED OVER TO", "FIRST BYTE", "WHOLE ANSWER", "OUTPUT TOKENS")


def summary(results: Sequence[TrafficResult]) -> str:
    """One row for each provider, and a sentence about all of them; times are medians."""
    failed = [result for result in results if result.error]
    answered = [result for result in results if not result.error]
    providers = sorted({result.provider or "-" for result in answered})
    rows = [_row(name, [result for result in answered if (result.provider or "-") == name]) for name in providers]
    mended = sum(_was_mended(result) for result in answered)
    lines = [*columns(rows, heading=HEADING), ""] if rows else []
    lines.append(
        f"{len(answered)} of {len(results)} requests were answered, {mended} of them because the relay tried again."
    )
    lines += [click.style(f"failed: {result.kind}: {result.error}", fg="red") for result in failed]
    return "\n".join(lines)


def _row(name: str, results: Sequence[TrafficResult]) -> tuple[str, ...]:
    return (
        name,
        str(len(results)),
        str(sum(map(_was_mended, results))),
        f"{median(result.first_byte_ms for result in results):.0f} ms",
        f"{median(result.total_ms for result in results):.0f} ms",
        str(sum(result.output_tokens for result in results)),
    )


def _was_mended(result: TrafficResult) -> bool:
    return (result.attempts or 1) > 1
