"""The circuit breaker: its table, what counts, what probes do, and what is worth a line."""

from collections.abc import Iterator
from itertools import product
from math import inf, nan

import pytest

from cc_relay.policy.breaker import LONGEST_OPEN, SOON, TRANSITIONS, BreakerState, CircuitBreaker, Event, Transition
from cc_relay.policy.flapping import CALM_SECONDS, OUTAGE_SECONDS
from cc_relay.policy.witnesses import WITNESS_SECONDS

CLOSED, OPENED, HALF_OPEN = BreakerState.CLOSED, BreakerState.OPEN, BreakerState.HALF_OPEN

OPEN_FOR = 30.0
BACK = OPEN_FOR
"""The moment at which a breaker that opened at 0 lets its first probe out."""


def make(threshold: int = 3, open_for: float = OPEN_FOR, probes: int = 2) -> CircuitBreaker:
    return CircuitBreaker(threshold, open_for, probes)


def fail(breaker: CircuitBreaker, *sessions: str | None, now: float = 0.0) -> Transition | None:
    """Let one request of each session fail; the last transition."""
    transition = None
    for session in sessions:
        transition = breaker.record_failure(0, session, "529", now)
    return transition


def opened(threshold: int = 3, open_for: float = OPEN_FOR, probes: int = 2) -> CircuitBreaker:
    """One that opened at 0, for sessions that named themselves not."""
    breaker = make(threshold, open_for, probes)
    fail(breaker, *[None] * threshold)
    return breaker


def probe(breaker: CircuitBreaker, now: float) -> int:
    grant = breaker.try_acquire(now)
    assert grant
    return grant


def close(breaker: CircuitBreaker, now: float, probes: int = 2) -> Transition | None:
    transition = None
    for _ in range(probes):
        transition = breaker.record_success(probe(breaker, now), None, now)
    return transition


# The table


def test_every_state_knows_every_event() -> None:
    assert set(TRANSITIONS) == set(product(BreakerState, Event))


def test_every_state_is_left_and_entered() -> None:
    changes = {(was, became) for (was, _), became in TRANSITIONS.items() if was is not became}

    assert {was for was, _ in changes} == {became for _, became in changes} == set(BreakerState)


def test_only_an_operator_closes_without_probing() -> None:
    assert {event for (was, event), became in TRANSITIONS.items() if (was, became) == (OPENED, CLOSED)} == {Event.RESET}


# Closed


def test_a_closed_breaker_lets_everything_through() -> None:
    breaker = make()

    assert breaker.is_closed
    assert [breaker.try_acquire(0.0) for _ in range(100)] == [0] * 100
    assert breaker.retry_at(5.0) == 5.0


def test_failures_in_a_row_open_it_at_the_threshold() -> None:
    breaker = make(threshold=3)

    assert fail(breaker, None, None) is None
    transition = breaker.record_failure(0, None, "HTTP 529", 7.0)

    assert transition is not None
    assert (transition.was, transition.became, transition.reason, transition.at) == (CLOSED, OPENED, "HTTP 529", 7.0)
    assert not breaker.is_closed
    assert breaker.latest == transition
    assert (breaker.reason, breaker.opened_at) == ("HTTP 529", 7.0)


def test_a_success_of_anybody_starts_the_count_anew() -> None:
    breaker = make(threshold=3)
    fail(breaker, "a", "b")
    breaker.record_success(0, "c", 0.0)

    assert fail(breaker, "a", "b") is None
    assert breaker.is_closed


def test_a_cancelled_request_counts_for_nothing() -> None:
    breaker = make(threshold=3)
    fail(breaker, None, None)
    breaker.record_cancelled(0)

    assert breaker.failures == 2
    assert fail(breaker, None) is not None


# Sessions and witnesses


def test_a_lone_user_sees_it_open_at_the_threshold() -> None:
    breaker = make(threshold=3)
    breaker.record_success(0, "me", 0.0)

    assert fail(breaker, "me", "me", "me") is not None


