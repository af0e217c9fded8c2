"""Signatures against known ones, and what a seal does as time goes by."""

import pytest

from cc_relay.exchange import AwsKeys, Headers, Origin, Seal
from cc_relay.providers.sigv4 import UNSIGNED, Signer

KEYS = AwsKeys("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
TEMPORARY = AwsKeys("ASIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "FQoGZX/session+token==")
RUNTIME = Origin("https", "bedrock-runtime.us-east-1.amazonaws.com", 443)
JSON: Headers = [(b"accept", b"application/json"), (b"content-type", b"application/json")]
SONNET = b"/model/us.anthropic.claude-sonnet-4-5-20250929-v1:0/invoke"
PROFILE = b"/model/arn:aws:bedrock:us-east-1:123456789012:application-inference-profile%2Fabc123/invoke"
JANUARY = 1_767_323_045.0  # 2026-01-02T03:04:05Z
DAY = 86_400.0


def seal(
    target: bytes = SONNET,
    *,
    keys: AwsKeys = KEYS,
    headers: Headers = JSON,
    body: bytes = b"{}",
    origin: Origin = RUNTIME,
    signer: Signer | None = None,
) -> Seal:
    return (signer or Signer("us-east-1", "bedrock")).seal(keys, b"POST", origin, target, headers, body)


def proof(lines: Headers) -> dict[str, str]:
    """The parts of the authorization line."""
    scheme, _, parts = dict(lines)[b"authorization"].decode().partition(" ")
    assert scheme == "AWS4-HMAC-SHA256"
    named = (part.partition("=") for part in parts.split(", "))
    return {name: value for name, _, value in named}


@pytest.mark.parametrize(
    ("target", "signature"),
    [
        (SONNET, "e8114db92a028f4e82307a9101a944e1c56ce7b0ee3c91c47127b5444c1cb6d2"),
        (PROFILE, "af89f0131ab932075ea44bf48ea7b9005480da760032c3f0be2dc209298cebba"),
    ],
    ids=["a model", "a profile's ARN"],
)
def test_a_path_is_signed_encoded_once_more_than_it_travels(target: bytes, signature: str) -> None:
    assert proof(seal(target)(JANUARY)) == {
        "Credential": "AKIDEXAMPLE/20260102/us-east-1/bedrock/aws4_request",
        "SignedHeaders": "accept;content-type;host;x-amz-date",
        "Signature": signature,
    }


def test_a_query_is_signed_as_in_the_example_of_the_iam_user_guide() -> None:
    sealed = Signer("us-east-1", "iam").seal(
        KEYS,
        b"GET",
        Origin("https", "iam.amazonaws.com", 443),
        b"/?Action=ListUsers&Version=2010-05-08",
        [(b"content-type", b"application/x-www-form-urlencoded; charset=utf-8")],
        b"",
    )(1_440_938_160.0)

    assert proof(sealed)["Signature"] == "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"


def test_a_seal_adds_the_date_and_the_proof() -> None:
    assert [name for name, _ in seal()(JANUARY)] == [b"x-amz-date", b"authorization"]
    assert seal()(JANUARY)[0] == (b"x-amz-date", b"20260102T030405Z")


def test_keys_that_end_travel_with_their_token_which_is_signed() -> None:
    lines = seal(keys=TEMPORARY)(JANUARY)

    assert [name for name, _ in lines] == [b"x-amz-date", b"x-amz-security-token", b"authorization"]
    assert lines[1][1] == b"FQoGZX/session+token=="
    assert proof(lines)["SignedHeaders"] == "accept;content-type;host;x-amz-date;x-amz-security-token"


def test_parts_of_a_second_do_not_count() -> None:
    assert seal()(JANUARY + 0.999) == seal()(JANUARY)


def test_a_request_that_goes_out_again_is_signed_again() -> None:
    again = seal()

    first, second, third = again(JANUARY), again(JANUARY + 1), again(JANUARY + DAY)
    assert first == seal()(JANUARY)
    assert second == seal()(JANUARY + 1)
    assert third == seal()(JANUARY + DAY)
    assert len({proof(lines)["Signature"] for lines in (first, second, third)}) == 3


def test_one_signer_serves_any_keys_on_any_day() -> None:
    signer = Signer("us-east-1", "bedrock")
    moments = [(AwsKeys("AKID", f"secret-{number}"), JANUARY + number * DAY) for number in range(70)]

    for keys, now in [*moments, *moments[:3]]:
        assert seal(keys=keys, signer=signer)(now) == seal(keys=keys)(now)


@pytest.mark.parametrize("name", sorted(UNSIGNED))
def test_what_may_change_on_the_way_is_not_signed(name: bytes) -> None:
    assert seal(headers=[*JSON, (name, b"x")])(JANUARY) == seal()(JANUARY)


def test_any_other_header_is_signed() -> None:
    lines = seal(headers=[*JSON, (b"x-amzn-bedrock-trace", b"ENABLED")])(JANUARY)

    assert proof(lines)["SignedHeaders"] == "accept;content-type;host;x-amz-date;x-amzn-bedrock-trace"


def test_a_port_of_its_own_is_part_of_the_signed_host() -> None:
    elsewhere = Origin("http", "127.0.0.1", 8080)

    assert proof(seal(origin=elsewhere)(JANUARY)) != proof(seal(origin=Origin("http", "127.0.0.1", 80))(JANUARY))


@pytest.mark.parametrize("other", [seal(body=b"{ }"), seal(PROFILE), seal(headers=JSON[:1])])
def test_a_signature_belongs_to_one_request(other: Seal) -> None:
    assert proof(other(JANUARY))["Signature"] != proof(seal()(JANUARY))["Signature"]


def test_nothing_printed_shows_a_secret() -> None:
    signer = Signer("us-east-1", "bedrock")
    sealed = seal(signer=signer, keys=TEMPORARY)
    sealed(JANUARY)

    for printed in (repr(signer), repr(sealed)):
        assert TEMPORARY.secret_access_key not in printed
        assert TEMPORARY.session_token not in printed
    assert repr(signer) == "<Signer bedrock in us-east-1>"
