import json

import pytest

from cc_relay.codec.envelope import read_envelope
from cc_relay.exchange import Failure, FailureKind
from cc_relay.providers.vertex.errors import STATUSES, read_failure

TRANSIENT, THROTTLE, PLAN = FailureKind.TRANSIENT, FailureKind.THROTTLE, FailureKind.PLAN
CREDENTIAL, CLIENT, CAPABILITY = FailureKind.CREDENTIAL, FailureKind.CLIENT, FailureKind.CAPABILITY
UNKNOWN_MODEL = FailureKind.UNKNOWN_MODEL

PROJECT = "secret-project-7"
MODEL = f"projects/{PROJECT}/locations/us-east5/publishers/anthropic/models/claude-opus-5-5"
DENIED = (
    f"Permission 'aiplatform.endpoints.predict' denied on resource '//aiplatform.test/{MODEL}' (or it may not exist)."
)


def google(code: int, word: str, message: str, *details: dict[str, object]) -> bytes:
    error: dict[str, object] = {"code": code, "message": message, "status": word}
    if details:
        error["details"] = list(details)
    return json.dumps({"error": error}).encode()


def info(reason: str, **metadata: str) -> dict[str, object]:
    return {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "metadata": metadata}


def read(status: int, body: bytes, headers: list[tuple[bytes, bytes]] | None = None) -> Failure:
    failure = read_failure("vertex", PROJECT, status, headers or [], body)
    assert PROJECT not in failure.message
    assert PROJECT.encode() not in failure.body
    seen = read_envelope(failure.body)
    assert seen is not None
    assert (seen.type, seen.message) == (failure.error_type, failure.message)
    return failure


@pytest.mark.parametrize(
    ("code", "word", "kind", "seen"),
    [
        (400, "INVALID_ARGUMENT", CLIENT, (400, "invalid_request_error")),
        (400, "OUT_OF_RANGE", CLIENT, (400, "invalid_request_error")),
        (400, "FAILED_PRECONDITION", CLIENT, (400, "invalid_request_error")),
        (401, "UNAUTHENTICATED", CREDENTIAL, (502, "api_error")),
        (403, "PERMISSION_DENIED", CREDENTIAL, (502, "api_error")),
        (404, "NOT_FOUND", UNKNOWN_MODEL, (404, "not_found_error")),
        (409, "ABORTED", TRANSIENT, (409, "conflict_error")),
        (429, "RESOURCE_EXHAUSTED", THROTTLE, (429, "rate_limit_error")),
        (499, "CANCELLED", TRANSIENT, (500, "api_error")),
        (500, "INTERNAL", TRANSIENT, (500, "api_error")),
        (500, "UNKNOWN", TRANSIENT, (500, "api_error")),
        (501, "UNIMPLEMENTED", UNKNOWN_MODEL, (501, "not_supported")),
        (503, "UNAVAILABLE", TRANSIENT, (529, "overloaded_error")),
        (504, "DEADLINE_EXCEEDED", TRANSIENT, (504, "timeout_error")),
    ],
)
def test_googles_statuses_have_a_meaning_each(code: int, word: str, kind: FailureKind, seen: tuple[int, str]) -> None:
    body = google(code, word, "As Google says it.")
    failure = read(code, body)
    assert failure.kind is kind
    assert (failure.status, failure.error_type) == seen
    assert "As Google says it." in failure.message or kind is CREDENTIAL
    assert read(code, b"[" + body + b"]") == failure


def test_the_word_counts_more_than_the_status_it_came_with() -> None:
    assert read(200, google(429, "RESOURCE_EXHAUSTED", "Slow down.")).kind is THROTTLE
    assert read(400, google(429, "RESOURCE_EXHAUSTED", "Slow down.")).kind is THROTTLE


@pytest.mark.parametrize("word", ["", "OF_TOMORROW"])
def test_without_a_word_of_googles_the_number_counts(word: str) -> None:
    assert read(503, google(503, word, "Busy.")).error_type == "overloaded_error"
    assert read(413, google(413, word, "Too much.")).error_type == "request_too_large"