def test_a_broken_session_does_not_open_it_while_another_is_served() -> None:
    breaker = make(threshold=3)
    breaker.record_success(0, "fine", 0.0)

    assert fail(breaker, *["poison"] * 100) is None
    assert breaker.failures == 1


def test_an_outage_that_many_sessions_see_opens_it_at_the_threshold() -> None:
    breaker = make(threshold=3)
    breaker.record_success(0, "a", 0.0)

    assert fail(breaker, "b", "b", "c", "c") is None
    assert fail(breaker, "d") is not None


def test_after_a_success_the_failure_of_a_broken_session_counts_once_again() -> None:
    breaker = make(threshold=3)
    fail(breaker, "poison")
    breaker.record_success(0, "fine", 0.0)
    fail(breaker, "poison", "poison")

    assert breaker.failures == 1


def test_after_a_closing_the_failure_of_a_broken_session_counts_once_again() -> None:
    breaker = make(threshold=1, probes=1)
    fail(breaker, "poison")
    breaker.record_success(probe(breaker, BACK), "fine", BACK)

    assert fail(breaker, "poison", now=BACK) is not None


def test_a_session_that_succeeded_itself_is_not_its_own_witness() -> None:
    breaker = make(threshold=3)
    breaker.record_success(0, "other", 0.0)
    breaker.record_success(0, "me", WITNESS_SECONDS)

    assert fail(breaker, "me", "me", "me", now=WITNESS_SECONDS) is not None


def test_the_session_before_the_last_vouches_against_the_last() -> None:
    breaker = make(threshold=3)
    breaker.record_success(0, "other", 0.0)
    breaker.record_success(0, "me", 1.0)
    breaker.record_success(0, "me", 2.0)

    assert fail(breaker, "me", "me", "me", now=3.0) is None


def test_a_witness_who_fails_too_vouches_no_longer() -> None:
    breaker = make(threshold=3)
    breaker.record_success(0, "a", 0.0)

    assert fail(breaker, "b", "b", "a") is None
    assert fail(breaker, "b") is not None


def test_a_witness_speaks_for_a_minute() -> None:
    breaker = make(threshold=3)
    breaker.record_success(0, "fine", 0.0)
    fail(breaker, "me", "me", now=WITNESS_SECONDS - 0.1)
    assert breaker.failures == 1

    assert fail(breaker, "me", "me", now=WITNESS_SECONDS) is not None


def test_requests_that_name_no_session_count_each_on_their_own() -> None:
    breaker = make(threshold=3)
    breaker.record_success(0, "fine", 0.0)

    assert fail(breaker, None, None, None) is not None


def test_a_success_that_names_no_session_is_a_witness() -> None:
    breaker = make(threshold=3)
    breaker.record_success(0, None, 0.0)

    assert fail(breaker, *["poison"] * 10) is None


def test_a_witness_from_before_the_clock_stepped_back_is_not_believed() -> None:
    breaker = make(threshold=3)
    breaker.record_success(0, "fine", 1000.0)

    assert fail(breaker, "me", "me", "me") is not None


def test_thousands_of_failing_sessions_take_bounded_memory() -> None:
    breaker = make(threshold=10**9)
    breaker.record_success(0, "fine", 0.0)
    fail(breaker, *map(str, range(5000)))

    assert breaker.failures == 5000
    assert len(breaker._witnesses._failed) < 1000


# Open


def test_an_open_breaker_refuses_until_its_time_has_come() -> None:
    breaker = opened()

    assert breaker.try_acquire(BACK - 0.1) is None
    assert breaker.retry_at(1.0) == BACK
    assert breaker.state(BACK - 0.1) is OPENED
    assert breaker.state(BACK) is HALF_OPEN
    assert breaker.retry_at(BACK + 1) == BACK + 1


def test_a_health_check_that_passes_ends_the_wait() -> None:
    breaker = opened()
    transition = breaker.note_healthy(5.0)

    assert transition is not None
    assert transition.became is HALF_OPEN
    assert breaker.try_acquire(5.0)


def test_a_health_check_changes_nothing_where_nothing_is_wrong() -> None:
    assert make().note_healthy(0.0) is None


