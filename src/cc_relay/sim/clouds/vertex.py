"""The door to Vertex AI: the model and the verb in the path, access tokens, Google's lists."""

import re
from urllib.parse import parse_qs, unquote

import msgspec

from cc_relay.exchange import RelayRequest
from cc_relay.sim.ask import Fields, WireBody, read_body, read_string
from cc_relay.sim.blocks import Answer
from cc_relay.sim.call import Call, Endpoint
from cc_relay.sim.clouds.google_tokens import SCOPE, GoogleDesk
from cc_relay.sim.clouds.surfaces import VERTEX, surface_complaint
from cc_relay.sim.clouds.tokens import Issued, Tokens
from cc_relay.sim.dialects import Dialect
from cc_relay.sim.error_texts import ErrorText
from cc_relay.sim.frames import error_event
from cc_relay.sim.gate import betas
from cc_relay.sim.journal import credential
from cc_relay.sim.model_rules import SPEAKS_2026, generation
from cc_relay.sim.refusals import Refused
from cc_relay.sim.reply import InBand, Reply, json_reply
from cc_relay.sim.settings import SimSettings
from cc_relay.sim.steering import read_model

PREDICT = re.compile(
    r".*/projects/([^/]+)/locations/([^/]+)/publishers/anthropic/models/([^/]+):(rawPredict|streamRawPredict)"
)
PUBLISHED = re.compile(r"(.*/v1(?:beta1)?)?/publishers/anthropic/models(?:/([^/]+))?")
COUNT = "count-tokens"
VERSION, NEW_VERSION = "vertex-2023-10-16", "2026-10-21"
PAGE = 50


class VertexGate:
    """Lets in access tokens of its own that are good for the cloud and not expired, and those that were configured."""

    def __init__(self, settings: SimSettings, tokens: Tokens) -> None:
        self._settings, self._tokens = settings, tokens

    def __repr__(self) -> str:
        return f"<VertexGate {self._tokens!r}>"

    def admit(self, request: RelayRequest, now: float) -> str:
        """Raises Refused."""
        secret = credential(request) if request.header(b"authorization") else ""
        if not secret or secret not in self._settings.keys:
            self._check(self._tokens.find(secret), now)
        self._check_quota_project(request.header(b"x-goog-user-project"))
        return secret

    def is_user(self, secret: str) -> bool:
        """Whether a person's login is behind this token."""
        issued = self._tokens.find(secret)
        return issued is not None and issued.is_user

    def _check(self, issued: Issued | None, now: float) -> None:
        if issued is None:
            raise Refused("401")
        if issued.expires_at <= now:
            raise Refused("expired")
        if SCOPE not in issued.scopes:
            raise Refused("scope")

    def _check_quota_project(self, sent: bytes | None) -> None:
        allowed = {self._settings.quota_project, self._settings.project} - {""}
        if sent is not None and allowed and sent.decode("latin-1") not in allowed:
            raise Refused("quota-project", detail=sent.decode("latin-1"))


