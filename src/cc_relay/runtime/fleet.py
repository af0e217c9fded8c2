"""What outlives a configuration: how providers and keys fare, whose turn it is, where sessions live."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cc_relay.policy.breaker import CircuitBreaker
from cc_relay.policy.hedge import HedgeBudget
from cc_relay.policy.key_pool import KeyPool
from cc_relay.policy.routing import STRATEGIES, Standing, StrategySettings, renew

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cc_relay.policy.key import Key, KeySettings
    from cc_relay.policy.routing import Strategy


class Fleet:
    """Live state by identity: a provider's name, a key's fingerprint and the shape of its limits.

    Every snapshot takes its state from here; a reload finds what is still called the same as it left it, and forgets
    what is gone with `keep`.
    """

    def __init__(self) -> None:
        self._pools: dict[str, KeyPool] = {}
        self._breakers: dict[str, CircuitBreaker] = {}
        self._standings: dict[str, Standing] = {}
        self._strategy: Strategy | None = None
        self._budgets: dict[float, HedgeBudget] = {}

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
        return self._standings.setdefault(name, Standing())

    def strategy(self, name: str, settings: StrategySettings) -> Strategy:
        known = self._strategy
        self._strategy = STRATEGIES[name](settings) if known is None else renew(known, name, settings)
        return self._strategy

    def hedge_budget(self, share: float) -> HedgeBudget:
        return self._budgets.setdefault(share, HedgeBudget(share))

    def keep(self, names: set[str]) -> None:
        """Forget the providers that are not among `names` any more."""
        for table in (self._pools, self._breakers, self._standings):
            for name in table.keys() - names:
                del table[name]
