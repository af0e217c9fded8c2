"""Phase 2: who is this, and which credential of theirs may travel on."""

from collections.abc import Mapping
from hmac import compare_digest

from msgspec import Struct

from cc_relay.errors import Rejection
from cc_relay.exchange import Credential
from cc_relay.relay.snapshot import Access

LOGIN_PREFIX = b"sk-ant-oat"
"""An Anthropic subscription's access token."""

ANTHROPIC_PREFIX = b"sk-ant-"
"""Every credential that Anthropic issues; nothing else a client sends ever leaves the relay."""


class Principal(Struct, frozen=True):
    """Who sent the request.

    `login` is the client's own Anthropic credential where it may pass through. `may_use_keys` is False for somebody
    who proved nothing to the relay: their login is all they may use.
    """

    name: str
    login: Credential | None = None
    may_use_keys: bool = True


RELAY_KEY = Principal("relay-key")
BEARER = Principal("bearer")
ANONYMOUS = Principal("anonymous")


def credentials_of(named: Mapping[bytes, bytes]) -> tuple[bytes, bytes]:
    """The `x-api-key` and the bearer value among a request's headers; empty where there is none."""
    bearer = named.get(b"authorization", b"")
    return named.get(b"x-api-key", b""), bearer[7:].strip() if bearer[:7].lower() == b"bearer " else b""


def authenticate(access: Access, named: Mapping[bytes, bytes]) -> Principal:
    """Admit or refuse a client by its headers. Raises Rejection 401."""
    api_key, bearer = credentials_of(named)
    login = own_login(access, api_key, bearer)
    if access.api_key and (matches(api_key, access.api_key) or matches(bearer, access.api_key)):
        return RELAY_KEY if login is None else Principal("relay-key", login)
    if access.allows_bearer and bearer and matches(bearer, access.bearer_secret or bearer):
        return BEARER if login is None else Principal("bearer", login)
    if access.is_open:
        return ANONYMOUS if login is None else Principal("anonymous", login)
    if login is not None and login.secret.startswith("sk-ant-oat"):
        return Principal("subscription", login, may_use_keys=False)
    raise Rejection(
        401,
        "authentication_error",
        # Claude Code 2.1.330 hides a 401 that names the `x-api-key` header behind "Not logged in".
        "This relay needs its own key, server.auth.api_key in its configuration: set ANTHROPIC_AUTH_TOKEN to it "
        "(other clients: send it as the API key or as a bearer token).",
        reason="wrong_credential" if api_key or bearer else "no_credential",
        should_retry=False,
    )


def own_login(access: Access, api_key: bytes, bearer: bytes) -> Credential | None:
    """The client's own Anthropic credential, where the configuration lets it pass; `x-api-key` counts first."""
    for value in (api_key, bearer):
        if value.startswith(ANTHROPIC_PREFIX) and not is_ours(access, value):
            if value.startswith(LOGIN_PREFIX) and not access.allows_subscription:
                continue
            return Credential("client-login", value.decode("latin-1"), is_client_owned=True)
    return None


def is_ours(access: Access, value: bytes) -> bool:
    """Whether a credential is the relay's own, whatever it looks like."""
    return matches(value, access.api_key) or matches(value, access.bearer_secret)


def matches(given: bytes, expected: bytes) -> bool:
    """Compare in constant time; an expectation that is not set matches nothing."""
    return bool(expected) and compare_digest(given, expected)
