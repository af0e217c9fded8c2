"""Claude in Amazon Bedrock: Anthropic's protocol on AWS's own machines ("Mantle")."""

from cc_relay.codec.model_names import canonical
from cc_relay.exchange import Headers, RelayRequest
from cc_relay.providers.base import ProviderSettings
from cc_relay.providers.bedrock.models import is_anthropics_name
from cc_relay.providers.bedrock.native import Native, Traits
from cc_relay.providers.claude_surfaces import SURFACES
from cc_relay.providers.clouds import cloud_headers

MODELS = (
    "claude-opus-5-5",
    "claude-sonnet-5-5",
    "claude-haiku-5-5",
    "claude-fable-5",
    "claude-opus-5",
    "claude-sonnet-5",
    "claude-opus-4-8",
    "claude-opus-4-7",
    "claude-haiku-4-5",
)
"""Anthropic docs, Claude in Amazon Bedrock."""

ABSENT = frozenset({"claude-opus-4-6", "claude-sonnet-4-6", "claude-opus-4-5", "claude-sonnet-4-5"})
"""Models that only the runtime API has."""


def spell(model: str) -> str:
    """Mantle's id: the name without a date, after `anthropic.`; ids stay as they are."""
    return f"anthropic.{canonical(model)}" if is_anthropics_name(model) else model


def _headers(request: RelayRequest, betas: tuple[bytes, ...] | None, workspace: str) -> Headers:
    return cloud_headers(request.headers, None, betas or ())


TRAITS = Traits(
    surface=SURFACES["mantle"],
    base_url="https://bedrock-mantle.{region}.api.aws/anthropic",
    service="bedrock-mantle",
    known=("claude", "anthropic."),
    catalogue=MODELS,
    spell=spell,
    limit_family=canonical,
    headers=_headers,
    absent=ABSENT,
    profile_in_body=True,
)


class Mantle(Native):
    """The provider of this surface. Raises ValueError for settings that describe none."""

    def __init__(self, settings: ProviderSettings) -> None:
        super().__init__(settings, TRAITS)
