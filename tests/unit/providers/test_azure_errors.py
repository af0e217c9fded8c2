import json

import pytest

from cc_relay.codec.envelope import read_envelope
from cc_relay.exchange import Failure, FailureKind
from cc_relay.providers.azure_errors import read_failure

TRANSIENT, THROTTLE, PLAN = FailureKind.TRANSIENT, FailureKind.THROTTLE, FailureKind.PLAN
CREDENTIAL, CLIENT, UNKNOWN_MODEL = FailureKind.CREDENTIAL, FailureKind.CLIENT, FailureKind.UNKNOWN_MODEL
GUID = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"


def gateway(code: object, message: str) -> bytes:
    return json.dumps({"error": {"code": code, "message": message}}).encode()


def anthropic(error_type: str, message: str) -> bytes:
    return json.dumps({"type": "error", "error": {"type": error_type, "message": message}}).encode()


def read(status: int, body: bytes, headers: list[tuple[bytes, bytes]] | None = None) -> Failure:
    failure = read_failure("azure", status, headers or [], body)
    seen = read_envelope(failure.body)
    assert seen is not None
    assert (seen.type, seen.message) == (failure.error_type, failure.message)
    return failure


@pytest.mark.parametrize(
    ("status", "code", "kind", "seen"),
    [
        (404, "DeploymentNotFound", UNKNOWN_MODEL, (404, "not_found_error")),
        (400, "unknown_model", UNKNOWN_MODEL, (404, "not_found_error")),
        (404, "404", UNKNOWN_MODEL, (404, "not_found_error")),
        (400, "OperationNotSupported", UNKNOWN_MODEL, (404, "not_found_error")),
        (400, "BadRequest", CLIENT, (400, "invalid_request_error")),
        (400, "content_filter", CLIENT, (400, "invalid_request_error")),
        (401, "401", CREDENTIAL, (502, "api_error")),
        (403, "Forbidden", CREDENTIAL, (502, "api_error")),
        (408, "Timeout", TRANSIENT, (408, "timeout_error")),
        (403, "QuotaExceeded", PLAN, (429, "rate_limit_error")),
        (429, "429", THROTTLE, (429, "rate_limit_error")),
        (429, "TooManyRequests", THROTTLE, (429, "rate_limit_error")),
        (500, "InternalServerError", TRANSIENT, (500, "api_error")),
        (503, "ServiceUnavailable", TRANSIENT, (529, "overloaded_error")),
    ],
)
def test_the_gateways_codes_and_statuses_have_a_meaning(
    status: int, code: str, kind: FailureKind, seen: tuple[int, str]
) -> None:
    failure = read(status, gateway(code, "As Azure says it."))
    assert failure.kind is kind
    assert (failure.status, failure.error_type) == seen
    assert "As Azure says it." in failure.message or kind is CREDENTIAL


def test_the_models_own_words_pass_as_they_came() -> None:
    body = anthropic("invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum")
    failure = read(400, body)
    assert failure.body is body
    assert failure.kind is CLIENT


def test_a_wrong_address_says_what_it_should_be() -> None:
    failure = read(404, gateway("api_not_supported", "Requested API is currently not supported"))
    assert failure.kind is UNKNOWN_MODEL
    assert failure.message.endswith("The base_url of azure has to end in /anthropic.")


def test_an_address_that_leads_nowhere_is_not_tried_again() -> None:
    assert read(404, b'{"statusCode":404,"message":"Resource not found"}').kind is UNKNOWN_MODEL


@pytest.mark.parametrize(
    ("status", "body", "remedy"),
    [
        (401, gateway("401", "Access denied due to invalid subscription key or wrong API endpoint."), "key"),
        (401, b'{"statusCode":401,"message":"Unauthorized. Access token is missing."}', "https://ai.azure.com"),
        (401, gateway("Unauthorized", "audience is incorrect (https://x.test)"), "https://ai.azure.com"),
        (401, gateway("PermissionDenied", f"The principal `{GUID}` lacks the required data action"), "role"),
        (403, gateway("AuthenticationTypeDisabled", "Key based authentication is disabled."), "entra: true"),
        (403, gateway("403", "Access denied due to Virtual Network/Firewall rules."), "network rules"),
        (400, gateway("BadRequest", f"Token tenant {GUID} does not match resource tenant."), "another tenant"),
        (401, anthropic("authentication_error", "invalid x-api-key"), "azure_resource_name"),
        (403, anthropic("permission_error", "No."), "azure_resource_name"),
    ],
)
def test_a_refused_credential_comes_with_what_helps(status: int, body: bytes, remedy: str) -> None:
    failure = read(status, body)
    assert (failure.kind, failure.status, failure.error_type) == (CREDENTIAL, 502, "api_error")
    assert failure.message.startswith("azure refused the relay's own credential: ")
    assert remedy in failure.message
    assert GUID not in failure.message


def test_a_model_that_is_not_granted_is_no_fault_of_the_credential() -> None:
    body = anthropic("permission_error", "This organization has no access to the model.")
    failure = read(403, body)
    assert (failure.kind, failure.status, failure.body) == (UNKNOWN_MODEL, 403, body)


@pytest.mark.parametrize(
    ("status", "message", "kind", "seconds"),
    [
        (429, "Rate limit is exceeded. Try again in 12 seconds.", THROTTLE, 12.0),
        (429, "You have exceeded the token rate limit. Please retry after 7 seconds.", THROTTLE, 7.0),
        (403, "Out of call volume quota. Quota will be replenished in 01:02:03.", PLAN, 3723.0),
        (403, "Out of call volume quota. Quota will be replenished in 2.00:00:01.", PLAN, 172801.0),
        (429, "Rate limit is exceeded.", THROTTLE, None),
    ],
)
def test_the_gateway_says_when_to_come_back(
    status: int, message: str, kind: FailureKind, seconds: float | None
) -> None:
    failure = read(status, json.dumps({"statusCode": status, "message": message}).encode())
    assert (failure.kind, failure.retry_after) == (kind, seconds)


def test_a_header_knows_better_than_the_words() -> None:
    body = gateway("429", "Try again in 12 seconds.")
    assert read(429, body, [(b"retry-after", b"3")]).retry_after == 3.0


def test_nobody_learns_whose_subscription_it_is() -> None:
    where = f"/subscriptions/{GUID}/resourceGroups/their-group/providers/x/accounts/their-resource"
    failure = read(409, gateway("Conflict", f"{where} of tenant {GUID} is busy"))
    assert failure.message == (
        "/subscriptions/…/resourceGroups/…/providers/x/accounts/their-resource of tenant … is busy"
    )
    failure = read(500, anthropic("api_error", f"{where} is unwell"))
    assert GUID.encode() not in failure.body
    assert "their-resource is unwell" in failure.message


def test_an_id_that_names_no_account_stays_in_the_models_words() -> None:
    body = anthropic("invalid_request_error", f"tools.0.name: {GUID} is no name")
    assert read(400, body).body is body


def test_a_page_is_described() -> None:
    failure = read(502, b"<html>502</html>")
    assert (failure.kind, failure.status) == (TRANSIENT, 502)
    assert "web page" in failure.message
