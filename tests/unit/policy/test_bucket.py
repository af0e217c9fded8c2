"""The token bucket: what it grants, owes and learns."""

from math import inf, nan

import pytest

from cc_relay.policy.bucket import TokenBucket


def bucket(burst: float = 60.0, rate: float = 1.0) -> TokenBucket:
    return TokenBucket(rate, burst, 0.0)


def emptied(burst: float = 60.0) -> TokenBucket:
    made = bucket(burst)
    made.take(burst, 0.0)
    return made


def test_a_new_bucket_is_full() -> None:
    assert bucket(60.0).level(0.0) == 60.0


def test_what_is_taken_is_gone_and_comes_back_with_time() -> None:
    made = bucket()
    assert made.try_take(50.0, 0.0)
    assert not made.try_take(20.0, 0.0)
    assert made.level(9.0) == 19.0
    assert made.try_take(20.0, 10.0)


def test_a_refused_take_takes_nothing() -> None:
    made = bucket()
    made.take(30.0, 0.0)
    assert not made.try_take(31.0, 0.0)
    assert made.level(0.0) == 30.0


def test_it_never_holds_more_than_its_burst() -> None:
    made = bucket()
    assert made.level(1e6) == 60.0
    made.refund(5.0, 1e6)
    assert made.level(1e6) == 60.0


def test_a_request_larger_than_the_limit_passes_when_the_bucket_is_full() -> None:
    made = bucket()
    assert made.try_take(1000.0, 0.0)
    assert made.level(0.0) == 0.0
    assert not made.try_take(1000.0, 59.0)
    assert made.try_take(1000.0, 60.0)


def test_true_use_above_the_estimate_is_owed() -> None:
    made = bucket()
    assert made.try_take(50.0, 0.0)
    made.correct(50.0, 70.0, 0.0)
    assert made.level(0.0) == -10.0
    assert made.available_at(5.0, 0.0) == 15.0


def test_true_use_below_the_estimate_is_put_back() -> None:
    made = bucket()
    assert made.try_take(50.0, 0.0)
    made.correct(50.0, 20.0, 0.0)
    assert made.level(0.0) == 40.0


def test_an_estimate_above_the_burst_gives_back_no_more_than_it_took() -> None:
    made = bucket()
    assert made.try_take(1000.0, 0.0)
    made.correct(1000.0, 50.0, 0.0)
    assert made.level(0.0) == 10.0


def test_a_count_between_burst_and_estimate_changes_nothing() -> None:
    made = bucket()
    assert made.try_take(1000.0, 0.0)
    made.correct(1000.0, 500.0, 0.0)
    assert made.level(0.0) == 0.0


@pytest.mark.parametrize("amount", [1e9, 1e300, inf])
def test_an_absurd_count_is_owed_for_a_burst_at_most(amount: float) -> None:
    made = bucket()
    made.take(amount, 0.0)
    assert made.level(0.0) == -60.0


@pytest.mark.parametrize("amount", [0.0, -5.0, -inf, nan])
def test_an_amount_that_is_no_positive_number_does_nothing(amount: float) -> None:
    made = bucket()
    made.take(10.0, 0.0)
    assert made.try_take(amount, 0.0)
    made.take(amount, 0.0)
    made.refund(amount, 0.0)
    assert made.level(0.0) == 50.0


def test_it_is_available_when_it_says_so() -> None:
    made = emptied()
    at = made.available_at(30.0, 0.0)
    assert at == 30.0
    assert not made.try_take(30.0, at - 0.01)
    assert made.try_take(30.0, at)


def test_what_is_there_is_available_now() -> None:
    assert bucket().available_at(60.0, 5.0) == 5.0


def test_a_bucket_that_never_refills_is_never_available_again() -> None:
    made = TokenBucket(0.0, 10.0, 0.0)
    assert made.try_take(10.0, 0.0)
    assert made.available_at(1.0, 0.0) == inf
    assert made.full_at() == inf


@pytest.mark.parametrize("burst", [0.0, 1e-300, -1.0, nan, -inf])
def test_a_bucket_without_a_burst_grants_nothing(burst: float) -> None:
    made = TokenBucket(1.0, burst, 0.0)
    assert not made.try_take(1.0, 100.0)
    assert made.available_at(1.0, 100.0) == inf


def test_a_clock_that_steps_backwards_refills_nothing_and_blocks_nothing() -> None:
    made = TokenBucket(1.0, 60.0, 1000.0)
    made.take(60.0, 1000.0)
    assert made.level(10.0) == 0.0
    assert made.level(15.0) == 5.0


@pytest.mark.parametrize("now", [nan, inf, -inf])
def test_a_time_that_is_no_number_is_no_time(now: float) -> None:
    made = emptied()
    assert made.level(now) == 0.0
    assert made.level(5.0) == 5.0


def test_a_learned_limit_replaces_the_guess() -> None:
    made = bucket(60.0)
    made.learn(6000.0, 1500.0, None, 0.0)
    assert (made.burst, made.level(0.0), made.level(1.0)) == (6000.0, 1500.0, 1600.0)


def test_a_limit_without_a_remainder_keeps_what_has_been_taken() -> None:
    made = bucket(60.0)
    made.take(20.0, 0.0)
    made.learn(100.0, None, None, 0.0)
    assert made.level(0.0) == 80.0
    made.learn(10.0, None, None, 0.0)
    assert made.level(0.0) == -10.0


