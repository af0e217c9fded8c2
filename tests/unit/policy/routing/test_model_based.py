"""model_based: a provider for each model."""

import pytest
from tests.support.contenders import ask, names, provider, providers

from cc_relay.policy.routing.model_based import ModelBased

MAPPING = {"claude": "b", "claude-haiku": "c", "glm-*": "d"}


def ranked(model: str, contenders: str = "abcd", default: str = "") -> str:
    return names(ModelBased(MAPPING, default).rank(providers(contenders), ask(model)))


@pytest.mark.parametrize(
    ("model", "order"),
    [
        ("claude-haiku-4-5", "cabd"),
        ("claude-haiku", "cabd"),
        ("claude-opus-5", "bacd"),
        ("glm-4.6", "dabc"),
        ("gpt-5", "abcd"),
        ("clau", "abcd"),
        ("", "abcd"),
    ],
)
def test_the_provider_of_the_longest_prefix_goes_first(model: str, order: str) -> None:
    assert ranked(model) == order


def test_the_default_comes_second_and_the_rest_by_priority() -> None:
    assert ranked("claude-haiku-4-5", default="d") == "cdab"


def test_without_a_prefix_the_default_comes_first() -> None:
    assert ranked("gpt-5", default="c") == "cabd"


def test_a_mapped_provider_that_is_not_there_leaves_the_default_first() -> None:
    assert ranked("claude-haiku-4-5", "abd", default="d") == "dab"


def test_an_empty_prefix_and_a_lone_star_fit_every_model() -> None:
    for every in ("", "*"):
        assert names(ModelBased({every: "b"}, "").rank(providers("ab"), ask("gpt-5"))) == "ba"


def test_its_reason_is_the_prefix_or_the_default_or_the_priority() -> None:
    strategy = ModelBased(MAPPING, "d")
    reasons = [strategy.reason(provider(name, priority=10), ask("claude-haiku-4-5")) for name in "cda"]

    assert reasons == ["model prefix 'claude-haiku'", "default provider", "priority 10"]


def test_its_repr_tells_the_default() -> None:
    assert repr(ModelBased(MAPPING, "d")) == "<ModelBased 3 prefixes | default d>"
    assert repr(ModelBased({}, "")) == "<ModelBased 0 prefixes | default none>"
