"""Anthropic's error envelope, written and read (Anthropic API docs, errors page)."""

from msgspec import Struct
from msgspec.json import Decoder
from msgspec.json import encode as encode_json

from cc_relay.codec import sse

STATUS_BY_TYPE = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "conflict_error": 409,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "not_supported": 501,
    "timeout_error": 504,
    "overloaded_error": 529,
}
"""The status each error type travels with; `not_supported` is the gateways' convention."""

TYPE_BY_STATUS = {
    **{status: error_type for error_type, status in STATUS_BY_TYPE.items()},
    408: "timeout_error",
    503: "overloaded_error",
}


class ErrorEnvelope(Struct, frozen=True):
    """An error answer as an upstream wrote it.

    `type` may be a foreign word or number (`"1113"`) or empty; `error_code` comes from `error.details`, else from
    `error.code`. What is absent is empty.
    """

    type: str
    message: str
    error_code: str = ""
    request_id: str = ""


class _Error(Struct):
    type: str
    message: str


class _Envelope(Struct, tag_field="type", tag="error"):
    error: _Error
    request_id: str


class _Foreign(Struct):
    error: object = None
    request_id: object = None


_read_foreign = Decoder(_Foreign).decode


def type_for_status(status: int) -> str:
    """Anthropic's error type for an HTTP status; the nearest general one where it has none of its own."""
    return TYPE_BY_STATUS.get(status) or ("invalid_request_error" if status < 500 else "api_error")


def status_for_type(error_type: str) -> int:
    """The HTTP status an error type travels with; 500 for words Anthropic does not use."""
    return STATUS_BY_TYPE.get(error_type, 500)


def envelope(error_type: str, message: str, request_id: str) -> bytes:
    """An error body: `{"type":"error","error":{"type":…,"message":…},"request_id":…}`."""
    return encode_json(_Envelope(_Error(error_type, message), request_id))


def error_event(error_type: str, message: str, request_id: str) -> bytes:
    """The same as the frame that ends a stream after its 200 is out."""
    return sse.encode("error", envelope(error_type, message, request_id))


def read_envelope(body: bytes) -> ErrorEnvelope | None:
    """The error in a JSON body of Anthropic's shape or a relative of it; None where there is none. Never raises.

    Relatives: `type` as a number (Z.AI), `code` in its place (OpenAI), `error` as a bare sentence (Ollama's own API).
    """
    try:
        found = _read_foreign(body)
    except (ValueError, RecursionError):
        return None
    request_id = _text(found.request_id)
    error = found.error
    if isinstance(error, str):
        return ErrorEnvelope("", error, request_id=request_id)
    if not isinstance(error, dict):
        return None
    code = _text(error.get("code"))
    details = error.get("details")
    return ErrorEnvelope(
        type=_text(error.get("type")) or code,
        message=_text(error.get("message")),
        error_code=(_text(details.get("error_code")) if isinstance(details, dict) else "") or code,
        request_id=request_id,
    )


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    return str(value) if type(value) is int else ""
