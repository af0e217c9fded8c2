"""Whatever an upstream answers, reading it never fails and never passes markup on."""

import json

from hypothesis import given
from hypothesis import strategies as st
from tests.support.providers import provider

from cc_relay.codec.envelope import read_envelope
from cc_relay.exchange import FailureKind
from cc_relay.providers.registry import TYPES

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.sampled_from(["error", "1113", "api_error"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "error", "message", "code", "details", "detail", "msg", "base_resp", "loc", "x"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
BODIES = st.binary(max_size=80) | JSON.map(lambda value: json.dumps(value).encode())
HEADERS = st.lists(
    st.tuples(
        st.sampled_from(
            [b"retry-after", b"date", b"content-type", b"request-id", b"anthropic-ratelimit-unified-status"]
        ),
        st.binary(max_size=20) | st.sampled_from([b"rejected", b"5", b"Mon, 23 Nov 2026 10:00:00 GMT", b"text/html"]),
    ),
    max_size=4,
)


@given(type_=st.sampled_from(sorted(TYPES)), status=st.integers(200, 599), headers=HEADERS, body=BODIES)
def test_any_answer_becomes_a_failure_in_anthropics_envelope(
    type_: str, status: int, headers: list[tuple[bytes, bytes]], body: bytes
) -> None:
    failure = provider(type_).read_failure(status, headers, body)
    assert isinstance(failure.kind, FailureKind)
    assert 400 <= failure.status <= 599
    assert failure.message
    assert failure.retry_after is None or failure.retry_after >= 0
    seen = read_envelope(failure.body)
    assert seen is not None
    assert seen.type == failure.error_type
