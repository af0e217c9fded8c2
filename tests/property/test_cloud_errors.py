"""Whatever Google or Azure answers, reading it never fails, and no id of ours gets out."""

import json

from hypothesis import given
from hypothesis import strategies as st

from cc_relay.codec.envelope import read_envelope
from cc_relay.exchange import Failure, FailureKind
from cc_relay.providers import azure_errors
from cc_relay.providers.vertex import errors as vertex_errors

PROJECT = "secret-project-7"
SUBSCRIPTION = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"
REDIRECTS = 400

WORDS = st.sampled_from([
    *vertex_errors.STATUSES, "error", "429", "DeploymentNotFound", "PermissionDenied", "0", "12s", "1e400s",
    "BILLING_DISABLED", "IAM_PERMISSION_DENIED", "Publisher Model is not servable in region x",
    "The request size (3 bytes) exceeds", "billing_error", "Quota will be replenished in 99:99:99",
    f"projects/{PROJECT}/locations/x", f"in {PROJECT}.", f"/subscriptions/{SUBSCRIPTION}/resourceGroups/x",
])  # fmt: skip
KEYS = st.sampled_from([
    "error", "type", "code", "status", "message", "details", "reason", "metadata", "retryDelay", "quota_limit_value",
    "statusCode", "request_id", "@type", "x",
])  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=15,
)
ERRORS = st.dictionaries(KEYS, JSON, max_size=5).map(lambda error: {"error": error})
BODIES = st.binary(max_size=80) | (JSON | ERRORS | ERRORS.map(lambda one: [one])).map(
    lambda it: json.dumps(it).encode()
)
HEADERS = st.lists(
    st.tuples(
        st.sampled_from([b"retry-after", b"date", b"content-type", b"request-id"]),
        st.binary(max_size=20) | st.sampled_from([b"5", b"Mon, 23 Nov 2026 10:00:00 GMT", b"text/html"]),
    ),
    max_size=3,
)


def check(failure: Failure) -> None:
    assert isinstance(failure.kind, FailureKind)
    assert REDIRECTS <= failure.status <= 599
    assert failure.message
    assert failure.retry_after is None or 0 <= failure.retry_after < float("inf")
    seen = read_envelope(failure.body)
    assert seen is not None
    assert seen.type == failure.error_type
    if failure.kind is FailureKind.CREDENTIAL:
        assert (failure.status, failure.error_type) == (502, "api_error")


@given(status=st.integers(200, 599), headers=HEADERS, body=BODIES)
def test_any_answer_of_vertex_becomes_a_failure_that_names_no_project(
    status: int, headers: list[tuple[bytes, bytes]], body: bytes
) -> None:
    failure = vertex_errors.read_failure("vertex", PROJECT, status, headers, body)
    check(failure)
    assert PROJECT not in failure.message
    assert PROJECT.encode() not in failure.body


@given(status=st.integers(200, 599), headers=HEADERS, body=BODIES)
def test_any_answer_of_azure_becomes_a_failure_that_names_no_subscription(
    status: int, headers: list[tuple[bytes, bytes]], body: bytes
) -> None:
    failure = azure_errors.read_failure("azure", status, headers, body)
    check(failure)
    assert SUBSCRIPTION not in failure.message
    assert SUBSCRIPTION.encode() not in failure.body
