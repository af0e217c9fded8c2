"""Signatures: botocore's are believed, and nothing else is."""

from calendar import timegm
from time import gmtime, strftime, strptime

import pytest
from tests.support.sim_clouds import REGION, relay_request, sign

from cc_relay.exchange import AwsKeys
from cc_relay.sim.clouds.sigv4 import DATE_FORMAT, Unbelieved, canonical_path, verify
from cc_relay.sim.settings import EXAMPLE_KEYS

INVOKE = "https://bedrock-runtime.us-east-1.amazonaws.com/model/us.anthropic.claude-sonnet-4-5-20250929-v1:0/invoke"
PROFILE = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile%2Fabc123"
TEMPORARY = AwsKeys("ASIAEXAMPLE", "secret", "session/token+==")
KNOWN = {keys.access_key_id: keys for keys in (EXAMPLE_KEYS, TEMPORARY)}
BODY = b'{"max_tokens":1}'


def check(headers, *, method="POST", url=INVOKE, body=BODY, region=REGION, service="bedrock", late=0.0):
    now = timegm(strptime(headers.get("x-amz-date", "20260102T030405Z"), DATE_FORMAT)) + late
    return verify(relay_request(method, url, headers, body), region, service, KNOWN.get, now)


def refused(headers, **changes):
    with pytest.raises(Unbelieved) as caught:
        check(headers, **changes)
    return caught.value


@pytest.mark.parametrize(
    "target",
    [
        "/model/us.anthropic.claude-sonnet-4-5-20250929-v1:0/invoke",
        f"/model/{PROFILE}/invoke-with-response-stream",
        "/model/arn%3Aaws%3Abedrock/count-tokens",
        "/anthropic/v1/messages?beta=true",
        "/inference-profiles?type=SYSTEM_DEFINED&maxResults=3&nextToken=a%2Fb%3D",
        "/a/./b/../c/",
        "/",
    ],
)
def test_what_botocore_signs_is_believed(target):
    url = "https://host.example" + target
    assert check(sign("POST", url, BODY), url=url) == "AKIDEXAMPLE"


def test_temporary_keys_come_with_their_token():
    assert check(sign("POST", INVOKE, BODY, keys=TEMPORARY)) == "ASIAEXAMPLE"


def test_a_published_signature_is_believed():
    headers = {
        "host": "bedrock-runtime.us-east-1.amazonaws.com",
        "accept": "application/json",
        "content-type": "application/json",
        "x-amz-date": "20260102T030405Z",
        "authorization": "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/us-east-1/bedrock/aws4_request, "
        "SignedHeaders=accept;content-type;host;x-amz-date, "
        "Signature=e8114db92a028f4e82307a9101a944e1c56ce7b0ee3c91c47127b5444c1cb6d2",
    }
    assert check(headers, body=b"{}") == "AKIDEXAMPLE"


def test_the_path_is_encoded_once_more_than_on_the_wire():
    assert canonical_path("/model/a:b%2Fc/invoke") == "/model/a%3Ab%252Fc/invoke"


@pytest.mark.parametrize(
    "changes",
    [
        {"body": BODY + b" "},
        {"method": "PUT"},
        {"url": INVOKE.replace("sonnet", "opus")},
        {"url": INVOKE + "?x=1"},
    ],
)
def test_a_request_that_changed_on_its_way_is_not_believed(changes):
    error = refused(sign("POST", INVOKE, BODY), **changes)
    assert (error.row, error.detail) == ("signature", None)


@pytest.mark.parametrize("name", ["host", "accept", "content-type", "x-amz-security-token"])
def test_a_signed_header_that_changed_is_not_believed(name):
    headers = sign("POST", INVOKE, BODY, keys=TEMPORARY)
    assert refused(headers | {name: "changed"}).row in ("signature", "401")


def test_a_signed_header_that_was_lost_is_not_believed():
    headers = sign("POST", INVOKE, BODY)
    del headers["accept"]
    assert refused(headers).row == "signature"


def test_another_secret_is_not_believed():
    headers = sign("POST", INVOKE, BODY, keys=AwsKeys("AKIDEXAMPLE", "guessed"))
    assert refused(headers).row == "signature"


