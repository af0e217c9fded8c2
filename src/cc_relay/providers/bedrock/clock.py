"""What AWS says of a signature whose time is wrong: how far off this machine's clock is."""

import re
from datetime import UTC, datetime

_ABOUT_TIME = re.compile(
    r"signature (?:has )?expired|signature not yet current|is now (?:earlier|later) than|too skewed|time.{0,20}skew"
    r"|request has expired",
    re.IGNORECASE,
)
_TIMES = re.compile(r"(\d{8}T\d{6}Z) is (?:now|still) (?:earlier|later) than \d{8}T\d{6}Z \((\d{8}T\d{6}Z)")


def read_skew(message: str) -> str | None:
    """What is wrong with the clock, as a remedy to read; None where the message is not about time.

    `Signature expired: 20260102T030405Z is now earlier than 20260102T035905Z (20260102T040405Z - 5 min.)` holds the
    time of the signature, which is ours, and in brackets the time at AWS.
    """
    if not _ABOUT_TIME.search(message):
        return None
    times = _TIMES.search(message)
    return f"this machine's clock is off{'' if times is None else _by_how_much(times[1], times[2])}; set it right"


def _by_how_much(ours: str, theirs: str) -> str:
    try:
        seconds = (_instant(ours) - _instant(theirs)).total_seconds()
    except ValueError:
        return ""
    minutes = max(1, round(abs(seconds) / 60))
    return f", about {minutes} minutes {'ahead' if seconds > 0 else 'behind'}"


def _instant(text: str) -> datetime:
    return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
