"""A key's limits by family, its state, its bounds."""

import pytest

from cc_relay.policy.key import MOST_FAMILIES, Key, KeySettings, KeyState


def test_configured_limits_hold_for_each_family_apart() -> None:
    key = Key(KeySettings("k", rpm=10, itpm=1000))
    key.limits_of("opus", 0.0).try_take((1.0, 400.0, 0.0, 400.0), 0.0)
    key.limits_of("haiku", 0.0)
    assert key.utilisation(0.0) == [
        ("opus", "requests", 10.0, 9.0),
        ("opus", "input", 1000.0, 600.0),
        ("haiku", "requests", 10.0, 10.0),
        ("haiku", "input", 1000.0, 1000.0),
    ]


@pytest.mark.parametrize("limit", [0, 1e-300, -5, float("nan"), float("inf"), float("-inf")])
def test_a_limit_that_is_none_limits_nothing(limit: float) -> None:
    key = Key(KeySettings("k", rpm=limit, itpm=limit, otpm=limit, tpm=limit))
    assert not key.limits_of("", 0.0).buckets


def test_the_load_is_that_of_the_tightest_limit() -> None:
    key = Key(KeySettings("k", rpm=10, itpm=1000))
    assert key.load(0.0) == 0.0
    key.limits_of("", 0.0).try_take((1.0, 750.0, 0.0, 750.0), 0.0)
    assert key.load(0.0) == 0.75


def test_a_key_without_limits_has_no_load() -> None:
    key = Key(KeySettings("k"))
    key.limits_of("", 0.0)
    assert key.load(0.0) == 0.0


def test_of_too_many_families_the_one_used_the_longest_ago_goes() -> None:
    key = Key(KeySettings("k"))
    for number in range(MOST_FAMILIES):
        key.limits_of(f"model-{number}", float(number))
    key.limits_of("model-0", 0.0).used_at = 1000.0
    key.limits_of("new", 1001.0)
    assert len(key.families) == MOST_FAMILIES
    assert "model-0" in key.families
    assert "model-1" not in key.families


def test_a_family_that_cools_is_not_dropped_for_an_idle_one() -> None:
    key = Key(KeySettings("k"))
    for number in range(MOST_FAMILIES):
        key.limits_of(f"model-{number}", float(number))
    key.limits_of("model-0", 0.0).cooled_until = 500.0
    key.limits_of("new", 100.0)
    assert "model-0" in key.families


def test_where_every_family_is_busy_the_keys_own_stands_in() -> None:
    key = Key(KeySettings("k"))
    for number in range(MOST_FAMILIES):
        key.limits_of(f"model-{number}", 0.0).leases = 1
    assert key.limits_of("one", 0.0) is key.limits_of("another", 0.0) is key.families[""]
    assert len(key.families) == MOST_FAMILIES + 1


def test_its_state_says_why_it_is_out_and_until_when() -> None:
    key = Key(KeySettings("k"))
    key.shut("plan", 60.0, 1)
    assert key.state(59.0) == KeyState(is_open=True, reason="plan", until=60.0)
    assert key.state(60.0) == KeyState(is_open=False)


def test_a_family_that_cools_shows_beside_a_closed_key() -> None:
    key = Key(KeySettings("k"))
    key.limits_of("opus", 0.0).cooled_until = 9.0
    key.limits_of("haiku", 0.0)
    assert not key.state(1.0).is_open
    assert key.coolings(1.0) == [("opus", 9.0)]
    assert key.coolings(9.0) == []


def test_a_clock_that_jumped_back_a_year_keeps_no_key_out() -> None:
    key = Key(KeySettings("k"))
    year = 365 * 86400.0
    key.shut("credential", year + 60.0, 1)
    key.limits_of("opus", year).cooled_until = year + 30.0
    assert not key.is_open(0.0)
    assert key.coolings(0.0) == []
