"""From configuration to the snapshot that requests read."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from cc_relay.config import active_providers
from cc_relay.exchange import Credential, Timeouts
from cc_relay.providers.base import ProviderSettings
from cc_relay.providers.registry import TYPES, build
from cc_relay.relay.snapshot import Access, Retry, Snapshot, Upstream

if TYPE_CHECKING:
    from cc_relay.config import Config, Provider

NO_CREDENTIAL = Credential("no-key", "")
"""For upstreams that ask for none."""

OPEN_TYPES = frozenset({"ollama", "anthropic_compatible"})
"""Types that may stand without a key: local servers. An `anthropic` without one takes clients' own logins."""


def assemble(config: Config, generation: int = 1) -> Snapshot:
    """Everything a request needs of `config`. Raises ValueError with a sentence for the person who wrote it."""
    server, routing = config.server, config.routing
    auth = server.auth
    return Snapshot(
        generation=generation,
        upstreams=tuple(upstream(provider) for provider in by_priority(config)),
        access=Access(
            api_key=auth.api_key.get_secret_value().encode(),
            bearer_secret=auth.bearer_secret.get_secret_value().encode(),
            allows_bearer=auth.allow_bearer,
            allows_subscription=auth.allow_subscription,
        ),
        retry=Retry(
            max_attempts=routing.retry.max_attempts,
            base=routing.retry.base,
            ceiling=routing.retry.longest,
            has_jitter=routing.retry.jitter,
        ),
        failover_timeout=routing.failover_after,
        hold=routing.hold,
        timeout=server.timeout,
        max_concurrent=server.max_concurrent,
        shows_debug_headers=routing.debug,
    )


def by_priority(config: Config) -> list[Provider]:
    """The providers to serve, the highest priority first, ties in the order of the file."""
    return sorted(active_providers(config), key=lambda provider: -provider.effective_priority)


def upstream(provider: Provider) -> Upstream:
    keys = sorted(provider.keys, key=lambda key: -key.priority)
    credentials = tuple(credential(key.key.get_secret_value()) for key in keys)
    if not credentials and provider.type in OPEN_TYPES:
        credentials = (NO_CREDENTIAL,)
    try:
        return Upstream(build(settings(provider)), credentials)
    except ValueError as error:
        said = str(error)
        raise ValueError(said if said.startswith("provider ") else f"provider {provider.name!r}: {said}") from error


def settings(provider: Provider) -> ProviderSettings:
    """What the providers room needs of one entry."""
    return ProviderSettings(
        name=provider.name,
        type=provider.type,
        base_url=provider.base_url or TYPES[provider.type].base_url,
        models=provider.models,
        model_mapping=dict(provider.model_mapping),
        timeouts=Timeouts(
            connect=provider.timeouts.connect, first_byte=provider.timeouts.first_byte, idle=provider.timeouts.idle
        ),
        auth_style=provider.auth_style,
    )


def credential(secret: str) -> Credential:
    """A key and its public name: a digest's beginning tells keys apart and says nothing about them."""
    return Credential(f"key-{sha256(secret.encode()).hexdigest()[:10]}", secret)
