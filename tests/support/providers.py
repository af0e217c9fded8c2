"""Providers to test with: built from a line of settings, asked in a line."""

import json

from tests.support.builders import messages_body, relay_request

from cc_relay.codec.messages import peek
from cc_relay.exchange import Candidate, Credential, UpstreamRequest
from cc_relay.providers.base import Provider, ProviderSettings
from cc_relay.providers.registry import build

SECRET = "our-own-invented-key"

CLOUDS = frozenset({"bedrock", "vertex", "azure"})
"""The types of Claude in somebody's cloud."""

NEEDED: dict[str, dict[str, str]] = {
    "anthropic_compatible": {"base_url": "https://compatible.test/llm"},
    "bedrock": {"region": "us-east-1"},
    "vertex": {"project": "invented-project", "region": "us-east5"},
    "azure": {"resource": "invented-resource"},
}
"""What a type cannot be built without."""


def provider(type_: str, base_url: str = "", **settings: object) -> Provider:
    """A provider of this type, named like it, with an invented value for what it needs and is not given."""
    given = {"base_url": base_url, **settings} if base_url else settings
    return build(ProviderSettings(**{"name": type_, "type": type_, "base_url": "", **NEEDED.get(type_, {}), **given}))


def candidate(model: str = "claude-sonnet-5-5", secret: str = SECRET, *, is_client_owned: bool = False) -> Candidate:
    return Candidate("any", Credential("fingerprint", secret, is_client_owned), model)


def prepare(of: Provider, body: bytes | None = None, *, model: str = "", **request: object) -> UpstreamRequest:
    """What `of` would send for a Messages body; `model` (the body's own where empty) is the upstream's name."""
    body = messages_body() if body is None else body
    seen, body = peek(body)
    return of.prepare_messages(relay_request(body=body, **request), seen, candidate(model or seen.model))


def sent_body(of: Provider, body: bytes | None = None, *, model: str = "") -> dict[str, object]:
    """The same, its body decoded."""
    return json.loads(prepare(of, body, model=model).body)