def test_more_remaining_than_the_limit_is_the_limit() -> None:
    made = emptied()
    made.learn(60.0, 1e9, None, 0.0)
    assert made.level(0.0) == 60.0


def test_a_reset_sooner_than_a_minutes_refill_is_honoured() -> None:
    made = bucket(60.0)
    made.learn(60.0, 0.0, 10.0, 0.0)
    assert made.available_at(60.0, 0.0) == 10.0


def test_a_reset_later_than_a_minutes_refill_is_honoured() -> None:
    made = bucket(1000.0)
    made.learn(1000.0, 0.0, 1800.0, 0.0)
    assert made.available_at(1000.0, 0.0) == pytest.approx(1800.0)


def test_a_reset_that_is_a_rounded_minutes_refill_means_just_that() -> None:
    made = bucket(60.0)
    made.learn(60.0, 30.0, 33.0, 0.0)
    assert made.level(1.0) == 31.0


def test_the_reset_of_a_nearly_full_limit_tells_nothing() -> None:
    made = bucket(1000.0)
    made.learn(1000.0, 999.0, 45.0, 0.0)
    assert made.rate == pytest.approx(1000.0 / 60.0)


@pytest.mark.parametrize(("reset_in", "full_in"), [(0.01, 1.0), (3.2e7, 3600.0), (inf, 3600.0)])
def test_an_absurd_reset_is_bounded(reset_in: float, full_in: float) -> None:
    made = bucket(60.0)
    made.learn(60.0, 0.0, reset_in, 0.0)
    assert made.available_at(60.0, 0.0) == pytest.approx(full_in)


@pytest.mark.parametrize("reset_in", [0.0, -1e9, nan, None])
def test_a_reset_that_is_over_or_no_number_leaves_the_minute(reset_in: float | None) -> None:
    made = bucket(60.0)
    made.learn(60.0, 0.0, reset_in, 0.0)
    assert made.available_at(60.0, 0.0) == 60.0


def test_the_minute_is_back_once_resets_agree_with_it() -> None:
    made = bucket(60.0)
    made.learn(60.0, 0.0, 600.0, 0.0)
    made.learn(60.0, 30.0, 30.0, 1.0)
    assert made.rate == 1.0


@pytest.mark.parametrize("limit", [0.0, 1e-300, -1.0, nan, None])
@pytest.mark.parametrize("remaining", [-1.0, nan, None])
def test_garbage_teaches_nothing(limit: float | None, remaining: float | None) -> None:
    made = bucket(60.0)
    made.take(20.0, 0.0)
    assert not made.learn(limit, remaining, nan, 0.0)
    assert (made.burst, made.rate, made.level(0.0)) == (60.0, 1.0, 40.0)


# -- held -------------------------------------------------------------------------------------------------------------


def test_nothing_refills_in_place_of_what_is_held() -> None:
    made = bucket(60.0, rate=1.0)
    assert made.try_take(40.0, 0.0)
    made.held, made.held_until = 40.0, inf
    assert made.level(500.0) == 20.0
    made.hold(0.0, 1000.0)
    assert made.level(1010.0) == 30.0


def test_what_is_held_for_long_is_no_obstacle() -> None:
    made = bucket(60.0, rate=1.0)
    assert made.try_take(40.0, 0.0)
    made.held, made.held_until = 40.0, 60.0
    assert made.available_at(20.0, 0.0) == 0.0
    assert not made.try_take(30.0, 59.0)
    assert not made.try_take(30.0, 60.0)
    assert made.try_take(30.0, 70.0)


@pytest.mark.parametrize(
    ("held", "until", "at"),
    [
        pytest.param(40.0, 60.0, 10.0, id="when the missing would have come in"),
        pytest.param(29.0, 60.0, 10.0, id="it is not in the way"),
        pytest.param(40.0, 10.5, 10.0, id="not for long"),
    ],
)
def test_when_to_ask_again_for_what_is_held(held: float, until: float, at: float) -> None:
    made = bucket(60.0, rate=1.0)
    assert made.try_take(40.0, 0.0)
    made.held, made.held_until = held, until
    assert made.available_at(30.0, 0.0) == at


@pytest.mark.parametrize(("until", "at"), [(60.0, 1.0), (0.5, 0.5)])
def test_a_little_that_is_held_is_not_asked_for_at_every_moment(until: float, at: float) -> None:
    made = bucket(60.0, rate=1000.0)
    assert made.try_take(40.0, 0.0)
    made.held, made.held_until = 40.0, until
    assert made.available_at(21.0, 0.0) == at


def test_more_held_than_there_is_leaves_nothing() -> None:
    made = bucket(60.0, rate=1.0)
    made.held, made.held_until = 100.0, inf
    assert made.level(1000.0) == 0.0


def test_to_look_takes_nothing() -> None:
    made = bucket(60.0, rate=1.0)
    made.take(30.0, 0.0)
    assert [made.has(amount, 0.0) for amount in (0.0, 30.0, 31.0)] == [True, True, False]
    assert [made.has(1000.0, now) for now in (29.0, 30.0)] == [False, True]
    assert not TokenBucket(1.0, 0.0, 0.0).has(1.0, 0.0)
    assert made.level(30.0) == 60.0
