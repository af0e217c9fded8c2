"""What is remembered of a session, and for how long."""

from cc_relay.policy.sessions import Home, SessionMemory

HERE = Home(provider="anthropic", key="key-1", cached=40_000, at=0.0)
THERE = Home(provider="bedrock", key="key-2", cached=0, at=0.0)


def test_a_session_is_recalled_where_it_was_last() -> None:
    memory = SessionMemory(10, 60.0)
    memory.remember("a", THERE, 0.0)
    memory.remember("a", HERE, 1.0)
    assert memory.recall("a", 2.0) is HERE
    assert len(memory) == 1


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
    memory.remember("c", THERE, 2.0)
    assert memory.forget_idle(61.0) == 2
    assert len(memory) == 1
    assert memory.recall("c", 61.0) is THERE


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
