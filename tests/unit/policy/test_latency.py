"""What is learned of an upstream's time to first token."""

from math import inf, nan

import pytest

from cc_relay.policy.latency import (
    DECAY_SECONDS,
    FORGET_SECONDS,
    LEAST_OBSERVATIONS,
    LONGEST,
    REFRESH,
    STALE_SECONDS,
    WINDOW,
    Latency,
)


def observed(*seconds: float, now: float = 0.0) -> Latency:
    latency = Latency()
    for each in seconds:
        latency.observe(each, now)
    return latency


def expected(latency: Latency, now: float) -> float:
    seconds = latency.peak_ewma(now)
    assert seconds is not None
    return seconds


def test_nothing_is_known_of_an_upstream_that_never_answered() -> None:
    assert Latency().peak_ewma(0.0) is None
    assert Latency().p95(0.0) is None


def test_a_slow_answer_counts_at_once() -> None:
    assert expected(observed(0.5, 8.0), 0.0) == 8.0


def test_a_peak_sinks_to_the_average() -> None:
    latency = observed(0.5, 8.0)
    average = 0.5 + 0.1 * 7.5

    assert expected(latency, DECAY_SECONDS) == pytest.approx(average + (8.0 - average) * 0.3679, rel=1e-3)
    assert expected(latency, 20 * DECAY_SECONDS) == pytest.approx(average)


def test_quick_answers_do_not_hide_a_peak_at_once() -> None:
    assert expected(observed(8.0, 0.5, 0.5), 0.0) == 8.0


def test_a_peak_that_has_sunk_stays_sunk() -> None:
    latency = observed(0.5, 8.0)
    sunk = expected(latency, DECAY_SECONDS)
    latency.observe(0.5, DECAY_SECONDS)

    assert expected(latency, DECAY_SECONDS) == sunk


def test_after_a_long_silence_nothing_is_known_any_more() -> None:
    latency = observed(30.0)

    assert latency.peak_ewma(STALE_SECONDS - 1) == 30.0
    assert latency.peak_ewma(STALE_SECONDS) is None


def test_what_is_seen_after_a_long_silence_owes_nothing_to_what_was_before() -> None:
    latency = observed(30.0)
    latency.observe(0.5, STALE_SECONDS)

    assert latency.peak_ewma(STALE_SECONDS) == 0.5


def test_a_clock_that_steps_back_sinks_no_peak() -> None:
    latency = observed(0.5, 8.0, now=100.0)
    latency.observe(0.5, 90.0)

    assert latency.peak_ewma(80.0) == 8.0


def test_a_clock_that_steps_far_back_freezes_nothing() -> None:
    assert observed(30.0, now=10_000.0).peak_ewma(0.0) is None


@pytest.mark.parametrize("nonsense", [nan, -1.0, -inf])
def test_nonsense_teaches_nothing(nonsense: float) -> None:
    assert observed(nonsense).peak_ewma(0.0) is None


def test_an_absurd_value_is_bounded() -> None:
    assert observed(inf).peak_ewma(0.0) == LONGEST


def test_the_p95_is_unknown_until_there_is_enough() -> None:
    few = LEAST_OBSERVATIONS - 1

    assert observed(*[1.0] * few).p95(0.0) is None
    assert observed(*[1.0] * few, 1.0).p95(0.0) == 1.0


def test_the_p95_is_the_nearest_rank() -> None:
    assert observed(*map(float, range(100, 0, -1))).p95(0.0) == 95.0


def test_the_p95_forgets_what_has_left_the_window() -> None:
    assert observed(*[60.0] * WINDOW, *[1.0] * WINDOW).p95(0.0) == 1.0


def test_the_p95_is_sorted_out_anew_now_and_then() -> None:
    latency = observed(*[1.0] * LEAST_OBSERVATIONS)
    assert latency.p95(0.0) == 1.0

    for _ in range(REFRESH - 1):
        latency.observe(9.0, 0.0)
    assert latency.p95(0.0) == 1.0
    latency.observe(9.0, 0.0)
    assert latency.p95(0.0) == 9.0


def test_a_window_of_yesterday_says_nothing_about_today() -> None:
    latency = observed(*[9.0] * WINDOW)
    assert latency.p95(FORGET_SECONDS) is None

    for _ in range(LEAST_OBSERVATIONS - 1):
        latency.observe(1.0, FORGET_SECONDS)
    assert latency.p95(FORGET_SECONDS) is None
    latency.observe(1.0, FORGET_SECONDS)
    assert latency.p95(FORGET_SECONDS) == 1.0


def test_it_introduces_itself() -> None:
    assert repr(Latency()) == "<Latency unknown>"
    assert repr(observed(1.0, 2.0)) == "<Latency average 1.100 s, peak 2.000 s, 2 observed>"
