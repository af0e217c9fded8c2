"""What Bedrock's errors stand for: by AWS's name for them, and by words that say more than a name."""

import re

from msgspec import Struct

from cc_relay.exchange import FailureKind
from cc_relay.providers.failures import Meaning

_NOT_HERE = Meaning(404, "not_found_error", FailureKind.UNKNOWN_MODEL)
_NOT_ALLOWED = Meaning(403, "permission_error", FailureKind.UNKNOWN_MODEL)
_NOT_SUPPORTED = Meaning(501, "not_supported", FailureKind.UNKNOWN_MODEL)
_THROTTLED = Meaning(429, "rate_limit_error", FailureKind.THROTTLE)
_OVERLOADED = Meaning(529, "overloaded_error", FailureKind.TRANSIENT)
_UNWELL = Meaning(500, "api_error", FailureKind.TRANSIENT)

MEANINGS = {
    # One model may be denied and the next allowed, so the key is not to blame.
    "AccessDenied": _NOT_ALLOWED,
    "ResourceNotFound": _NOT_HERE,
    "UnknownOperation": _NOT_SUPPORTED,
    "Throttling": _THROTTLED,
    "TooManyRequests": _THROTTLED,
    "ServiceQuotaExceeded": _THROTTLED,
    "ModelNotReady": _OVERLOADED,
    "ModelTimeout": Meaning(504, "timeout_error", FailureKind.TRANSIENT),
    "ModelError": _UNWELL,
    "ModelStreamError": _UNWELL,
    "InternalServer": _UNWELL,
    "InternalServerError": _UNWELL,
    "InternalFailure": _UNWELL,
    "ServiceUnavailable": _OVERLOADED,
}
"""AWS's names without their `Exception` (botocore, bedrock-runtime; AWS API reference, common errors). A validation
error is not among them: what is wrong with a request is for its words to say."""

BY_MODEL = frozenset({"ModelError", "ModelStreamError"})
"""Errors of the model itself, which may say what status they had."""

REFUSED = {
    "UnrecognizedClient": "AWS does not know its access key or token",
    "InvalidClientTokenId": "AWS does not know its access key",
    "InvalidAccessKeyId": "AWS does not know its access key",
    "InvalidSignature": "its secret key does not fit its access key",
    "SignatureDoesNotMatch": "its secret key does not fit its access key",
    "IncompleteSignature": "the signature did not arrive whole; something in between changes requests",
    "MissingAuthenticationToken": "AWS was sent none; configure one",
    "ExpiredToken": "its session has expired; renew it (`aws sso login`, or new temporary keys)",
    "TokenRefreshRequired": "its session has expired; renew it (`aws sso login`, or new temporary keys)",
    "RequestExpired": "its signature came too late; check this machine's clock",
    "RequestTimeTooSkewed": "this machine's clock is off; set it right",
    "OptInRequired": "its account is not signed up for Amazon Bedrock",
}
"""Names that speak of our own credential, and what to do about it (AWS API reference, common errors)."""

REFUSED_TEXT = re.compile(
    r"authentication failed|make sure your api key|security token included in the request"
    r"|outbound web identity federation"
    r"|(?:bearer token|api key|credentials?|security token)\b.{0,60}\b(?:expired|invalid|not valid|missing)",
    re.IGNORECASE,
)
"""Refusals of a credential that come under a name for anything denied."""

OTHER_SCOPE = re.compile(r"scoped to (?:a valid|correct)", re.IGNORECASE)
SET_REGION = "it signs for another region or service than base_url is; check aws_region and surface"
"""A signature for somewhere else comes under the name of a wrong key (AWS, signature troubleshooting)."""

NO_FEDERATION = "outbound web identity federation is disabled"
FEDERATE = "outbound web identity federation is disabled in its AWS account; enable it there"
"""What Claude Platform on AWS needs of an account (Anthropic API docs, errors page)."""


class Rule(Struct, frozen=True):
    """What a message means whatever its name. `hint` is added to it, `says` stands in its place; `lacks` is the
    beginning of the capability whose name the pattern's only group finds."""

    pattern: re.Pattern[str]
    meaning: Meaning
    hint: str = ""
    says: str = ""
    lacks: str = ""


TOO_LONG = "Input is too long."
"""Exactly what Claude Code compacts on where Bedrock says it (Claude Code docs, gateway protocol)."""


def _rule(pattern: str, meaning: Meaning, **more: str) -> Rule:
    return Rule(re.compile(pattern, re.IGNORECASE), meaning, **more)


RULES = (
    _rule(r"^input is too long\b", Meaning(400, "invalid_request_error", FailureKind.CLIENT), says=TOO_LONG),
    _rule(r"(?:tokens|requests) per day", Meaning(429, "rate_limit_error", FailureKind.PLAN)),
    _rule(r"extraneous key \[([\w.-]+)\]",
          Meaning(400, "invalid_request_error", FailureKind.CAPABILITY), lacks="field:"),
    _rule(r"bedrock:CountTokens", _NOT_SUPPORTED,
          hint="a policy that allows bedrock:CountTokens makes counting possible"),
    _rule(r"support (?:counting tokens|token counting|count ?tokens)", _NOT_SUPPORTED),
    _rule(r"on-demand throughput isn.t supported", _NOT_HERE,
          hint="map the model to one of its inference profiles, like us.anthropic.… or global.anthropic.…,"
               " in model_mapping"),
    _rule(r"(?:^the provided model identifier is invalid|^model not found|could not resolve the foundation model)",
          _NOT_HERE, hint="this region may have the model by another profile, like global.anthropic.…, or not at all;"
                          " model_mapping names it"),
    _rule(r"^workspace\b.{0,80}\bnot found", _NOT_HERE,
          hint="aws_workspace_id has to name a workspace of this AWS account"),
    _rule(r"end of its life|marked by provider as legacy", _NOT_HERE,
          hint="map it to a newer model in model_mapping"),
    _rule(r"use case details", _NOT_ALLOWED,
          hint="somebody has to fill the form in for the AWS account, once, in the Bedrock console"),
    _rule(r"access to the model|model access|^operation not allowed|not authorized to (?:perform|invoke)", _NOT_ALLOWED,
          hint="enable the model for the AWS account, and allow bedrock:InvokeModel* on it in the policy"),
)  # fmt: skip
"""The first that matches decides; for 4xx only (Amazon Bedrock user guide, troubleshooting error codes)."""
