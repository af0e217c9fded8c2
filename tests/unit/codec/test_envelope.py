"""Anthropic's error envelope and its relatives."""

import pytest

from cc_relay.codec.envelope import (
    STATUS_BY_TYPE,
    ErrorEnvelope,
    envelope,
    error_event,
    read_envelope,
    status_for_type,
    type_for_status,
)


def test_the_envelope_is_written_in_anthropics_order() -> None:
    assert envelope("not_found_error", "no such model", "req_1") == (
        b'{"type":"error","error":{"type":"not_found_error","message":"no such model"},"request_id":"req_1"}'
    )


def test_the_error_event_is_one_frame() -> None:
    assert error_event("api_error", "two\nlines", "req_1") == (
        b"event: error\n"
        b'data: {"type":"error","error":{"type":"api_error","message":"two\\nlines"},"request_id":"req_1"}\n\n'
    )


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (envelope("api_error", "broken", "req_1"), ErrorEnvelope("api_error", "broken", "", "req_1")),
        (
            b'{"type":"error","error":{"type":"a","message":"m","details":{"error_code":"c"}},"request_id":"req_2"}',
            ErrorEnvelope("a", "m", "c", "req_2"),
        ),
        (b'{"error":{"type":"1113","message":"no money"}}', ErrorEnvelope("1113", "no money")),
        (b'{"error":{"type":1113,"message":"no money"}}', ErrorEnvelope("1113", "no money")),
        (b'{"error":{"code":"1302","message":"slow down"}}', ErrorEnvelope("1302", "slow down", "1302")),
        (b'{"error":"model not found"}', ErrorEnvelope("", "model not found")),
        (b'{"error":{}}', ErrorEnvelope("", "")),
        (b'{"error":{"type":true,"message":null,"details":[]},"request_id":9}', ErrorEnvelope("", "", "", "9")),
    ],
)
def test_an_error_is_read_from_every_shape_in_use(body: bytes, expected: ErrorEnvelope) -> None:
    assert read_envelope(body) == expected


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>413</html>", b"{", b"[]", b"null", b'{"error":null}', b'{"error":7}', b'{"type":"message"}', b"\xff"],
)
def test_what_holds_no_error_reads_as_none(body: bytes) -> None:
    assert read_envelope(body) is None


def test_a_body_nested_without_end_reads_as_none() -> None:
    assert read_envelope(b'{"error":' + b"[" * 100_000) is None


@pytest.mark.parametrize("error_type", STATUS_BY_TYPE)
def test_type_and_status_lead_to_each_other(error_type: str) -> None:
    assert type_for_status(status_for_type(error_type)) == error_type


@pytest.mark.parametrize(
    ("status", "error_type"),
    [(422, "invalid_request_error"), (408, "timeout_error"), (502, "api_error"), (503, "overloaded_error")],
)
def test_a_status_without_a_type_of_its_own_gets_the_nearest(status: int, error_type: str) -> None:
    assert type_for_status(status) == error_type


def test_a_foreign_type_travels_as_500() -> None:
    assert status_for_type("1113") == 500
