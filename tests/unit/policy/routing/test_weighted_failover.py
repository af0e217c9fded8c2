"""weighted_failover: the first by weight, the rest by priority."""

import pytest
from tests.support.contenders import ask, names, provider, throws, weighted

from cc_relay.policy.routing.weighted_failover import WeightedFailover


def ranked(throw: float, **weights: int) -> str:
    return names(WeightedFailover().rank(weighted(**weights), ask(dice=throws(throw))))


@pytest.mark.parametrize(("throw", "order"), [(0.0, "abc"), (0.59, "abc"), (0.61, "bac"), (0.89, "bac"), (0.91, "cab")])
def test_the_first_is_thrown_by_weight_and_the_others_stand_by_in_order(throw: float, order: str) -> None:
    assert ranked(throw, a=6, b=3, c=1) == order


@pytest.mark.parametrize("throw", [0.0, 0.5, 1 - 2**-53])
def test_weight_0_is_never_thrown(throw: float) -> None:
    assert ranked(throw, a=0, b=1, c=0) == "bac"


def test_without_any_weight_it_is_failover() -> None:
    assert ranked(0.99, a=0, b=0) == "ab"


def test_weights_too_large_for_a_float_are_thrown_all_the_same() -> None:
    assert ranked(0.75, a=10**400, b=10**400) == "ba"


def test_its_reason_is_weight_and_priority() -> None:
    assert WeightedFailover().reason(provider("a", weight=3, priority=2), ask()) == "weight 3, priority 2"