class VertexDoor:
    """`…/publishers/anthropic/models/{model}:rawPredict` and its siblings."""

    def __init__(self, dialect: Dialect, settings: SimSettings, tokens: Tokens) -> None:
        self._dialect, self._settings = dialect, settings
        self._gate = VertexGate(settings, tokens)
        self._desk = GoogleDesk(settings, tokens)

    def __repr__(self) -> str:
        return f"<VertexDoor {self._settings.project}>"

    def receive(self, request: RelayRequest, now: float) -> Call:
        """Raises Refused, and msgspec.DecodeError for what is no Messages body."""
        issued = self._desk(request, now)
        if issued is not None:
            return Call(Endpoint.CREDENTIAL, found=issued)
        found = PREDICT.fullmatch(unquote(request.path))
        listed = PUBLISHED.fullmatch(unquote(request.path))
        if found is None and listed is None:
            raise Refused("path")
        secret = self._gate.admit(request, now)
        if found is not None and request.method == "POST":
            self._check_place(found[1], found[2], found[3])
            if found[3] == COUNT:
                return Call(Endpoint.COUNT, secret, self._read_count(request))
            return Call(Endpoint.MESSAGES, secret, _read(request, found[3]))
        if listed is None or request.method != "GET":
            raise Refused("path")
        if self._gate.is_user(secret) and request.header(b"x-goog-user-project") is None:
            raise Refused("no-quota-project")
        return Call(Endpoint.LIST, secret, found=json_reply(200, self._list(listed, request.query), "models"))

    def resolve(self, model: str) -> str:
        """The plain name behind a versioned one. Raises Refused."""
        found = self._settings.aliases().get(model) or self._dialect.serves(model.removesuffix("@default"))
        if found is None:
            raise Refused("model", model=model)
        return found.replace("@", "-")

    def write(self, reply: Reply, answer: Answer) -> Reply:
        """As it is: the stream is Anthropic's own."""
        return reply

    def in_band(self, text: ErrorText, message: str, envelope: bytes, *, is_bare: bool) -> InBand:
        """An error event."""
        return InBand(error_event(envelope), envelope)

    def _check_place(self, project: str, location: str, model: str) -> None:
        settings = self._settings
        if settings.project not in ("", project):
            raise Refused("403", project=project)
        if settings.region not in ("", location):
            name = f"projects/{project}/locations/{location}/publishers/anthropic/models/{model}"
            raise Refused("model", model=name)

    def _read_count(self, request: RelayRequest) -> WireBody:
        """A count names its model in the body, without a version."""
        fields = msgspec.json.decode(request.body, type=Fields)
        model = read_string(fields, "model")
        _check_version(fields, model)
        if "@" in model:
            raise Refused("argument", detail=f"Model {model} is not supported for token counting.")
        name = read_model(model).model
        if not any(name == listed.partition("@")[0] for listed in self._dialect.models):
            self.resolve(name)
        return read_body(request.body)

    def _list(self, listed: re.Match[str], query: str) -> object:
        names = [*self._dialect.models, *self._settings.aliases()]
        if listed[2] is not None:
            found = [name for name in names if listed[2] in (name, name.partition("@")[0])]
            if not found:
                raise Refused("model", model=listed[2])
            return _publisher_model(found[0])
        if not (listed[1] or "").endswith("v1beta1"):
            raise Refused("path")
        wanted = {name: values[-1] for name, values in parse_qs(query).items()}
        start, size = wanted.get("pageToken", "0"), wanted.get("pageSize", str(PAGE))
        if not start.isdecimal() or not size.isdecimal():
            raise Refused("argument", detail="Invalid page size or token.")
        until = int(start) + int(size)
        page: dict[str, object] = {"publisherModels": [_publisher_model(name) for name in names[int(start) : until]]}
        return page | ({"nextPageToken": str(until)} if until < len(names) else {})


def _read(request: RelayRequest, model: str) -> WireBody:
    """Raises Refused, msgspec.DecodeError."""
    fields = msgspec.json.decode(request.body, type=Fields)
    _check_version(fields, model)
    wrong = surface_complaint(VERTEX, fields, betas(request))
    if wrong is not None:
        raise Refused("rejected", detail=wrong)
    body = read_body(request.body)
    body.model = model
    return body


def _check_version(fields: Fields, model: str) -> None:
    version = read_string(fields, "anthropic_version")
    if "anthropic_version" not in fields:
        raise Refused("rejected", detail="anthropic_version: Field required")
    name = generation(model)
    if version != VERSION and (version != NEW_VERSION or (name and name not in SPEAKS_2026)):
        raise Refused("rejected", detail=f"anthropic_version: Input should be '{VERSION}'")


def _publisher_model(name: str) -> dict[str, object]:
    plain, _, version = name.partition("@")
    return {
        "name": f"publishers/anthropic/models/{plain}",
        "versionId": version or "default",
        "launchStage": "GA",
        "versionState": "VERSION_STATE_STABLE",
        "supportedActions": {"openGenerationAiStudio": {}},
    }
