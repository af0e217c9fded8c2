"""latency_based: the quicker of two that were thrown."""

import pytest
from tests.support.contenders import NOW, ask, names, provider, throws

from cc_relay.policy.latency import STALE_SECONDS
from cc_relay.policy.routing.latency_based import LatencyBased

SPEEDS = {"a": 0.3, "b": 0.2, "c": 0.1}


def ranked(one: float, other: float, *contenders: object) -> str:
    return names(LatencyBased().rank(contenders, ask(dice=throws(one, other))))


@pytest.mark.parametrize(
    ("one", "other", "first"),
    [
        (0.0, 0.0, "b"),  # a and b
        (0.0, 0.9, "c"),  # a and c
        (0.9, 0.0, "c"),  # c and a
        (0.4, 0.0, "b"),  # b and a
        (0.4, 0.9, "c"),  # b and c
    ],
)
def test_the_quicker_of_two_goes_first(one: float, other: float, first: str) -> None:
    assert ranked(one, other, *(provider(name, first_token=speed) for name, speed in SPEEDS.items()))[0] == first


def test_the_rest_follow_by_cost() -> None:
    contenders = [provider(name, first_token=speed) for name, speed in SPEEDS.items()]

    assert ranked(0.0, 0.0, *contenders) == "bca"


def test_what_is_in_flight_makes_it_slower() -> None:
    quick, idle = provider("a", first_token=0.2, in_flight=3), provider("b", first_token=0.5)

    assert ranked(0.0, 0.0, quick, idle) == "ba"


def test_who_was_never_measured_is_tried() -> None:
    assert ranked(0.0, 0.0, provider("a", first_token=0.001), provider("b")) == "ba"


def test_who_was_never_measured_is_tried_by_one_at_a_time() -> None:
    assert ranked(0.0, 0.0, provider("a", first_token=60.0, in_flight=9), provider("b", in_flight=1)) == "ab"


def test_of_the_never_measured_the_one_with_less_in_flight_goes_first() -> None:
    assert ranked(0.0, 0.0, provider("a", in_flight=2), provider("b", in_flight=1)) == "ba"


def test_who_was_slow_long_ago_is_tried_again() -> None:
    slow, quick = provider("a", first_token=60.0), provider("b")
    later = NOW + STALE_SECONDS
    quick.standing.latency.observe(0.1, later)

    assert names(LatencyBased().rank([slow, quick], ask(now=later, dice=throws(0.0, 0.0)))) == "ab"


def test_with_one_alone_no_dice_are_thrown() -> None:
    assert names(LatencyBased().rank([provider("a")], ask())) == "a"


def test_its_reason_is_the_time_to_first_token() -> None:
    strategy = LatencyBased()
    measured = provider("a", first_token=0.42, in_flight=2)

    assert strategy.reason(measured, ask()) == "0.42 s to first token, 2 in flight"
    assert strategy.reason(provider("b"), ask()) == "not measured lately, 0 in flight"
