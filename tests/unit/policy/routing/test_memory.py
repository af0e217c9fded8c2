"""What strategies remember is bounded, by forgetting who does not come any more."""

from collections.abc import Callable, Sized

import pytest
from tests.support.contenders import Provider, ask, firsts, provider, providers

from cc_relay.policy.routing.contender import Strategy
from cc_relay.policy.routing.least_loaded import LeastLoaded
from cc_relay.policy.routing.memory import MEMORY, forget_absent
from cc_relay.policy.routing.round_robin import RoundRobin
from cc_relay.policy.routing.shuffle import Shuffle
from cc_relay.policy.routing.weighted_round_robin import WeightedRoundRobin

REQUEST = ask(dice=lambda: 0.5)
MEMORIES: dict[type[Strategy], Callable[..., Sized]] = {
    RoundRobin: lambda strategy: strategy._turns.last,
    LeastLoaded: lambda strategy: strategy._turns.last,
    WeightedRoundRobin: lambda strategy: strategy._credits,
    Shuffle: lambda strategy: strategy._cards,
}


def pair(number: int) -> list[Provider]:
    return [provider(f"{number} a"), provider(f"{number} b")]


@pytest.mark.parametrize("strategy", MEMORIES)
def test_names_that_come_and_go_do_not_fill_the_memory(strategy: type[Strategy]) -> None:
    one = strategy()
    for number in range(2 * MEMORY):
        one.rank(pair(number), REQUEST)

    assert 0 < len(MEMORIES[strategy](one)) <= MEMORY


@pytest.mark.parametrize("strategy", [RoundRobin, LeastLoaded, WeightedRoundRobin, Shuffle])
def test_a_set_larger_than_the_memory_is_still_served_in_turn(strategy: type[Strategy]) -> None:
    crowd = [provider(f"{number} ") for number in range(MEMORY + 100)]
    one = strategy()
    served = {one.rank(crowd, REQUEST)[0].name for _ in crowd}

    assert len(served) == len(crowd)


def test_those_present_are_kept() -> None:
    memory = {"a": 1, "b": 2, "c": 3}
    forget_absent(memory, providers("bd"))

    assert memory == {"b": 2}


def test_a_forgotten_name_is_new_when_it_comes_back() -> None:
    strategy = RoundRobin()
    firsts(strategy, providers("ab"), 2)
    strategy.rank([provider(f"{number} ") for number in range(MEMORY)], REQUEST)
    for number in range(MEMORY):
        strategy.rank([provider(f"other {number}")], REQUEST)

    assert strategy.reason(provider("a"), REQUEST) == "had no turn yet"
