"""Requests fitted to a surface of Claude, in a line."""

import json

from msgspec.structs import replace
from tests.support.builders import messages_body, relay_request
from tests.support.providers import candidate

from cc_relay.codec.messages import peek, rewrite
from cc_relay.exchange import Candidate, Peek, RelayRequest
from cc_relay.providers.adapt_claude import Adapted, adapt_for_claude
from cc_relay.providers.claude_surfaces import SURFACES

CLOUDS = ("foundry", "bedrock", "mantle", "vertex")


def asked(body: bytes, betas: str = "") -> tuple[RelayRequest, Peek]:
    """A request as the relay has read it, with these values of `anthropic-beta`."""
    seen, body = peek(body)
    headers = [(b"content-type", b"application/json"), *([(b"anthropic-beta", betas.encode())] if betas else [])]
    return relay_request(body=body, headers=headers, named=dict(headers)), seen


def without(model: str, *lacking: str) -> Candidate:
    return replace(candidate(model), lacking=frozenset(lacking))


def adapt(surface: str, body: bytes, *lacking: str, model: str = "claude-opus-5-5", betas: str = "") -> Adapted:
    request, seen = asked(body, betas)
    return adapt_for_claude(request, seen, without(model, *lacking), SURFACES[surface])


def adapted_body(surface: str, body: bytes, *lacking: str, model: str = "claude-opus-5-5", betas: str = "") -> bytes:
    """The body after the changes; `body` itself where there are none."""
    seen, body = peek(body)
    return rewrite(seen, body, adapt(surface, body, *lacking, model=model, betas=betas).changes)


def sent(
    surface: str, *lacking: str, model: str = "claude-opus-5-5", betas: str = "", **changes: object
) -> dict[str, object]:
    """The fields a surface gets of a small request with these fields."""
    body = messages_body(model=model, **changes)
    return json.loads(adapted_body(surface, body, *lacking, model=model, betas=betas))


def sent_betas(surface: str, betas: str, *lacking: str, model: str = "claude-opus-5-5", **changes: object) -> list[str]:
    body = messages_body(model=model, **changes)
    return [beta.decode() for beta in adapt(surface, body, *lacking, model=model, betas=betas).betas]
