"""The door to whoever is entered as Anthropic is: its paths, its lists, its stream."""

from collections.abc import Callable

import msgspec

from cc_relay.exchange import RelayRequest
from cc_relay.sim import listings
from cc_relay.sim.ask import Fields, WireBody, read_body
from cc_relay.sim.blocks import Answer
from cc_relay.sim.call import Call, Endpoint
from cc_relay.sim.clouds.surfaces import Surface, surface_complaint
from cc_relay.sim.dialects import Dialect, ListShape
from cc_relay.sim.error_texts import ErrorText
from cc_relay.sim.frames import error_event
from cc_relay.sim.gate import Gate, betas
from cc_relay.sim.refusals import Refused
from cc_relay.sim.reply import InBand, Reply, json_reply, whole
from cc_relay.sim.settings import SimSettings
from cc_relay.sim.steering import read_model

Desk = Callable[[RelayRequest, float], Reply | None]
"""Answers the endpoints that hand out credentials; None for every other."""


class FirstPartyDoor:
    """`/v1/messages`, `/v1/messages/count_tokens`, `/v1/models`, behind a gate.

    `prefix` has to stand in front of them; without one, anything may. `surface` None takes every field and beta.
    """

    def __init__(
        self,
        dialect: Dialect,
        settings: SimSettings,
        gate: Gate,
        *,
        prefix: str = "",
        surface: Surface | None = None,
        desk: Desk | None = None,
    ) -> None:
        self._dialect, self._gate = dialect, gate
        self._prefix, self._surface, self._desk = prefix, surface, desk
        self._aliases = settings.aliases()

    def __repr__(self) -> str:
        return f"<FirstPartyDoor {self._dialect.name}>"

    def receive(self, request: RelayRequest, now: float) -> Call:
        """Raises Refused, and msgspec.DecodeError for what is no Messages body."""
        if self._desk is not None and (issued := self._desk(request, now)) is not None:
            return Call(Endpoint.CREDENTIAL, found=issued)
        endpoint = self._endpoint(request.path)
        method = "GET" if request.method == "HEAD" else request.method
        fixed = FIXED.get((self._dialect.name, endpoint)) or FIXED.get(("", endpoint))
        if method == "GET" and fixed is not None:
            return Call(Endpoint.PUBLIC, found=fixed(self.models()))
        secret = self._gate.admit(request, now)
        if (method, endpoint) == ("POST", "/v1/messages"):
            return Call(Endpoint.MESSAGES, secret, self._read(request))
        if (method, endpoint) == ("POST", "/v1/messages/count_tokens") and self._dialect.counts_tokens:
            body = self._read(request)
            self.resolve(read_model(body.model).model)
            return Call(Endpoint.COUNT, secret, body)
        if method == "GET" and endpoint.startswith("/v1/models"):
            return Call(Endpoint.LIST, secret, found=self._list(endpoint, request.query))
        raise Refused("path")

    def resolve(self, model: str) -> str:
        """The name this provider answers with for `model`. Raises Refused."""
        found = self._aliases.get(model) or self._dialect.serves(model)
        if found is None:
            raise Refused("model", model=model)
        return found

    def write(self, reply: Reply, answer: Answer) -> Reply:
        """As it is: everything in the simulator is written as Anthropic writes it."""
        return reply

    def in_band(self, text: ErrorText, message: str, envelope: bytes, *, is_bare: bool) -> InBand:
        """An error event."""
        return InBand(error_event(envelope), envelope)

    def models(self) -> list[str]:
        """The models this provider lists."""
        return listings.served(self._dialect, tuple(self._aliases))

    def _endpoint(self, path: str) -> str:
        """The path without what a base URL put in front: `/api/anthropic/v1/messages` is `/v1/messages`."""
        place = path.rfind("/v1/")
        if place < 0:
            return path
        return path[place:] if path[:place].endswith(self._prefix) else ""

    def _read(self, request: RelayRequest) -> WireBody:
        if self._dialect.is_strict and request.header(b"anthropic-version") is None:
            raise Refused("invalid", detail="anthropic-version: header is required")
        body = read_body(request.body)
        if self._surface is not None:
            fields = msgspec.json.decode(request.body, type=Fields)
            wrong = surface_complaint(self._surface, fields, betas(request))
            if wrong is not None:
                raise Refused("rejected", detail=wrong)
        return body

    def _list(self, endpoint: str, query: str) -> Reply:
        models, shape = self.models(), self._dialect.lists
        wanted = endpoint.removeprefix("/v1/models").removeprefix("/")
        if shape is ListShape.OPENAI and not wanted:
            return json_reply(200, listings.openai_list(models, "library"), "models")
        if shape is not ListShape.ANTHROPIC:
            raise Refused("path")
        if wanted:
            if wanted not in models:
                raise Refused("model", model=wanted)
            return json_reply(200, listings.model_info(wanted), "model")
        found = listings.anthropic_list(models, query)
        if found is None:
            raise Refused("invalid", detail="limit or cursor: Input should be valid")
        return json_reply(200, found, "models")


FIXED: dict[tuple[str, str], Callable[[list[str]], Reply]] = {
    ("", "/api/hello"): lambda _: json_reply(200, {"message": "hello"}, "hello"),
    ("zai", "/api/coding/paas/v4/models"): lambda models: json_reply(
        200, listings.openai_list(models, "z-ai"), "models"
    ),
    ("ollama", "/"): lambda _: whole(200, [(b"content-type", b"text/plain")], b"Ollama is running", "hello"),
    ("ollama", "/api/tags"): lambda models: json_reply(200, listings.ollama_tags(models), "tags"),
    ("ollama", "/api/version"): lambda _: json_reply(200, {"version": "0.13.2"}, "version"),
    ("ollama", "/api/ps"): lambda _: json_reply(200, {"models": []}, "ps"),
}
"""Endpoints that need no credential, by dialect; "" is every dialect."""
