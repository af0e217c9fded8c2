"""What log lines are made of: instants, durations, and text that cannot pretend to be anything else."""

import time
from functools import lru_cache

LONGEST = 200
"""Characters of a client's or an upstream's text that a request's line shows."""


def stamp(seconds: float) -> str:
    """An instant in UTC, to the millisecond (RFC 3339); `seconds` since the epoch."""
    whole = int(seconds)
    return f"{_second(whole)}.{int((seconds - whole) * 1000):03d}Z"


def clock(seconds: float) -> str:
    """The local time of day, for somebody who looks on."""
    return _time_of_day(int(seconds))


# Many lines fall into one second; formatting it costs more than the rest of the line.
@lru_cache(maxsize=4)
def _second(whole: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole))


@lru_cache(maxsize=4)
def _time_of_day(whole: int) -> str:
    return time.strftime("%H:%M:%S", time.localtime(whole))


def milliseconds(seconds: float) -> float:
    """A duration (not negative) to a tenth of a millisecond; a third of what `round` costs."""
    return int(seconds * 10_000 + 0.5) / 10


def short(count: int) -> str:
    """`345`, `10.3k`, `2.0M`."""
    return str(count) if count < 1000 else f"{count / 1000:.1f}k" if count < 999_950 else f"{count / 1e6:.1f}M"


def printable(text: str) -> str:
    """The beginning of a client's text, without line ends, terminal escapes or halves of characters; hot path."""
    if len(text) > LONGEST:
        text = text[:LONGEST] + "…"
    return text if text.isprintable() else "".join(letter if letter.isprintable() else "?" for letter in text)


def escaped(text: str) -> str:
    """`text` on one line, nothing lost: what does not print is shown as Python writes it."""
    if text.isprintable():
        return text
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii") for letter in text
    )


def coloured(text: str, code: int) -> str:
    """`text` in a terminal's colour (an SGR code of ECMA-48)."""
    return f"\033[{code}m{text}\033[0m"
