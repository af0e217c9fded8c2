"""Where a session belongs, and what staying there is worth."""

from math import inf, nan

import pytest

from cc_relay.exchange import Price
from cc_relay.policy.affinity import LONGEST_WAIT, USUAL_PRICE, rendezvous, worth_waiting

EQUAL = [("alpha", 1.0), ("beta", 1.0), ("gamma", 1.0), ("delta", 1.0)]
WEIGHED = [("alpha", 1.0), ("beta", 3.0), ("gamma", 0.0), ("delta", 0.5)]

OPUS = Price(input=4.0, output=20.0, cache_read=0.2, cache_write_5m=5.0, cache_write_1h=8.0)
FREE = Price(input=0.0, output=0.0, cache_read=0.0, cache_write_5m=0.0, cache_write_1h=0.0)


def names(session: str, nodes: list[tuple[str, float]]) -> list[str]:
    return [nodes[index][0] for index in rendezvous(session, nodes)]


# Pinned: another process, another release and another relay must find the same, or every session loses its cache.
@pytest.mark.parametrize(
    ("session", "equal", "weighed"),
    [
        ("0191d7a2-5f0e-7c3a-9c55-1f6f0a3e2b11", "alpha gamma beta delta", "alpha beta delta gamma"),
        ("user_42", "beta alpha gamma delta", "beta alpha delta gamma"),
        ("", "beta delta alpha gamma", "beta alpha delta gamma"),
    ],
)
def test_the_order_is_the_same_in_every_process(session: str, equal: str, weighed: str) -> None:
    assert names(session, EQUAL) == equal.split()
    assert names(session, WEIGHED) == weighed.split()


def test_no_nodes_have_no_order() -> None:
    assert rendezvous("a", []) == []


def test_nodes_of_one_name_keep_their_order() -> None:
    assert rendezvous("a", [("x", 1.0), ("x", 1.0), ("x", 1.0)]) == [0, 1, 2]


@pytest.mark.parametrize("weight", [0.0, -1.0, -inf, nan])
def test_a_weight_of_nothing_comes_last(weight: float) -> None:
    for session in map(str, range(200)):
        assert rendezvous(session, [("none", weight), ("least", 1e-300), ("one", 1.0)])[-1] == 0


def test_without_any_weight_sessions_are_spread_all_the_same() -> None:
    firsts = {rendezvous(str(session), [("x", 0.0), ("y", 0.0)])[0] for session in range(100)}
    assert firsts == {0, 1}


def test_an_absurd_weight_takes_everything_and_breaks_nothing() -> None:
    nodes = [("one", 1.0), ("all", inf)]
    assert sum(rendezvous(str(session), nodes)[0] for session in range(200)) >= 199


def test_session_and_name_do_not_run_into_each_other() -> None:
    # With "ab" + "c" hashed like "a" + "bc" both would draw the same numbers.
    orders = {tuple(rendezvous(session, [(tail, 1.0), ("z", 1.0)])) for session, tail in long_pairs()}
    assert len(orders) == 2


def long_pairs() -> list[tuple[str, str]]:
    text = "abcdefghijklmnopqrstuvwxyz"
    return [(text[:cut], text[cut:]) for cut in range(1, 26)]


def test_a_text_that_is_no_unicode_has_a_place_too() -> None:
    assert sorted(rendezvous("\udcff", [("\ud800", 1.0), ("b", 1.0)])) == [0, 1]


def test_a_wait_is_worth_the_money_and_the_time_that_moving_costs() -> None:
    # 100,000 tokens written at 5.00 and not read at 0.20 USD a million: 0.48 USD, or 17.28 s of 100 USD an hour.
    # 100,000 tokens gone through at 10,000 a second: 10 s.
    assert worth_waiting(100_000, OPUS, 0.0) == pytest.approx(27.28)


def test_where_tokens_cost_nothing_the_time_remains() -> None:
    assert worth_waiting(100_000, FREE, 0.0) == pytest.approx(10.0)


def test_an_unknown_price_is_the_usual_one() -> None:
    assert worth_waiting(50_000, None, 0.0) == worth_waiting(50_000, USUAL_PRICE, 0.0) > 0


@pytest.mark.parametrize("cached", [0, -1])
def test_without_a_cache_no_wait_is_worth_anything(cached: int) -> None:
    assert worth_waiting(cached, OPUS, 0.0) == 0.0


@pytest.mark.parametrize("idle", [300.0, 301.0, inf, nan])
def test_a_dead_cache_is_worth_no_wait(idle: float) -> None:
    assert worth_waiting(100_000, OPUS, idle) == 0.0


def test_no_wait_outlasts_the_cache() -> None:
    assert worth_waiting(100_000, OPUS, 295.0) == pytest.approx(5.0)


def test_a_cache_of_an_hour_lives_longer_and_costs_more_to_write() -> None:
    assert worth_waiting(50_000, OPUS, 1800.0, lifetime=3600.0) == pytest.approx(50_000 * 7.8e-6 * 36 + 5.0)


def test_a_long_prompt_is_priced_by_its_own_tier() -> None:
    tiers = Price(0.1, 0.5, 0.01, 0.125, 0.2, long_above=100_000, long=Price(0.5, 2.5, 0.05, 0.625, 1.0))
    assert worth_waiting(100_000, tiers, 0.0) == pytest.approx(10.0 + 0.0115 * 36)
    assert worth_waiting(100_001, tiers, 0.0) == pytest.approx(10.0 + 0.0575 * 36, rel=1e-4)


def test_a_wait_that_would_make_the_client_give_up_is_worth_nothing_more() -> None:
    assert worth_waiting(10**12, OPUS, 0.0) == LONGEST_WAIT


def test_a_clock_that_stepped_back_makes_no_cache_younger_than_new() -> None:
    assert worth_waiting(50_000, OPUS, -1e9, lifetime=5.0) == 5.0


def test_a_write_that_is_cheaper_than_a_read_earns_no_wait() -> None:
    odd = Price(1.0, 1.0, cache_read=1.0, cache_write_5m=0.0, cache_write_1h=0.0)
    assert worth_waiting(50_000, odd, 0.0) == worth_waiting(50_000, FREE, 0.0)


@pytest.mark.parametrize("price", [nan, inf, -inf])
def test_a_garbled_price_gives_a_wait_within_bounds(price: float) -> None:
    garbled = Price(price, price, price, price, price)
    assert 0.0 <= worth_waiting(50_000, garbled, 0.0) <= LONGEST_WAIT
