"""What to do after a failed attempt: one table for each way to fail."""

from enum import Enum

from cc_relay.errors import Source, Stage
from cc_relay.exchange import FailureKind


class Verdict(Enum):
    """What becomes of the exchange.

    NEXT           the next candidate, and this one once more if none is left: it was only unwell
    NEXT_PROVIDER  the next provider first; this one, which was not even reached, once more if none is left
    SILENT         the next provider first; this candidate not again, its provider's other keys if none is left
    ONWARD         the next candidate; this one is of no use for now
    ELSEWHERE      the next provider; this provider's other keys would fail alike
    STOP           nobody can help: the client gets the answer
    """

    NEXT = "next"
    NEXT_PROVIDER = "next_provider"
    SILENT = "silent"
    ONWARD = "onward"
    ELSEWHERE = "elsewhere"
    STOP = "stop"


FAILURES: dict[FailureKind, Verdict] = {
    FailureKind.TRANSIENT: Verdict.NEXT,
    FailureKind.THROTTLE: Verdict.ONWARD,
    FailureKind.PLAN: Verdict.ONWARD,
    FailureKind.CREDENTIAL: Verdict.ONWARD,
    FailureKind.UNKNOWN_MODEL: Verdict.ELSEWHERE,
    # Claude Code mends these requests by itself when it sees the wording.
    FailureKind.CAPABILITY: Verdict.STOP,
    FailureKind.CLIENT: Verdict.STOP,
}
"""Upstream errors that arrived as an answer."""

BREAKS: dict[tuple[Source, Stage], Verdict] = {
    (Source.UPSTREAM, Stage.CONNECT): Verdict.NEXT_PROVIDER,
    (Source.UPSTREAM, Stage.SEND): Verdict.NEXT,
    (Source.UPSTREAM, Stage.HEAD): Verdict.NEXT,
    (Source.UPSTREAM, Stage.BODY): Verdict.NEXT,
    (Source.DOWNSTREAM, Stage.CONNECT): Verdict.STOP,
    (Source.DOWNSTREAM, Stage.SEND): Verdict.STOP,
    (Source.DOWNSTREAM, Stage.HEAD): Verdict.STOP,
    (Source.DOWNSTREAM, Stage.BODY): Verdict.STOP,
    (Source.RELAY, Stage.CONNECT): Verdict.STOP,
    (Source.RELAY, Stage.SEND): Verdict.STOP,
    (Source.RELAY, Stage.HEAD): Verdict.STOP,
    (Source.RELAY, Stage.BODY): Verdict.STOP,
}
"""Attempts that ended without an answer, by whose fault and how far they got."""


def judge_failure(kind: FailureKind, *, is_client_owned: bool) -> Verdict:
    """Judge an upstream's error answer before commit.

    A client's own login that is refused or spent stops there: trying another credential would silently bill
    somebody else.
    """
    if is_client_owned and kind in (FailureKind.CREDENTIAL, FailureKind.PLAN):
        return Verdict.STOP
    return FAILURES[kind]


def judge_break(source: Source, stage: Stage, *, timed_out: bool) -> Verdict:
    """Judge an attempt that ended without an answer, before commit.

    Silence is not tried again at the same place: the second wait would be as long as the first.
    """
    verdict = BREAKS[source, stage]
    return Verdict.SILENT if timed_out and verdict is not Verdict.STOP else verdict


def backoff(round_number: int, *, base: float, ceiling: float, dice: float) -> float:
    """Seconds before another round; `dice` in [0, 1) is the jitter: half is fixed, half is thrown."""
    span = min(ceiling, base * 2.0**round_number)
    return span / 2 + span / 2 * dice
