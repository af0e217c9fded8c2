"""round_robin: everyone in turn, whatever the company."""

from tests.support.contenders import ask, firsts, names, provider, providers

from cc_relay.policy.routing.round_robin import RoundRobin


def test_everyone_is_first_in_turn() -> None:
    assert firsts(RoundRobin(), providers("abc"), 7) == "abcabca"


def test_the_others_follow_in_the_order_of_their_turns() -> None:
    strategy = RoundRobin()
    strategy.rank(providers("abc"), ask())

    assert names(strategy.rank(providers("abc"), ask())) == "bca"


def test_in_any_company_the_one_that_waited_longest_goes_first() -> None:
    strategy = RoundRobin()

    assert [firsts(strategy, providers(company), 1) for company in ("ab", "abc", "ab", "abc", "ab", "abc")] == [
        *"abacba"
    ]


def test_who_comes_back_has_one_turn_and_makes_up_for_none() -> None:
    strategy = RoundRobin()
    firsts(strategy, providers("abc"), 3)
    firsts(strategy, providers("ab"), 100)

    assert firsts(strategy, providers("abc"), 6) == "cabcab"


def test_who_is_new_waits_for_nobody() -> None:
    strategy = RoundRobin()
    firsts(strategy, providers("ab"), 1)

    assert firsts(strategy, providers("abc"), 3) == "bca"


def test_its_reason_is_how_long_ago_the_turn_was() -> None:
    strategy = RoundRobin()
    firsts(strategy, providers("abc"), 2)

    reasons = [strategy.reason(provider(name), ask()) for name in "abc"]
    assert reasons == ["had its turn 1 request ago", "has the turn", "had no turn yet"]


def test_its_repr_counts() -> None:
    strategy = RoundRobin()
    firsts(strategy, providers("abc"), 2)

    assert repr(strategy) == "<RoundRobin 2 names | 2 turns>"
