"""From an upstream's error answer to a `Failure`: what it means, and what the client is told."""

import re
from email.utils import parsedate_to_datetime

from msgspec import Struct
from msgspec.structs import replace

from cc_relay.codec.envelope import STATUS_BY_TYPE, envelope, status_for_type, type_for_status
from cc_relay.codec.limits import read_limits, read_retry_after
from cc_relay.exchange import Failure, FailureKind, Headers, header
from cc_relay.providers.error_body import ErrorBody, read_error_body
from cc_relay.providers.rejections import read_lack

KIND_BY_STATUS = {
    401: FailureKind.CREDENTIAL,
    402: FailureKind.PLAN,
    403: FailureKind.CREDENTIAL,
    405: FailureKind.UNKNOWN_MODEL,
    408: FailureKind.TRANSIENT,
    409: FailureKind.TRANSIENT,
    425: FailureKind.TRANSIENT,
    429: FailureKind.THROTTLE,
    501: FailureKind.UNKNOWN_MODEL,
}
"""What a status means by itself. Every other 5xx is TRANSIENT, every other 4xx CLIENT; 404 depends on the words."""

PLAN_CODES = frozenset({
    "billing_error", "insufficient_quota", "enforced_spend_limit_reached", "contract_spend_limit_reached",
    "linked_organization_spend_limit_reached", "linked_organization_billing_unavailable",
})  # fmt: skip
"""Error types and codes of spent money or quota, whatever their status."""

_PLAN_TEXT = re.compile(
    r"you have reached your specified (?:workspace )?api usage limits|credit balance is too low|insufficient balance",
    re.IGNORECASE,
)

_CAPABILITY_TEXT = re.compile(
    r"invalid `(?:signature|data)` in `(?:redacted_)?thinking`"
    r"|bound to a different conversation"
    r"|blocks in the latest assistant message cannot be modified"
    r"|expected `thinking` or `redacted_thinking`, but found"
    r"|thinking\.signature: field required"
    r"|thinking\.type\.\w+\W{1,2} is not supported|adaptive thinking is not supported|does not support thinking"
    r"|tool_choice: type .* not supported for this model"
    r"|does not support assistant message prefill"
    r"|unexpected role \W?system|role 'system' is not supported|use the top-level 'system' parameter"
    r"|input should be 'user' or 'assistant'"
    r"|unexpected value\(s\) .* for the `anthropic-beta` header|invalid beta flag|extra inputs are not permitted"
    r"|string should match pattern|only base64 images are supported|capability_rejected:"
    r"|does not support (?:tools|images?|vision|documents?)",
    re.IGNORECASE,
)
"""Refusals of a feature, in the words of Anthropic's API and its imitations."""

_OVERFLOW_TEXT = re.compile(
    r"prompt is too long|maximum context length|context_length_exceeded|context window limit|context size"
    r"|exceeds? the (?:model's )?context|input is too long|exceed_context_size",
    re.IGNORECASE,
)
_NO_ENDPOINT_TEXT = re.compile(r"unexpected endpoint or method", re.IGNORECASE)

TOO_LONG = "prompt is too long: "
"""What Claude Code compacts on."""


class Meaning(Struct, frozen=True):
    """What an upstream's own error code stands for."""

    status: int
    error_type: str
    kind: FailureKind


def read_anthropic_failure(provider: str, status: int, headers: Headers, body: bytes) -> Failure:
    """An error of Anthropic's API: its envelope as it came, because Claude Code heals by its words.

    What Cloudflare answers in its place (a 413 page, a 502) gets an envelope of ours.
    """
    said = read_error_body(provider, status, headers, body)
    if status < 400:
        status = status_for_type(said.type) if said.type in STATUS_BY_TYPE else 502
    error_type = said.type if said.is_anthropic else type_for_status(status)
    return _failure(_kind(status, said, headers), status, error_type, said, headers, body)


def read_foreign_failure(provider: str, status: int, headers: Headers, body: bytes) -> Failure:
    """An error of an imitation: statuses, types and the overflow text as Anthropic words them."""
    said = read_error_body(provider, status, headers, body)
    status, error_type = _in_anthropic_words(status, said)
    is_overflow = _OVERFLOW_TEXT.search(said.message) or said.code == "context_length_exceeded"
    if is_overflow and not said.message.startswith(TOO_LONG):
        return too_long(said, headers)
    return _failure(_kind(status, said, headers), status, error_type, said, headers, body)


