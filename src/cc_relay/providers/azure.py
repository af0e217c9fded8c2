"""Claude in Azure AI Foundry: Anthropic's API, with deployments in the models' place."""

import re

from msgspec.json import encode
from msgspec.structs import replace

from cc_relay.codec.messages import rewrite
from cc_relay.codec.model_names import canonical
from cc_relay.exchange import Candidate, Failure, Headers, Peek, RelayRequest, UpstreamRequest
from cc_relay.providers.adapt_claude import adapt_for_claude, lacks_for_claude
from cc_relay.providers.anthropic import MODELS
from cc_relay.providers.azure_errors import read_failure
from cc_relay.providers.base import ProviderSettings
from cc_relay.providers.claude_surfaces import SURFACES
from cc_relay.providers.clouds import PROBED, cloud_headers
from cc_relay.providers.forwarding import JSON, Line, credential_line
from cc_relay.providers.names import ModelNames, wire_name
from cc_relay.providers.urls import parse_base_url

_SURFACE = SURFACES["foundry"]
_RESOURCE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?")
_TELLING = re.compile(r"claude-[a-z]+-\d")
_PROBE = b'{"model":%b,"messages":[{"role":"user","content":"ping"}]}'


class Azure:
    """One Foundry resource. Its key travels as `x-api-key`; `auth_style` "bearer" is for Entra's tokens."""

    accepts_client_login = False

    def __init__(self, settings: ProviderSettings) -> None:
        base_url = settings.base_url or _home(settings)
        endpoint = parse_base_url(base_url)
        self.name = settings.name
        self.type = settings.type
        self.base_url = base_url.rstrip("/")
        self.origin = endpoint.origin
        self._mapped = ModelNames((), settings.model_mapping, known=())
        self._served = ModelNames(settings.models, settings.model_mapping, known=("claude",))
        self._deployment = wire_name(settings.deployment)
        self.models = self._served.listed or MODELS
        self._probed = self.upstream_model(next(iter(self._served.listed), PROBED)) or PROBED
        self._messages = endpoint.target("/v1/messages")
        self._count = endpoint.target("/v1/messages/count_tokens")
        self._auth_style = settings.auth_style
        self._timeouts = settings.timeouts

    def __repr__(self) -> str:
        return f"<Azure {self.name} {self.origin}>"

    def upstream_model(self, model: str) -> str | None:
        """The deployment that answers for `model`: the mapped one, else the one for every model, else its namesake."""
        mapped = self._mapped.resolve(model)
        if mapped is not None:
            return mapped
        namesake = self._served.resolve(model)
        return namesake and (self._deployment or namesake)

    def limit_family(self, model: str) -> str:
        """Quota is each model's own (Microsoft docs, quotas and limits of Claude models); a deployment holds one."""
        return canonical(model)

    def is_claude(self, model: str) -> bool:
        return True

    def lacks(self, peek: Peek) -> str | None:
        return lacks_for_claude(peek, _model_behind(self.upstream_model(peek.model) or "", peek), _SURFACE)

    def prepare_messages(self, request: RelayRequest, peek: Peek, candidate: Candidate) -> UpstreamRequest:
        return self._prepare(self._messages, request, peek, candidate)

    def prepare_count(self, request: RelayRequest, peek: Peek, candidate: Candidate) -> UpstreamRequest | None:
        return self._prepare(self._count, request, peek, candidate)

    def prepare_probe(self, candidate: Candidate) -> UpstreamRequest:
        """Counting is free of charge; a candidate without a model is probed with one of ours."""
        headers = cloud_headers([(b"accept", b"application/json"), JSON], self._proof(candidate), ())
        body = _PROBE % encode(candidate.model or self._probed)
        return UpstreamRequest(self.origin, b"POST", self._count, headers, body, self._timeouts)

    def prepare_passthrough(self, request: RelayRequest, candidate: Candidate) -> UpstreamRequest | None:
        return None

    def read_failure(self, status: int, headers: Headers, body: bytes) -> Failure:
        return read_failure(self.name, status, headers, body)

    def _prepare(self, target: bytes, request: RelayRequest, peek: Peek, candidate: Candidate) -> UpstreamRequest:
        """Hot path."""
        model = _model_behind(candidate.model, peek)
        known = candidate if model == candidate.model else replace(candidate, model=model)
        adapted = adapt_for_claude(request, peek, known, _SURFACE)
        changes = adapted.changes
        if candidate.model != peek.model:
            changes = {**changes, "model": encode(candidate.model)}
        body = rewrite(peek, request.body, changes)
        headers = cloud_headers(request.headers, self._proof(candidate), adapted.betas)
        return UpstreamRequest(self.origin, b"POST", target, headers, body, self._timeouts)

    def _proof(self, candidate: Candidate) -> Line | None:
        return credential_line(candidate.credential, auth_style=self._auth_style, accepts_client_login=False)


def _home(settings: ProviderSettings) -> str:
    """Where a resource lives. Raises ValueError where its name cannot be part of a host."""
    if not settings.resource:
        raise ValueError(f"provider {settings.name!r} of type {settings.type} needs an azure_resource_name")
    if not _RESOURCE.fullmatch(settings.resource):
        raise ValueError(f"azure_resource_name {settings.resource!r} is no resource's name")
    return f"https://{settings.resource}.services.ai.azure.com/anthropic"


def _model_behind(deployment: str, peek: Peek) -> str:
    """The model to adapt to: the deployment's name where that tells, else what was asked for."""
    return deployment if _TELLING.match(canonical(deployment)) else peek.model
