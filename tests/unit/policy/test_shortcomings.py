"""What upstreams refused of late: remembered for a while, never without a bound."""

from cc_relay.policy.shortcomings import MOST, MOST_EACH, Shortcoming, Shortcomings


def test_what_was_refused_is_lacking_there_and_nowhere_else() -> None:
    known = Shortcomings()
    known.learn("bedrock", "opus", "beta:x", 0.0)
    assert known.of("bedrock", "opus", 1.0) == {"beta:x"}
    assert known.of("bedrock", "sonnet", 1.0) == known.of("vertex", "opus", 1.0) == frozenset()


def test_it_is_forgotten_after_a_while() -> None:
    known = Shortcomings(lifetime=60.0)
    known.learn("a", "m", "x", 0.0)
    known.learn("a", "m", "y", 30.0)
    assert known.of("a", "m", 59.0) == {"x", "y"}
    assert known.of("a", "m", 60.0) == {"y"}
    assert known.of("a", "m", 90.0) == frozenset()
    assert not known


def test_to_be_refused_again_starts_the_time_anew() -> None:
    known = Shortcomings(lifetime=60.0)
    known.learn("a", "m", "x", 0.0)
    known.learn("a", "m", "x", 59.0)
    assert known.of("a", "m", 118.0) == {"x"}


def test_only_the_latest_of_one_place_are_remembered() -> None:
    known = Shortcomings()
    for number in range(MOST_EACH + 2):
        known.learn("a", "m", f"beta:{number}", 0.0)
    known.learn("a", "m", "beta:2", 1.0)
    lacking = known.of("a", "m", 2.0)
    assert len(lacking) == MOST_EACH
    assert {"beta:2", f"beta:{MOST_EACH + 1}"} <= lacking
    assert not {"beta:0", "beta:1"} & lacking


def test_only_the_latest_places_are_remembered() -> None:
    known = Shortcomings()
    for number in range(MOST + 1):
        known.learn("a", f"session {number}", "x", 0.0)
    assert known.of("a", "session 0", 1.0) == frozenset()
    assert known.of("a", f"session {MOST}", 1.0) == {"x"}


def test_people_see_what_is_lacking_now() -> None:
    known = Shortcomings(lifetime=60.0)
    known.learn("a", "m", "x", 0.0)
    known.learn("b", "n", "y", 30.0)
    assert known.all(70.0) == [Shortcoming("b", "n", "y", 90.0)]
