"""Errors of Azure AI Foundry: Anthropic's where the model spoke, Azure's gateway's where nobody got that far."""

import re

from msgspec.structs import replace

from cc_relay.exchange import Failure, FailureKind, Headers
from cc_relay.providers.clouds import credential_refused, without_ids
from cc_relay.providers.error_body import ErrorBody, read_error_body
from cc_relay.providers.failures import Meaning, coded_failure, read_anthropic_failure, read_foreign_failure

_UNKNOWN_MODEL = Meaning(404, "not_found_error", FailureKind.UNKNOWN_MODEL)
_REFUSED = Meaning(502, "api_error", FailureKind.CREDENTIAL)
_SPENT = Meaning(429, "rate_limit_error", FailureKind.PLAN)

CODES = {
    **dict.fromkeys(
        ("deploymentnotfound", "modelnotfound", "model_not_found", "unknown_model", "resourcenotfound", "404"),
        _UNKNOWN_MODEL,
    ),
    **dict.fromkeys(("api_not_supported", "operationnotsupported"), _UNKNOWN_MODEL),
    **dict.fromkeys(
        ("401", "unauthorized", "permissiondenied", "accessdenied", "authenticationtypedisabled", "invalidapikey"),
        _REFUSED,
    ),
    **dict.fromkeys(("quotaexceeded", "insufficient_quota"), _SPENT),
}
"""The gateway's codes in lower case; what is not here goes by its status."""

REMEDIES = (
    (r"access token is missing|audience|token .*expired",
     "its token is missing, expired, or for another audience than https://ai.azure.com"),
    (r"token tenant|tenant provided in token", "its Entra token is of another tenant than the resource"),
    (r"PermissionDenied|data ?action", "it may not call models; assign it the role Cognitive Services User"),
    (r"AuthenticationTypeDisabled|key.based authentication is disabled", "the resource takes no keys; use entra: true"),
    (r"virtual network|firewall|public (?:network )?access", "the resource's network rules keep the relay out"),
    (r"", "check that the key (or the identity) and azure_resource_name belong together"),
)  # fmt: skip
"""What helps a refused credential, by the gateway's code or words; the last fits any."""

WRONG_ADDRESS = "api_not_supported"

_REMEDIES = tuple((re.compile(pattern, re.IGNORECASE), remedy) for pattern, remedy in REMEDIES)
_OTHER_TENANT = re.compile(r"token tenant|tenant provided in token", re.IGNORECASE)
_QUOTA = re.compile(r"out of call volume quota", re.IGNORECASE)
_NOT_FOUND = re.compile(r"resource not found|deployment .*does not exist", re.IGNORECASE)
_ABOUT_MODEL = re.compile(r"\b(?:model|deployment)\b", re.IGNORECASE)
_SECONDS = re.compile(r"(?:try again in|retry after) (\d{1,6}) seconds?", re.IGNORECASE)
_CLOCK = re.compile(r"replenished in (?:(\d{1,3})\.)?(\d\d):(\d\d):(\d\d)", re.IGNORECASE)
_SUBSCRIPTION = re.compile(r"(/subscriptions/)[^/\s'\"`\\]+(?:(/resourceGroups/)[^/\s'\"`\\]+)?", re.IGNORECASE)
_GUID = re.compile(r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b", re.IGNORECASE)


def read_failure(provider: str, status: int, headers: Headers, body: bytes) -> Failure:
    """An error of Foundry's, in either shape; ids of subscriptions, tenants and identities are cut out."""
    said = read_error_body(provider, status, headers, body)
    if said.is_anthropic:
        return without_ids(_read_anthropic(provider, status, headers, body, said), _without_subscription)
    return without_ids(_read_gateway(provider, status, headers, body, said), _without_any_id)


def _read_anthropic(provider: str, status: int, headers: Headers, body: bytes, said: ErrorBody) -> Failure:
    failure = read_anthropic_failure(provider, status, headers, body)
    if failure.kind is not FailureKind.CREDENTIAL:
        return failure
    if failure.status == 403 and _ABOUT_MODEL.search(said.message):
        return replace(failure, kind=FailureKind.UNKNOWN_MODEL)
    return credential_refused(provider, _remedy(said))


def _read_gateway(provider: str, status: int, headers: Headers, body: bytes, said: ErrorBody) -> Failure:
    if said.code == WRONG_ADDRESS:
        said = replace(said, message=f"{said.message} The base_url of {provider} has to end in /anthropic.")
    meaning = _meaning(status, said)
    if meaning is None:
        failure = read_foreign_failure(provider, status, headers, body)
    else:
        failure = coded_failure(meaning, said, headers)
    if failure.kind is FailureKind.CREDENTIAL:
        return credential_refused(provider, _remedy(said))
    return failure if failure.retry_after is not None else replace(failure, retry_after=_wait(said.message))


def _meaning(status: int, said: ErrorBody) -> Meaning | None:
    """What the gateway's words or its code stand for; None where they add nothing to the status."""
    if _OTHER_TENANT.search(said.message):  # a 400
        return _REFUSED
    if _QUOTA.search(said.message):  # a 403
        return _SPENT
    if status == 404 and _NOT_FOUND.search(said.message):
        return _UNKNOWN_MODEL
    return CODES.get((said.code or said.type).lower())


def _remedy(said: ErrorBody) -> str:
    text = f"{said.code} {said.message}"
    return next(remedy for pattern, remedy in _REMEDIES if pattern.search(text))


def _wait(message: str) -> float | None:
    """Seconds to wait, where the message says so ("Try again in 12 seconds.")."""
    found = _SECONDS.search(message)
    if found is not None:
        return float(found[1])
    clock = _CLOCK.search(message)
    if clock is None:
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in clock.groups())
    return float(((days * 24 + hours) * 60 + minutes) * 60 + seconds)


def _without_subscription(text: str) -> str:
    return _SUBSCRIPTION.sub(lambda found: f"{found[1]}…" + (f"{found[2]}…" if found[2] else ""), text)


def _without_any_id(text: str) -> str:
    return _GUID.sub("…", _without_subscription(text))
