"""Azure's door: keys, Entra's tokens, and the endpoints that hand those out."""

import re
from time import gmtime, strftime
from urllib.parse import parse_qs, parse_qsl

from cc_relay.exchange import RelayRequest
from cc_relay.sim.clouds.tokens import Tokens
from cc_relay.sim.journal import credential
from cc_relay.sim.refusals import Refused
from cc_relay.sim.reply import Reply, json_reply
from cc_relay.sim.settings import SimSettings

AUDIENCES = ("https://ai.azure.com", "https://cognitiveservices.azure.com")
TOKEN_PATH = re.compile(r"/([^/]+)/oauth2/v2\.0/token")
OPENID_PATH = re.compile(r"/([^/]+)/v2\.0/\.well-known/openid-configuration")
IDENTITY_PATH = "/metadata/identity/oauth2/token"
TRACE = "9a1b7c1e-0000-4000-8000-51a1a7ed0000"


class AzureGate:
    """Lets in keys (any, where none are configured) and tokens of its own for the right audience."""

    def __init__(self, settings: SimSettings, tokens: Tokens) -> None:
        self._settings, self._tokens = settings, tokens

    def __repr__(self) -> str:
        return f"<AzureGate {len(self._settings.keys)} keys>"

    def admit(self, request: RelayRequest, now: float) -> str:
        """Raises Refused."""
        secret = credential(request)
        if request.header(b"x-api-key") is None and request.header(b"api-key") is None:
            self._check_token(secret, now)
        elif self._settings.keys and secret not in self._settings.keys:
            raise Refused("401")
        return secret

    def _check_token(self, secret: str, now: float) -> None:
        issued = self._tokens.find(secret)
        if issued is None:
            raise Refused("signature" if secret else "401")
        if issued.expires_at <= now:
            raise Refused("expired")
        if not any(scope.startswith(AUDIENCES) for scope in issued.scopes):
            raise Refused("scope")


class EntraDesk:
    """`POST {url}/{tenant}/oauth2/v2.0/token` for a client secret, and a machine's managed identity."""

    def __init__(self, settings: SimSettings, tokens: Tokens) -> None:
        self._settings, self._tokens = settings, tokens

    def __repr__(self) -> str:
        return f"<EntraDesk {self._tokens!r}>"

    def __call__(self, request: RelayRequest, now: float) -> Reply | None:
        if (found := TOKEN_PATH.fullmatch(request.path)) is not None and request.method == "POST":
            return self._token(found[1], dict(parse_qsl(request.body.decode("latin-1"))), now)
        if (found := OPENID_PATH.fullmatch(request.path)) is not None:
            return _openid(found[1], request)
        if request.path == IDENTITY_PATH:
            return self._identity(request, now)
        return None

    def _token(self, tenant: str, form: dict[str, str], now: float) -> Reply:
        refused = self._complaint(tenant, form)
        if refused is not None:
            return _not_granted(*refused, now)
        claims: dict[str, object] = {"aud": _audience(form["scope"]), "tid": tenant, "appid": form["client_id"]}
        token = self._tokens.issue_jwt(form["scope"], now, claims)
        # Entra says a second less than it means.
        seconds = max(0, int(self._tokens.lifetime) - 1)
        found = {"token_type": "Bearer", "expires_in": seconds, "ext_expires_in": seconds, "access_token": token}
        return json_reply(200, found, "token")

    def _complaint(self, tenant: str, form: dict[str, str]) -> tuple[str, int, str] | None:
        """OAuth's error, Entra's number for it, and its words."""
        settings, client = self._settings, form.get("client_id", "")
        if settings.tenant not in ("", tenant):
            return (
                "invalid_request",
                90002,
                f"Tenant '{tenant}' not found. Check to make sure you have the correct one.",
            )
        if form.get("grant_type") != "client_credentials":
            return "unsupported_grant_type", 70003, "The app requested an unsupported grant type."
        if not client or settings.client_id not in ("", client):
            words = f"Application with identifier '{client}' was not found in the directory."
            return "unauthorized_client", 700016, words
        if not form.get("client_secret") or settings.client_secret not in ("", form["client_secret"]):
            return (
                "invalid_client",
                7000215,
                "Invalid client secret provided. Ensure the secret being sent is the value.",
            )
        if not form.get("scope", "").endswith("/.default"):
            words = f"The provided value for the input parameter 'scope' is not valid: {form.get('scope', '')}."
            return "invalid_scope", 70011, words
        return None

    def _identity(self, request: RelayRequest, now: float) -> Reply:
        if request.header(b"metadata") != b"true":
            return json_reply(
                400, {"error": "invalid_request", "error_description": "Required metadata header"}, "token"
            )
        resource = parse_qs(request.query).get("resource", [""])[-1]
        token = self._tokens.issue_jwt(resource, now, {"aud": resource})
        seconds = int(self._tokens.lifetime)
        found = {
            "access_token": token,
            "expires_in": str(seconds),
            "expires_on": str(int(now) + seconds),
            "resource": resource,
            "token_type": "Bearer",
        }
        return json_reply(200, found, "token")


def _audience(scope: str) -> str:
    return scope.removesuffix("/.default")


def _not_granted(error: str, number: int, words: str, now: float) -> Reply:
    stamp = strftime("%Y-%m-%d %H:%M:%SZ", gmtime(now))
    found = {
        "error": error,
        "error_description": f"AADSTS{number}: {words} Trace ID: {TRACE} Correlation ID: {TRACE} Timestamp: {stamp}",
        "error_codes": [number],
        "timestamp": stamp,
        "trace_id": TRACE,
        "correlation_id": TRACE,
        "error_uri": f"https://login.microsoftonline.com/error?code={number}",
    }
    return json_reply(401 if error == "invalid_client" else 400, found, error)


def _openid(tenant: str, request: RelayRequest) -> Reply:
    base = f"http://{(request.header(b'host') or b'').decode('latin-1')}/{tenant}"
    found = {
        "token_endpoint": f"{base}/oauth2/v2.0/token",
        "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
        "issuer": f"{base}/v2.0",
    }
    return json_reply(200, found, "openid")
