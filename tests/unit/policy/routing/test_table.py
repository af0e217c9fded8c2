"""The table of strategies: complete, and what a reload makes of it."""

from typing import get_args

import pytest
from tests.support.contenders import NOW, ask, firsts, names, providers

from cc_relay.config.field_types import StrategyName
from cc_relay.policy.routing import STRATEGIES, Standing, StrategySettings, renew

PLACING = {"weighted_failover", "round_robin", "weighted_round_robin", "shuffle", "least_loaded", "latency_based"}
NOTHING = StrategySettings()


def test_every_strategy_of_the_configuration_is_in_it() -> None:
    assert set(STRATEGIES) == set(get_args(StrategyName))


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_strategy_bears_the_name_it_is_configured_by(name: str) -> None:
    assert STRATEGIES[name](NOTHING).name == name


def test_the_placing_ones_spread_over_equals() -> None:
    assert {name for name, make in STRATEGIES.items() if make(NOTHING).is_placing} == PLACING


@pytest.mark.parametrize("name", [name for name, make in STRATEGIES.items() if make(NOTHING).is_static])
def test_the_reasons_of_a_static_one_do_not_change_with_the_load(name: str) -> None:
    crowd = providers("ab")
    request = ask(dice=lambda: 0.5)
    strategy = STRATEGIES[name](NOTHING)
    before = [strategy.reason(contender, request) for contender in crowd]
    strategy.rank(crowd, request)[0].standing.in_flight += 1
    crowd[1].standing.latency.observe(0.1, NOW)

    assert [strategy.reason(contender, request) for contender in crowd] == before


@pytest.mark.parametrize("name", [name for name in STRATEGIES if name != "model_based"])
def test_a_reload_with_the_same_name_keeps_the_strategy(name: str) -> None:
    strategy = STRATEGIES[name](NOTHING)

    assert renew(strategy, name, StrategySettings(default_provider="b")) is strategy


def test_turns_go_on_after_a_reload() -> None:
    before = STRATEGIES["round_robin"](NOTHING)
    firsts(before, providers("abc"), 2)

    assert firsts(renew(before, "round_robin", NOTHING), providers("abcd"), 4) == "cdab"


def test_model_based_takes_the_new_settings() -> None:
    before = STRATEGIES["model_based"](StrategySettings({"claude": "a"}, "a"))
    after = renew(before, "model_based", StrategySettings({"claude": "b"}, "a"))

    assert names(after.rank(providers("ab"), ask("claude-opus-5"))) == "ba"
    assert names(before.rank(providers("ab"), ask("claude-opus-5"))) == "ab"


def test_another_name_is_another_strategy() -> None:
    assert renew(STRATEGIES["failover"](NOTHING), "shuffle", NOTHING).name == "shuffle"


def test_a_standing_tells_what_is_in_flight() -> None:
    assert repr(Standing(in_flight=2)) == "<Standing 2 in flight | <Latency unknown>>"
