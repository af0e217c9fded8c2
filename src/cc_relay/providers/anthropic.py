"""Anthropic's own API: everything travels as it came but the credential, and what was refused of late."""

from urllib.parse import unquote

from cc_relay.codec.messages import model_change, replace_model, rewrite
from cc_relay.codec.model_names import limit_family
from cc_relay.errors import Rejection
from cc_relay.exchange import Candidate, Failure, Headers, Origin, Peek, RelayRequest, UpstreamRequest
from cc_relay.providers.adapt_claude import adapt_for_claude
from cc_relay.providers.base import ProviderSettings
from cc_relay.providers.claude_surfaces import SURFACES
from cc_relay.providers.failures import read_anthropic_failure
from cc_relay.providers.forwarding import (
    DEFAULT_VERSION,
    IDENTITY,
    OAUTH_BETA,
    Line,
    credential_line,
    open_list,
    with_betas,
)
from cc_relay.providers.names import ModelNames
from cc_relay.providers.urls import parse_base_url

BASE_URL = "https://api.anthropic.com"
LOGIN_ORIGIN = Origin("https", "api.anthropic.com", 443)
"""The one place a client's own login may go."""

MAX_BODY = 32 * 1024 * 1024
"""Bytes of a Messages or count_tokens request (Anthropic API docs, errors page)."""

MODELS = (
    "claude-fable-5-2",
    "claude-mythos-5-2",
    "claude-opus-5-5",
    "claude-sonnet-5-5",
    "claude-haiku-5-5",
    "claude-fable-5-1",
    "claude-mythos-5-1",
    "claude-fable-5",
    "claude-mythos-5",
    "claude-mythos-preview",
    "claude-opus-5",
    "claude-sonnet-5",
    "claude-opus-4-8",
    "claude-opus-4-7",
    "claude-opus-4-6",
    "claude-sonnet-4-6",
    "claude-opus-4-5",
    "claude-opus-4-5-20251101",
    "claude-sonnet-4-5",
    "claude-sonnet-4-5-20250929",
    "claude-haiku-4-5",
    "claude-haiku-4-5-20251001",
)
"""The ids of the official SDK (anthropic 2.12, types/model.py)."""

_SURFACE = SURFACES["anthropic"]
_SIDE_ENDPOINTS = ("/v1/messages/batches", "/v1/files", "/v1/skills")


class Anthropic:
    """Anthropic, or a host that speaks exactly like it: bodies, headers and errors pass untouched."""

    def __init__(self, settings: ProviderSettings) -> None:
        endpoint = parse_base_url(settings.base_url or BASE_URL)
        names = ModelNames(settings.models, settings.model_mapping, known=("claude",), catalogue=MODELS)
        self.name = settings.name
        self.type = settings.type
        self.base_url = (settings.base_url or BASE_URL).rstrip("/")
        self.origin = endpoint.origin
        self.accepts_client_login = endpoint.origin == LOGIN_ORIGIN
        self.models = names.listed
        self.upstream_model = names.resolve
        self._endpoint = endpoint
        self._messages = endpoint.target("/v1/messages")
        self._count = endpoint.target("/v1/messages/count_tokens")
        self._timeouts = settings.timeouts

    def __repr__(self) -> str:
        return f"<Anthropic {self.name} {self.origin}>"

    def limit_family(self, model: str) -> str:
        return limit_family(model)

    def is_claude(self, model: str) -> bool:
        return True

    def lacks(self, peek: Peek) -> str | None:
        return None

    def prepare_messages(self, request: RelayRequest, peek: Peek, candidate: Candidate) -> UpstreamRequest:
        return self._prepare(self._messages, request, peek, candidate)

    def prepare_count(self, request: RelayRequest, peek: Peek, candidate: Candidate) -> UpstreamRequest | None:
        return self._prepare(self._count, request, peek, candidate)

    def prepare_probe(self, candidate: Candidate) -> UpstreamRequest:
        headers: Headers = [DEFAULT_VERSION, (b"accept", b"application/json"), IDENTITY]
        if candidate.credential.secret.startswith("sk-ant-oat"):
            headers.append((b"anthropic-beta", OAUTH_BETA))
        credential = self._credential(candidate)
        if credential is not None:
            headers.append(credential)
        target = self._endpoint.target("/v1/models", "limit=1")
        return UpstreamRequest(self.origin, b"GET", target, headers, b"", self._timeouts)

    def prepare_passthrough(self, request: RelayRequest, candidate: Candidate) -> UpstreamRequest | None:
        if not is_side_endpoint(request.path):
            return None
        headers = open_list(request, self._credential(candidate))
        target = self._endpoint.target(request.path, request.query)
        method = request.method.encode("ascii")
        return UpstreamRequest(self.origin, method, target, headers, request.body, self._timeouts)

    def read_failure(self, status: int, headers: Headers, body: bytes) -> Failure:
        return read_anthropic_failure(self.name, status, headers, body)

    def _prepare(self, target: bytes, request: RelayRequest, peek: Peek, candidate: Candidate) -> UpstreamRequest:
        """Hot path."""
        adapted = adapt_for_claude(request, peek, candidate, _SURFACE) if candidate.lacking else None
        if adapted is None:
            body = replace_model(peek, request.body, candidate.model)
        else:
            body = rewrite(peek, request.body, adapted.changes | model_change(peek, candidate.model))
        if len(body) > MAX_BODY:
            raise Rejection(
                413,
                "request_too_large",
                f"The request is {len(body)} bytes; {self.name} takes {MAX_BODY} at most.",
                reason="body_too_large",
            )
        headers = open_list(request, self._credential(candidate), is_rewritten=body is not request.body)
        if adapted is not None:
            headers = with_betas(headers, adapted.betas)
        if request.query:
            target = target + b"?" + request.query.encode("latin-1")
        return UpstreamRequest(self.origin, b"POST", target, headers, body, self._timeouts)

    def _credential(self, candidate: Candidate) -> Line | None:
        return credential_line(
            candidate.credential, auth_style="x-api-key", accepts_client_login=self.accepts_client_login
        )


def is_side_endpoint(path: str) -> bool:
    """Whether `path` is one of the endpoints carried as they are, and stays there: no dot segments, however written."""
    if not any(path == root or path.startswith(f"{root}/") for root in _SIDE_ENDPOINTS):
        return False
    return not any(segment in {".", ".."} for segment in unquote(path).replace("\\", "/").split("/"))
