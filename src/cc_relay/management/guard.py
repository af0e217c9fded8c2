"""Who may use the admin port: whoever has the token or, where there is none, programs on this machine."""

import re
from hmac import compare_digest
from ipaddress import ip_address

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from cc_relay.management.answers import failure

OPEN_PATHS = frozenset({"/health"})
"""What needs no token: probes have none, and it tells nothing."""

_HOST = re.compile(r"(?:\[(?P<address>[0-9a-f:.]+)\]|(?P<name>[\w.-]+))(?::[0-9]*)?\Z", re.ASCII | re.IGNORECASE)
_CHALLENGE = 'Bearer realm="cc-relay"'


class Guard:
    """Lets through what may pass to `app`, and answers the rest itself. `token` is "" where none is needed."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._token = token.encode()

    def __repr__(self) -> str:
        return f"<Guard {'asking for the token' if self._token else 'letting this machine in'}>"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refused = None if scope["type"] == "lifespan" else self._refusal(scope["path"], scope["headers"])
        await (refused or self._app)(scope, receive, send)

    def _refusal(self, path: str, headers: list[tuple[bytes, bytes]]) -> Response | None:
        if not self._token:
            # A page of any site can point its own name at 127.0.0.1 and then read our answers as its own (DNS
            # rebinding); its name still stands in Host.
            return None if is_local(_all(headers, b"host")) else _foreign()
        if path in OPEN_PATHS or self._is_token(_all(headers, b"authorization")):
            return None
        return _unauthorized(was_wrong=bool(_all(headers, b"authorization")))

    def _is_token(self, credentials: list[bytes]) -> bool:
        if len(credentials) != 1:
            return False
        scheme, _, given = credentials[0].partition(b" ")
        return scheme.lower() == b"bearer" and compare_digest(given.strip(b" "), self._token)


def is_local(hosts: list[bytes]) -> bool:
    """Whether a request's Host lines are one, and that a loopback name or a literal loopback address."""
    if len(hosts) != 1:
        return False
    found = _HOST.match(hosts[0].decode("latin-1"))
    if found is None:
        return False
    host = found["address"] or found["name"].lower().removesuffix(".")
    if host == "localhost" or host.endswith(".localhost"):
        # Nobody can own a name below it (RFC 6761, 6.3).
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _all(headers: list[tuple[bytes, bytes]], name: bytes) -> list[bytes]:
    return [value for key, value in headers if key == name]


def _foreign() -> Response:
    return failure(
        403,
        "foreign_host",
        "Without a token only this machine is answered, by an address such as 127.0.0.1 or by the name localhost. "
        "Set admin.token in the relay's configuration to use another name.",
    )


def _unauthorized(*, was_wrong: bool) -> Response:
    challenge = f'{_CHALLENGE}, error="invalid_token"' if was_wrong else _CHALLENGE
    said = "That is not the admin token." if was_wrong else "This needs the admin token."
    message = f"{said} Send `Authorization: Bearer TOKEN`; it is admin.token in the relay's configuration."
    return failure(401, "unauthorized", message, {"www-authenticate": challenge})
