"""What libraries and token endpoints say, fit for a log: no ids, no tokens, no pages."""

import re

LONGEST = 200

CUT: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"arn:[\w-]*:[^\s,;'\"]*"), "[arn]"),
    (re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+"), "[account]"),
    (re.compile(r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"), "[id]"),
    # Access key ids, tokens, assertions: long runs with a digit in them. Names of classes and options have none.
    (re.compile(r"(?<![\w/.-])(?=[\w/+=.~-]*\d)[\w+=~-][\w/+=.~-]{15,}"), "[…]"),
    (re.compile(r"\b\d{9,}\b"), "[id]"),
)

CLOCK = "; check whether this machine's clock is right"

_ABOUT_TIME = re.compile(
    r"iat and exp|reasonable timeframe|used too (?:early|late)|not yet (?:valid|current)|signature expired"
    r"|requesttimetooskewed|request has expired|clock|not within its valid time range",
    re.IGNORECASE,
)


def careful(text: str) -> str:
    """One short line of somebody else's words, with everything cut out that might name or prove somebody."""
    line = " ".join("".join(character if character.isprintable() else " " for character in text).split())
    if line.lstrip().startswith(("<", "{<")):
        return "a web page"
    for pattern, instead in CUT:
        line = pattern.sub(instead, line)
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}…"


def about_time(text: str) -> str:
    """A hint to add where a refusal is about the time of a token or signature; else ""."""
    return CLOCK if _ABOUT_TIME.search(text) else ""
