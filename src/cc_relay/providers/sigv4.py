"""AWS Signature Version 4: the header lines that prove who sends a request, and when."""

import hmac
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from urllib.parse import quote_from_bytes

from cc_relay.exchange import AwsKeys, Headers, Origin, Seal

UNSIGNED = frozenset(
    (
        b"baggage", b"connection", b"expect", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"te",
        b"traceparent", b"tracestate", b"trailer", b"transfer-encoding", b"upgrade", b"user-agent", b"x-amzn-trace-id",
    )
)  # fmt: skip
"""Headers that are left out because hops may change them (botocore.auth, SIGNED_HEADERS_BLACKLIST)."""

_ALGORITHM = "AWS4-HMAC-SHA256"
_DATE = b"x-amz-date"
_TOKEN = b"x-amz-security-token"
_MAX_KEYS = 64


class Signer:
    """Signs requests to one AWS service in one region (IAM user guide, "AWS Signature Version 4 for API requests")."""

    def __init__(self, region: str, service: str) -> None:
        self._region = region
        self._service = service
        self._keys: dict[tuple[str, str], bytes] = {}

    def __repr__(self) -> str:
        return f"<Signer {self._service} in {self._region}>"

    def seal(self, keys: AwsKeys, method: bytes, origin: Origin, target: bytes, headers: Headers, body: bytes) -> Seal:
        """What signs this request when it goes out, and again when it goes out again.

        `target` is what stands on the request line, percent-encoded as it will travel. `headers` are those that travel
        besides; they hold neither `host` nor `date` nor any line the seal adds: `x-amz-date`, for keys that end
        `x-amz-security-token`, and `authorization`.
        """
        return _Sealing(self, keys, method, origin, target, headers, body)

    def scope(self, date: str) -> str:
        """Where and when a signature counts; `date` is YYYYMMDD."""
        return f"{date}/{self._region}/{self._service}/aws4_request"

    def signing_key(self, secret: str, date: str) -> bytes:
        """The key of one day, worked out once."""
        key = self._keys.get((secret, date))
        if key is None:
            key = f"AWS4{secret}".encode()
            for part in (date, self._region, self._service, "aws4_request"):
                key = hmac.digest(key, part.encode(), "sha256")
            if len(self._keys) >= _MAX_KEYS:
                self._keys.clear()
            self._keys[secret, date] = key
        return key


class _Sealing:
    """One request to be signed: all but the moment is made ready when it first goes out."""

    __slots__ = ("_after_date", "_before_date", "_keys", "_request", "_signed", "_signer")

    def __init__(
        self, signer: Signer, keys: AwsKeys, method: bytes, origin: Origin, target: bytes, headers: Headers, body: bytes
    ) -> None:
        self._signer = signer
        self._keys = keys
        self._request: tuple[bytes, Origin, bytes, Headers, bytes] | None = method, origin, target, headers, body
        self._before_date = self._after_date = b""
        self._signed = ""

    def __call__(self, now_wall: float) -> Headers:
        if self._request is not None:
            self._make_canonical(*self._request)
            self._request = None
        moment = f"{datetime.fromtimestamp(now_wall, UTC):%Y%m%dT%H%M%SZ}"
        date = moment[:8]
        scope = self._signer.scope(date)
        canonical = sha256(b"%b%b%b" % (self._before_date, moment.encode(), self._after_date)).hexdigest()
        key = self._signer.signing_key(self._keys.secret_access_key, date)
        signature = hmac.digest(key, f"{_ALGORITHM}\n{moment}\n{scope}\n{canonical}".encode(), "sha256").hex()
        proof = (
            f"{_ALGORITHM} Credential={self._keys.access_key_id}/{scope}, "
            f"SignedHeaders={self._signed}, Signature={signature}"
        )
        return [(_DATE, moment.encode()), *self._token(), (b"authorization", proof.encode())]

    def _make_canonical(self, method: bytes, origin: Origin, target: bytes, headers: Headers, body: bytes) -> None:
        """The canonical request, but for the moment that stands in its middle."""
        values: dict[bytes, list[bytes]] = {b"host": [origin.authority], _DATE: []}
        for name, value in (*headers, *self._token()):
            if name not in UNSIGNED:
                values.setdefault(name, []).append(b" ".join(value.split()))
        names = sorted(values)
        lines = [b"%b:%b\n" % (name, b",".join(values[name])) for name in names]
        at = names.index(_DATE)
        path, _, query = target.partition(b"?")
        signed = b";".join(names)
        self._signed = signed.decode()
        self._before_date = b"".join(
            [method, b"\n", _canonical_path(path), b"\n", _canonical_query(query), b"\n", *lines[:at], _DATE, b":"]
        )
        self._after_date = b"".join([b"\n", *lines[at + 1 :], b"\n", signed, b"\n", sha256(body).hexdigest().encode()])

    def _token(self) -> Headers:
        return [(_TOKEN, self._keys.session_token.encode())] if self._keys.session_token else []


@lru_cache(maxsize=256)  # a path for each model
def _canonical_path(path: bytes) -> bytes:
    """`path` without empty and dot segments, percent-encoded once more than it travels."""
    kept: list[bytes] = []
    for segment in path.split(b"/"):
        if segment == b"..":
            del kept[-1:]
        elif segment not in (b"", b"."):
            kept.append(segment)
    slash = b"/" if kept and path.endswith(b"/") else b""
    return quote_from_bytes(b"/" + b"/".join(kept) + slash, safe="/~").encode()


def _canonical_query(query: bytes) -> bytes:
    """The parameters in order of name, then value, encoded as they travel."""
    if not query:
        return b""
    pairs = sorted(pair.partition(b"=")[::2] for pair in query.split(b"&"))
    return b"&".join(b"%b=%b" % pair for pair in pairs)
