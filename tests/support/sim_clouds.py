"""What clients of the simulated clouds need: signatures made by botocore, service accounts, event streams read back."""

import json
from base64 import b64decode
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.eventstream import EventStreamBuffer
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from cc_relay.exchange import AwsKeys, RelayRequest
from cc_relay.sim.settings import EXAMPLE_KEYS

REGION = "us-east-1"


def sign(
    method: str,
    url: str,
    body: bytes = b"",
    *,
    headers: dict[str, str] | None = None,
    keys: AwsKeys = EXAMPLE_KEYS,
    region: str = REGION,
    service: str = "bedrock",
) -> dict[str, str]:
    """Every header of a request that botocore signed, now; names in lower case, `host` among them."""
    sent = {"content-type": "application/json", "accept": "application/json", **(headers or {})}
    request = AWSRequest(method=method, url=url, data=body, headers=sent)
    credentials = Credentials(keys.access_key_id, keys.secret_access_key, keys.session_token or None)
    SigV4Auth(credentials, service, region).add_auth(request)
    signed = {name.lower(): str(value) for name, value in request.headers.items()}
    return {"host": urlsplit(url).netloc, **signed}


def relay_request(method: str, url: str, headers: dict[str, str], body: bytes = b"") -> RelayRequest:
    """The same request as a listener hands it on."""
    parts = urlsplit(url)
    lines = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    return RelayRequest(method, parts.path, parts.query, lines, body, "req_1", 0.0, dict(lines))


def read_frames(data: bytes) -> list[tuple[dict[str, Any], Any]]:
    """Headers and payload (JSON, or None) of every frame, as botocore reads them. Raises its errors."""
    buffer = EventStreamBuffer()
    buffer.add_data(data)
    return [(message.headers, json.loads(message.payload) if message.payload else None) for message in buffer]


def as_sse(data: bytes) -> bytes:
    """A binary stream of chunks as the server-sent events it carries."""
    found = b""
    for _, payload in read_frames(data):
        event = b64decode(payload["bytes"])
        found += b"event: %b\ndata: %b\n\n" % (json.loads(event)["type"].encode(), event)
    return found


@cache
def _key_pair(number: int) -> tuple[str, str]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()


def public_key(number: int = 1) -> str:
    """A service account's public key, PEM; every `number` has its own pair."""
    return _key_pair(number)[1]


def service_account(token_uri: str, number: int = 1) -> dict[str, str]:
    """A service account's key file that asks `token_uri` for its tokens."""
    return {
        "type": "service_account",
        "project_id": "sim-project",
        "private_key_id": f"key{number}",
        "private_key": _key_pair(number)[0],
        "client_email": "relay@sim-project.iam.gserviceaccount.com",
        "client_id": "1234567890",
        "token_uri": token_uri,
        "universe_domain": "googleapis.com",
    }
