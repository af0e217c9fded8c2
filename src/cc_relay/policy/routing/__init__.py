"""The strategies: each ranks all contenders for one request, best first."""

from collections.abc import Callable

from msgspec import Struct

from cc_relay.policy.routing.contender import Ask, Contender, Standing, Strategy
from cc_relay.policy.routing.cost import expected_cost
from cc_relay.policy.routing.cost_based import CostBased
from cc_relay.policy.routing.failover import Failover
from cc_relay.policy.routing.latency_based import LatencyBased
from cc_relay.policy.routing.least_loaded import LeastLoaded
from cc_relay.policy.routing.model_based import ModelBased
from cc_relay.policy.routing.round_robin import RoundRobin
from cc_relay.policy.routing.shuffle import Shuffle
from cc_relay.policy.routing.weighted_failover import WeightedFailover
from cc_relay.policy.routing.weighted_round_robin import WeightedRoundRobin

__all__ = ["STRATEGIES", "Ask", "Contender", "Standing", "Strategy", "StrategySettings", "expected_cost", "renew"]


class StrategySettings(Struct, frozen=True):
    """What strategies take from the configuration: the provider of each model prefix, and of all else ("": none)."""

    model_mapping: dict[str, str] = {}
    default_provider: str = ""


STRATEGIES: dict[str, Callable[[StrategySettings], Strategy]] = {
    "failover": lambda _: Failover(),
    "weighted_failover": lambda _: WeightedFailover(),
    "round_robin": lambda _: RoundRobin(),
    "weighted_round_robin": lambda _: WeightedRoundRobin(),
    "shuffle": lambda _: Shuffle(),
    "least_loaded": lambda _: LeastLoaded(),
    "model_based": lambda settings: ModelBased(settings.model_mapping, settings.default_provider),
    "latency_based": lambda _: LatencyBased(),
    "cost_based": lambda _: CostBased(),
}
"""What makes each strategy, by its name in the configuration."""


def renew(strategy: Strategy, name: str, settings: StrategySettings) -> Strategy:
    """The strategy after a reload: the same object while its name is, so that turns and credits go on.

    What it remembers is by name of contender, so any set may come next. `model_based` is its settings, and made anew.
    """
    if strategy.name == name and not isinstance(strategy, ModelBased):
        return strategy
    return STRATEGIES[name](settings)
