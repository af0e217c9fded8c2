"""Whatever the request, the seal's lines are the ones botocore adds to it."""

from datetime import UTC, datetime
from unittest.mock import patch

import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from cc_relay.exchange import AwsKeys, Headers, Origin
from cc_relay.providers.sigv4 import UNSIGNED, Signer

characters = st.sampled_from([bytes([byte]) for byte in b"abzAZ019-_~.!$'()*,[]|^`{}\"<>\\:;@=&+"])
escapes = st.sampled_from([b"%2F", b"%2f", b"%25", b"%3A", b"%E2%82%AC"])
segments = st.sampled_from([b"", b".", b"..", b"model"]) | st.lists(characters | escapes, max_size=6).map(b"".join)
paths = st.lists(segments, min_size=1, max_size=6).map(lambda parts: b"/" + b"/".join(parts))
queries = st.lists(
    st.sampled_from([b"a", b"b", b"A", b"beta", b"=", b"==", b"&", b"%20", b"%3D", b"+", b"/", b"?", b"1", b"~"]),
    max_size=10,
).map(b"".join)
targets = st.builds(lambda path, query: path + b"?" + query if query else path, paths, queries)

visible = "".join(map(chr, range(0x21, 0x7F)))
words = st.text(visible, min_size=1, max_size=12)
values = st.lists(words | st.sampled_from([" ", "  ", "\t", ","]), max_size=5).map(lambda parts: "".join(parts).strip())
names = st.sampled_from(
    ["accept", "content-type", "x-amzn-bedrock-trace", "a", "zz", "x-amz-content-encoding", "x-amz-data", "x-amz-dates"]
    + [name.decode() for name in UNSIGNED]
) | st.text("abcxyz-019", min_size=1, max_size=12)
OURS = {"host", "date", "authorization", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256"}
headers = st.lists(st.tuples(names.filter(lambda name: name not in OURS), values), max_size=8)

hosts = st.sampled_from(["bedrock-runtime.us-east-1.amazonaws.com", "127.0.0.1", "::1", "vpce-1.example"])
origins = st.builds(Origin, st.sampled_from(["https", "http"]), hosts, st.sampled_from([80, 443, 8080]))
keys = st.builds(AwsKeys, words, words, st.just("") | words | st.just("a  b"))
regions = st.sampled_from(["us-east-1", "us-gov-west-1", "ap-southeast-7", "cn-north-1", "*", "", "eu\u00e9"])
services = st.sampled_from(["bedrock", "bedrock-mantle", "aws-external-anthropic"])
moments = st.floats(0, 4_102_444_800)  # until 2100


def by_botocore(
    signer: tuple[str, str], keys: AwsKeys, method: str, origin: Origin, target: bytes, headers: Headers, body: bytes,
    now: float,
) -> Headers:  # fmt: skip
    """The lines that botocore adds."""
    request = AWSRequest(method, f"{origin}{target.decode()}", data=body)
    for name, value in headers:
        request.headers.add_header(name.decode(), value.decode())
    region, service = signer
    credentials = Credentials(keys.access_key_id, keys.secret_access_key, keys.session_token or None)
    # botocore takes the time from nowhere else.
    with patch.object(botocore.auth, "get_current_datetime", lambda: datetime.fromtimestamp(now, UTC)):
        botocore.auth.SigV4Auth(credentials, service, region).add_auth(request)
    added = ("x-amz-date", "x-amz-security-token", "authorization")
    return [(name.encode(), request.headers[name].encode()) for name in added if name in request.headers]


@given(
    st.tuples(regions, services),
    keys,
    st.sampled_from(["POST", "GET"]),
    origins,
    targets,
    headers,
    st.binary(),
    moments,
)
def test_the_lines_are_those_of_botocore(
    signer: tuple[str, str],
    keys: AwsKeys,
    method: str,
    origin: Origin,
    target: bytes,
    headers: list[tuple[str, str]],
    body: bytes,
    now: float,
) -> None:
    lines = [(name.encode(), value.encode()) for name, value in headers]
    sealed = Signer(*signer).seal(keys, method.encode(), origin, target, lines, body)
    assert sealed(now) == by_botocore(signer, keys, method, origin, target, lines, body, now)


@given(keys, targets, st.lists(moments, min_size=1, max_size=5))
def test_a_seal_says_at_each_moment_what_a_new_one_would(keys: AwsKeys, target: bytes, moments: list[float]) -> None:
    signer, origin = Signer("us-east-1", "bedrock"), Origin("https", "example", 443)
    sealed = signer.seal(keys, b"POST", origin, target, [], b"{}")
    for now in moments:
        assert sealed(now) == Signer("us-east-1", "bedrock").seal(keys, b"POST", origin, target, [], b"{}")(now)
