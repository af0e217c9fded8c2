"""No secret reaches a log."""

import json

import pytest

from cc_relay.codec.redact import redact_body, redact_headers

KEY = "sk-ant-api03-" + "Zq8_" * 20


@pytest.mark.parametrize("name", [b"authorization", b"x-api-key", b"set-cookie", b"x-amz-security-token"])
def test_credential_headers_are_hidden_whole(name: bytes) -> None:
    assert redact_headers([(name, b"anything at all")]) == [(name.decode(), "***")]


def test_other_headers_stay_readable() -> None:
    assert redact_headers([(b"request-id", b"req_011")]) == [("request-id", "req_011")]


def test_a_key_inside_another_header_is_hidden() -> None:
    assert redact_headers([(b"x-echo", f"used {KEY}".encode())]) == [("x-echo", "used sk-***")]


@pytest.mark.parametrize(
    ("secret", "telling"),
    [
        (KEY, "Zq8_"),
        ("Bearer abc.def-123456", "abc"),
        ("AKIA" + "Q7" * 8, "Q7"),
        ("ghp_" + "a1B2" * 9, "a1B2"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", "c2ln"),
        ("-----BEGIN PRIVATE KEY-----\nMIIEv\n-----END PRIVATE KEY-----", "MIIEv"),
        ("iVBORw0KGgo" * 30, "iVBOR"),
    ],
)
def test_what_looks_like_a_secret_is_hidden_wherever_it_stands(secret: str, telling: str) -> None:
    logged = redact_body(json.dumps({"messages": [f"before {secret} after"]}).encode(), 10_000)
    assert telling not in logged
    assert "before" in logged
    assert "after" in logged


@pytest.mark.parametrize(
    "key", ["api_key", "x-api-key", "client_secret", "access_token", "ANTHROPIC_API_KEY", "password"]
)
def test_values_of_telling_keys_are_hidden(key: str) -> None:
    assert redact_body(json.dumps({key: "plain"}).encode(), 100) == f'{{"{key}": "***"}}'


def test_values_of_telling_keys_are_hidden_in_json_inside_json() -> None:
    inner = json.dumps({"api_key": "plainvalue"})
    assert "plainvalue" not in redact_body(json.dumps({"text": inner}).encode(), 200)


@pytest.mark.parametrize("key", ["max_tokens", "tokenizer", "secretary"])
def test_innocent_keys_keep_their_values(key: str) -> None:
    assert "plain" in redact_body(json.dumps({key: "plain"}).encode(), 100)


def test_a_secret_across_the_cut_is_still_hidden() -> None:
    body = b"x " * 40 + KEY.encode()
    assert "Zq8_" not in redact_body(body, 100)


def test_a_long_body_is_cut_and_says_so() -> None:
    assert redact_body(b"ab " * 100, 10) == "ab ab ab a…"


def test_a_body_is_logged_on_one_line() -> None:
    assert redact_body(b"a\nb\x1b[31m\xff", 100) == "a\\nb\\x1b[31m\ufffd"
