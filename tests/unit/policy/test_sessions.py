"""What is remembered of a session, and for how long."""

import pytest

from cc_relay.policy.sessions import Home, SessionMemory

HERE = Home(provider="anthropic", key="key-1", cached=40_000, at=0.0)


def place(provider: str, at: float, *, cached: int = 40_000, model: str = "opus") -> Home:
    return Home(provider, f"key-of-{provider}", cached, at, model)


def story(*places: Home, ttl: float = 3600.0) -> SessionMemory:
    """A session that was served at these places, one after the other."""
    memory = SessionMemory(10, ttl)
    for one in places:
        memory.remember("a", one, one.at)
    return memory


def where(memory: SessionMemory, now: float) -> str:
    found = memory.recall("a", now)
    return "nowhere" if found is None else found.provider


def test_a_session_is_recalled_as_it_was_served_last() -> None:
    first, last = place("home", 0.0), place("home", 9.0, cached=50_000)
    memory = story(first, last)
    assert memory.recall("a", 10.0) is last
    assert len(memory) == 1


@pytest.mark.parametrize(
    ("served_at", "expected"),
    [
        pytest.param(299.0, "home", id="an excursion, while its cache at home is alive"),
        pytest.param(300.0, "away", id="a move, once that is dead"),
    ],
)
def test_where_a_session_is_at_home_that_was_served_elsewhere(served_at: float, expected: str) -> None:
    memory = story(place("home", 0.0), place("away", served_at))
    assert where(memory, served_at + 1.0) == expected
    assert where(memory, served_at + 3599.0) == expected
    assert where(memory, served_at + 3600.0) == "nowhere"


def test_an_excursion_does_not_keep_the_cache_at_home_alive() -> None:
    aways = [place("away", at) for at in (100.0, 200.0, 300.0)]
    assert where(story(place("home", 0.0), *aways), 301.0) == "away"


def test_a_word_with_a_small_model_on_the_side_changes_nothing() -> None:
    home = place("home", 0.0)
    for aside in (place("home", 5.0, cached=900, model="haiku"), place("other", 5.0, cached=900, model="haiku")):
        assert story(home, aside).recall("a", 10.0) is home
        assert story(home, aside, ttl=10.0).recall("a", 14.0) is home


def test_a_conversation_that_goes_on_with_another_model_is_known_by_that() -> None:
    home = place("home", 0.0)
    larger = place("home", 5.0, cached=50_000, model="sonnet")
    later = place("other", 300.0, cached=900, model="sonnet")
    assert story(home, larger).recall("a", 10.0) is larger
    assert story(home, later).recall("a", 310.0) is later


def test_a_cache_is_warm_for_five_minutes_and_for_its_model() -> None:
    home = place("home", 0.0)
    assert [home.is_warm("opus", 299.0), home.is_warm("opus", 300.0), home.is_warm("haiku", 1.0)] == [
        True,
        False,
        False,
    ]


def test_an_unknown_session_has_no_home() -> None:
    assert SessionMemory(10, 60.0).recall("a", 0.0) is None


def test_an_idle_session_is_forgotten_at_the_end_of_its_time() -> None:
    memory = SessionMemory(10, 60.0)
    memory.remember("a", HERE, 0.0)
    assert memory.recall("a", 59.9) is HERE
    assert memory.recall("a", 60.0) is None


def test_to_be_remembered_again_starts_the_time_anew() -> None:
    memory = SessionMemory(10, 60.0)
    memory.remember("a", HERE, 0.0)
    memory.remember("a", HERE, 59.0)
    assert memory.recall("a", 118.0) is HERE


def test_to_be_recalled_does_not() -> None:
    memory = SessionMemory(10, 60.0)
    memory.remember("a", HERE, 0.0)
    memory.recall("a", 59.0)
    assert memory.recall("a", 61.0) is None


def test_a_full_memory_forgets_the_session_that_is_idle_for_longest() -> None:
    memory = SessionMemory(2, 60.0)
    memory.remember("a", HERE, 0.0)
    memory.remember("b", HERE, 1.0)
    memory.remember("a", HERE, 2.0)
    memory.remember("c", HERE, 3.0)
    assert [memory.recall(session, 4.0) for session in "abc"] == [HERE, None, HERE]


def test_forgetting_the_idle_frees_them_and_nobody_else() -> None:
    memory = SessionMemory(10, 60.0)
    memory.remember("a", HERE, 0.0)
    memory.remember("b", HERE, 1.0)
    memory.remember("c", HERE, 2.0)
    assert memory.forget_idle(61.0) == 2
    assert len(memory) == 1
    assert memory.recall("c", 61.0) is HERE


def test_a_clock_that_steps_back_forgets_nobody() -> None:
    memory = SessionMemory(10, 60.0)
    memory.remember("a", HERE, 1000.0)
    assert memory.forget_idle(0.0) == 0
    assert memory.recall("a", 0.0) is HERE


def test_a_smaller_memory_keeps_the_last_remembered() -> None:
    memory = SessionMemory(10, 60.0)
    for now, session in enumerate("abc"):
        memory.remember(session, HERE, float(now))
    memory.configure(1, 60.0)
    assert [memory.recall(session, 3.0) for session in "abc"] == [None, None, HERE]


def test_a_shorter_time_to_live_counts_at_once() -> None:
    memory = SessionMemory(10, 60.0)
    memory.remember("a", HERE, 0.0)
    memory.configure(10, 5.0)
    assert memory.recall("a", 6.0) is None


def test_a_memory_of_no_size_remembers_nothing() -> None:
    for size in (0, -1):
        memory = SessionMemory(size, 60.0)
        memory.remember("a", HERE, 0.0)
        assert len(memory) == 0
        memory.configure(size, 60.0)


def test_a_memory_of_no_time_recalls_nothing() -> None:
    memory = SessionMemory(10, 0.0)
    memory.remember("a", HERE, 0.0)
    assert memory.recall("a", 0.0) is None


def test_it_shows_how_full_it_is() -> None:
    memory = SessionMemory(10, 3600.0)
    memory.remember("a", HERE, 0.0)
    assert repr(memory) == "<SessionMemory 1 of 10 | 3600 s>"
