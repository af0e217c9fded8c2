"""From configuration to the snapshot that requests read."""

from __future__ import annotations

import os
from hashlib import sha256
from math import inf
from typing import TYPE_CHECKING

from cc_relay.config import active_providers
from cc_relay.config.clouds import WORKSPACE, Way, value_of, way_of
from cc_relay.exchange import Credential, Timeouts
from cc_relay.policy.key import KeySettings
from cc_relay.policy.routing import StrategySettings
from cc_relay.providers.base import ProviderSettings
from cc_relay.providers.registry import TYPES, build
from cc_relay.relay.snapshot import Access, Hedging, Queueing, Retry, Snapshot, Upstream
from cc_relay.runtime.credentials.sources import lasting, recipe_of
from cc_relay.runtime.fleet import Fleet
from cc_relay.runtime.pricing import pricing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cc_relay.config import Config, Provider
    from cc_relay.config.provider import Key
    from cc_relay.config.schema import Hedge
    from cc_relay.providers.base import Provider as Built

NO_CREDENTIAL = Credential("no-key", "")
"""For upstreams that ask for none."""

OPEN_TYPES = frozenset({"ollama", "anthropic_compatible"})
"""Types that may stand without a key: local servers. An `anthropic` without one takes clients' own logins."""


def assemble(
    config: Config, generation: int = 1, fleet: Fleet | None = None, environ: Mapping[str, str] = os.environ
) -> Snapshot:
    """Everything a request needs of `config`; live state comes out of `fleet`, which forgets what is not in use now.

    `environ` is where clouds' credentials may be. Raises ValueError with a sentence for the person who wrote it, and
    then leaves `fleet` as it was. To check a configuration, leave the fleet of a running relay out.
    """
    server, routing = config.server, config.routing
    auth = server.auth
    fleet = Fleet() if fleet is None else fleet
    providers = [(entry, built(entry, environ)) for entry in by_priority(config)]
    upstreams = tuple(upstream(entry, provider, config, fleet, environ) for entry, provider in providers)
    fleet.keep([entry.name for entry, _ in providers])
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


def upstream(
    entry: Provider, provider: Built, config: Config, fleet: Fleet, environ: Mapping[str, str] = os.environ
) -> Upstream:
    """One provider with its live state; nothing here can fail, so a reload is done wholly or not at all."""
    keys = distinct(entry, environ)
    breaker = config.health.circuit_breaker
    return Upstream(
        provider,
        tuple(credential for credential, _ in keys),
        fleet.pool(entry.name, [pooled for _, pooled in keys], entry.pooling.strategy),
        fleet.breaker(
            entry.name,
            threshold=breaker.failure_threshold,
            open_for=breaker.open_duration,
            probes=breaker.half_open_probes,
        ),
        fleet.standing(entry.name),
        entry.effective_priority,
        entry.effective_weight,
        pricing(entry),
        fleet.source(recipe_of(entry, environ), entry.name, environ),
    )


def distinct(entry: Provider, environ: Mapping[str, str] = os.environ) -> list[tuple[Credential, KeySettings]]:
    """The keys to use, each once, in the order of the file: of two that are the same the first one's limits count.

    One that does not last is here for its place in the pool; what it proves itself with comes from its source.
    """
    if way_of(entry, environ) not in (None, Way.KEYS):
        return [of_cloud(entry, environ)]
    keys: dict[str, tuple[Credential, KeySettings]] = {}
    for key in entry.keys:
        secret = key.key.get_secret_value()
        name = name_of(secret)
        keys.setdefault(name, (Credential(name, secret), key_settings(name, key)))
    if not keys and entry.type in OPEN_TYPES:
        return [(NO_CREDENTIAL, KeySettings(NO_CREDENTIAL.fingerprint))]
    return list(keys.values())[: None if entry.pooling.enabled else 1]


def of_cloud(entry: Provider, environ: Mapping[str, str]) -> tuple[Credential, KeySettings]:
    """A cloud's one credential; the limits of the first of `keys` are its own."""
    recipe = recipe_of(entry, environ)
    credential = lasting(entry, environ, name_of) if recipe is None else Credential(recipe.fingerprint, "")
    assert credential is not None, "a way that does not last has a recipe"
    name = credential.fingerprint
    return credential, key_settings(name, entry.keys[0]) if entry.keys else KeySettings(name)


def built(entry: Provider, environ: Mapping[str, str] = os.environ) -> Built:
    """The provider itself. Raises ValueError."""
    try:
        return build(settings(entry, environ))
    except ValueError as error:
        said = str(error)
        raise ValueError(said if said.startswith("provider ") else f"provider {entry.name!r}: {said}") from error


def key_settings(name: str, key: Key) -> KeySettings:
    return KeySettings(name, key.rpm_limit, key.itpm_limit, key.otpm_limit, key.tpm_limit, key.priority, key.weight)


def settings(provider: Provider, environ: Mapping[str, str] = os.environ) -> ProviderSettings:
    """What the providers room needs of one entry."""
    is_login = way_of(provider, environ) is Way.ENTRA
    return ProviderSettings(
        name=provider.name,
        type=provider.type,
        base_url=provider.base_url or TYPES[provider.type].base_url,
        models=provider.models,
        model_mapping=dict(provider.model_mapping),
        timeouts=Timeouts(
            connect=provider.timeouts.connect, first_byte=provider.timeouts.first_byte, idle=provider.timeouts.idle
        ),
        auth_style="bearer" if is_login else provider.auth_style,
        region=provider.aws_region or provider.gcp_region,
        project=provider.gcp_project_id,
        resource=provider.azure_resource_name,
        deployment=provider.azure_deployment_id,
        surface=provider.surface,
        workspace=provider.aws_workspace_id or (value_of(environ, WORKSPACE) if provider.surface == "platform" else ""),
    )


def name_of(secret: str) -> str:
    """A key's public name: a digest's beginning tells keys apart and says nothing about them."""
    return f"key-{sha256(secret.encode()).hexdigest()[:10]}"
