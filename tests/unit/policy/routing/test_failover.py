"""failover: by priority, for nothing."""

from tests.support.contenders import ask, provider

from cc_relay.policy.routing.failover import Failover


def test_the_order_of_arrival_is_kept_and_not_even_copied() -> None:
    contenders = (provider("a", priority=2), provider("b"), provider("c"))

    assert Failover().rank(contenders, ask()) is contenders


def test_its_reason_is_the_priority() -> None:
    assert Failover().reason(provider("a", priority=10), ask()) == "priority 10"
