"""Claude on Amazon Bedrock, by any of its three surfaces."""

from collections.abc import Callable

from cc_relay.providers.base import Provider, ProviderSettings
from cc_relay.providers.bedrock.mantle import Mantle
from cc_relay.providers.bedrock.platform import Platform
from cc_relay.providers.bedrock.runtime import Runtime

SURFACES: dict[str, Callable[[ProviderSettings], Provider]] = {
    "runtime": Runtime,
    "mantle": Mantle,
    "platform": Platform,
}


def build(settings: ProviderSettings) -> Provider:
    """The provider of `settings.surface`. Raises ValueError for what cannot be one."""
    found = SURFACES.get(settings.surface)
    if found is None:
        raise ValueError(f"surface {settings.surface!r} is not one of {', '.join(SURFACES)}")
    return found(settings)
