"""Where Google hands out access tokens: the OAuth endpoint, and the metadata server of its own machines."""

from base64 import urlsafe_b64decode
from collections.abc import Callable
from urllib.parse import parse_qsl

import msgspec
from msgspec import Struct

from cc_relay.exchange import RelayRequest
from cc_relay.sim.clouds.rsa import is_signed, read_public_key
from cc_relay.sim.clouds.tokens import Tokens
from cc_relay.sim.reply import JSON, Reply, json_reply, whole
from cc_relay.sim.settings import SimSettings

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
TOKEN_PATHS = ("/token", "/oauth2/v4/token", "/o/oauth2/token")
GOOGLE_ENDPOINT = "https://oauth2.googleapis.com/token"
METADATA = "/computeMetadata/v1/"
ACCOUNT = "relay@sim-project.iam.gserviceaccount.com"
PREFIX = "ya29.c."
LONGEST = 3600
SKEW = 300
"""Seconds a service account's clock may be off."""

Form = dict[str, str]


class _Assertion(Struct):
    """The claims of a signed request for a token."""

    iss: str = ""
    scope: str = ""
    aud: str = ""
    iat: int = 0
    exp: int = 0


class _NotGranted(Exception):
    """OAuth's error code and its description."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.error, self.description, self.status = error, description, status


class GoogleDesk:
    """`POST {url}/token` for service accounts (JWT bearer) and logins (refresh token), and the metadata server
    (`GCE_METADATA_HOST={host}:{port}`)."""

    def __init__(self, settings: SimSettings, tokens: Tokens) -> None:
        """Raises ValueError where `service_account_key` is none."""
        self._settings, self._tokens = settings, tokens
        self._key = read_public_key(settings.service_account_key) if settings.service_account_key else None
        self._grants: dict[str, Callable[[Form, float, RelayRequest], dict[str, object]]] = {
            "urn:ietf:params:oauth:grant-type:jwt-bearer": self._jwt_bearer,
            "refresh_token": self._refresh,
        }

    def __repr__(self) -> str:
        return f"<GoogleDesk {self._tokens!r}>"

    def __call__(self, request: RelayRequest, now: float) -> Reply | None:
        if request.method == "POST" and request.path in TOKEN_PATHS:
            return self._token(request, now + self._settings.clock_offset, now)
        if request.path.startswith(METADATA) or (request.method, request.path) == ("GET", "/"):
            return self._metadata(request, now)
        return None

    def _token(self, request: RelayRequest, clock: float, now: float) -> Reply:
        form = dict(parse_qsl(request.body.decode("latin-1")))
        grant = self._grants.get(form.get("grant_type", ""))
        try:
            if grant is None:
                raise _NotGranted("unsupported_grant_type", f"Invalid grant_type: {form.get('grant_type', '')}")
            found = grant(form, clock, request)
        except _NotGranted as error:
            return json_reply(error.status, {"error": error.error, "error_description": error.description}, error.error)
        token = self._tokens.issue(PREFIX, str(found["scope"]), now, is_user="refresh_token" in form)
        lifetime = int(self._tokens.lifetime)
        return json_reply(200, {"access_token": token, "expires_in": lifetime, "token_type": "Bearer"} | found, "token")

    def _jwt_bearer(self, form: Form, clock: float, request: RelayRequest) -> dict[str, object]:
        head, _, signature = form.get("assertion", "").rpartition(".")
        try:
            claims = msgspec.json.decode(_decode(head.partition(".")[2]), type=_Assertion)
            proof = _decode(signature)
        except ValueError:  # msgspec's errors are ValueErrors
            raise _NotGranted("invalid_grant", "Bad Request") from None
        if self._key is not None and not is_signed(head.encode(), proof, self._key):
            raise _NotGranted("invalid_grant", "Invalid JWT Signature.")
        if not claims.iat - SKEW <= clock <= claims.exp + SKEW or claims.exp - claims.iat > LONGEST:
            words = (
                "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your "
                "iat and exp values in the JWT claim."
            )
            raise _NotGranted("invalid_grant", words)
        ours = f"http://{(request.header(b'host') or b'').decode('latin-1')}{request.path}"
        if claims.aud not in (GOOGLE_ENDPOINT, ours):
            raise _NotGranted("invalid_grant", "Invalid JWT: Failed audience check.")
        if not claims.scope:
            raise _NotGranted("invalid_scope", "Invalid OAuth scope or ID token audience provided.")
        return {"scope": claims.scope}

    def _refresh(self, form: Form, clock: float, request: RelayRequest) -> dict[str, object]:
        settings = self._settings
        for name, expected in (("client_id", settings.client_id), ("client_secret", settings.client_secret)):
            if expected not in ("", form.get(name)):
                raise _NotGranted("invalid_client", "The OAuth client was not found.", 401)
        if not form.get("refresh_token"):
            raise _NotGranted("invalid_request", "Missing required parameter: refresh_token")
        return {"scope": form.get("scope") or SCOPE}

    def _metadata(self, request: RelayRequest, now: float) -> Reply:
        if request.header(b"metadata-flavor") != b"Google":
            return whole(403, [(b"content-type", b"text/html")], b"Missing Metadata-Flavor:Google header.", "token")
        name = request.path.removeprefix(METADATA)
        flavor = [(b"metadata-flavor", b"Google"), (b"server", b"Metadata Server for VM")]
        text = TEXTS.get(name)
        if text is not None:
            found = text or self._settings.project or "sim-project"
            return whole(200, [(b"content-type", b"application/text"), *flavor], found.encode(), "token")
        document = self._document(name.removeprefix("instance/service-accounts/"), now)
        if document is None:
            return whole(404, flavor, b"Not Found", "path")
        return whole(200, JSON + flavor, msgspec.json.encode(document), "token")

    def _document(self, name: str, now: float) -> dict[str, object] | None:
        account, _, wanted = name.partition("/")
        if account not in ("default", ACCOUNT):
            return None
        if wanted == "":
            return {"aliases": ["default"], "email": ACCOUNT, "scopes": [SCOPE]}
        if wanted != "token":
            return None
        token = self._tokens.issue(PREFIX, SCOPE, now)
        return {"access_token": token, "expires_in": int(self._tokens.lifetime), "token_type": "Bearer"}


TEXTS = {
    "/": "computeMetadata/\n",
    "project/project-id": "",
    "universe/universe-domain": "googleapis.com",
    "instance/service-accounts/default/email": ACCOUNT,
    "instance/zone": "projects/123456789012/zones/us-east5-a",
}
"""Metadata in plain text; "" is the project's id."""


def _decode(part: str) -> bytes:
    """Base64 without its padding. Raises ValueError."""
    return urlsafe_b64decode(part + "=" * (-len(part) % 4))
