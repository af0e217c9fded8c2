"""What outlives a configuration: how providers and keys fare, whose turn it is, what hedging has saved up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cc_relay.policy.breaker import CircuitBreaker
from cc_relay.policy.hedge import HedgeBudget
from cc_relay.policy.key_pool import KeyPool
from cc_relay.policy.routing import STRATEGIES, Standing, renew
from cc_relay.runtime.credentials.sources import kept

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from cc_relay.policy.key import Key, KeySettings
    from cc_relay.policy.routing import Strategy, StrategySettings
    from cc_relay.runtime.credentials.kept import KeptCredential
    from cc_relay.runtime.credentials.sources import Recipe


class Fleet:
    """Live state by identity: a provider's name, and in it a key's fingerprint and the shape of its limits.

    Every snapshot takes its state from here. A reload finds what is still called the same as it was left, and with
    `keep` forgets what is gone; requests that are under way go on with what they have.
    """

    def __init__(self) -> None:
        self._pools: dict[str, KeyPool] = {}
        self._breakers: dict[str, CircuitBreaker] = {}
        self._standings: dict[str, Standing] = {}
        self._sources: dict[str, tuple[Recipe, KeptCredential]] = {}
        self._strategy: Strategy | None = None
        self._budget: tuple[float, HedgeBudget] | None = None

    def __repr__(self) -> str:
        return f"<Fleet {', '.join(self._pools) or 'empty'}>"

    def pool(self, name: str, keys: Sequence[KeySettings], strategy: str) -> KeyPool:
        """The provider's keys, each as it was left."""
        known = self._pools.get(name)
        carried: Mapping[str, Key] = {} if known is None else {key.name: key for key in known.keys}
        self._pools[name] = pool = KeyPool(keys, strategy=strategy, carried=carried)
        return pool

    def breaker(self, name: str, *, threshold: int, open_for: float, probes: int) -> CircuitBreaker:
        """The provider's circuit breaker, in the state it was left in."""
        breaker = self._breakers.get(name)
        if breaker is None:
            breaker = self._breakers[name] = CircuitBreaker(threshold, open_for, probes)
        else:
            breaker.configure(threshold, open_for, probes)
        return breaker

    def standing(self, name: str) -> Standing:
        """What is in flight at the provider, and how quick it was."""
        return self._standings.setdefault(name, Standing())

    def source(self, recipe: Recipe | None, name: str, environ: Mapping[str, str]) -> KeptCredential | None:
        """The provider's kept credential, as it was left where it is come by as before; None without a recipe."""
        if recipe is None:
            self._sources.pop(name, None)
            return None
        known = self._sources.get(name)
        if known is None or known[0] != recipe:
            known = self._sources[name] = recipe, kept(recipe, environ, lambda: self._readmit(name))
        return known[1]

    def _readmit(self, name: str) -> None:
        """A new credential of the provider's: its key is no longer out because of the old one."""
        pool = self._pools.get(name)
        if pool is not None:
            pool.readmit()

    def source_of(self, name: str) -> KeptCredential | None:
        """The kept credential of the provider called `name`."""
        known = self._sources.get(name)
        return None if known is None else known[1]

    @property
    def sources(self) -> tuple[KeptCredential, ...]:
        """The kept credentials in use; whoever runs the relay starts them, and stops those that are here no more."""
        return tuple(source for _, source in self._sources.values())

    def strategy(self, name: str, settings: StrategySettings) -> Strategy:
        """The strategy of that name, with the turns it remembers."""
        known = self._strategy
        self._strategy = STRATEGIES[name](settings) if known is None else renew(known, name, settings)
        return self._strategy

    def hedge_budget(self, share: float) -> HedgeBudget:
        """What was saved up under the same share; else an empty one."""
        if self._budget is None or self._budget[0] != share:
            self._budget = share, HedgeBudget(share)
        return self._budget[1]

    def keep(self, names: Collection[str]) -> None:
        """Forget the providers that are not among `names` any more."""
        for table in (self._pools, self._breakers, self._standings, self._sources):
            for name in table.keys() - set(names):
                del table[name]
