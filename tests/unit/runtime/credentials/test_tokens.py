"""Answers of token endpoints, good and bad."""

import json

import pytest

from cc_relay.errors import CredentialError
from cc_relay.runtime.credentials.http import Answer
from cc_relay.runtime.credentials.tokens import read_token

NOW = 1_000_000.0


def answer(status: int = 200, **fields: object) -> Answer:
    return Answer(status, {}, json.dumps(fields).encode())


def refused(what: Answer) -> str:
    with pytest.raises(CredentialError) as caught:
        read_token(what, "Entra", "k", NOW, {"AADSTS7000215:": "the secret is wrong"})
    return str(caught.value)


@pytest.mark.parametrize("expires_in", [3599, 3599.0, "3599"])
def test_a_token_ends_so_long_after_it_came(expires_in: object) -> None:
    token = read_token(answer(access_token="ya29.t", expires_in=expires_in, token_type="Bearer"), "G", "k", NOW)
    assert (token.fingerprint, token.secret, token.expires_at) == ("k", "ya29.t", NOW + 3599)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b'"text"', b"\xff\xfe", b"{", b"{}", b"null"])
def test_garbage_is_no_token(body: bytes) -> None:
    assert refused(Answer(200, {}, body)) == "Entra answered without an access token"


@pytest.mark.parametrize("token", ["", "two words", "line\nbreak", "ä", 5, None, ["t"]])
def test_what_cannot_travel_in_a_header_is_no_token(token: object) -> None:
    assert refused(answer(access_token=token, expires_in=5)) == "Entra answered without an access token"


@pytest.mark.parametrize("seconds", [None, "soon", -1, True, "-5", 1e300, [3599]])
def test_a_token_of_unknown_life_is_refused(seconds: object) -> None:
    assert refused(answer(access_token="never-shown", expires_in=seconds)) == (
        "Entra does not say how long its token lasts"
    )


@pytest.mark.parametrize(
    ("what", "said"),
    [
        (
            answer(400, error="invalid_grant", error_description="jo@example.com is gone"),
            "Entra answered 400 invalid_grant",
        ),
        (
            answer(401, error="invalid_client", error_description="AADSTS7000215: Invalid client secret for 'app'"),
            "Entra answered 401 AADSTS7000215: the secret is wrong",
        ),
        (answer(400, error="<b>oops</b>"), "Entra answered 400"),
        (Answer(503, {}, b"<html>down</html>"), "Entra answered 503"),
        (
            answer(400, error="invalid_grant", error_description="Check your iat and exp values in the JWT claim."),
            "Entra answered 400 invalid_grant; check whether this machine's clock is right",
        ),
    ],
)
def test_a_refusal_is_told_without_whom_it_names(what: Answer, said: str) -> None:
    assert refused(what) == said