def coded_failure(meaning: Meaning, said: ErrorBody, headers: Headers, retry_after: float | None = None) -> Failure:
    """An error whose code says more than its status."""
    said = replace(said, is_anthropic=False)
    failure = _failure(meaning.kind, meaning.status, meaning.error_type, said, headers, b"")
    return failure if retry_after is None else replace(failure, retry_after=retry_after)


def too_long(said: ErrorBody, headers: Headers) -> Failure:
    """A prompt over the context window, in the words that make Claude Code compact."""
    message = said.message if said.message.startswith(TOO_LONG) else TOO_LONG + said.message
    said = replace(said, message=message, is_anthropic=False)
    return _failure(FailureKind.CLIENT, 400, "invalid_request_error", said, headers, b"")


def reference_time(headers: Headers) -> float | None:
    """The upstream's own clock (its `date` header) in Unix seconds: what its dates are measured against."""
    value = header(headers, b"date")
    if value is None:
        return None
    try:
        return parsedate_to_datetime(value.decode("ascii")).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):  # the parser of `email` leaks its own accidents
        return None


def read_wait(headers: Headers) -> float | None:
    """Seconds the upstream asks to wait; a date counts only beside a `date` header to measure it against."""
    now = reference_time(headers)
    if now is None:
        headers = [line for line in headers if line[0] != b"retry-after" or line[1][:1].isdigit()]
    return read_retry_after(headers, now or 0.0)


def _kind(status: int, said: ErrorBody, headers: Headers) -> FailureKind:
    if said.type in PLAN_CODES or said.code in PLAN_CODES or _PLAN_TEXT.search(said.message):
        return FailureKind.PLAN
    if status == 429 and _is_plan_rejected(headers):
        return FailureKind.PLAN
    if status in (400, 422, 500) and (_CAPABILITY_TEXT.search(said.message) or read_lack(said.message)):
        return FailureKind.CAPABILITY
    if status == 404:
        return _kind_of_missing(said)
    default = FailureKind.TRANSIENT if status >= 500 else FailureKind.CLIENT
    return KIND_BY_STATUS.get(status, default)


def _kind_of_missing(said: ErrorBody) -> FailureKind:
    """A missing model, a missing thing (a file, a batch), or, where nobody speaks of either, no API at this address."""
    if "model" in said.message.lower() or "model" in said.code:
        return FailureKind.UNKNOWN_MODEL
    return FailureKind.CLIENT if said.is_anthropic else FailureKind.TRANSIENT


def _is_plan_rejected(headers: Headers) -> bool:
    unified = read_limits(headers, reference_time(headers) or 0.0).unified
    return unified is not None and unified.is_rejected


def _in_anthropic_words(status: int, said: ErrorBody) -> tuple[int, str]:
    if status < 400:
        if _NO_ENDPOINT_TEXT.search(said.message):  # LM Studio, which "returns 200 anyway"
            return 501, "not_supported"
        status = status_for_type(said.type) if said.type in STATUS_BY_TYPE else 502
    status = {422: 400, 503: 529}.get(status, status)
    if said.type in STATUS_BY_TYPE and said.is_anthropic:
        return status, said.type
    return status, type_for_status(status)


def _failure(
    kind: FailureKind, status: int, error_type: str, said: ErrorBody, headers: Headers, body: bytes
) -> Failure:
    is_verbatim = said.is_anthropic and said.type == error_type
    return Failure(
        kind=kind,
        status=status,
        error_type=error_type,
        message=said.message,
        body=body if is_verbatim else envelope(error_type, said.message, said.request_id),
        retry_after=_retry_after(kind, headers),
        lacks=read_lack(said.message) if kind is FailureKind.CAPABILITY else "",
    )


def _retry_after(kind: FailureKind, headers: Headers) -> float | None:
    wait = read_wait(headers)
    if wait is not None or kind is not FailureKind.PLAN:
        return wait
    now = reference_time(headers)
    unified = read_limits(headers, now or 0.0).unified
    if now is None or unified is None or unified.reset_at is None:
        return None
    return max(0.0, unified.reset_at - now)