def test_an_operator_can_close_it() -> None:
    breaker = opened()
    transition = breaker.reset(1.0)

    assert transition is not None
    assert transition.is_news
    assert breaker.is_closed
    assert (breaker.reason, breaker.opened_at) == ("", None)


def test_a_reset_of_a_closed_one_forgets_its_failures() -> None:
    breaker = make(threshold=3)
    breaker.record_success(0, "fine", 0.0)
    fail(breaker, "poison", None)

    assert breaker.reset(0.0) is None
    assert fail(breaker, "poison", None) is None
    assert breaker.failures == 2


def test_an_operator_who_closes_it_wants_to_hear_of_the_next_opening() -> None:
    breaker = make(threshold=1, probes=1)
    list(flap(breaker, 2))
    unheard_of = fail(breaker, None, now=2.0)
    assert unheard_of is not None
    assert not unheard_of.is_news

    closed = breaker.reset(3.0)
    reopened = fail(breaker, None, now=4.0)
    assert closed is not None
    assert closed.is_news
    assert reopened is not None
    assert (reopened.openings, reopened.is_news) == (1, True)


def test_requests_from_before_the_opening_do_not_disturb() -> None:
    breaker = opened()
    assert breaker.record_success(0, "slow", 1.0) is None
    assert fail(breaker, "slower", now=2.0) is None
    assert breaker.retry_at(2.0) == BACK

    probe(breaker, BACK)
    assert fail(breaker, "slowest", now=BACK) is None
    assert breaker.record_success(0, "slowest", BACK) is None
    assert breaker.state(BACK) is HALF_OPEN


def test_a_clock_that_steps_back_starts_the_wait_afresh() -> None:
    breaker = make(threshold=1)
    fail(breaker, None, now=1000.0)

    assert breaker.try_acquire(0.0) is None
    assert breaker.retry_at(0.0) == OPEN_FOR
    assert breaker.try_acquire(OPEN_FOR)


# Probing


def test_no_more_probes_are_out_than_asked_for() -> None:
    breaker = opened(probes=2)

    assert [bool(breaker.try_acquire(BACK)) for _ in range(5)] == [True, True, False, False, False]
    assert breaker.retry_at(BACK) == BACK + SOON


def test_a_probe_that_passed_is_not_handed_out_again() -> None:
    breaker = opened(probes=2)
    first = probe(breaker, BACK)
    probe(breaker, BACK)
    breaker.record_success(first, "a", BACK)

    assert breaker.try_acquire(BACK) is None


def test_all_probes_together_close_it() -> None:
    breaker = opened(probes=3)
    grants = [probe(breaker, BACK) for _ in range(3)]

    assert [breaker.record_success(grant, "a", BACK) for grant in grants[:2]] == [None, None]
    transition = breaker.record_success(grants[2], "a", BACK + 1)
    assert transition is not None
    assert (transition.became, transition.down_for) == (CLOSED, BACK + 1)
    assert breaker.try_acquire(BACK + 1) == 0
    assert breaker.failures == 0


def test_one_probe_that_fails_opens_it_again() -> None:
    breaker = opened(probes=2)
    breaker.record_success(probe(breaker, BACK), "a", BACK)
    transition = breaker.record_failure(probe(breaker, BACK), "b", "still 529", BACK)

    assert transition is not None
    assert transition.became is OPENED
    assert breaker.reason == "still 529"
    assert breaker.opened_at == 0.0
    assert breaker.retry_at(BACK) == BACK + OPEN_FOR


def test_a_cancelled_probe_is_given_back() -> None:
    breaker = opened(probes=1)
    grant = probe(breaker, BACK)
    assert breaker.try_acquire(BACK) is None
    breaker.record_cancelled(grant)

    assert breaker.try_acquire(BACK)


def test_probes_of_an_earlier_round_do_not_disturb() -> None:
    breaker = opened(probes=3)
    late, later, failing = (probe(breaker, BACK) for _ in range(3))
    breaker.record_failure(failing, "a", "529", BACK)
    current = probe(breaker, 2 * BACK)

    assert breaker.record_failure(late, "b", "529", 2 * BACK) is None
    assert [breaker.record_success(grant, "c", 2 * BACK) for grant in (later, current)] == [None, None]
    assert breaker.state(2 * BACK) is HALF_OPEN


