"""Whatever AWS answers, reading it never fails, no account gets out, and reading it again changes nothing."""

import json

from hypothesis import given
from hypothesis import strategies as st
from tests.support.event_streams import frame

from cc_relay.codec.envelope import read_envelope
from cc_relay.codec.event_stream import EventStreamDecoder
from cc_relay.exchange import FailureKind
from cc_relay.providers.bedrock.errors import read_exception, read_failure
from cc_relay.providers.bedrock.meanings import MEANINGS, REFUSED

ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/Developer"
LEAST_ERROR = 400

names = st.sampled_from([*(f"{name}Exception" for name in (*MEANINGS, *REFUSED, "Validation")), "x#y:z", "", "é"])
words = st.sampled_from([
    "Input is too long.", "The model returned the following errors: x", "on-demand throughput isn't supported",
    "Too many tokens per day", "extraneous key [speed]", "bedrock:CountTokens", "not authorized to perform: x",
    "Signature expired: 20260102T030405Z is now earlier than 20260102T035905Z (20260102T040405Z - 5 min.)",
    f"User: {ROLE}", f"account {ACCOUNT}.", "authentication failed", "invalid beta flag",
]) | st.text(max_size=20)  # fmt: skip
sentences = st.lists(words, max_size=3).map(" ".join)
values = st.none() | st.integers() | st.booleans() | names | sentences | st.lists(sentences, max_size=2)
bodies = st.binary(max_size=60) | st.dictionaries(
    st.sampled_from(
        ["message", "Message", "__type", "type", "error", "Output", "originalStatusCode", "originalMessage"]
    ),
    values | st.fixed_dictionaries({"type": names, "message": sentences, "__type": names}),
).map(lambda body: json.dumps(body).encode())
headers = st.lists(
    st.tuples(st.sampled_from([b"x-amzn-errortype", b"retry-after", b"x-amzn-requestid"]), names.map(str.encode)),
    max_size=2,
)


@given(status=st.integers(200, 599), headers=headers, body=bodies)
def test_any_answer_becomes_a_failure_that_names_no_account(
    status: int, headers: list[tuple[bytes, bytes]], body: bytes
) -> None:
    failure = read_failure("mine", status, headers, body)
    assert isinstance(failure.kind, FailureKind)
    assert LEAST_ERROR <= failure.status <= 599
    assert failure.message
    seen = read_envelope(failure.body)
    assert seen is not None
    assert seen.type == failure.error_type
    assert ACCOUNT not in failure.message + failure.body.decode()
    if failure.kind is FailureKind.CREDENTIAL:
        assert (failure.status, failure.error_type) == (502, "api_error")


@given(kind=st.sampled_from(["exception", "error"]), name=names, message=sentences, body=bodies)
def test_any_exception_frame_has_a_type_and_words(kind: str, name: str, message: str, body: bytes) -> None:
    headers = {":message-type": kind, ":exception-type": name, ":error-code": name, ":error-message": message}
    (found,) = EventStreamDecoder().receive_data(frame(headers, body))
    understood = read_exception("mine", found)
    assert understood is not None
    assert all(understood)
    assert ACCOUNT not in understood[1]
