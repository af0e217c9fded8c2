"""What a request reads of the configuration: frozen, numbered, taken once on arrival."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from msgspec import Struct, field

from cc_relay.exchange import Candidate, Credential, Price
from cc_relay.policy.breaker import BreakerState
from cc_relay.policy.hedge import HedgeBudget
from cc_relay.policy.key import CREDENTIAL, PLAN
from cc_relay.policy.routing import Standing, Strategy
from cc_relay.policy.routing.failover import Failover

if TYPE_CHECKING:
    from collections.abc import Callable

    from cc_relay.policy.breaker import CircuitBreaker
    from cc_relay.policy.key import Key
    from cc_relay.policy.key_pool import KeyPool
    from cc_relay.providers.base import Provider
    from cc_relay.relay.ports import CredentialSource

LASTING = frozenset({PLAN, CREDENTIAL})
"""Why a key may be out that nobody waits for; a rate limit passes by itself."""

MOST_MODELS = 1024
"""How many model names are remembered with those who serve them: clients may ask for anything."""


class Option(Struct, frozen=True, eq=False):
    """A candidate, and what reserving it takes. `key` is None for a client's own login: it has no place in a pool."""

    candidate: Candidate
    lane: Lane
    key: Key | None

    @property
    def provider(self) -> Provider:
        return self.lane.upstream.provider


class Lane(Struct, frozen=True, eq=False):
    """An upstream as strategies compare it, for one model asked for.

    `model` is the upstream's own name for it (a Claude, or another family's), `family` the limits it counts against,
    `options` one for each key by fingerprint.
    """

    name: str
    priority: int
    weight: int
    standing: Standing
    upstream: Upstream
    model: str
    family: str
    is_claude: bool = True
    options: dict[str, Option] = field(default_factory=dict)
    _price: list[Price | None] = field(default_factory=list)

    @property
    def price(self) -> Price | None:
        """What the model costs here, None where nobody knows. Looked up when it is first asked for: most never are."""
        known = self._price
        if not known:
            known.append(self.upstream.price_of(self.model) if self.model else None)
        return known[0]

    def option(self, credential: Credential) -> Option:
        """This lane for a credential that is no key of the upstream's: a client's own login."""
        return Option(Candidate(self.name, credential, self.model), self, None)


def unpriced(model: str) -> Price | None:
    """Nothing is known."""
    return None


class Health(Struct, frozen=True):
    """How a provider is doing: not CLOSED, it says why, and when (the loop's clock) it is worth asking again.

    One that is not `is_usable` answers nobody now, nor soon.
    """

    state: BreakerState
    reason: str
    retry_at: float
    is_usable: bool


class Upstream(Struct, frozen=True, eq=False):
    """A provider, its keys and how they fare; without keys only a client's own login can go there.

    `pool`, `breaker` and `standing` live longer than the snapshot that names them. `source` is where the credential of
    the moment comes from, None where credentials last.
    """

    provider: Provider
    credentials: tuple[Credential, ...]
    pool: KeyPool
    breaker: CircuitBreaker
    standing: Standing
    priority: int = 1
    weight: int = 1
    price_of: Callable[[str], Price | None] = unpriced
    source: CredentialSource | None = None

    def health(self, now: float) -> Health:
        """That of its breaker; where that is closed, it is OPEN all the same while every key is out."""
        breaker = self.breaker
        refusal = self.pool.is_out(now) if self.pool.keys else None
        lasts = refusal is not None and refusal.reason in LASTING
        if breaker.is_closed and refusal is not None:
            return Health(BreakerState.OPEN, f"every key is out: {refusal.reason}", refusal.retry_at, not lasts)
        state = breaker.state(now)
        is_usable = state is not BreakerState.OPEN and not lasts
        return Health(state, breaker.reason, breaker.retry_at(now), is_usable)

    def lane(self, model: str, family: str | None = None) -> Lane:
        """A lane for the upstream's own `model`; `family` replaces what the model counts against."""
        provider = self.provider
        lane = Lane(
            name=provider.name,
            priority=self.priority,
            weight=self.weight,
            standing=self.standing,
            upstream=self,
            model=model,
            family=provider.limit_family(model) if family is None else family,
            is_claude=provider.is_claude(model),
        )
        secrets = {credential.fingerprint: credential for credential in self.credentials}
        for key in self.pool.keys:
            lane.options[key.name] = Option(Candidate(provider.name, secrets[key.name], model), lane, key)
        return lane


class Access(Struct, frozen=True):
    """Who may use the relay. Empty secrets are not set; `allows_bearer` without a secret accepts any bearer value."""

    api_key: bytes = b""
    bearer_secret: bytes = b""
    allows_bearer: bool = False
    allows_subscription: bool = False

    @property
    def is_open(self) -> bool:
        return not self.api_key and not self.allows_bearer


class Retry(Struct, frozen=True):
    """Attempts over all candidates, before commit only; `base` and `ceiling` in seconds."""

    max_attempts: int = 4
    base: float = 0.2
    ceiling: float = 5.0
    has_jitter: bool = True


class Queueing(Struct, frozen=True):
    """Waiting for exhausted keys: at most `max_wait` seconds (0: nobody waits), `pings` for streams that wait long."""

    max_wait: float = 0.0
    pings: bool = True


class Hedging(Struct, frozen=True):
    """A second attempt when the first token is later than the learned 95th percentile times `factor`."""

    factor: float
    budget: HedgeBudget


class Snapshot(Struct, frozen=True):
    """An assembled configuration. `upstreams` are in priority order; times in seconds, `inf` is none.

    `failover_timeout` is how long an attempt may take until its first meaningful byte while another candidate is
    left; `hold` how long a stream's beginning may be kept back for a silent failover; `timeout` bounds the whole
    exchange. `max_concurrent` 0 is unlimited, `max_price` is USD per million output tokens.
    """

    generation: int
    upstreams: tuple[Upstream, ...]
    access: Access = Access()
    retry: Retry = Retry()
    strategy: Strategy = field(default_factory=Failover)
    keeps_sessions: bool = True
    queueing: Queueing = Queueing()
    hedging: Hedging | None = None
    max_price: float = inf
    failover_timeout: float = 5.0
    hold: float = 1.0
    timeout: float = inf
    max_concurrent: int = 0
    shows_debug_headers: bool = False
    _lanes: dict[tuple[str, str | None], tuple[Lane, ...]] = field(default_factory=dict)

    def lanes(self, model: str, family: str | None = None) -> tuple[Lane, ...]:
        """Who serves `model` at a price that is allowed, in priority order; empty where nobody does. Hot path."""
        try:
            return self._lanes[model, family]
        except KeyError:
            pass
        named = ((one, one.provider.upstream_model(model)) for one in self.upstreams)
        lanes = tuple(one.lane(name, family) for one, name in named if name is not None)
        if self.max_price < inf:
            lanes = tuple(lane for lane in lanes if (price := lane.price) is None or price.output <= self.max_price)
        if len(self._lanes) < MOST_MODELS:
            self._lanes[model, family] = lanes
        return lanes
