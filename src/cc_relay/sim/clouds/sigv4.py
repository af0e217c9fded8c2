"""Verify an AWS Signature Version 4, the server's side of it, from AWS's description alone.

Nothing here is shared with what the relay signs with: two readings of one description catch each other's mistakes
(AWS IAM User Guide, "Create a signed AWS API request").
"""

import hmac
import re
from calendar import timegm
from collections.abc import Callable
from hashlib import sha256
from time import gmtime, strftime, strptime
from urllib.parse import quote, unquote

from msgspec import Struct

from cc_relay.exchange import AwsKeys, RelayRequest

ALGORITHM = "AWS4-HMAC-SHA256"
TERMINATOR = "aws4_request"
DATE_FORMAT = "%Y%m%dT%H%M%SZ"
SKEW = 300
"""Seconds a request's date may be off either way."""

AUTHORIZATION = re.compile(r"([\w-]+)=([^,]*)")
MUST_BE_SIGNED = ("host", "x-amz-date")
ALSO_SIGNED_WHEN_SENT = ("x-amz-security-token",)


class Unbelieved(Exception):
    """The signature proves nothing; `row` names the error text, `detail` is AWS's sentence where the row has none."""

    def __init__(self, row: str, detail: str | None = None) -> None:
        super().__init__(detail or row)
        self.row, self.detail = row, detail


class Claim(Struct, frozen=True):
    """An `authorization` line, read."""

    access_key_id: str
    date: str
    region: str
    service: str
    terminator: str
    signed: list[str]
    signature: str


def verify(
    request: RelayRequest, region: str, service: str, keys_of: Callable[[str], AwsKeys | None], now: float
) -> str:
    """The access key id that signed this request; `now` is Unix seconds. Raises Unbelieved."""
    claim = read_claim(request.header(b"authorization"))
    keys = keys_of(claim.access_key_id)
    token = _text(request.header(b"x-amz-security-token"))
    if keys is None or token != keys.session_token:
        raise Unbelieved("401")
    dated = _text(request.header(b"x-amz-date"))
    _check_date(dated, now)
    _check_scope(claim, dated, region, service)
    _check_signed_headers(claim.signed, request)
    expected = sign(keys.secret_access_key, claim, dated, canonical_request(request, claim.signed))
    if not hmac.compare_digest(expected.encode(), claim.signature.encode()):
        raise Unbelieved("signature")
    return claim.access_key_id


def read_claim(line: bytes | None) -> Claim:
    """Part an `authorization` line. Raises Unbelieved."""
    algorithm, _, rest = _text(line).partition(" ")
    if algorithm != ALGORITHM:
        raise Unbelieved("unsigned")
    parts = dict(AUTHORIZATION.findall(rest))
    missing = [name for name in ("Credential", "Signature", "SignedHeaders") if not parts.get(name)]
    if missing:
        raise Unbelieved(
            "incomplete", " ".join(f"Authorization header requires '{name}' parameter." for name in missing)
        )
    scope = parts["Credential"].split("/")
    if len(scope) != 5:
        raise Unbelieved("incomplete", "Credential must have exactly 5 slash-delimited elements.")
    name, date, region, service, terminator = scope
    signed = parts["SignedHeaders"].split(";")
    return Claim(name, date, region, service, terminator, signed, parts["Signature"].strip())


def _check_date(dated: str, now: float) -> None:
    try:
        at = timegm(strptime(dated, DATE_FORMAT))
    except ValueError:
        raise Unbelieved("incomplete", "Date must be in ISO-8601 'basic format'.") from None
    ours = _stamp(now)
    if at < now - SKEW:
        earliest = _stamp(now - SKEW)
        raise Unbelieved("signature", f"Signature expired: {dated} is now earlier than {earliest} ({ours} - 5 min.)")
    if at > now + SKEW:
        latest = _stamp(now + SKEW)
        raise Unbelieved(
            "signature", f"Signature not yet current: {dated} is still later than {latest} ({ours} + 5 min.)"
        )


def _check_scope(claim: Claim, dated: str, region: str, service: str) -> None:
    if claim.terminator != TERMINATOR:
        words = f"Credential should be scoped with a valid terminator: '{TERMINATOR}', not '{claim.terminator}'."
        raise Unbelieved("signature", words)
    if claim.date != dated[:8]:
        words = (
            f"Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
            f"'{claim.date}' != '{dated[:8]}', from '{dated}'."
        )
        raise Unbelieved("signature", words)
    if claim.region != region:
        raise Unbelieved("signature", "Credential should be scoped to a valid region.")
    if claim.service != service:
        raise Unbelieved("signature", f"Credential should be scoped to correct service: '{service}'.")


def _check_signed_headers(signed: list[str], request: RelayRequest) -> None:
    if signed != sorted(name.lower() for name in signed):
        raise Unbelieved("signature")
    if "host" not in signed:
        raise Unbelieved("signature", "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
    also = [name for name in ALSO_SIGNED_WHEN_SENT if request.header(name.encode()) is not None]
    left_out = [name for name in (*MUST_BE_SIGNED, *also) if name not in signed]
    if left_out:
        words = f"There were headers present in the request which were not signed: {', '.join(left_out)}"
        raise Unbelieved("signature", words)


def canonical_request(request: RelayRequest, signed: list[str]) -> str:
    """The request in the one form both sides hash. Raises Unbelieved where a signed header was not sent."""
    values: dict[str, list[str]] = {}
    for name, value in request.headers:
        values.setdefault(name.decode("latin-1"), []).append(" ".join(_text(value).split()))
    if any(name not in values for name in signed):
        raise Unbelieved("signature")
    return "\n".join(
        [
            request.method,
            canonical_path(request.path),
            canonical_query(request.query),
            *(f"{name}:{','.join(values[name])}" for name in signed),
            "",
            ";".join(signed),
            _payload_hash(request),
        ]
    )


def canonical_path(path: str) -> str:
    """Dot segments resolved, and every segment encoded once more than it is on the wire (all services but S3)."""
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in ("", "."):
            kept.append(quote(segment, safe="~", encoding="latin-1"))
    tail = "/" if path.endswith("/") and kept else ""
    return "/" + "/".join(kept) + tail


def canonical_query(query: str) -> str:
    """Sorted by encoded name, then value."""
    pairs = [part.partition("=") for part in query.split("&") if part]
    encoded = [(quote(unquote(name), safe="~"), quote(unquote(value), safe="~")) for name, _, value in pairs]
    return "&".join(f"{name}={value}" for name, value in sorted(encoded))


def _payload_hash(request: RelayRequest) -> str:
    """A hash the client declares has to be that of the body; what is unsigned is not taken here."""
    found = sha256(request.body).hexdigest()
    if request.header(b"x-amz-content-sha256") not in (None, found.encode()):
        raise Unbelieved("signature")
    return found


def sign(secret: str, claim: Claim, dated: str, canonical: str) -> str:
    """The signature these keys give, in lower-case hexadecimal."""
    scope = (claim.date, claim.region, claim.service, claim.terminator)
    digest = sha256(canonical.encode("latin-1")).hexdigest()
    key = ("AWS4" + secret).encode()
    for part in scope:
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, "\n".join([ALGORITHM, dated, "/".join(scope), digest]).encode(), "sha256").hex()


def _stamp(at: float) -> str:
    return strftime(DATE_FORMAT, gmtime(at))


def _text(value: bytes | None) -> str:
    return (value or b"").decode("latin-1")
