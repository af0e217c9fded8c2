"""From configuration to the snapshot that requests read."""

from __future__ import annotations

from hashlib import sha256
from math import inf
from typing import TYPE_CHECKING

from cc_relay.config import active_providers
from cc_relay.exchange import Credential, Timeouts
from cc_relay.policy.key import KeySettings
from cc_relay.policy.routing import StrategySettings
from cc_relay.providers.base import ProviderSettings
from cc_relay.providers.registry import TYPES, build
from cc_relay.relay.snapshot import Access, Hedging, Queueing, Retry, Snapshot, Upstream
from cc_relay.runtime.fleet import Fleet

if TYPE_CHECKING:
    from cc_relay.config import Config, Provider
    from cc_relay.config.provider import Key
    from cc_relay.config.schema import Hedge

NO_CREDENTIAL = Credential("no-key", "")
"""For upstreams that ask for none."""

OPEN_TYPES = frozenset({"ollama", "anthropic_compatible"})
"""Types that may stand without a key: local servers. An `anthropic` without one takes clients' own logins."""


def assemble(config: Config, generation: int = 1, fleet: Fleet | None = None) -> Snapshot:
    """Everything a request needs of `config`; live state comes out of `fleet` and stays there.

    Raises ValueError with a sentence for the person who wrote it.
    """
    server, routing = config.server, config.routing
    auth = server.auth
    fleet = Fleet() if fleet is None else fleet
    upstreams = tuple(upstream(provider, config, fleet) for provider in by_priority(config))
    return Snapshot(
        generation=generation,
        upstreams=upstreams,
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
        strategy=fleet.strategy(
            routing.strategy, StrategySettings(dict(routing.model_mapping), routing.default_provider)
        ),
        keeps_sessions=routing.affinity.enabled,
        queueing=Queueing(max_wait=routing.queue.max_wait, pings=routing.queue.ping),
        hedging=hedging(routing.hedge, fleet),
        max_price=inf if routing.max_cost_per_million_tokens is None else routing.max_cost_per_million_tokens,
        failover_timeout=routing.failover_after,
        hold=routing.hold,
        timeout=server.timeout,
        max_concurrent=server.max_concurrent,
        shows_debug_headers=routing.debug,
    )


def hedging(hedge: Hedge, fleet: Fleet) -> Hedging | None:
    return Hedging(hedge.factor, fleet.hedge_budget(hedge.budget)) if hedge.enabled else None


def by_priority(config: Config) -> list[Provider]:
    """The providers to serve, the highest priority first, ties in the order of the file."""
    return sorted(active_providers(config), key=lambda provider: -provider.effective_priority)


def upstream(provider: Provider, config: Config, fleet: Fleet) -> Upstream:
    keys = {name_of(key.key.get_secret_value()): key for key in reversed(provider.keys)}
    credentials = tuple(Credential(name, key.key.get_secret_value()) for name, key in reversed(keys.items()))
    pooled = [key_settings(name, key) for name, key in reversed(keys.items())]
    if not credentials and provider.type in OPEN_TYPES:
        credentials, pooled = (NO_CREDENTIAL,), [KeySettings(NO_CREDENTIAL.fingerprint)]
    pooling, breaker = provider.pooling, config.health.circuit_breaker
    if not pooling.enabled:
        credentials, pooled = credentials[:1], pooled[:1]
    try:
        built = build(settings(provider))
    except ValueError as error:
        said = str(error)
        raise ValueError(said if said.startswith("provider ") else f"provider {provider.name!r}: {said}") from error
    return Upstream(
        built,
        credentials,
        fleet.pool(provider.name, pooled, pooling.strategy),
        fleet.breaker(
            provider.name,
            threshold=breaker.failure_threshold,
            open_for=breaker.open_duration,
            probes=breaker.half_open_probes,
        ),
        fleet.standing(provider.name),
        provider.effective_priority,
        provider.effective_weight,
    )


def key_settings(name: str, key: Key) -> KeySettings:
    return KeySettings(
        name, key.rpm_limit, key.itpm_limit, key.otpm_limit, key.tpm_limit, key.priority, key.weight
    )


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


def name_of(secret: str) -> str:
    """A key's public name: a digest's beginning tells keys apart and says nothing about them."""
    return f"key-{sha256(secret.encode()).hexdigest()[:10]}"
