"""The laws of the token bucket, under any clock and any amounts."""

from itertools import pairwise
from math import inf, isfinite, nan

from hypothesis import given
from hypothesis import strategies as st

from cc_relay.policy.bucket import TokenBucket

usual = st.floats(0.0, 1e4)
absurd = st.sampled_from([nan, inf, -inf, -1.0, 0.0, 5e-324, 1e300, -1e300])
anything = st.one_of(usual, absurd)
clocks = st.one_of(st.floats(-100.0, 1000.0), st.sampled_from([nan, inf, -inf, 1e300, -1e300, 1e17]))
sizes = st.floats(0.5, 1e4)
"""A rate or a burst."""


def progress(clock: list[float]) -> float:
    """How far a clock went forwards in all, what is no number left out."""
    told = [now for now in clock if isfinite(now)]
    return sum(max(0.0, later - earlier) for earlier, later in pairwise(told))


@given(sizes, sizes, st.lists(st.tuples(clocks, anything), max_size=40))
def test_no_clock_makes_it_grant_more_than_burst_and_rate_allow(
    rate: float, burst: float, asks: list[tuple[float, float]]
) -> None:
    bucket = TokenBucket(rate, burst, 0.0)
    granted = sum(min(amount, burst) for now, amount in asks if bucket.try_take(amount, now) and amount > 0)
    allowed = burst + rate * progress([0.0, *(now for now, _ in asks)])
    assert granted <= allowed * (1 + 1e-6)


@given(sizes, sizes, st.lists(st.tuples(clocks, st.sampled_from(["try", "take", "refund", "correct"]), anything)))
def test_its_level_stays_between_one_burst_owed_and_one_burst(
    rate: float, burst: float, steps: list[tuple[float, str, float]]
) -> None:
    bucket = TokenBucket(rate, burst, 0.0)
    for now, step, amount in steps:
        if step == "try":
            bucket.try_take(amount, now)
        elif step == "take":
            bucket.take(amount, now)
        elif step == "refund":
            bucket.refund(amount, now)
        else:
            bucket.correct(amount, burst / 2, now)
        assert -burst <= bucket.level(now) <= burst


@given(
    st.floats(0.0, 1e7),
    sizes,
    st.lists(st.tuples(anything, anything, anything), min_size=1, max_size=5),
    st.lists(anything, max_size=5),
    anything,
)
def test_whatever_it_was_told_it_is_available_when_it_says_and_within_hours(
    now: float,
    burst: float,
    reports: list[tuple[float, float, float]],
    taken: list[float],
    amount: float,
) -> None:
    bucket = TokenBucket(burst / 60.0, burst, now)
    for limit, remaining, reset_in in reports:
        bucket.learn(limit, remaining, reset_in, now)
    for used in taken:
        bucket.take(used, now)
    # A refill takes an hour at most, and so does a debt of a burst.
    at = bucket.available_at(amount, now)
    assert now <= at <= now + 2 * 3600.0 + 1.0
    assert bucket.try_take(amount, at)


@given(sizes, st.lists(st.tuples(st.floats(0.0, 100.0), usual), max_size=20))
def test_what_is_taken_and_put_back_at_once_is_as_if_nothing_was(
    burst: float, story: list[tuple[float, float]]
) -> None:
    bucket, untouched = TokenBucket(1.0, burst, 0.0), TokenBucket(1.0, burst, 0.0)
    now = 0.0
    for pause, amount in story:
        now += pause
        if bucket.try_take(amount, now):
            bucket.correct(amount, 0.0, now)
        assert abs(bucket.level(now) - untouched.level(now)) <= burst * 1e-9