@pytest.mark.parametrize("opening", ["The request size (30037042 bytes)", "The message size (31000000 bytes)"])
@pytest.mark.parametrize("shape", ["google", "anthropic"])
def test_a_size_becomes_the_words_that_make_the_client_compact(opening: str, shape: str) -> None:
    said = f"{opening} exceeds 30.000MB limit."
    anthropic = {"type": "error", "error": {"type": "invalid_request_error", "message": said}}
    body = google(400, "INVALID_ARGUMENT", said) if shape == "google" else json.dumps(anthropic).encode()
    failure = read(400, body)
    assert failure.message == "Input is too long."
    assert (failure.kind, failure.status, failure.error_type) == (CLIENT, 400, "invalid_request_error")


def test_the_models_own_words_pass_as_they_came() -> None:
    body = b'{ "type": "error", "error": {"type":"invalid_request_error","message":"prompt is too long: 9 > 8"}}'
    failure = read(400, body)
    assert failure.body is body
    assert failure.kind is CLIENT


def test_the_models_own_words_come_out_of_a_list() -> None:
    body = b'[{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}]'
    failure = read(529, body)
    assert (failure.kind, failure.message) == (TRANSIENT, "Overloaded")
    assert failure.body == body[1:-1]


def test_a_feature_google_refuses_is_a_capability() -> None:
    failure = read(400, google(400, "INVALID_ARGUMENT", "context_management: Extra inputs are not permitted"))
    assert failure.kind is CAPABILITY
    assert failure.message == "context_management: Extra inputs are not permitted"


@pytest.mark.parametrize(("delay", "seconds"), [("12s", 12.0), ("0.250s", 0.25), ("soon", None), (7, None)])
def test_google_says_when_to_come_back(delay: object, seconds: float | None) -> None:
    retry = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}
    failure = read(429, google(429, "RESOURCE_EXHAUSTED", "Quota exceeded.", {"@type": "Help"}, retry))
    assert (failure.kind, failure.retry_after) == (THROTTLE, seconds)


def test_a_header_says_so_too() -> None:
    failure = read(429, google(429, "RESOURCE_EXHAUSTED", "Quota exceeded."), [(b"retry-after", b"9")])
    assert failure.retry_after == 9.0


def test_a_quota_of_zero_is_a_model_one_does_not_have() -> None:
    closed = info("RATE_LIMIT_EXCEEDED", quota_limit_value="0", consumer="projects/123456789012")
    failure = read(429, google(429, "RESOURCE_EXHAUSTED", "Quota exceeded.", closed))
    assert (failure.kind, failure.status) == (UNKNOWN_MODEL, 429)
    assert b"123456789012" not in failure.body


@pytest.mark.parametrize(
    ("code", "word", "message"),
    [
        (404, "NOT_FOUND", f"Publisher Model `{MODEL}` was not found or your project does not have access to it."),
        (400, "FAILED_PRECONDITION", f"Project `123456789012` is not allowed to use Publisher Model `{MODEL}`"),
        (400, "FAILED_PRECONDITION", f"Publisher Model `{MODEL}` is not servable in region us-central1."),
        (403, "PERMISSION_DENIED", "The model claude-opus-5-5 is not enabled for this project."),
        (400, "FAILED_PRECONDITION", f"constraints/vertexai.allowedModels violated for `projects/{PROJECT}`"),
    ],
)
def test_a_model_that_is_not_enabled_is_no_fault_of_the_credential(code: int, word: str, message: str) -> None:
    failure = read(code, google(code, word, message))
    assert (failure.kind, failure.status) == (UNKNOWN_MODEL, code)
    assert b"123456789012" not in failure.body
    assert failure.message.count("…") == message.count(PROJECT) + message.count("123456789012")


