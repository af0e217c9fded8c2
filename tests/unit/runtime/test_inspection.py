"""What the debug options show, and what they never show."""

import logging

import pytest
from tests.support.builders import messages_body, relay_request

from cc_relay.config.schema import DebugOptions
from cc_relay.runtime.inspection import inspection

KEY = "sk-ant-api03-abcdefghijkl"
BODY = messages_body(metadata={"user_id": "somebody"}, api_key=KEY)


def shown(
    options: DebugOptions, caplog: pytest.LogCaptureFixture, level: int = logging.DEBUG, body: bytes = BODY
) -> str:
    made = inspection(options)
    assert made is not None
    with caplog.at_level(level, "cc_relay.debug"):
        made.see_request(relay_request(body=body))
        made.see_answer("req_1", 200, [(b"set-cookie", b"session=crumbs"), (b"request-id", b"req_theirs")])
    return caplog.text


def test_without_its_options_there_is_none() -> None:
    assert inspection(DebugOptions()) is None


def test_a_body_is_shown_without_its_secrets(caplog: pytest.LogCaptureFixture) -> None:
    text = shown(DebugOptions(log_request_body=True), caplog)

    assert "capital of Portugal" in text
    assert KEY not in text
    assert "req_theirs" not in text


def test_headers_are_shown_without_their_secrets(caplog: pytest.LogCaptureFixture) -> None:
    text = shown(DebugOptions(log_response_headers=True), caplog)

    assert "req_1 upstream answered 200" in text
    assert "request-id: req_theirs" in text
    assert "crumbs" not in text
    assert "Portugal" not in text


def test_a_long_body_is_cut(caplog: pytest.LogCaptureFixture) -> None:
    body = messages_body(messages=[{"role": "user", "content": "word " * 10_000}])

    assert len(shown(DebugOptions(log_request_body=True, max_body_log_size=300), caplog, body=body)) < 600


def test_a_request_without_a_body_makes_no_line(caplog: pytest.LogCaptureFixture) -> None:
    assert shown(DebugOptions(log_request_body=True), caplog, body=b"") == ""


def test_nothing_is_shown_above_level_debug(caplog: pytest.LogCaptureFixture) -> None:
    options = DebugOptions(log_request_body=True, log_response_headers=True)

    assert shown(options, caplog, logging.INFO) == ""
