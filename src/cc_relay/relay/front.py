"""The data plane's paths."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

from msgspec import Struct
from msgspec.json import encode

from cc_relay.errors import Rejection
from cc_relay.exchange import Outcome
from cc_relay.relay.answers import JSON, reject
from cc_relay.relay.authenticate import authenticate
from cc_relay.relay.calls import CountCall, MessagesCall, SideCall
from cc_relay.relay.lifecycle import exchange
from cc_relay.relay.models import list_models, show_model
from cc_relay.relay.trail import Trail

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from cc_relay.exchange import RelayRequest
    from cc_relay.relay.calls import MakeCall
    from cc_relay.relay.ports import Downstream
    from cc_relay.relay.shells import Shells
    from cc_relay.relay.snapshot import Snapshot

MODELS = "/v1/models"

CALLS: dict[tuple[str, str], MakeCall] = {
    ("POST", "/v1/messages"): MessagesCall,
    ("POST", "/v1/messages/count_tokens"): CountCall,
}

SIDE_PREFIXES = ("/v1/messages/batches/", "/v1/files/", "/v1/skills/")

OK = b'{"status":"ok"}'


class ListedProvider(Struct):
    """A provider as `GET /v1/providers` shows it; `state` is CLOSED while requests flow, OPEN or HALF_OPEN."""

    name: str
    type: str
    base_url: str
    models: tuple[str, ...]
    state: str


class ProviderList(Struct):
    object: str
    data: list[ListedProvider]


class Front:
    """Answers every request on the data plane's port.

    `snapshot` may be exchanged at any time: a request reads it once, on arrival, and keeps it.
    """

    def __init__(self, snapshot: Snapshot, shells: Shells) -> None:
        self.snapshot = snapshot
        self.is_draining = False
        self._shells = shells
        self._probes: dict[tuple[str, str], Callable[[RelayRequest, Downstream], None]] = {
            ("GET", "/health"): self._live,
            ("HEAD", "/health"): self._live,
            ("GET", "/livez"): self._live,
            ("HEAD", "/livez"): self._live,
            ("GET", "/readyz"): self._ready,
            ("HEAD", "/readyz"): self._ready,
            ("HEAD", "/api/hello"): self._live,
            ("GET", "/api/hello"): self._live,
            ("HEAD", "/"): self._live,
            ("GET", "/"): self._welcome,
        }

    def __repr__(self) -> str:
        return f"<Front generation {self.snapshot.generation}>"

    def serve(self, request: RelayRequest, downstream: Downstream) -> Awaitable[None]:
        """Answer one request. What can be told at once is; the rest is the awaitable's to do.

        No frame of this function stays behind an exchange, so nothing here keeps a request's body alive.
        """
        if self._shells.inspector is not None:
            self._shells.inspector.see_request(request)
        place = (request.method, request.path)
        call = CALLS.get(place)
        if call is None and f"{request.path}/".startswith(SIDE_PREFIXES):
            call = SideCall
        if call is not None:
            return exchange(request, downstream, self.snapshot, self._shells, call)
        self._probes.get(place, self._list)(request, downstream)
        return nothing()

    def _list(self, request: RelayRequest, downstream: Downstream) -> None:
        """Answer out of the snapshot alone, for clients that may know."""
        trail = Trail(request, self.snapshot.generation, self._shells.clock)
        try:
            trail.principal = authenticate(self.snapshot.access, request.named).name
            body = self._listing(request)
            trail.commit(200)
            trail.end(Outcome.DELIVERED)
            downstream.respond(200, [JSON], body)
        except Rejection as rejection:
            trail.commit(rejection.status)
            trail.end(Outcome.REJECTED, rejection.reason)
            reject(downstream, rejection, request.id)
        finally:
            trail.settle(self._shells.record)

    def _listing(self, request: RelayRequest) -> bytes:
        path = request.path
        if request.method in ("GET", "HEAD"):
            if path == MODELS:
                return list_models(self.snapshot, request.query)
            if path.startswith(MODELS + "/"):
                return show_model(self.snapshot, unquote(path[len(MODELS) + 1 :]))
            if path == "/v1/providers":
                return encode(ProviderList("list", self._providers()))
        raise not_supported(request)

    def _providers(self) -> list[ListedProvider]:
        now = self._shells.clock()
        return [
            ListedProvider(
                name=upstream.provider.name,
                type=upstream.provider.type,
                base_url=upstream.provider.base_url,
                models=upstream.provider.models,
                state=upstream.health(now).state.name,
            )
            for upstream in self.snapshot.upstreams
        ]

    def _live(self, request: RelayRequest, downstream: Downstream) -> None:
        downstream.respond(200, [JSON], OK)

    def _ready(self, request: RelayRequest, downstream: Downstream) -> None:
        now = self._shells.clock()
        if self.is_draining or not any(upstream.health(now).is_usable for upstream in self.snapshot.upstreams):
            message = "draining" if self.is_draining else "no usable provider"
            rejection = Rejection(503, "overloaded_error", message, reason="not_ready", retry_after=1)
            reject(downstream, rejection, request.id)
        else:
            downstream.respond(200, [JSON], OK)

    def _welcome(self, request: RelayRequest, downstream: Downstream) -> None:
        text = b"cc-relay is running. Point Claude Code here: export ANTHROPIC_BASE_URL=http://%b\n"
        host = request.header(b"host") or b"127.0.0.1:8787"
        downstream.respond(200, [(b"content-type", b"text/plain; charset=utf-8")], text % host)


async def nothing() -> None:
    """All was done already."""


def not_supported(request: RelayRequest) -> Rejection:
    hint = " ANTHROPIC_BASE_URL must not end in /v1." if request.path.startswith("/v1/v1/") else ""
    message = f"{request.method} {request.path[:200]} is not served by this relay.{hint}"
    return Rejection(501, "not_supported", message, reason="not_supported", should_retry=False)
