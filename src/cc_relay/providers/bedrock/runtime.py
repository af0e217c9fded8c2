"""Bedrock's runtime API: Anthropic's bodies in AWS's envelope, its streams in AWS's frames."""

from collections.abc import Callable
from functools import partial

from msgspec import Raw, Struct
from msgspec.json import Decoder, encode
from msgspec.structs import replace

from cc_relay.codec.messages import max_tokens, rewrite
from cc_relay.codec.model_names import canonical
from cc_relay.exchange import Candidate, Failure, Headers, Peek, RelayRequest, Translation, UpstreamRequest
from cc_relay.providers.adapt_claude import Adapted, adapt_for_claude, lacks_for_claude
from cc_relay.providers.anthropic import MODELS
from cc_relay.providers.base import ProviderSettings
from cc_relay.providers.bedrock.errors import read_failure
from cc_relay.providers.bedrock.gate import Gate
from cc_relay.providers.bedrock.models import (
    Names,
    asked_segment,
    base_id,
    counted_id,
    geography_of,
    is_anthropics_name,
)
from cc_relay.providers.bedrock.native import profile, too_large
from cc_relay.providers.bedrock.stream import StreamTranslation
from cc_relay.providers.bedrock.whole import WholeTranslation, translate_count, translate_message
from cc_relay.providers.capabilities import BETA
from cc_relay.providers.claude_models import version
from cc_relay.providers.claude_surfaces import SURFACES, TOOL_SEARCH
from cc_relay.providers.clouds import PROBED
from cc_relay.providers.forwarding import IDENTITY, JSON

BASE_URL = "https://bedrock-runtime.{region}.{domain}"
SERVICE = "bedrock"

VERSION = b'"bedrock-2023-05-31"'
"""The API's version in the body; the one that every Claude on Bedrock knows."""

NEW_VERSION = b"2026-10-21"
"""A version that is Anthropic's own, for whom asks for it."""

SPEAKS_NEW = (4, 7)
"""The first models that know it (Anthropic SDK 2, lib/bedrock)."""

MAX_BODY = 25_000_000
"""Bytes of a request's body (botocore, bedrock-runtime, Body). Anthropic's docs speak of 20 MB; where the service draws
that line it says so itself."""

HEADERS = frozenset({
    b"user-agent", b"x-amzn-bedrock-trace", b"x-amzn-bedrock-guardrailidentifier", b"x-amzn-bedrock-guardrailversion",
    b"x-amzn-bedrock-performanceconfig-latency", b"x-amzn-bedrock-service-tier", b"x-amzn-bedrock-request-metadata",
})  # fmt: skip
"""The headers of a client's that mean something here (botocore, InvokeModel)."""

COUNT_BETAS = frozenset({b"claude-code-20250219", b"interleaved-thinking-2025-05-14", TOOL_SEARCH})
"""The betas that may stand in a body to be counted."""

COUNT_MAX_TOKENS = 4096
"""What a body to be counted lets its answer grow to, where it does not say and no thinking budget needs more."""

_SURFACE = SURFACES["bedrock"]
_ACCEPT = (b"accept", b"application/json")
_PROBE = b'"messages":[{"role":"user","content":"ping"}]}'


class _Thinking(Struct):
    budget_tokens: int = 0


class _Invocation(Struct):
    """Bytes become base64 in JSON."""

    body: bytes


class _Input(Struct, rename={"invocation": "invokeModel"}):
    invocation: _Invocation


class _Count(Struct):
    input: _Input


_read_thinking = Decoder(_Thinking).decode


