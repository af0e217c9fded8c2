"""What a request reads of the configuration: frozen, numbered, taken once on arrival."""

from math import inf

from msgspec import Struct, field

from cc_relay.exchange import Candidate, Credential
from cc_relay.providers.base import Provider

MOST_MODELS = 1024
"""How many model names an upstream remembers the options of: clients may ask for anything."""


class Option(Struct, frozen=True):
    """A candidate and the provider that speaks for it."""

    candidate: Candidate
    provider: Provider


class Upstream(Struct, frozen=True, eq=False):
    """A provider and its keys; without keys only a client's own login, or none at all, can go there."""

    provider: Provider
    credentials: tuple[Credential, ...]
    _remembered: dict[str, tuple[Option, ...] | None] = field(default_factory=dict)

    def options(self, model: str) -> tuple[Option, ...] | None:
        """An option for each key; None where this upstream does not serve `model`. Hot path."""
        try:
            return self._remembered[model]
        except KeyError:
            pass
        name = self.provider.upstream_model(model)
        options = None if name is None else tuple(self.option(name, credential) for credential in self.credentials)
        if len(self._remembered) < MOST_MODELS:
            self._remembered[model] = options
        return options

    def option(self, name: str, credential: Credential) -> Option:
        """The upstream's model `name`, asked for with `credential`."""
        return Option(Candidate(self.provider.name, credential, name), self.provider)


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


class Snapshot(Struct, frozen=True):
    """An assembled configuration. `upstreams` are in priority order; times in seconds, `inf` is none.

    `failover_timeout` is how long an attempt may take until its first meaningful byte while another candidate is
    left; `hold` how long a stream's beginning may be kept back for a silent failover; `timeout` bounds the whole
    exchange. `max_concurrent` 0 is unlimited.
    """

    generation: int
    upstreams: tuple[Upstream, ...]
    access: Access = Access()
    retry: Retry = Retry()
    strategy: str = "failover"
    failover_timeout: float = 5.0
    hold: float = 1.0
    timeout: float = inf
    max_concurrent: int = 0
    shows_debug_headers: bool = False
