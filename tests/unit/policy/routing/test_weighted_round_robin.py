"""weighted_round_robin: shares by weight, smoothly."""

from collections import Counter

import pytest
from tests.support.contenders import ask, firsts, names, provider, weighted

from cc_relay.policy.routing.weighted_round_robin import WeightedRoundRobin


@pytest.mark.parametrize(
    ("weights", "order"),
    [
        ({"a": 3, "b": 1}, "aaba" * 2),
        ({"a": 2, "b": 1}, "aba" * 2),
        # The example of nginx's own commit (52327e0, "smooth weighted round-robin balancing").
        ({"a": 5, "b": 1, "c": 1}, "aabacaa" * 2),
        ({"a": 1, "b": 1, "c": 1}, "abc" * 2),
        ({"a": 300, "b": 100}, "aaba" * 2),
    ],
)
def test_shares_are_interleaved_as_nginx_does(weights: dict[str, int], order: str) -> None:
    assert firsts(WeightedRoundRobin(), weighted(**weights), len(order)) == order


def test_the_others_follow_by_what_they_are_owed() -> None:
    strategy = WeightedRoundRobin()
    strategy.rank(weighted(a=5, b=1, c=3), ask())

    assert names(strategy.rank(weighted(a=5, b=1, c=3), ask())) == "cba"


def test_weight_0_is_last_and_never_owed_anything() -> None:
    strategy = WeightedRoundRobin()

    assert {names(strategy.rank(weighted(spare=0, a=1, b=1), ask())) for _ in range(10)} == {"abspare", "baspare"}


def test_a_weight_set_to_0_by_a_reload_takes_its_credit_along() -> None:
    strategy = WeightedRoundRobin()
    firsts(strategy, weighted(a=1, b=1, c=1), 2)

    assert names(strategy.rank(weighted(a=1, b=1, c=0), ask())) == "abc"


def test_weights_beyond_all_measure_are_shared_all_the_same() -> None:
    assert firsts(WeightedRoundRobin(), weighted(a=10**400, b=10**400), 4) == "abab"


def test_without_any_weight_all_are_alike() -> None:
    assert firsts(WeightedRoundRobin(), weighted(a=0, b=0), 4) == "abab"


def test_large_weights_leave_no_large_debt_behind() -> None:
    strategy = WeightedRoundRobin()
    firsts(strategy, weighted(a=1000, b=1), 500)

    assert Counter(firsts(strategy, weighted(a=1, b=1), 10)) == {"a": 5, "b": 5}


def test_in_other_company_a_weight_counts_among_those_present() -> None:
    strategy = WeightedRoundRobin()
    pairs = [firsts(strategy, weighted(a=3, b=1), 1) + firsts(strategy, weighted(b=1, c=1), 1) for _ in range(40)]

    assert Counter("".join(pairs)) == {"a": 30, "b": 30, "c": 20}


def test_its_reason_is_the_weight() -> None:
    assert WeightedRoundRobin().reason(provider("a", weight=3), ask()) == "weight 3"


def test_its_repr_tells_what_each_is_owed() -> None:
    strategy = WeightedRoundRobin()
    assert repr(strategy) == "<WeightedRoundRobin nobody yet>"

    firsts(strategy, weighted(a=3, b=1), 1)
    assert repr(strategy) == "<WeightedRoundRobin a -0.25, b +0.25>"
