"""The simulated day: small, the same each time, and its books balance."""

from bench.simulate.day import Day, play
from bench.simulate.world import Scale
from msgspec.structs import replace

MORNING = Scale(developers=20, share=0.05, begins=9.0, ends=11.0)


def morning(**changes: bool) -> Day:
    return replace(play("round_robin", MORNING, **changes), seconds=0.0)


def test_a_day_is_the_same_whenever_it_is_played() -> None:
    assert morning() == morning()


def test_what_was_asked_was_answered_or_refused_or_is_on_its_way() -> None:
    day = morning()
    assert day.requests > 100
    assert 0 <= day.requests - day.delivered - day.refused == day.open_leases


def test_affinity_keeps_sessions_on_their_key_and_their_cache_warm() -> None:
    kept, scattered = morning(has_incidents=False), morning(has_incidents=False, keeps_sessions=False)
    assert kept.stayed >= 0.99
    assert kept.on_one_key > scattered.on_one_key
    assert kept.cache_kept > scattered.cache_kept
    assert kept.cost < scattered.cost
