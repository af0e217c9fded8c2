"""What models cost; the numbers are those of the vendors' public price lists, November 2026."""

from math import isclose

import pytest

from cc_relay.exchange import Price
from cc_relay.ledger.prices import FREE, LISTS, MOST_KNOWN, PriceChange, PriceList
from cc_relay.providers.registry import TYPES

PRICES = PriceList.load()


@pytest.mark.parametrize(
    ("model", "price"),
    [
        ("claude-fable-5-2", Price(8, 40, 0.2, 10, 16)),
        ("claude-mythos-5-2", Price(8, 40, 0.2, 10, 16)),
        ("claude-fable-5-1", Price(10, 50, 0.25, 12.5, 20)),
        ("claude-mythos-5-1", Price(10, 50, 0.25, 12.5, 20)),
        ("claude-mythos-5", Price(10, 50, 1, 12.5, 20)),
        ("claude-mythos-preview", Price(10, 50, 1, 12.5, 20)),
        ("claude-opus-5-5", Price(4, 20, 0.2, 5, 8)),
        ("claude-opus-5", Price(5, 25, 0.5, 6.25, 10)),
        ("claude-opus-4-6", Price(5, 25, 0.5, 6.25, 10)),
        ("claude-opus-4-5-20251101", Price(5, 25, 0.5, 6.25, 10)),
        ("claude-opus-4-1", Price(15, 75, 1.5, 18.75, 30)),
        ("claude-sonnet-5-5[1m]", Price(2, 10, 0.1, 2.5, 4)),
        ("claude-sonnet-5", Price(2, 10, 0.2, 2.5, 4)),
        ("claude-sonnet-4-6", Price(3, 15, 0.3, 3.75, 6)),
        ("claude-haiku-5-5", Price(0.1, 0.5, 0.01, 0.125, 0.2, 100_000, Price(0.5, 2.5, 0.05, 0.625, 1))),
        ("claude-haiku-4-5-20251001", Price(1, 5, 0.1, 1.25, 2)),
        ("claude-3-5-haiku-20241022", Price(0.8, 4, 0.08, 1, 1.6)),
    ],
)
def test_claude_costs_what_anthropic_says(model: str, price: Price) -> None:
    assert PRICES.price(model, "anthropic") == price


@pytest.mark.parametrize(
    ("provider_type", "model", "listed"),
    [
        ("zai", "glm-5.3", (1.4, 4.4, 0.26)),
        ("zai", "GLM-4.5-Air", (0.2, 1.1, 0.03)),
        ("zai", "glm-5.3-flash[1m]", (0.15, 0.5, 0.03)),
        ("minimax", "MiniMax-M3", (0.3, 1.2, 0.06)),
        ("minimax", "MiniMax-M2.5", (0.3, 1.2, 0.03)),
        ("anthropic_compatible", "deepseek-flash", (0.3, 1.2, 0.006)),
        ("anthropic_compatible", "deepseek-v4-pro", (1.32, 3.96, 0.044)),
        ("anthropic_compatible", "deepseek/deepseek-v4-pro", (1.32, 3.96, 0.044)),
        ("anthropic_compatible", "kimi-k3.1-pro", (2, 10, 0.2)),
        ("anthropic_compatible", "moonshotai/kimi-k2.7-code", (0.95, 4, 0.19)),
        ("anthropic_compatible", "z-ai/glm-5.3", (1.4, 4.4, 0.26)),
        ("anthropic_compatible", "minimax-m3.1-flash", (0.15, 0.6, 0.015)),
        ("anthropic_compatible", "anthropic/claude-opus-5.5", (4, 20, 0.2)),
        ("anthropic_compatible", "qwen/qwen3-coder-plus", (0.65, 3.25, 0.13)),
        ("openai_compatible", "glm-4.6", (0.6, 2.2, 0.11)),
    ],
)
def test_other_vendors_have_lists_too(provider_type: str, model: str, listed: tuple[float, float, float]) -> None:
    price = PRICES.price(model, provider_type)
    assert price is not None
    assert (price.input, price.output, price.cache_read) == listed


@pytest.mark.parametrize(
    ("model", "times"),
    [
        ("global.anthropic.claude-opus-5-5", 1.0),
        ("us.anthropic.claude-opus-5-5", 1.1),
        ("anthropic.claude-opus-5-5", 1.1),
        ("us-gov.anthropic.claude-sonnet-4-5-20250929-v1:0", 1.2),
        ("us.anthropic.claude-haiku-4-5-20251001-v1:0", 1.1),
        ("us.anthropic.claude-opus-4-1-20250805-v1:0", 1.0),
        ("us.anthropic.claude-sonnet-4-20250514-v1:0", 1.0),
        ("anthropic.claude-3-5-haiku-20241022-v1:0", 1.0),
    ],
)
def test_bedrock_takes_more_for_staying_in_a_region(model: str, times: float) -> None:
    here, listed = PRICES.price(model, "bedrock"), PRICES.price(model, "anthropic")
    assert here is not None
    assert listed is not None
    for kind in PriceChange.__struct_fields__:
        assert isclose(getattr(here, kind), times * getattr(listed, kind))