def test_each_round_begins_anew() -> None:
    breaker = opened(probes=3)
    _, passing, failing = (probe(breaker, BACK) for _ in range(3))
    breaker.record_success(passing, "a", BACK)
    breaker.record_failure(failing, "b", "529", BACK)
    grants = [probe(breaker, 2 * BACK) for _ in range(3)]

    told = [breaker.record_success(grant, "a", 2 * BACK) for grant in grants]
    assert [transition is not None for transition in told] == [False, False, True]


def test_probes_that_are_out_when_the_clock_steps_back_are_handed_out_again() -> None:
    breaker = opened(probes=1)
    probe(breaker, BACK)

    assert breaker.try_acquire(BACK - 1000.0)


def test_a_broken_session_does_not_reopen_it_once_a_probe_of_another_passed() -> None:
    breaker = make(threshold=1, probes=2)
    fail(breaker, "poison")
    breaker.record_success(probe(breaker, BACK), "fine", BACK)

    assert breaker.record_failure(probe(breaker, BACK), "poison", "500", BACK) is None
    assert close(breaker, BACK, probes=1) is not None


def test_who_succeeded_before_the_opening_vouches_for_nothing_after_it() -> None:
    breaker = make(threshold=1, open_for=1.0)
    breaker.record_success(0, "fine", 0.0)
    fail(breaker, "me")

    assert breaker.record_failure(probe(breaker, 1.0), "me", "529", 1.0) is not None


def test_probes_that_never_report_are_handed_out_again() -> None:
    breaker = opened(probes=2)
    probe(breaker, BACK)
    probe(breaker, BACK)

    assert breaker.try_acquire(BACK + OPEN_FOR) is None
    assert breaker.retry_at(BACK + OPEN_FOR + 0.1) == BACK + OPEN_FOR + 0.1
    assert [bool(breaker.try_acquire(BACK + OPEN_FOR + 0.1)) for _ in range(3)] == [True, True, False]


def test_a_probe_given_up_as_lost_may_still_report() -> None:
    breaker = opened(probes=1)
    slow = probe(breaker, BACK)
    late = BACK + OPEN_FOR + 0.1
    probe(breaker, late)

    transition = breaker.record_success(slow, "a", late)
    assert transition is not None
    assert transition.became is CLOSED


def test_a_breaker_that_opens_for_an_instant_does_not_lose_its_probes_at_once() -> None:
    breaker = opened(open_for=0.0, probes=1)
    probe(breaker, 0.0)

    assert breaker.try_acquire(0.5) is None
    assert breaker.try_acquire(1.5)


# Requests older than the closing


def test_a_failure_of_a_request_older_than_the_closing_is_no_news() -> None:
    breaker = opened(threshold=1)
    close(breaker, BACK)

    assert breaker.record_failure(0, "slow", "stalled", 300.0, began_at=-1.0) is None
    assert breaker.record_failure(0, "quick", "529", 300.0, began_at=299.0) is not None


def test_a_clock_that_stepped_back_makes_no_failure_old() -> None:
    breaker = opened(threshold=1)
    close(breaker, 1000.0)

    assert breaker.record_failure(0, "a", "529", 10.0, began_at=9.0) is not None


def test_a_probe_that_fails_after_the_closing_is_no_news() -> None:
    breaker = opened(threshold=1, probes=1)
    slow = probe(breaker, BACK)
    late = BACK + OPEN_FOR + 0.1
    breaker.record_success(probe(breaker, late), "a", late)

    assert breaker.is_closed
    assert breaker.record_failure(slow, "b", "529", late) is None


# Settings


@pytest.mark.parametrize("nonsense", [0, -1])
def test_a_threshold_or_number_of_probes_below_one_is_one(nonsense: int) -> None:
    breaker = make(threshold=nonsense, probes=nonsense)

    assert fail(breaker, None) is not None
    assert close(breaker, BACK, probes=1) is not None


