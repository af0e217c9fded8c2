"""An upstream that speaks the Messages API without being Anthropic."""

from collections.abc import Callable

from msgspec import Struct
from msgspec.json import encode

from cc_relay.codec.messages import peek as read_body
from cc_relay.codec.messages import replace_model, rewrite
from cc_relay.exchange import Candidate, Failure, Headers, Peek, RelayRequest, UpstreamRequest
from cc_relay.providers.adapt import adapt_body
from cc_relay.providers.adapt_claude import adapt_for_claude
from cc_relay.providers.base import ProviderSettings
from cc_relay.providers.claude_surfaces import SURFACES
from cc_relay.providers.dialect import Dialect
from cc_relay.providers.failures import read_foreign_failure
from cc_relay.providers.forwarding import DEFAULT_VERSION, IDENTITY, JSON, allow_list, credential_line
from cc_relay.providers.names import ModelNames
from cc_relay.providers.needs import lacks
from cc_relay.providers.urls import parse_base_url

ReadFailure = Callable[[str, int, Headers, bytes], Failure]


class Traits(Struct, frozen=True):
    """What one foreign provider type is like.

    `auth_style` None leaves it to the settings. `known` and `catalogue` are as in `ModelNames`. `claude_models` are the
    beginnings of upstream model names that are Claude after all, whose requests stay whole. `probe_path` is a GET that
    proves host and credential; None asks for an answer of one token instead. `read_failure` takes the provider's name
    first.
    """

    dialect: Dialect
    base_url: str = ""
    auth_style: str | None = "bearer"
    known: tuple[str, ...] = ("",)
    catalogue: tuple[str, ...] = ()
    claude_models: tuple[str, ...] = ()
    has_count: bool = False
    probe_path: str | None = None
    read_failure: ReadFailure = read_foreign_failure


class _Probe(Struct):
    model: str
    max_tokens: int
    messages: list[dict[str, str]]


class Foreign:
    """One configured foreign upstream; its `traits` say how it differs from the others."""

    accepts_client_login = False

    def __init__(self, settings: ProviderSettings, traits: Traits) -> None:
        if not (settings.base_url or traits.base_url):
            raise ValueError(f"provider {settings.name!r} of type {settings.type} needs a base_url")
        endpoint = parse_base_url(settings.base_url or traits.base_url)
        names = ModelNames(settings.models, settings.model_mapping, known=traits.known, catalogue=traits.catalogue)
        self.name = settings.name
        self.type = settings.type
        self.base_url = (settings.base_url or traits.base_url).rstrip("/")
        self.origin = endpoint.origin
        self.models = names.listed
        self.upstream_model = names.resolve
        self._traits = traits
        self._messages = endpoint.target("/v1/messages")
        self._count = endpoint.target("/v1/messages/count_tokens")
        self._probe = None if traits.probe_path is None else endpoint.target(traits.probe_path)
        self._auth_style = traits.auth_style or settings.auth_style
        self._timeouts = settings.timeouts

    def __repr__(self) -> str:
        return f"<Foreign {self.type} {self.name} {self.origin}>"

    def limit_family(self, model: str) -> str:
        return ""

    def is_claude(self, model: str) -> bool:
        return model.lower().startswith(self._traits.claude_models)

    def lacks(self, peek: Peek) -> str | None:
        model = self.upstream_model(peek.model) or peek.model
        return None if self.is_claude(model) else lacks(peek, model, self._traits.dialect)

    def prepare_messages(self, request: RelayRequest, peek: Peek, candidate: Candidate) -> UpstreamRequest:
        return self._prepare(self._messages, request, peek, candidate)

    def prepare_count(self, request: RelayRequest, peek: Peek, candidate: Candidate) -> UpstreamRequest | None:
        return self._prepare(self._count, request, peek, candidate) if self._traits.has_count else None

    def prepare_probe(self, candidate: Candidate) -> UpstreamRequest:
        headers: Headers = [DEFAULT_VERSION, (b"accept", b"application/json"), IDENTITY]
        credential = self._credential(candidate)
        if credential is not None:
            headers.append(credential)
        if self._probe is not None:
            return UpstreamRequest(self.origin, b"GET", self._probe, headers, b"", self._timeouts)
        body = encode(_Probe(candidate.model, 1, [{"role": "user", "content": "ping"}]))
        return UpstreamRequest(self.origin, b"POST", self._messages, [JSON, *headers], body, self._timeouts)

    def prepare_passthrough(self, request: RelayRequest, candidate: Candidate) -> UpstreamRequest | None:
        return None

    def read_failure(self, status: int, headers: Headers, body: bytes) -> Failure:
        return self._traits.read_failure(self.name, status, headers, body)

    def _prepare(self, target: bytes, request: RelayRequest, peek: Peek, candidate: Candidate) -> UpstreamRequest:
        betas: frozenset[bytes] | None
        if self.is_claude(candidate.model):
            # Claude behind somebody's gateway: header and body fields travel in pairs, so both stay whole.
            body, betas = replace_model(peek, request.body, candidate.model), None
        else:
            dialect = self._traits.dialect
            body, betas = adapt_body(peek, request.body, candidate.model, dialect), dialect.betas
        if candidate.lacking:
            body, betas = _without_lacking(request, body, candidate, betas)
        headers = allow_list(request.headers, self._credential(candidate), betas)
        return UpstreamRequest(self.origin, b"POST", target, headers, body, self._timeouts)

    def _credential(self, candidate: Candidate) -> tuple[bytes, bytes] | None:
        return credential_line(candidate.credential, auth_style=self._auth_style, accepts_client_login=False)


def _without_lacking(
    request: RelayRequest, body: bytes, candidate: Candidate, betas: frozenset[bytes] | None
) -> tuple[bytes, frozenset[bytes]]:
    """The body and the betas that are left where something was refused of late: whose gateway it is, nobody knows."""
    seen, body = read_body(body)
    adapted = adapt_for_claude(request, seen, candidate, SURFACES["anthropic"])
    left = frozenset(adapted.betas)
    return rewrite(seen, body, adapted.changes), left if betas is None else left & betas