def test_a_long_tier_costs_more_in_a_region_too() -> None:
    price = PRICES.price("eu.anthropic.claude-haiku-5-5", "bedrock")
    assert price is not None
    assert price.long_above == 100_000
    assert price.long == Price(0.55, 2.75, 0.055, 0.6875, 1.1)


@pytest.mark.parametrize("cloud", ["vertex", "azure"])
def test_other_clouds_sell_claude_as_anthropic_does(cloud: str) -> None:
    assert PRICES.price("claude-opus-4-5@20251101", cloud) == PRICES.price("claude-opus-4-5", "anthropic")


@pytest.mark.parametrize(
    ("model", "provider_type"),
    [
        ("claude-opus-9", "anthropic"),
        ("our-deployment", "azure"),
        ("claude-opus-5-5", "zai"),  # becomes some GLM there
        ("qwen3-coder-plus", "anthropic_compatible"),
        ("zai-org/GLM-4.6", "anthropic_compatible"),  # hosted by somebody else
        ("qwen/qwen3-coder:free", "anthropic_compatible"),
        ("claude-opus-5-5", "a-type-to-come"),
        ("x" * 10_000, "anthropic"),
        ("", "anthropic"),
    ],
)
def test_a_price_nobody_knows_is_none_and_never_nothing(model: str, provider_type: str) -> None:
    assert PRICES.price(model, provider_type) is None


def test_ollama_is_free_and_that_is_known() -> None:
    assert PRICES.price("qwen3:8b", "ollama") is FREE


def test_every_provider_type_has_a_list_or_is_free() -> None:
    assert TYPES.keys() - LISTS.keys() == {"ollama"}


def test_a_change_replaces_what_it_names() -> None:
    prices = PRICES.with_overrides({"claude-opus-5-5": PriceChange(input=3, cache_read=0)})
    assert prices.price("claude-opus-5-5", "anthropic") == Price(3, 20, 0, 5, 8)
    assert prices.price("claude-opus-5", "anthropic") == PRICES.price("claude-opus-5", "anthropic")
    assert PRICES.price("claude-opus-5-5", "anthropic") == Price(4, 20, 0.2, 5, 8)


def test_a_canonical_name_changes_every_way_to_write_it_and_an_exact_one_wins() -> None:
    exact = "us.anthropic.claude-opus-5-5"
    prices = PRICES.with_overrides({"claude-opus-5-5": PriceChange(output=1), exact: PriceChange(output=2)})
    found = [prices.price(model, "bedrock") for model in ("eu.anthropic.claude-opus-5-5", exact)]
    assert [price and price.output for price in found] == [1, 2]


def test_a_changed_price_has_no_long_tier() -> None:
    changed = PRICES.with_overrides({"claude-haiku-5-5": PriceChange(output=0.4)})
    assert changed.price("claude-haiku-5-5", "anthropic") == Price(0.1, 0.4, 0.01, 0.125, 0.2)
    as_listed = PRICES.with_overrides({"claude-haiku-5-5": PriceChange()})
    assert as_listed.price("claude-haiku-5-5", "anthropic") == PRICES.price("claude-haiku-5-5", "anthropic")


@pytest.mark.parametrize(
    ("change", "price"),
    [
        (PriceChange(input=1, output=2), Price(1, 2, 1, 1, 1)),
        (PriceChange(input=1, output=2, cache_read=0.1, cache_write_5m=1.5), Price(1, 2, 0.1, 1.5, 1.5)),
        (PriceChange(input=0, output=0), FREE),
        (PriceChange(input=1), None),
        (PriceChange(output=1, cache_read=1), None),
    ],
)
def test_a_model_no_list_knows_needs_two_prices_at_least(change: PriceChange, price: Price | None) -> None:
    assert PRICES.with_overrides({"our-deployment": change}).price("our-deployment", "azure") == price


def test_even_ollama_may_cost_something() -> None:
    prices = PRICES.with_overrides({"gpt-oss:120b-cloud": PriceChange(input=1, output=2)})
    assert prices.price("gpt-oss:120b-cloud", "ollama") == Price(1, 2, 0, 0, 0)


def test_an_endless_row_of_names_is_not_remembered() -> None:
    prices = PriceList.load()
    for number in range(MOST_KNOWN + 10):
        assert prices.price(f"claude-{number}-x", "anthropic") is None
    assert len(prices._known) <= MOST_KNOWN
    assert prices.price("claude-opus-5-5", "anthropic") == prices.price("claude-opus-5-5", "azure")


def test_the_list_says_where_it_is_from() -> None:
    assert PRICES.source == "genai-prices"
    assert f"{PRICES.version} of {PRICES.date}" in repr(PRICES)