class Runtime:
    """InvokeModel and InvokeModelWithResponseStream (AWS, Amazon Bedrock runtime API)."""

    accepts_client_login = False

    def __init__(self, settings: ProviderSettings) -> None:
        gate = Gate(settings, base_url=BASE_URL, service=SERVICE, auth_style="bearer")
        geography = geography_of(gate.region)
        names = Names(
            settings,
            lambda model: f"{geography}.{base_id(model)}" if is_anthropics_name(model) else model,
            catalogue=MODELS,
        )
        self.name = settings.name
        self.type = settings.type
        self.base_url = gate.base_url
        self.origin = gate.origin
        self.models = names.listed
        self.upstream_model = names.resolve
        self._gate = gate
        self._endpoint = gate.whole_path

    def __repr__(self) -> str:
        return f"<Runtime {self.name} {self.origin}>"

    def is_claude(self, model: str) -> bool:
        return True  # the body is Anthropic's, and no other model here takes it

    def limit_family(self, model: str) -> str:
        return canonical(model)

    def lacks(self, peek: Peek) -> str | None:
        return lacks_for_claude(peek, self.upstream_model(peek.model) or peek.model, _SURFACE)

    def prepare_messages(self, request: RelayRequest, peek: Peek, candidate: Candidate) -> UpstreamRequest:
        """Hot path."""
        adapted = adapt_for_claude(request, peek, candidate, _SURFACE)
        body = rewrite(peek, request.body, _changes(request, peek, candidate, adapted))
        if len(body) > MAX_BODY:
            raise too_large(self.name, len(body), MAX_BODY)
        translate: Callable[[], Translation]
        if peek.stream:
            method, translate = "invoke-with-response-stream", partial(StreamTranslation, self.name, request.id)
        else:
            method, translate = "invoke", partial(WholeTranslation, translate_message)
        target = self._target(asked_segment(candidate.model), method)
        return self._gate.request(candidate.credential, target, _headers(request.headers), body, translate=translate)

    def prepare_count(self, request: RelayRequest, peek: Peek, candidate: Candidate) -> UpstreamRequest | None:
        """CountTokens; None where the model's id does not tell which foundation model would count."""
        model = counted_id(candidate.model)
        if model is None:
            return None
        changes = _changes(request, peek, candidate, _adapted_to_count(request, peek, candidate))
        body = rewrite(peek, request.body, {**changes, **_countable(peek, changes)})
        return self._count(candidate, model, body, _headers(request.headers))

    def prepare_probe(self, candidate: Candidate) -> UpstreamRequest:
        """Counting a word is free, and proves host, credential and region in one; the control plane, which lists
        profiles for nothing too, is another host. A model that cannot be counted is asked for one token."""
        wanted = candidate.model or next(iter(self.models), PROBED)
        model = self.upstream_model(wanted) or wanted
        counted = counted_id(model)
        head = b'{"anthropic_version":%b,"max_tokens":1,' % VERSION
        if counted is not None:
            return self._count(candidate, counted, head + _PROBE, [])
        target = self._target(asked_segment(model), "invoke")
        return self._gate.request(candidate.credential, target, _headers([]), head + _PROBE)

    def prepare_passthrough(self, request: RelayRequest, candidate: Candidate) -> UpstreamRequest | None:
        return None

    def read_failure(self, status: int, headers: Headers, body: bytes) -> Failure:
        return read_failure(self.name, status, headers, body)

    def _count(self, candidate: Candidate, model: str, body: bytes, headers: Headers) -> UpstreamRequest:
        target = self._target(asked_segment(model), "count-tokens")
        asked = encode(_Count(_Input(_Invocation(body))))
        translate = partial(WholeTranslation, translate_count)
        return self._gate.request(candidate.credential, target, _headers(headers), asked, translate=translate)

    def _target(self, segment: str, method: str) -> bytes:
        return self._endpoint.target(f"/model/{segment}/{method}")


def _changes(request: RelayRequest, peek: Peek, candidate: Candidate, adapted: Adapted) -> dict[str, bytes | None]:
    """What makes a Messages body one of InvokeModel: what the address says leaves it, what headers said enters it."""
    is_new = request.header(b"anthropic-version") == NEW_VERSION
    speaks_new = is_new and (version(candidate.model) or SPEAKS_NEW) >= SPEAKS_NEW
    betas = [beta.decode("latin-1") for beta in adapted.betas]
    return {
        **adapted.changes,
        **profile(request, peek),
        "model": None,
        "stream": None,
        "anthropic_version": b'"%b"' % NEW_VERSION if speaks_new else VERSION,
        "anthropic_beta": encode(betas) if betas else None,
    }


def _adapted_to_count(request: RelayRequest, peek: Peek, candidate: Candidate) -> Adapted:
    """Betas that cannot be counted with go, together with what they bring."""
    adapted = adapt_for_claude(request, peek, candidate, _SURFACE)
    others = [BETA + beta.decode("latin-1") for beta in adapted.betas if beta not in COUNT_BETAS]
    if not others:
        return adapted
    return adapt_for_claude(request, peek, replace(candidate, lacking=candidate.lacking.union(others)), _SURFACE)


def _countable(peek: Peek, changes: dict[str, bytes | None]) -> dict[str, bytes | None]:
    """What else a body needs to be counted (Claude Code docs, gateways)."""
    needed: dict[str, bytes | None] = {}
    budget = _budget(changes.get("thinking", peek.fields.get("thinking")))
    if max_tokens(peek.fields) <= budget:
        needed["max_tokens"] = b"%d" % max(COUNT_MAX_TOKENS, budget + 1)
    tools = changes.get("tools", peek.fields.get("tools"))
    if tools is not None and not bytes(tools).strip(b"[] \t\r\n"):
        needed["tools"] = None
    return needed


def _budget(thinking: bytes | Raw | None) -> int:
    try:
        return 0 if thinking is None else _read_thinking(thinking).budget_tokens
    except ValueError:
        return 0


def _headers(headers: Headers) -> Headers:
    return [JSON, _ACCEPT, IDENTITY, *(line for line in headers if line[0] in HEADERS)]
