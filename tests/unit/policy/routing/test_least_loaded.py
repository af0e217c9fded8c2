"""least_loaded: least in flight for its weight."""

from tests.support.contenders import ask, firsts, names, provider

from cc_relay.policy.routing.least_loaded import LeastLoaded


def ranked(*contenders: object) -> str:
    return names(LeastLoaded().rank(contenders, ask()))


def test_the_least_in_flight_goes_first() -> None:
    assert ranked(provider("a", in_flight=3), provider("b", in_flight=1), provider("c", in_flight=2)) == "bca"


def test_twice_the_weight_carries_twice_the_load() -> None:
    assert ranked(provider("a", in_flight=3), provider("b", in_flight=5, weight=2)) == "ba"


def test_equals_go_by_priority() -> None:
    strategy = LeastLoaded()

    assert firsts(strategy, [provider("a", priority=2), provider("b", priority=1)], 3) == "aaa"


def test_equals_of_one_priority_take_turns() -> None:
    assert firsts(LeastLoaded(), [provider("a"), provider("b"), provider("c", priority=0)], 4) == "abab"


def test_weight_0_is_used_when_nothing_else_is_there() -> None:
    spares = provider("x", weight=0, in_flight=2), provider("y", weight=0)

    assert ranked(*spares, provider("a", in_flight=99)) == "ayx"
    assert ranked(*spares) == "yx"


def test_what_is_in_flight_is_read_at_each_request() -> None:
    a, b = provider("a"), provider("b")
    strategy = LeastLoaded()
    strategy.rank([a, b], ask())
    b.standing.in_flight = 1

    assert names(strategy.rank([a, b], ask())) == "ab"


def test_its_reason_is_what_is_in_flight() -> None:
    strategy = LeastLoaded()

    assert strategy.reason(provider("a", in_flight=2), ask()) == "2 in flight"
    assert strategy.reason(provider("a", in_flight=2, weight=3), ask()) == "2 in flight, weight 3"


def test_its_repr_counts() -> None:
    strategy = LeastLoaded()
    firsts(strategy, [provider("a"), provider("b")], 3)

    assert repr(strategy) == "<LeastLoaded 2 names | 3 requests>"
