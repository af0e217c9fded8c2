"""Who is let in: the credential of a request, believed or refused."""

from typing import Protocol

from cc_relay.exchange import RelayRequest
from cc_relay.sim.journal import credential
from cc_relay.sim.refusals import Refused
from cc_relay.sim.settings import SimSettings

OAUTH = "sk-ant-oat"
OAUTH_BETA = b"oauth-2025-04-20"


class Gate(Protocol):
    def admit(self, request: RelayRequest, now: float) -> str:
        """The credential, or the public name of one that is never sent. Raises Refused."""


class KeyGate:
    """Keys that are sent as they are; without any configured, everybody is let in."""

    def __init__(self, settings: SimSettings, *, is_strict: bool) -> None:
        self._keys = settings.keys
        self._is_strict = is_strict

    def __repr__(self) -> str:
        return f"<KeyGate {len(self._keys)} keys>"

    def admit(self, request: RelayRequest, now: float) -> str:
        """Raises Refused; a strict gate asks a login for its beta."""
        secret = credential(request)
        if self._keys and secret not in self._keys:
            raise Refused("401")
        if self._is_strict and secret.startswith(OAUTH) and OAUTH_BETA.decode() not in betas(request):
            raise Refused("401", message="OAuth authentication is currently not supported.")
        return secret


def betas(request: RelayRequest) -> list[str]:
    """The betas of the header, from all of its lines."""
    lines = b",".join(value for name, value in request.headers if name == b"anthropic-beta")
    return [name.strip() for name in lines.decode("latin-1").split(",") if name.strip()]
