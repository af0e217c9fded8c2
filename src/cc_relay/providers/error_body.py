"""An upstream's error answer, whatever its shape, read into words that are safe to show."""

from msgspec import Struct
from msgspec.json import Decoder

from cc_relay.codec.envelope import read_envelope
from cc_relay.exchange import Headers, header

MAX_MESSAGE = 600
"""Characters of an upstream's own words that are passed on when they are not in an envelope."""


class ErrorBody(Struct, frozen=True):
    """What an error answer says; what is absent is empty.

    `type` and `code` are the upstream's words or numbers. `is_anthropic` says that the body is Anthropic's envelope,
    type and message included, and may be relayed as it is.
    """

    type: str
    code: str
    message: str
    request_id: str
    is_anthropic: bool


class _Loose(Struct):
    """The top level of known shapes: FastAPI's `detail`, old vLLM's `message`, Z.AI's `msg`, MiniMax's `base_resp`."""

    type: object = None
    message: object = None
    msg: object = None
    detail: object = None
    code: object = None
    base_resp: object = None


_read_loose = Decoder(_Loose).decode


def read_error_body(provider: str, status: int, headers: Headers, body: bytes) -> ErrorBody:
    """Read an error answer; never raises, and never passes markup on."""
    request_id = (header(headers, b"request-id") or header(headers, b"x-request-id") or b"").decode("latin-1")
    loose = _read(body)
    if loose is None:
        return ErrorBody("", "", _plain(provider, status, headers, body), request_id, is_anthropic=False)
    found = read_envelope(body)
    if found is None:
        return ErrorBody("", _word(loose.code), _loose_message(provider, status, loose), request_id, is_anthropic=False)
    return ErrorBody(
        type=found.type,
        code=found.error_code,
        message=_tidy(found.message) or f"{provider} answered with HTTP {status} and no explanation.",
        request_id=found.request_id or request_id,
        is_anthropic=loose.type == "error" and bool(found.type and found.message) and not found.type.isdigit(),
    )


def _read(body: bytes) -> _Loose | None:
    try:
        return _read_loose(body)
    except (ValueError, RecursionError):
        return None


def _loose_message(provider: str, status: int, loose: _Loose) -> str:
    for value in (loose.message, loose.msg, loose.detail):
        if isinstance(value, str) and (text := _tidy(value)):
            return text
    if isinstance(loose.base_resp, dict):
        code, said = loose.base_resp.get("status_code"), loose.base_resp.get("status_msg")
        return _tidy(f"{said} ({code})")
    if isinstance(loose.detail, list) and loose.detail and isinstance(loose.detail[0], dict):
        first = loose.detail[0]  # FastAPI's validation errors
        return _tidy(f"{'.'.join(map(str, first.get('loc', ())))}: {first.get('msg', '')}")
    return f"{provider} answered with HTTP {status} and no explanation."


def _plain(provider: str, status: int, headers: Headers, body: bytes) -> str:
    """A body that is no JSON object: its text where that is short and plain, a description where it is a web page."""
    if not body.strip():
        return f"{provider} answered with HTTP {status} and an empty body."
    text = body[: 4 * MAX_MESSAGE].decode("utf-8", "replace")
    if b"html" in (header(headers, b"content-type") or b"") or "<" in text:
        return f"{provider} answered with HTTP {status} and a web page; something in between may have answered for it."
    return f"{provider} answered with HTTP {status}: {_tidy(text)}"


def _tidy(text: str) -> str:
    """One line of printable text, without markup, of bearable length."""
    if "<html" in text.lower() or "<!doctype" in text.lower():
        return "the upstream answered with a web page"
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if len(line) <= MAX_MESSAGE else f"{line[:MAX_MESSAGE]}…"


def _word(value: object) -> str:
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
