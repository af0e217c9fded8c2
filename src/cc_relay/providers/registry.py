"""The provider types there are."""

from collections.abc import Callable

from msgspec import Struct

from cc_relay.providers import anthropic, anthropic_compatible, azure, bedrock, minimax, ollama, zai
from cc_relay.providers.base import Provider, ProviderSettings
from cc_relay.providers.vertex.provider import Vertex


class ProviderType(Struct, frozen=True):
    """How to build one type, and where it lives unless told otherwise ("": it must be told, or its settings tell)."""

    build: Callable[[ProviderSettings], Provider]
    base_url: str


TYPES: dict[str, ProviderType] = {
    "anthropic": ProviderType(anthropic.Anthropic, anthropic.BASE_URL),
    "zai": ProviderType(zai.build, zai.BASE_URL),
    "minimax": ProviderType(minimax.build, minimax.BASE_URL),
    "ollama": ProviderType(ollama.build, ollama.BASE_URL),
    "bedrock": ProviderType(bedrock.build, ""),  # its hosts go by surface and region
    "vertex": ProviderType(Vertex, ""),  # its hosts go by location
    "azure": ProviderType(azure.Azure, ""),  # its hosts go by resource
    "anthropic_compatible": ProviderType(anthropic_compatible.build, ""),
}


def build(settings: ProviderSettings) -> Provider:
    """The provider these settings describe.

    Raises ValueError for a type there is not, and for a base URL that is missing or no plain http(s) URL.
    """
    found = TYPES.get(settings.type)
    if found is None:
        known = ", ".join(TYPES)
        raise ValueError(f"provider {settings.name!r} has the unknown type {settings.type!r}; known: {known}")
    return found.build(settings)
