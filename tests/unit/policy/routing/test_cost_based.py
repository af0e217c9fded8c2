"""cost_based: the cheapest for this request."""

from tests.support.contenders import ask, names, provider

from cc_relay.exchange import Price
from cc_relay.policy.routing import Ask
from cc_relay.policy.routing.cost_based import CostBased


def price(of_input: float, of_output: float = 0.0) -> Price:
    return Price(of_input, of_output, of_input / 10, of_input * 1.25, of_input * 2)


def ranked(request: Ask, **prices: Price | None) -> str:
    return names(CostBased().rank([provider(name, price=price) for name, price in prices.items()], request))


def test_the_cheapest_goes_first() -> None:
    assert ranked(ask(), a=price(5.0), b=price(1.0), c=price(3.0)) == "bca"


def test_what_is_cheapest_depends_on_the_request() -> None:
    prices = {"a": price(1.0, 20.0), "b": price(2.0, 5.0)}

    assert ranked(ask(input=100_000, output=10), **prices) == "ab"
    assert ranked(ask(input=1_000, output=5_000), **prices) == "ba"


def test_an_unknown_price_comes_last() -> None:
    assert ranked(ask(), a=None, b=price(1000.0), c=None) == "bac"


def test_equals_go_by_priority() -> None:
    assert ranked(ask(), a=price(1.0), b=price(1.0), c=price(1.0)) == "abc"


def test_a_warm_cache_makes_a_dearer_provider_the_cheaper_one() -> None:
    prices = {"dear": price(5.0), "cheap": price(1.0)}
    cold = ask(input=100_000, cached=99_000)
    warm = ask(input=100_000, cached=99_000, warm_at="dear")

    assert ranked(cold, **prices) == "cheapdear"
    assert ranked(warm, **prices) == "dearcheap"


def test_the_long_tier_can_turn_the_order() -> None:
    tiered = Price(0.1, 0.5, 0.01, 0.125, 0.2, long_above=100_000, long=price(4.0))
    prices = {"tiered": tiered, "flat": price(2.0)}

    assert ranked(ask(input=100_000), **prices) == "tieredflat"
    assert ranked(ask(input=100_001), **prices) == "flattiered"


def test_its_reason_is_the_expected_cost() -> None:
    strategy = CostBased()
    known = provider("a", price=price(3.0, 15.0))

    assert strategy.reason(known, ask(input=2_000, output=500)) == "$0.0135 expected"
    assert strategy.reason(known, ask(input=2_000, output=0, cached=2_000, warm_at="a")) == (
        "$0.0006 expected, its cache is warm"
    )
    assert strategy.reason(provider("b"), ask()) == "price unknown"
