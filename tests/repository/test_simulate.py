"""The simulated day: small, the same each time, and its books balance."""

import pytest
from bench.simulate.day import Day, play
from bench.simulate.relay import away_at_least
from bench.simulate.world import Scale
from msgspec.structs import replace

BUSY = Scale(developers=60, share=0.1, begins=9.0, ends=12.5)
MORNING = Scale(developers=20, share=0.05, begins=9.0, ends=11.0)


def morning(**changes: bool) -> Day:
    return replace(play("round_robin", MORNING, **changes), seconds=0.0)


def test_a_day_is_the_same_whenever_it_is_played() -> None:
    assert morning() == morning()


def test_what_was_asked_was_answered_or_refused_or_is_on_its_way() -> None:
    day = morning()
    assert day.requests > 100
    assert 0 <= day.requests - day.delivered - day.refused == day.open_leases


def test_no_key_is_sent_more_than_its_limit_and_a_burst_in_any_window() -> None:
    for strategy in ("failover", "round_robin"):
        assert max(play(strategy, BUSY, is_tight=True).worst) <= 1.0


@pytest.mark.parametrize(
    ("outs", "away"),
    [
        pytest.param([False] * 5, 0, id="never out"),
        pytest.param([False, False, False, True, False], 1, id="elsewhere, and back"),
        pytest.param([False, True, True, True, False], 1, id="elsewhere for good"),
        pytest.param([True, True], 0, id="begun elsewhere"),
    ],
)
def test_what_no_policy_can_keep_on_one_key(outs: list[bool], away: int) -> None:
    assert away_at_least(outs) == away


def test_an_hour_without_incidents_could_be_spent_on_one_key() -> None:
    assert morning(has_incidents=False).at_best == 1.0


def test_affinity_keeps_sessions_on_their_key_and_their_cache_warm() -> None:
    kept, scattered = morning(has_incidents=False), morning(has_incidents=False, keeps_sessions=False)
    assert kept.stayed >= 0.99
    assert kept.on_one_key >= 0.99 > scattered.on_one_key
    assert kept.cache_kept > scattered.cache_kept
    assert kept.cost < scattered.cost
