"""shuffle: a deck is dealt to its end before it is shuffled again."""

from random import Random

from tests.support.contenders import ask, firsts, names, provider, providers, throws

from cc_relay.policy.routing.shuffle import Shuffle


def rounds(dealt: str, size: int) -> list[str]:
    return [dealt[start : start + size] for start in range(0, len(dealt), size)]


def test_everyone_is_dealt_once_before_anyone_twice() -> None:
    dealt = firsts(Shuffle(), providers("abcde"), 50, ask(dice=Random(1).random))

    assert {"".join(sorted(each)) for each in rounds(dealt, 5)} == {"abcde"}


def test_every_round_is_shuffled_anew() -> None:
    dealt = firsts(Shuffle(), providers("abc"), 300, ask(dice=Random(1).random))

    assert set(rounds(dealt, 3)) == {"abc", "acb", "bac", "bca", "cab", "cba"}


def test_the_dice_decide_the_order() -> None:
    strategy = Shuffle()

    # A card for each of the three, then one for the first in the next round.
    assert names(strategy.rank(providers("abc"), ask(dice=throws(0.5, 0.9, 0.1, 0.7)))) == "cab"
    assert names(strategy.rank(providers("abc"), ask(dice=throws(0.8)))) == "abc"


def test_who_is_new_gets_a_place_in_the_round_being_dealt() -> None:
    strategy = Shuffle()
    strategy.rank(providers("ab"), ask(dice=throws(0.1, 0.5, 0.9)))

    assert names(strategy.rank(providers("abc"), ask(dice=throws(0.2, 0.3)))) == "cba"


def test_between_two_rounds_it_is_a_place_in_the_next() -> None:
    strategy = Shuffle()
    firsts(strategy, providers("ab"), 2, ask(dice=throws(0.1, 0.5, 0.9, 0.4)))

    assert names(strategy.rank(providers("abc"), ask(dice=throws(0.95, 0.0)))) == "bac"


def test_who_comes_back_makes_up_for_nothing() -> None:
    strategy = Shuffle()
    request = ask(dice=Random(1).random)
    firsts(strategy, providers("abc"), 3, request)
    firsts(strategy, providers("ab"), 100, request)

    assert firsts(strategy, providers("abc"), 30, request).count("c") == 10


def test_dice_that_always_show_the_same_starve_nobody() -> None:
    dealt = firsts(Shuffle(), providers("abc"), 9, ask(dice=lambda: 0.0))

    assert rounds(dealt, 3) == ["abc", "abc", "abc"]


def test_its_reason_is_the_round() -> None:
    strategy = Shuffle()
    strategy.rank(providers("ab"), ask(dice=throws(0.1, 0.5, 0.9)))

    reasons = [strategy.reason(provider(name), ask()) for name in "abc"]
    assert reasons == ["next in round 2 of the deck", "next in round 1 of the deck", "not dealt yet"]


def test_its_repr_tells_the_round() -> None:
    strategy = Shuffle()
    firsts(strategy, providers("ab"), 3, ask(dice=lambda: 0.5))

    assert repr(strategy) == "<Shuffle 2 names | round 2>"
