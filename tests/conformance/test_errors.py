"""Every provider type over the corpus of errors."""

import json

import pytest
from tests.conformance.errors import ANSWERS, Answer
from tests.support.providers import CLOUDS, provider

from cc_relay.exchange import Failure, FailureKind
from cc_relay.providers.registry import TYPES


def is_ours(type_: str, answer: Answer) -> bool:
    """Whether it is about a credential that never was the client's, so that nobody should read about it."""
    return type_ in CLOUDS and answer.kind is FailureKind.CREDENTIAL


WHOEVER_SENT_IT = [(type_, answer) for answer in ANSWERS for type_ in ([answer.type_] if answer.type_ else TYPES)]

EVERY_ANSWER = pytest.mark.parametrize(
    ("type_", "answer"), WHOEVER_SENT_IT, ids=[f"{type_}: {answer.name}"[:80] for type_, answer in WHOEVER_SENT_IT]
)


def read(type_: str, answer: Answer) -> Failure:
    return provider(type_).read_failure(answer.status, answer.headers, answer.body)


@EVERY_ANSWER
def test_an_error_means_what_it_says(type_: str, answer: Answer) -> None:
    failure = read(type_, answer)
    assert failure.kind is answer.kind
    assert failure.retry_after == answer.retry_after
    if is_ours(type_, answer):
        assert (failure.status, failure.error_type) == (502, "api_error")
        assert type_ in failure.message
    else:
        assert (failure.status, failure.error_type) == answer.seen
        assert answer.message in failure.message


@EVERY_ANSWER
def test_the_client_gets_an_envelope_of_anthropics(type_: str, answer: Answer) -> None:
    failure = read(type_, answer)
    body = json.loads(failure.body)
    assert body["type"] == "error"
    assert body["error"]["type"] == failure.error_type
    assert body["error"]["message"] == failure.message
    assert b"<html" not in failure.body
    assert b"<script" not in failure.body


@pytest.mark.parametrize("type_", TYPES)
@pytest.mark.parametrize("answer", [answer for answer in ANSWERS if answer.is_verbatim], ids=lambda answer: answer.name)
def test_anthropics_own_words_pass_byte_for_byte(type_: str, answer: Answer) -> None:
    assert is_ours(type_, answer) or read(type_, answer).body is answer.body