@pytest.mark.parametrize(
    ("status", "message", "reason", "remedy"),
    [
        (403, "Request had insufficient authentication scopes.", "ACCESS_TOKEN_SCOPE_INSUFFICIENT", "cloud-platform"),
        (403, "Request had insufficient authentication scopes.", "", "cloud-platform"),
        (403, DENIED, "IAM_PERMISSION_DENIED", "roles/aiplatform.user"),
        (403, DENIED, "", "roles/aiplatform.user"),
        (403, "Vertex AI API has not been used in project 123456 before.", "SERVICE_DISABLED", "not enabled"),
        (403, "The API requires a quota project, which is not set.", "SERVICE_DISABLED", "set-quota-project"),
        (403, "Caller does not have permission to use project p.", "USER_PROJECT_DENIED", "serviceUsageConsumer"),
        (403, "Consumer 'project_number:123456' has been suspended.", "CONSUMER_SUSPENDED", "gcp_project_id"),
        (403, "Request is prohibited by organization's policy.", "SECURITY_POLICY_VIOLATED", "policy"),
        (403, "No.", "", "check what it may do"),
        (401, "Request had invalid authentication credentials.", "ACCESS_TOKEN_EXPIRED", "has expired"),
        (401, "Request had invalid authentication credentials.", "", "expired or revoked"),
    ],
)  # fmt: skip
def test_a_refused_credential_comes_with_what_helps(status: int, message: str, reason: str, remedy: str) -> None:
    word = "PERMISSION_DENIED" if status == 403 else "UNAUTHENTICATED"
    failure = read(status, google(status, word, message, *([info(reason)] if reason else [])))
    assert (failure.kind, failure.status, failure.error_type) == (CREDENTIAL, 502, "api_error")
    assert failure.message.startswith("vertex refused the relay's own credential: ")
    assert remedy in failure.message
    assert "123456" not in failure.message


@pytest.mark.parametrize("reason", ["BILLING_DISABLED", ""])
def test_a_project_without_billing_is_out_of_money(reason: str) -> None:
    said = "This API method requires billing to be enabled. Please enable billing on project #123456789."
    failure = read(403, google(403, "PERMISSION_DENIED", said, *([info(reason)] if reason else [])))
    assert (failure.kind, failure.error_type) == (PLAN, "billing_error")
    assert b"123456789" not in failure.body


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_in_any_other_shape_is_our_credentials_too(status: int) -> None:
    for body in (b"<html>Forbidden</html>", b'{"type":"error","error":{"type":"permission_error","message":"No."}}'):
        failure = read(status, body)
        assert (failure.kind, failure.status) == (CREDENTIAL, 502)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("quota of projects/9876543210/regions/x", "quota of projects/…/regions/x"),
        ("consumer 'project_number:9876543210'.", "consumer 'project_number:…'."),
        ("see https://console.test/?project=their-project&x=1", "see https://console.test/?project=…&x=1"),
        ("Project `their-project` is busy", "Project `…` is busy"),
        ("in project 9876543210 before", "in project … before"),
        ("bot@their-project.iam.gserviceaccount.com is busy", "… is busy"),
        (f"{PROJECT} is busy, {PROJECT}-2 is not", "… is busy, …-2 is not"),
        ("your project does not have access to it", "your project does not have access to it"),
    ],
)
def test_nobody_learns_whose_project_it_is(said: str, shown: str) -> None:
    if "-2" in said:
        said = said.replace(f"{PROJECT}-2", "…-2")
    assert read(503, google(503, "UNAVAILABLE", said)).message == shown


def test_what_is_cut_out_of_an_envelope_leaves_the_rest() -> None:
    error = {"type": "api_error", "message": f"{MODEL} failed"}
    failure = read(500, json.dumps({"type": "error", "error": error, "request_id": "req_1"}).encode())
    assert failure.message == "projects/…/locations/us-east5/publishers/anthropic/models/claude-opus-5-5 failed"
    assert b"req_1" in failure.body


def test_a_page_is_described() -> None:
    failure = read(502, b"<html>502</html>")
    assert (failure.kind, failure.status) == (TRANSIENT, 502)
    assert "web page" in failure.message


def test_every_status_of_googles_is_known() -> None:
    assert len(STATUSES) == 16