@pytest.mark.parametrize("forever", [inf, nan, 1e300])
def test_no_setting_keeps_it_open_for_ever(forever: float) -> None:
    assert opened(open_for=forever).try_acquire(LONGEST_OPEN)


def test_a_negative_duration_is_none_at_all() -> None:
    assert opened(open_for=-5.0).try_acquire(0.0)


def test_a_reload_keeps_the_state() -> None:
    breaker = opened()
    breaker.configure(10, 5.0, 1)

    assert breaker.try_acquire(4.9) is None
    assert breaker.try_acquire(5.0)


def test_a_reload_that_asks_for_fewer_probes_than_have_passed_leaves_it_unstuck() -> None:
    breaker = opened(probes=3)
    for _ in range(2):
        breaker.record_success(probe(breaker, BACK), None, BACK)
    breaker.configure(3, OPEN_FOR, 1)

    assert close(breaker, BACK, probes=1) is not None


# What is worth a line


def flap(breaker: CircuitBreaker, times: int, every: float = 1.0, at: float = 0.0) -> Iterator[Transition]:
    """Open and close it in turns; everything it had to say."""
    for number in range(times):
        now = at + number * every
        breaker_says = [fail(breaker, None, now=now), breaker.note_healthy(now), close(breaker, now, probes=1)]
        yield from (transition for transition in breaker_says if transition)


def test_the_first_outage_and_its_end_are_told() -> None:
    assert [(told.became, told.is_news) for told in flap(make(threshold=1, probes=1), 1)] == [
        (OPENED, True),
        (HALF_OPEN, False),
        (CLOSED, True),
    ]


def test_one_that_flaps_every_second_gives_few_lines() -> None:
    told = [transition for transition in flap(make(threshold=1, probes=1), 1000) if transition.is_news]
    openings = [transition.openings for transition in told if transition.became is OPENED]

    assert openings == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]
    assert len(told) == 20


def test_every_opening_that_is_told_is_followed_by_its_closing() -> None:
    told = [transition.became for transition in flap(make(threshold=1, probes=1), 200) if transition.is_news]

    assert told == [OPENED, CLOSED] * (len(told) // 2)


def test_a_long_outage_amid_flapping_is_told_and_so_is_its_end() -> None:
    breaker = make(threshold=1, probes=1)
    list(flap(breaker, 4))
    quiet = fail(breaker, None, now=10.0)
    long_after = 10.0 + OUTAGE_SECONDS
    still = breaker.record_failure(probe(breaker, long_after), None, "529", long_after)
    end = close(breaker, long_after + OPEN_FOR, probes=1)

    told = [(said.openings, said.is_news) for said in (quiet, still, end) if said]
    assert told == [(5, False), (6, True), (6, True)]


def test_a_long_outage_is_told_ever_less_often() -> None:
    breaker = make(threshold=1, open_for=30.0, probes=1)
    fail(breaker, None)
    again = [breaker.record_failure(probe(breaker, now), None, "529", now) for now in range(30, 86400, 30)]

    assert len([transition for transition in again if transition and transition.is_news]) < 12


def test_after_a_calm_time_an_opening_is_the_first() -> None:
    breaker = make(threshold=1, probes=1)
    list(flap(breaker, 3))
    transition = fail(breaker, None, now=2.0 + CALM_SECONDS)

    assert transition is not None
    assert (transition.openings, transition.is_news) == (1, True)


def test_it_introduces_itself() -> None:
    breaker = make(threshold=3, probes=2)
    fail(breaker, None)
    assert repr(breaker) == "<CircuitBreaker CLOSED [1 of 3 failures]>"
    fail(breaker, None, None)
    assert repr(breaker) == "<CircuitBreaker OPEN [529 | probes at 30.0]>"
    probe(breaker, BACK)
    assert repr(breaker) == "<CircuitBreaker HALF_OPEN [0 of 2 passed, 1 out]>"
    assert repr(breaker._flapping) == "<Flapping 1 openings, told>"
    assert repr(breaker._witnesses) == "<Witnesses 0 failing>"
