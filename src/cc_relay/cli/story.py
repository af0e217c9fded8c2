"""The story of one request, for a person to read.

What stands in it came over the network, so every word of it is escaped: nothing moves the cursor or rings.
"""

from collections.abc import Iterable, Iterator, Sequence

import click

from cc_relay.cli.table import columns
from cc_relay.exchange import Outcome
from cc_relay.management.views import AttemptView, CandidateView, RefusalView, RequestView
from cc_relay.runtime.lines import escaped, short

_COLOURS = {
    Outcome.DELIVERED: "green",
    Outcome.REJECTED: "yellow",
    Outcome.FAILED: "red",
    Outcome.BROKEN: "red",
}

_AFFINITY = {
    "home": ", on the key it was on before",
    "moved": ", moved away from the key it was on",
    "placed": ", new here",
    "none": "",
}


def story(view: RequestView) -> str:
    """Who asked for what, how it ended, who could have served it, who refused, what was tried."""
    sections = [
        list(_summary(view)),
        list(_candidates(view)),
        list(_refusals(view.refusals)),
        list(_attempts(view.attempts)),
    ]
    return "\n\n".join("\n".join(lines) for lines in sections if lines)


def _summary(view: RequestView) -> Iterator[str]:
    yield escaped(f"{view.id}: {view.method} {view.path}, {view.model or 'no model'}")
    by = f" by {view.principal}" if view.principal else ""
    session = f", session {view.session}{_AFFINITY[view.affinity]}" if view.session else ""
    yield escaped(f"  asked at {view.arrived_at.isoformat(' ', 'milliseconds')}{by}{session}")
    began = "no answer began" if view.first_byte_ms is None else f"the answer began after {_time(view.first_byte_ms)}"
    waited = f", {_time(view.waited_ms)} of it in the queue" if view.waited_ms else ""
    yield f"  {_ending(view)} after {_time(view.duration_ms)}; {began}{waited}"
    usage = view.usage
    written = usage.cache_write_5m + usage.cache_write_1h
    yield (
        f"  {short(view.bytes_out)} bytes; tokens: {short(usage.input)} in, {short(usage.output)} out,"
        f" {short(usage.cache_read)} read from the cache, {short(written)} written to it"
    )


def _ending(view: RequestView) -> str:
    reason = f" ({escaped(view.reason)})" if view.reason else ""
    return f"{_outcome(view.outcome)} with status {view.status}{reason}"


def _candidates(view: RequestView) -> Iterator[str]:
    if not view.candidates:
        yield "No candidate: it was answered before anybody was chosen, or nobody serves it."
        return
    yield escaped(f"Candidates, as {view.strategy or 'no strategy'} ranked them (configuration {view.generation}):")
    heading = ("RANK", "PROVIDER", "KEY", "MODEL", "WHY")
    yield from _table(heading, map(_candidate, view.candidates))


def _refusals(refusals: Sequence[RefusalView]) -> Iterator[str]:
    if refusals:
        yield "Refused:"
        yield from _table(("AT", "PROVIDER", "KEY", "MODEL", "WHY", "FREE AGAIN"), map(_refusal, refusals))


def _attempts(attempts: Sequence[AttemptView]) -> Iterator[str]:
    if not attempts:
        yield "Nothing was sent to a provider."
        return
    yield "Attempts:"
    heading = ("TRY", "PROVIDER", "KEY", "MODEL", "AT", "TOOK", "OUTCOME", "STATUS", "STAGE", "WHY")
    yield from _table(heading, map(_attempt, attempts))


def _candidate(candidate: CandidateView) -> tuple[str, ...]:
    return str(candidate.rank), *_target(candidate), _cell(candidate.reason)


def _refusal(refusal: RefusalView) -> tuple[str, ...]:
    again = "-" if refusal.retry_in_ms is None else f"in {_time(refusal.retry_in_ms)}"
    return _time(refusal.at_ms), *_target(refusal), _cell(refusal.reason), again


def _attempt(attempt: AttemptView) -> tuple[str, ...]:
    return (
        f"{attempt.number}{' (hedge)' if attempt.is_hedge else ''}",
        *_target(attempt),
        _time(attempt.started_ms),
        _time(attempt.duration_ms),
        _outcome(attempt.outcome),
        "-" if attempt.status is None else str(attempt.status),
        attempt.stage or "-",
        _cell(attempt.reason),
    )


def _target(one: CandidateView | RefusalView | AttemptView) -> tuple[str, str, str]:
    return _cell(one.provider), _cell(one.key), _cell(one.model)


def _table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return [f"  {line}" for line in columns(rows, heading=heading)]


def _cell(text: str) -> str:
    return escaped(text) or "-"


def _outcome(outcome: Outcome) -> str:
    return click.style(outcome.value, fg=_COLOURS.get(outcome))


def _time(milliseconds: float) -> str:
    """`3 ms`, `812 ms`, `3.21 s`."""
    return f"{milliseconds:.0f} ms" if milliseconds < 999.5 else f"{milliseconds / 1000:.2f} s"
