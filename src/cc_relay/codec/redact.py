"""Taking secrets out of headers and bodies before they reach a log; only when the user asked to log them."""

import re

from cc_relay.exchange import Headers

HIDDEN = "***"

_SECRET_HEADERS = frozenset(
    {
        b"api-key",
        b"authorization",
        b"cookie",
        b"proxy-authorization",
        b"set-cookie",
        b"x-amz-security-token",
        b"x-api-key",
        b"x-goog-api-key",
    }
)

_HIDDEN_KEYS = (
    "access_?token|api[-_]?key|authorization|bearer(?:_?token)?|client_?secret|credentials?|id_?token|password|"
    "private_?key|refresh_?token|secret(?:_?(?:access_?)?key)?|session_?token|token|x-api-key"
)
_QUOTE = r'\\*"'  # also inside JSON that is itself a JSON string

_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(rf'({_QUOTE}(?:[a-z]+[-_])*(?:{_HIDDEN_KEYS}){_QUOTE}\s*:\s*{_QUOTE})[^"\\]*', re.IGNORECASE),
        rf"\1{HIDDEN}",
    ),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)", re.DOTALL), HIDDEN),
    (re.compile(r"\b(bearer|basic)\s+[\w.~+/=-]{6,}", re.IGNORECASE), rf"\1 {HIDDEN}"),
    (re.compile(r"\bsk-[\w-]{6,}"), f"sk-{HIDDEN}"),
    (re.compile(r"\beyJ[\w-]{8,}(?:\.[\w-]*){1,2}"), HIDDEN),
    (
        re.compile(
            r"\b(?:(?:AKIA|ASIA)[0-9A-Z]{12,}|AIza[\w-]{20,}|ya29\.[\w-]{10,}|gh[a-z]_\w{20,}|github_pat_\w{20,})"
        ),
        HIDDEN,
    ),
    (re.compile(r"[A-Za-z0-9+/_-]{200,}={0,2}"), "[base64]"),
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_SLACK = 8192


def redact_headers(headers: Headers) -> list[tuple[str, str]]:
    """Headers for a log line: credentials hidden whole, what looks like one hidden inside other values."""
    return [(name.decode("latin-1"), _value(name, value)) for name, value in headers]


def redact_body(body: bytes, limit: int) -> str:
    """At most `limit` characters of a body on one line, without keys, credentials and base64 blobs.

    Prompt text stays: whoever turns body logging on asks for it.
    """
    text = redact_text(body[: 4 * limit + _SLACK].decode("utf-8", "replace"))
    text = _CONTROL.sub(lambda found: repr(found[0])[1:-1], text[:limit])
    return text[:limit] + ("…" if len(body) > limit else "")


def redact_text(text: str) -> str:
    """`text` with everything that looks like a credential or a base64 blob hidden."""
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text


def _value(name: bytes, value: bytes) -> str:
    return HIDDEN if name in _SECRET_HEADERS else redact_text(value.decode("latin-1"))
