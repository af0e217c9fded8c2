"""What a reload finds again, and what it forgets."""

from cc_relay.policy.key import KeySettings
from cc_relay.policy.routing import StrategySettings
from cc_relay.runtime.fleet import Fleet


def test_a_pool_is_made_anew_around_the_keys_it_had() -> None:
    fleet = Fleet()
    before = fleet.pool("a", [KeySettings("k1"), KeySettings("k2")], "round_robin")
    after = fleet.pool("a", [KeySettings("k2", weight=5), KeySettings("k3")], "weighted")

    assert after.strategy == "weighted"
    assert after.keys[0] is before.keys[1]
    assert after.keys[0].settings.weight == 5
    assert after.keys[1].name == "k3"


def test_a_key_belongs_to_its_provider() -> None:
    fleet = Fleet()

    assert fleet.pool("a", [KeySettings("k")], "random").keys != fleet.pool("b", [KeySettings("k")], "random").keys


def test_a_strategy_goes_on_until_another_is_asked_for() -> None:
    fleet, settings = Fleet(), StrategySettings()
    first = fleet.strategy("shuffle", settings)

    assert fleet.strategy("shuffle", settings) is first
    assert fleet.strategy("failover", settings).name == "failover"
    assert fleet.strategy("shuffle", settings) is not first


def test_a_budget_for_hedging_is_saved_up_across_reloads_of_one_share() -> None:
    fleet = Fleet()
    first = fleet.hedge_budget(0.05)

    assert fleet.hedge_budget(0.05) is first
    assert fleet.hedge_budget(0.1) is not first


def test_only_who_is_named_is_kept() -> None:
    fleet = Fleet()
    standings = {name: fleet.standing(name) for name in "abc"}
    breaker = fleet.breaker("b", threshold=1, open_for=1.0, probes=1)
    pool = fleet.pool("b", [KeySettings("k")], "random")
    fleet.keep(["b", "c"])

    assert [fleet.standing(name) is standings[name] for name in "abc"] == [False, True, True]
    assert fleet.breaker("b", threshold=1, open_for=1.0, probes=1) is breaker
    assert fleet.pool("b", [KeySettings("k")], "random").keys == pool.keys
    fleet.keep([])
    assert repr(fleet) == "<Fleet empty>"


def test_a_new_credential_brings_back_who_was_out_because_of_the_old_one() -> None:
    fleet = Fleet()
    pool = fleet.pool("a", [KeySettings("k1"), KeySettings("k2")], "round_robin")
    pool.refuse(pool.keys[0], 0.0)
    pool.spend(pool.keys[1], 60.0, 0.0)

    fleet._readmit("a")
    fleet._readmit("unknown")

    assert [key.is_open(1.0) for key in pool.keys] == [False, True]
