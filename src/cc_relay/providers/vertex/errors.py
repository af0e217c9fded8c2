"""Errors of Vertex AI: Anthropic's where the model spoke, Google's own where nobody got that far."""

import re
from functools import partial

from msgspec import Struct
from msgspec.json import Decoder, encode
from msgspec.structs import replace

from cc_relay.codec.envelope import envelope
from cc_relay.exchange import Failure, FailureKind, Headers
from cc_relay.providers.clouds import Cut, credential_refused, without_ids
from cc_relay.providers.error_body import read_error_body
from cc_relay.providers.failures import Meaning, coded_failure, read_anthropic_failure

TOO_LONG = "Input is too long."
"""What Claude Code compacts on where it knows Vertex AI's words for it, here as Bedrock says it."""

_INVALID = Meaning(400, "invalid_request_error", FailureKind.CLIENT)
_UNWELL = Meaning(500, "api_error", FailureKind.TRANSIENT)
_CONFLICT = Meaning(409, "conflict_error", FailureKind.TRANSIENT)
_NO_BILLING = Meaning(402, "billing_error", FailureKind.PLAN)

STATUSES = {
    "INVALID_ARGUMENT": _INVALID,
    "OUT_OF_RANGE": _INVALID,
    "FAILED_PRECONDITION": _INVALID,
    "UNAUTHENTICATED": Meaning(502, "api_error", FailureKind.CREDENTIAL),
    "PERMISSION_DENIED": Meaning(403, "permission_error", FailureKind.CREDENTIAL),
    "NOT_FOUND": Meaning(404, "not_found_error", FailureKind.UNKNOWN_MODEL),
    "ALREADY_EXISTS": _CONFLICT,
    "ABORTED": _CONFLICT,
    "RESOURCE_EXHAUSTED": Meaning(429, "rate_limit_error", FailureKind.THROTTLE),
    "CANCELLED": _UNWELL,
    "INTERNAL": _UNWELL,
    "UNKNOWN": _UNWELL,
    "DATA_LOSS": _UNWELL,
    "UNIMPLEMENTED": Meaning(501, "not_supported", FailureKind.UNKNOWN_MODEL),
    "UNAVAILABLE": Meaning(529, "overloaded_error", FailureKind.TRANSIENT),
    "DEADLINE_EXCEEDED": Meaning(504, "timeout_error", FailureKind.TRANSIENT),
}
"""What Google's status words stand for (google.rpc.Code)."""

WORDS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
"""The word for a status, where an error brings none."""

REMEDIES = (
    (r"SCOPE_INSUFFICIENT|insufficient authentication scopes",
     "its access token lacks the scope https://www.googleapis.com/auth/cloud-platform"),
    (r"quota project", "its kind needs a quota project; `gcloud auth application-default set-quota-project` names one"),
    (r"USER_PROJECT_DENIED|serviceusage",
     "it may not charge its quota project; grant it roles/serviceusage.serviceUsageConsumer there"),
    (r"SERVICE_DISABLED|has not been used in project",
     "the Vertex AI API (aiplatform.googleapis.com) is not enabled in its project"),
    (r"IAM_PERMISSION_DENIED|permission \S+ denied", "it may not call models; grant it roles/aiplatform.user"),
    (r"CONSUMER_(?:SUSPENDED|INVALID)", "its project is suspended or unknown; check gcp_project_id"),
    (r"SECURITY_POLICY_VIOLATED|organization's policy|VPC Service Controls", "a policy of its organization forbids it"),
    (r"expired", "its access token has expired"),
)  # fmt: skip
"""What helps a refused credential, by Google's reason (google.api.ErrorReason) or words."""

_MAY_BE_THE_MODEL = frozenset({"INVALID_ARGUMENT", "FAILED_PRECONDITION", "PERMISSION_DENIED"})

_TOO_LARGE = re.compile(r"(?:request|message) size \(\d+ bytes\) exceeds", re.IGNORECASE)
_MODEL_IS_MISSING = re.compile(
    r"publisher model|not servable in|allowedmodels|disallowed (?:gen ai )?model"
    r"|\bmodels?\b.{0,200}\bnot (?:enabled|available|found|accessible|servable|allowed)",
    re.IGNORECASE | re.DOTALL,
)
_PERMISSION_IS_MISSING = re.compile(r"IAM_PERMISSION_DENIED|permission \S+ denied on", re.IGNORECASE)
_REMEDIES = tuple((re.compile(pattern, re.IGNORECASE), remedy) for pattern, remedy in REMEDIES)
_RENEW = "its access token is missing, expired or revoked"
_CHECK = "check what it may do in the project"
_NO_BILLING_TEXT = re.compile(r"requires billing to be enabled|billing .{0,80}\bdisabled", re.IGNORECASE)
_DELAY = re.compile(r"(\d{1,6}(?:\.\d{1,9})?)s")

