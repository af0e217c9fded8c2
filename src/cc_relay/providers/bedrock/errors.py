"""Errors of Bedrock's, in any of their shapes, understood."""

import re

from msgspec import Struct, field
from msgspec.json import Decoder, encode
from msgspec.structs import replace

from cc_relay.codec.envelope import envelope, type_for_status
from cc_relay.codec.event_stream import Frame
from cc_relay.exchange import Failure, FailureKind, Headers, header
from cc_relay.providers.bedrock.clock import read_skew
from cc_relay.providers.bedrock.meanings import (
    BY_MODEL,
    FEDERATE,
    MEANINGS,
    NO_FEDERATION,
    OTHER_SCOPE,
    REFUSED,
    REFUSED_TEXT,
    RULES,
    SET_REGION,
    Rule,
)
from cc_relay.providers.clouds import credential_refused, without_ids
from cc_relay.providers.error_body import ErrorBody, read_error_body
from cc_relay.providers.failures import Meaning, coded_failure, read_anthropic_failure, read_foreign_failure

WRAPPED = re.compile(r"^the model returned the following errors:\s*", re.IGNORECASE)
"""What Bedrock puts before a model's own words."""

_IDS = (
    (re.compile(r"\barn:aws[\w-]*:[^\s\"'`,;)\]}>]+"), "arn:…"),
    (re.compile(r"\b(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{12,}\b"), "…"),
    (re.compile(r"(?<![\w.])\d{12}(?!\w)"), "…"),
)
"""What names an account, a role or a key in AWS's messages."""

_CHECK = "check the key, and what its policy allows"


class _Body(Struct):
    """AWS's error body; services spell the message either way, and some put their name for it in an `Output`."""

    message: object = None
    capital: object = field(default=None, name="Message")
    name: object = field(default=None, name="__type")
    output: object = field(default=None, name="Output")
    original_status: object = field(default=None, name="originalStatusCode")
    original_message: object = field(default=None, name="originalMessage")


_read_body = Decoder(_Body).decode


class Said(Struct, frozen=True):
    """One error in AWS's words. `name` is without its `Exception`, "" where there is none.

    `original_status` is what a failing model answered, None where unsaid. `envelope` is the body where it is
    Anthropic's already, and may stay as it is.
    """

    name: str
    status: int
    message: str
    request_id: str = ""
    original_status: int | None = None
    envelope: bytes = b""


def read_failure(provider: str, status: int, headers: Headers, body: bytes) -> Failure:
    """An error answer of any surface's; ids of accounts and roles are cut out."""
    said = _read(provider, status, headers, body)
    if said is None:
        failure = _our_own(provider, read_foreign_failure(provider, status, headers, body))
    else:
        failure = _understand(provider, said, headers)
    return without_ids(failure, _cut)


def read_exception(provider: str, frame: Frame) -> tuple[str, str] | None:
    """The error type and the words of an exception frame, or an error frame; None for any other."""
    kind = frame.headers.get(":message-type")
    if kind == "exception":
        name = _text(frame.headers.get(":exception-type"))
        body = _parse(frame.payload) or _Body()
        message = _message(body) or f"{provider} broke its stream off ({name or 'no reason given'})."
        original = body.original_status
    elif kind == "error":
        name = _text(frame.headers.get(":error-code"))
        message = _text(frame.headers.get(":error-message")) or f"{provider} broke its stream off."
        original = None
    else:
        return None
    name = _plain_name(name[:1].upper() + name[1:])
    status = MEANINGS[name].status if name in MEANINGS else 400 if name.startswith("Validation") else 500
    said = _wrapped(provider, status, [], message)
    if said is None:
        said = Said(name, status, WRAPPED.sub("", message), original_status=_status(original))
    failure = without_ids(_understand(provider, said, []), _cut)
    return failure.error_type, failure.message


def _read(provider: str, status: int, headers: Headers, body: bytes) -> Said | None:
    """The error in Anthropic's envelope or AWS's words; None where it is neither, and somebody else may have spoken."""
    aws = _parse(body)
    if aws is None:
        return None
    found = read_error_body(provider, status, headers, body)
    if found.is_anthropic:
        message = WRAPPED.sub("", found.message)
        as_it_came = body if message == found.message else envelope(found.type, message, found.request_id)
        return Said("", status, message, found.request_id, envelope=as_it_came)
    name, message = _name(headers, aws), _message(aws)
    if not message:
        if not name:
            return None
        message = f"{provider} answered with HTTP {status} ({name}) and no explanation."
    wrapped = _wrapped(provider, status, headers, message)
    if wrapped is not None:
        return wrapped
    tidy = read_error_body(provider, status, headers, encode({"message": message})).message
    request_id = (header(headers, b"x-amzn-requestid") or b"").decode("latin-1")
    return Said(name, status, WRAPPED.sub("", tidy), request_id, _status(aws.original_status))


