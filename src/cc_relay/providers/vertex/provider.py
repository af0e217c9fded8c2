"""Claude on Vertex AI: Anthropic's bodies and streams behind Google's addresses and credentials."""

from msgspec.json import encode

from cc_relay.codec.messages import rewrite
from cc_relay.codec.model_names import canonical
from cc_relay.errors import Rejection
from cc_relay.exchange import Candidate, Failure, Headers, Peek, RelayRequest, UpstreamRequest
from cc_relay.providers.adapt_claude import Adapted, adapt_for_claude, lacks_for_claude
from cc_relay.providers.anthropic import MODELS
from cc_relay.providers.base import ProviderSettings
from cc_relay.providers.claude_surfaces import SURFACES
from cc_relay.providers.clouds import PROBED, cloud_headers
from cc_relay.providers.forwarding import JSON, credential_line
from cc_relay.providers.names import ModelNames
from cc_relay.providers.vertex.errors import TOO_LONG, read_failure
from cc_relay.providers.vertex.models import asked_segment, counted_id, path_segment, upstream_id
from cc_relay.providers.vertex.places import counting_place, place

MAX_BODY = 30_000_000
"""Bytes of a request (Anthropic docs, Claude on Vertex AI; the endpoint counts in millions)."""

COUNT = "count-tokens"
"""What stands in a model's place where tokens are counted."""

DEFAULT_VERSION = b'"vertex-2023-10-16"'
VERSIONS = {b"2026-10-21": b'"2026-10-21"'}
"""The body's `anthropic_version` by the client's header, as Anthropic's SDK writes it; any other is the default."""

_SURFACE = SURFACES["vertex"]
_PROBE = b'{"model":%b,"messages":[{"role":"user","content":"ping"}],"anthropic_version":' + DEFAULT_VERSION + b"}"


class Vertex:
    """One project in one location."""

    accepts_client_login = False

    def __init__(self, settings: ProviderSettings) -> None:
        if not settings.project:
            raise ValueError(f"provider {settings.name!r} of type {settings.type} needs a gcp_project_id")
        for model in (*settings.models, *settings.model_mapping.values()):
            path_segment(upstream_id(model))
        self._place = place(settings.project, settings.region, settings.base_url)
        self._counting = counting_place(settings.project, settings.region, settings.base_url)
        self._names = ModelNames(settings.models, settings.model_mapping, known=("claude",))
        self._project = settings.project
        self._timeouts = settings.timeouts
        self.name = settings.name
        self.type = settings.type
        self.base_url = self._place.base_url.rstrip("/")
        self.origin = self._place.origin
        self.models = self._names.listed or MODELS
        self._probed = self.upstream_model(next(iter(self._names.listed), PROBED)) or PROBED

    def __repr__(self) -> str:
        return f"<Vertex {self.name} {self.origin}>"

    def upstream_model(self, model: str) -> str | None:
        known = self._names.resolve(model)
        return None if known is None else upstream_id(known)

    def limit_family(self, model: str) -> str:
        """Google's quotas are each model's own."""
        return canonical(model)

    def is_claude(self, model: str) -> bool:
        return True

    def lacks(self, peek: Peek) -> str | None:
        return lacks_for_claude(peek, self.upstream_model(peek.model) or peek.model, _SURFACE)

    def prepare_messages(self, request: RelayRequest, peek: Peek, candidate: Candidate) -> UpstreamRequest:
        """Hot path."""
        target = self._place.target(asked_segment(candidate.model), "streamRawPredict" if peek.stream else "rawPredict")
        adapted = adapt_for_claude(request, peek, candidate, _SURFACE)
        body = _body(request, peek, adapted, None)
        headers = _headers(request.headers, candidate, adapted.betas)
        return UpstreamRequest(self.origin, b"POST", target, headers, body, self._timeouts)

    def prepare_count(self, request: RelayRequest, peek: Peek, candidate: Candidate) -> UpstreamRequest | None:
        adapted = adapt_for_claude(request, peek, candidate, _SURFACE)
        body = _body(request, peek, adapted, encode(counted_id(candidate.model)))
        return self._count(_headers(request.headers, candidate, adapted.betas), body)

    def prepare_probe(self, candidate: Candidate) -> UpstreamRequest:
        """Counting is free of charge; a candidate without a model is probed with one of ours."""
        headers = _headers([(b"accept", b"application/json"), JSON], candidate, ())
        return self._count(headers, _PROBE % encode(counted_id(candidate.model or self._probed)))

    def prepare_passthrough(self, request: RelayRequest, candidate: Candidate) -> UpstreamRequest | None:
        return None

    def read_failure(self, status: int, headers: Headers, body: bytes) -> Failure:
        return read_failure(self.name, self._project, status, headers, body)

    def _count(self, headers: Headers, body: bytes) -> UpstreamRequest:
        target = self._counting.target(COUNT, "rawPredict")
        return UpstreamRequest(self._counting.origin, b"POST", target, headers, body, self._timeouts)


def _body(request: RelayRequest, peek: Peek, adapted: Adapted, model: bytes | None) -> bytes:
    """The body with the version in it, and its `model` only where there is one to count for. Raises Rejection."""
    version = VERSIONS.get(request.named.get(b"anthropic-version", b""), DEFAULT_VERSION)
    body = rewrite(peek, request.body, {**adapted.changes, "model": model, "anthropic_version": version})
    if len(body) > MAX_BODY:
        raise Rejection(400, "invalid_request_error", TOO_LONG, reason="body_too_large")
    return body


def _headers(headers: Headers, candidate: Candidate, betas: tuple[bytes, ...]) -> Headers:
    """The header lines; the API's version is the body's business here."""
    credential = candidate.credential
    proof = credential_line(credential, auth_style="bearer", accepts_client_login=False)
    kept = [line for line in cloud_headers(headers, proof, betas) if line[0] != b"anthropic-version"]
    if credential.quota_project:
        kept.append((b"x-goog-user-project", credential.quota_project.encode()))
    return kept