_IDS = (
    (re.compile(r"\b(projects|organizations|folders|billingAccounts)/[^/\s`'\",;)\\]+"), r"\1/…"),
    (re.compile(r"\b(project(?:_id|_number)?[=:])[\w.:-]+", re.IGNORECASE), r"\1…"),
    (re.compile(r"\b(project )([`'\"])[^`'\"]+\2", re.IGNORECASE), r"\1\2…\2"),
    (re.compile(r"\b(project )#?\d{4,}", re.IGNORECASE), r"\1…"),
    (re.compile(r"[\w.+-]+@[\w.-]*gserviceaccount\.com"), "…"),
)
"""What names a project, an organization or an account in Google's messages."""

_decode = Decoder(object).decode


class Status(Struct, frozen=True):
    """Google's error (google.rpc.Status as JSON); what is absent is empty.

    `word` is its status in capitals, `reason` that of its ErrorInfo, `delay` the seconds of its RetryInfo. `is_closed`
    says that the quota it speaks of is zero, so waiting does not help.
    """

    word: str
    reason: str
    delay: float | None
    is_closed: bool


def read_failure(provider: str, project: str, status: int, headers: Headers, body: bytes) -> Failure:
    """An error of Vertex AI's, in either shape, wrapped in a list or not; ids of `project` and others are cut out."""
    found, body = read_status(body)
    word = "" if found is None else found.word or WORDS.get(status, "")
    if found is None or not word:
        failure = _read_anthropic(provider, status, headers, body)
    else:
        failure = _read_google(provider, status, headers, body, found, word)
    return without_ids(failure, cutting(project))


def read_status(body: bytes) -> tuple[Status | None, bytes]:
    """Google's error in a body (None: it holds something else), and the body out of the list it may have come in."""
    try:
        value = _decode(body)
    except (ValueError, RecursionError):
        return None, body
    if isinstance(value, list):
        value = next((one for one in value if isinstance(one, dict) and "error" in one), None)
        if value is None:
            return None, body
        body = encode(value)
    error = value.get("error") if isinstance(value, dict) else None
    if not isinstance(error, dict) or "type" in error or not ({"code", "status"} & error.keys()):
        return None, body
    return _status(error), body


def cutting(project: str) -> Cut:
    """What takes ids out of a text, those of our own `project` wherever they stand."""
    return partial(_cut, re.compile(rf"(?<![\w-]){re.escape(project)}(?![\w-])"))


def _cut(own: re.Pattern[str], text: str) -> str:
    for pattern, replacement in _IDS:
        text = pattern.sub(replacement, text)
    return own.sub("…", text)


def _status(error: dict[object, object]) -> Status:
    word, details = error.get("status"), error.get("details")
    if not isinstance(word, str) or word not in STATUSES:
        code = error.get("code")
        word = WORDS.get(code, "") if isinstance(code, int) else ""
    listed = [one for one in details if isinstance(one, dict)] if isinstance(details, list) else []
    reasons = [reason for one in listed if isinstance(reason := one.get("reason"), str)]
    delays = [float(delay[1]) for one in listed if (delay := _DELAY.fullmatch(str(one.get("retryDelay"))))]
    limits = [one["metadata"].get("quota_limit_value") for one in listed if isinstance(one.get("metadata"), dict)]
    return Status(
        word=word,
        reason=reasons[0] if reasons else "",
        delay=delays[0] if delays else None,
        is_closed="0" in limits,
    )


def _read_google(provider: str, status: int, headers: Headers, body: bytes, found: Status, word: str) -> Failure:
    said = read_error_body(provider, status, headers, body)
    meaning = _meaning(word, found, said.message)
    if meaning.kind is FailureKind.CREDENTIAL:
        return credential_refused(provider, _remedy(word, found, said.message))
    if meaning.kind is not FailureKind.CLIENT:
        return coded_failure(meaning, said, headers, found.delay)
    # What is wrong with the request is for its words to say.
    return _read_anthropic(provider, 400, headers, envelope(meaning.error_type, said.message, said.request_id))


def _meaning(word: str, found: Status, message: str) -> Meaning:
    """What the status means, unless the words beside it know better."""
    meaning = STATUSES[word]
    if found.reason == "BILLING_DISABLED" or _NO_BILLING_TEXT.search(message):
        return _NO_BILLING
    is_about_model = _MODEL_IS_MISSING.search(message) and not _PERMISSION_IS_MISSING.search(
        f"{found.reason} {message}"
    )
    if found.is_closed or (word in _MAY_BE_THE_MODEL and is_about_model):
        return replace(meaning, kind=FailureKind.UNKNOWN_MODEL)
    return meaning


def _remedy(word: str, found: Status, message: str) -> str:
    said = f"{found.reason} {message}"
    for pattern, remedy in _REMEDIES:
        if pattern.search(said):
            return remedy
    return _RENEW if word == "UNAUTHENTICATED" else _CHECK


def _read_anthropic(provider: str, status: int, headers: Headers, body: bytes) -> Failure:
    failure = read_anthropic_failure(provider, status, headers, body)
    if _TOO_LARGE.search(failure.message):
        request_id = read_error_body(provider, status, headers, body).request_id
        said = envelope("invalid_request_error", TOO_LONG, request_id)
        return read_anthropic_failure(provider, 400, headers, said)
    if failure.kind is FailureKind.CREDENTIAL:
        return credential_refused(provider, _RENEW if failure.status == 401 else _CHECK)
    return failure
