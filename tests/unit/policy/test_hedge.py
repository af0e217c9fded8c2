"""Hedging: when, and how often."""

from math import inf, nan

import pytest

from cc_relay.policy.hedge import BURST, LEAST_WAIT, HedgeBudget, hedge_after
from cc_relay.policy.latency import LEAST_OBSERVATIONS, Latency


def budget(share: float, earned: int = 0) -> HedgeBudget:
    made = HedgeBudget(share)
    for _ in range(earned):
        made.earn()
    return made


def spendable(made: HedgeBudget) -> int:
    """How many hedges it pays for, up to a thousand."""
    return next((number for number in range(1000) if not made.try_spend()), 1000)


def learned(seconds: float, observations: int = LEAST_OBSERVATIONS) -> Latency:
    latency = Latency()
    for _ in range(observations):
        latency.observe(seconds, 0.0)
    return latency


def test_a_budget_starts_empty() -> None:
    assert not HedgeBudget(1.0).try_spend()


@pytest.mark.parametrize(("share", "requests"), [(0.05, 20), (0.1, 10), (0.5, 2), (1.0, 1)])
def test_a_hedge_is_earned_by_exactly_so_many_requests(share: float, requests: int) -> None:
    assert spendable(budget(share, requests - 1)) == 0
    assert spendable(budget(share, requests)) == 1


def test_what_is_saved_up_is_bounded() -> None:
    assert spendable(budget(0.1, earned=10_000)) == BURST


@pytest.mark.parametrize("share", [0.0, -1.0, nan, 5e-324])
def test_a_share_of_nothing_pays_for_nothing(share: float) -> None:
    assert spendable(budget(share, earned=1000)) == 0


@pytest.mark.parametrize("share", [2.0, inf])
def test_no_share_pays_for_more_than_a_hedge_for_each_request(share: float) -> None:
    assert spendable(budget(share, earned=3)) == 3


def test_it_introduces_itself() -> None:
    assert repr(budget(0.05, earned=45)) == "<HedgeBudget 2 of 10, one for every 20 requests>"
    assert repr(budget(0.0, earned=45)) == "<HedgeBudget 0 of 10, one for every inf requests>"


def test_a_first_token_is_late_after_the_p95_by_the_factor() -> None:
    assert hedge_after(learned(2.0), 1.5, 0.0) == 3.0


def test_nothing_is_late_where_too_little_is_known() -> None:
    assert hedge_after(learned(2.0, LEAST_OBSERVATIONS - 1), 1.5, 0.0) is None


@pytest.mark.parametrize("factor", [0.1, 0.0, -3.0, nan])
def test_nothing_is_late_before_the_p95(factor: float) -> None:
    assert hedge_after(learned(2.0), factor, 0.0) == 2.0


def test_an_infinite_factor_never_hedges() -> None:
    assert hedge_after(learned(2.0), inf, 0.0) is None


def test_every_first_request_gets_a_moment() -> None:
    assert hedge_after(learned(0.001), 1.5, 0.0) == LEAST_WAIT
