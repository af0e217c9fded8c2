"""The expected cost of one request."""

import pytest
from tests.support.contenders import ask

from cc_relay.exchange import Price
from cc_relay.policy.routing.cost import expected_cost

PRICE = Price(input=3.0, output=15.0, cache_read=0.3, cache_write_5m=3.75, cache_write_1h=6.0)
LONG = Price(input=6.0, output=22.5, cache_read=0.6, cache_write_5m=7.5, cache_write_1h=12.0)
TIERED = Price(3.0, 15.0, 0.3, 3.75, 6.0, long_above=200_000, long=LONG)


def test_without_a_cache_it_is_input_and_output() -> None:
    assert expected_cost(PRICE, ask(input=1_000_000, output=100_000), is_warm=False) == pytest.approx(3.0 + 1.5)


def test_cached_tokens_are_read_where_they_lie() -> None:
    request = ask(input=1_000_000, output=0, cached=900_000)

    assert expected_cost(PRICE, request, is_warm=True) == pytest.approx(0.1 * 3.0 + 0.9 * 0.3)


def test_elsewhere_they_are_written() -> None:
    request = ask(input=1_000_000, output=0, cached=900_000)

    assert expected_cost(PRICE, request, is_warm=False) == pytest.approx(0.1 * 3.0 + 0.9 * 3.75)


def test_where_writing_has_no_price_it_costs_what_input_costs() -> None:
    cached_unasked = Price(input=2.0, output=0.0, cache_read=0.2, cache_write_5m=0.0, cache_write_1h=0.0)

    assert expected_cost(cached_unasked, ask(input=10**6, cached=10**6), is_warm=False) == pytest.approx(2.0)


def test_no_more_is_cached_than_the_prompt_holds() -> None:
    assert expected_cost(PRICE, ask(input=10**6, output=0, cached=10**9), is_warm=True) == pytest.approx(0.3)


@pytest.mark.parametrize(("tokens", "price"), [(200_000, PRICE), (200_001, LONG)])
def test_a_prompt_above_the_bound_is_priced_whole_by_the_long_tier(tokens: int, price: Price) -> None:
    request = ask(input=tokens, output=1_000, cached=100_000)

    for is_warm in (True, False):
        assert expected_cost(TIERED, request, is_warm=is_warm) == expected_cost(price, request, is_warm=is_warm)


def test_a_bound_of_0_is_none() -> None:
    tierless = Price(3.0, 15.0, 0.3, 3.75, 6.0, long_above=0, long=LONG)

    assert expected_cost(tierless, ask(), is_warm=False) == expected_cost(PRICE, ask(), is_warm=False)
