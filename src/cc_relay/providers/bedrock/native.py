"""The surfaces of AWS that speak Anthropic's own protocol: only address, proof and names are theirs."""

from collections.abc import Callable

from msgspec import Struct
from msgspec.json import encode

from cc_relay.codec.messages import rewrite
from cc_relay.errors import Rejection
from cc_relay.exchange import Candidate, Failure, Headers, Peek, RelayRequest, UpstreamRequest
from cc_relay.providers.adapt_claude import Adapted, adapt_for_claude, lacks_for_claude
from cc_relay.providers.anthropic import MAX_BODY, is_side_endpoint
from cc_relay.providers.base import ProviderSettings
from cc_relay.providers.bedrock.errors import read_failure
from cc_relay.providers.bedrock.gate import Gate
from cc_relay.providers.bedrock.models import Names
from cc_relay.providers.claude_surfaces import ClaudeSurface
from cc_relay.providers.forwarding import DEFAULT_VERSION, IDENTITY, JSON

USER_PROFILE = b"anthropic-user-profile-id"


class Traits(Struct, frozen=True):
    """What one of these surfaces is like.

    `base_url` and `service` are as in `Gate`; `known`, `catalogue` and `spell` as in `Names`. `headers` picks the lines
    that travel and puts the betas among them, the credential aside; it is given the workspace that pays, or "".
    `profile_in_body` says that a user profile is named in the body, not in a header. `has_side_endpoints`: batches,
    files, skills, and a list of models.
    """

    surface: ClaudeSurface
    base_url: str
    service: str
    known: tuple[str, ...]
    catalogue: tuple[str, ...]
    spell: Callable[[str], str]
    limit_family: Callable[[str], str]
    headers: Callable[[RelayRequest, tuple[bytes, ...] | None, str], Headers]
    absent: frozenset[str] = frozenset()
    profile_in_body: bool = False
    has_side_endpoints: bool = False


class _Probe(Struct):
    model: str
    messages: list[dict[str, str]]


class Native:
    """One configured upstream of such a surface."""

    accepts_client_login = False

    def __init__(self, settings: ProviderSettings, traits: Traits) -> None:
        gate = Gate(settings, base_url=traits.base_url, service=traits.service, auth_style=settings.auth_style)
        names = Names(settings, traits.spell, known=traits.known, catalogue=traits.catalogue, absent=traits.absent)
        self.name = settings.name
        self.type = settings.type
        self.base_url = gate.base_url
        self.origin = gate.origin
        self.models = names.listed
        self.upstream_model = names.resolve
        self.limit_family = traits.limit_family
        self._gate = gate
        self._traits = traits
        self._workspace = settings.workspace
        self._messages = gate.endpoint.target("/v1/messages")
        self._counting = gate.endpoint.target("/v1/messages/count_tokens")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name} {self.origin}>"

    def is_claude(self, model: str) -> bool:
        return True

    def lacks(self, peek: Peek) -> str | None:
        return lacks_for_claude(peek, self.upstream_model(peek.model) or peek.model, self._traits.surface)

    def prepare_messages(self, request: RelayRequest, peek: Peek, candidate: Candidate) -> UpstreamRequest:
        return self._prepare(self._messages, request, peek, candidate)

    def prepare_count(self, request: RelayRequest, peek: Peek, candidate: Candidate) -> UpstreamRequest | None:
        return self._prepare(self._counting, request, peek, candidate)

    def prepare_probe(self, candidate: Candidate) -> UpstreamRequest:
        """One model of the list where there is a list; else counting a word, which is free as well."""
        headers: Headers = [DEFAULT_VERSION, (b"accept", b"application/json"), IDENTITY]
        if self._workspace:
            headers.append((b"anthropic-workspace-id", self._workspace.encode()))
        if self._traits.has_side_endpoints:
            target = self._gate.endpoint.target("/v1/models", "limit=1")
            return self._gate.request(candidate.credential, target, headers, b"", method=b"GET")
        wanted = candidate.model or next(iter(self.models), self._traits.catalogue[0])
        probe = _Probe(self.upstream_model(wanted) or wanted, [{"role": "user", "content": "ping"}])
        return self._gate.request(candidate.credential, self._counting, [JSON, *headers], encode(probe))

    def prepare_passthrough(self, request: RelayRequest, candidate: Candidate) -> UpstreamRequest | None:
        if not self._traits.has_side_endpoints or not is_side_endpoint(request.path):
            return None
        headers = self._traits.headers(request, None, self._workspace)
        target = self._gate.endpoint.target(request.path, request.query)
        method = request.method.encode("ascii")
        return self._gate.request(candidate.credential, target, headers, request.body, method=method)

    def read_failure(self, status: int, headers: Headers, body: bytes) -> Failure:
        return read_failure(self.name, status, headers, body)

    def _prepare(self, target: bytes, request: RelayRequest, peek: Peek, candidate: Candidate) -> UpstreamRequest:
        """Hot path."""
        adapted = adapt_for_claude(request, peek, candidate, self._traits.surface)
        body = rewrite(peek, request.body, self._changes(request, peek, candidate, adapted))
        if len(body) > MAX_BODY:
            raise too_large(self.name, len(body), MAX_BODY)
        headers = self._traits.headers(request, adapted.betas, self._workspace)
        if body is not request.body:
            headers = [line for line in headers if line[0] != b"content-encoding"]
        if request.query:
            target = target + b"?" + request.query.encode("latin-1")
        return self._gate.request(candidate.credential, target, headers, body)

    def _changes(
        self, request: RelayRequest, peek: Peek, candidate: Candidate, adapted: Adapted
    ) -> dict[str, bytes | None]:
        changes = adapted.changes
        if candidate.model != peek.model:
            changes = {**changes, "model": encode(candidate.model)}
        if self._traits.profile_in_body:
            changes = {**changes, **profile(request, peek)}
        return changes


def profile(request: RelayRequest, peek: Peek) -> dict[str, bytes | None]:
    """The user profile of a header, where it is the body that names it (Anthropic SDK, lib/bedrock)."""
    named = request.header(USER_PROFILE)
    if named is None or "user_profile_id" in peek.fields:
        return {}
    return {"user_profile_id": encode(named.decode("latin-1"))}


def too_large(name: str, size: int, most: int) -> Rejection:
    message = f"The request is {size} bytes; {name} takes {most} at most."
    return Rejection(413, "request_too_large", message, reason="body_too_large")