@pytest.mark.parametrize(
    ("keys", "lost"),
    [
        (AwsKeys("AKIDNOBODY", "x"), None),
        (AwsKeys("ASIAEXAMPLE", "secret", "another"), None),
        (AwsKeys("AKIDEXAMPLE", EXAMPLE_KEYS.secret_access_key, "surplus"), None),
        (TEMPORARY, "x-amz-security-token"),
    ],
)
def test_a_key_or_a_token_nobody_knows_is_invalid(keys, lost):
    headers = sign("POST", INVOKE, BODY, keys=keys)
    headers.pop(lost, None)
    assert refused(headers).row == "401"


@pytest.mark.parametrize("late", [-300, -1, 0, 299, 300])
def test_five_minutes_either_way_are_forgiven(late):
    check(sign("POST", INVOKE, BODY), late=late)


@pytest.mark.parametrize(
    ("late", "words"),
    [
        (301, "Signature expired: {0} is now earlier than {1} ({2} - 5 min.)"),
        (-301, "Signature not yet current: {0} is still later than {1} ({2} + 5 min.)"),
    ],
)
def test_a_clock_that_is_off_is_told_so(late, words):
    headers = sign("POST", INVOKE, BODY)
    at = timegm(strptime(headers["x-amz-date"], DATE_FORMAT))
    ours, edge = at + late, at + late - (300 if late > 0 else -300)
    stamps = [strftime(DATE_FORMAT, gmtime(moment)) for moment in (at, edge, ours)]
    error = refused(headers, late=late)
    assert (error.row, error.detail) == ("signature", words.format(*stamps))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"region": "eu-west-1"}, "Credential should be scoped to a valid region."),
        ({"service": "bedrock-mantle"}, "Credential should be scoped to correct service: 'bedrock-mantle'."),
    ],
)
def test_the_scope_has_to_fit(changes, words):
    assert refused(sign("POST", INVOKE, BODY), **changes).detail == words


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("aws4_request", "aws5_request", "valid terminator"),
        ("Credential=AKIDEXAMPLE/20", "Credential=AKIDEXAMPLE/19", "does not match YYYYMMDD"),
        ("host;", "", "'Host' or ':authority' must be a 'SignedHeader'"),
        (";x-amz-date", "", "not signed: x-amz-date"),
    ],
)
def test_an_authorization_that_was_changed_is_told_what_is_wrong(old, new, words):
    headers = sign("POST", INVOKE, BODY)
    error = refused(headers | {"authorization": headers["authorization"].replace(old, new)})
    assert error.row == "signature"
    assert words in error.detail


def test_a_token_that_is_sent_has_to_be_signed():
    headers = sign("POST", INVOKE, BODY, keys=TEMPORARY)
    unsigned = headers["authorization"].replace(";x-amz-security-token", "")
    assert "not signed: x-amz-security-token" in refused(headers | {"authorization": unsigned}).detail


def test_signed_headers_come_in_order():
    headers = sign("POST", INVOKE, BODY)
    shuffled = headers["authorization"].replace("accept;content-type", "content-type;accept")
    assert refused(headers | {"authorization": shuffled}).row == "signature"


@pytest.mark.parametrize(
    ("authorization", "row"),
    [
        ("", "unsigned"),
        ("Basic abc", "unsigned"),
        ("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/us-east-1/bedrock/aws4_request", "incomplete"),
        ("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/us-east-1, SignedHeaders=host, Signature=00", "incomplete"),
    ],
)
def test_what_is_no_signature_is_told_so(authorization, row):
    assert refused(sign("POST", INVOKE, BODY) | {"authorization": authorization}).row == row


def test_a_date_that_is_none_is_told_so():
    headers = sign("POST", INVOKE, BODY) | {"x-amz-date": "yesterday"}
    with pytest.raises(Unbelieved) as caught:
        verify(relay_request("POST", INVOKE, headers, BODY), REGION, "bedrock", KNOWN.get, 0.0)
    assert caught.value.row == "incomplete"


def test_a_declared_hash_has_to_be_that_of_the_body():
    headers = sign("POST", INVOKE, BODY, headers={"x-amz-content-sha256": "UNSIGNED-PAYLOAD"})
    assert refused(headers).row == "signature"