def _wrapped(provider: str, status: int, headers: Headers, message: str) -> Said | None:
    """The whole envelope of the model's that stands in a message of AWS's; None where there is none."""
    plain = WRAPPED.sub("", message)
    if not plain.startswith("{"):
        return None
    body = plain.encode("utf-8", "replace")
    found = read_error_body(provider, status, headers, body)
    return Said("", status, found.message, found.request_id, envelope=body) if found.is_anthropic else None


def _understand(provider: str, said: Said, headers: Headers) -> Failure:
    remedy = _remedy(said)
    if remedy is not None:
        return credential_refused(provider, remedy)
    rule = next((rule for rule in RULES if rule.pattern.search(said.message)), None)
    if rule is not None and 400 <= said.status < 500:
        return _by_rule(rule, said, headers)
    if said.envelope:
        failure = read_anthropic_failure(provider, said.status, headers, said.envelope)
    else:
        failure = _by_name(provider, said, headers)
    return _our_own(provider, failure)


def _remedy(said: Said) -> str | None:
    """What to do about our own credential, where the error is about it."""
    is_about_us = said.name in REFUSED or (said.status in (400, 401, 403) and REFUSED_TEXT.search(said.message))
    if not is_about_us:
        return None
    skew = read_skew(said.message)
    if skew is not None:
        return skew
    if OTHER_SCOPE.search(said.message):
        return SET_REGION
    if NO_FEDERATION in said.message.lower():
        return FEDERATE
    return REFUSED.get(said.name, "it is not valid, or has expired")


def _by_rule(rule: Rule, said: Said, headers: Headers) -> Failure:
    message = rule.says or said.message
    if rule.hint and rule.hint not in message:
        message = f"{message} ({rule.hint})"
    found = rule.pattern.search(said.message)
    lacks = rule.lacks + found[1] if rule.lacks and found is not None else ""
    failure = coded_failure(rule.meaning, ErrorBody("", "", message, said.request_id, is_anthropic=False), headers)
    return replace(failure, lacks=lacks) if lacks else failure


def _by_name(provider: str, said: Said, headers: Headers) -> Failure:
    meaning = MEANINGS.get(said.name)
    if meaning is not None and said.name in BY_MODEL and said.original_status is not None:
        meaning = _of_model(said.original_status)
    if meaning is not None:
        return coded_failure(meaning, ErrorBody("", "", said.message, said.request_id, is_anthropic=False), headers)
    if not said.name:
        return read_foreign_failure(provider, said.status, headers, encode({"message": said.message}))
    # A name that says nothing beyond its status: the words are read as Anthropic's are.
    status = _plain_status(said)
    error = envelope(type_for_status(status), said.message, said.request_id)
    return read_anthropic_failure(provider, status, headers, error)


def _plain_status(said: Said) -> int:
    status = said.status
    if said.name in BY_MODEL and said.original_status is not None:
        status = 413 if said.original_status == 413 else 400
    return {503: 529}.get(status, status) if status >= 400 else 500


def _of_model(status: int) -> Meaning | None:
    """A model's own status: a request's fault is for the words to say (None), the rest is the model's."""
    if status in (400, 413, 422):
        return None
    if status == 429:
        return MEANINGS["Throttling"]
    return {503: MEANINGS["ServiceUnavailable"], 529: MEANINGS["ServiceUnavailable"]}.get(
        status, MEANINGS["ModelError"]
    )


def _our_own(provider: str, failure: Failure) -> Failure:
    return credential_refused(provider, _CHECK) if failure.kind is FailureKind.CREDENTIAL else failure


def _cut(text: str) -> str:
    for pattern, replacement in _IDS:
        text = pattern.sub(replacement, text)
    return text


def _parse(body: bytes) -> _Body | None:
    try:
        return _read_body(body)
    except (ValueError, RecursionError):
        return None


def _name(headers: Headers, body: _Body) -> str:
    """`ThrottlingException:http://…` in the header, `com.amazon.coral.service#ThrottlingException` in the body."""
    named = (header(headers, b"x-amzn-errortype") or b"").decode("latin-1") or _text(body.name)
    if not named and isinstance(body.output, dict):
        named = _text(body.output.get("__type"))
    return _plain_name(named.partition(":")[0].rpartition("#")[2])


def _plain_name(name: str) -> str:
    return name.strip().removesuffix("Exception")


def _message(body: _Body) -> str:
    return _text(body.original_message) or _text(body.message) or _text(body.capital)


def _status(value: object) -> int | None:
    return value if type(value) is int and 400 <= value < 600 else None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
