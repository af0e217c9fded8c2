"""How many exchanges may be in work at once."""

from cc_relay.policy.admission import Admission


def test_nobody_enters_above_the_limit() -> None:
    admission = Admission()
    assert [admission.try_enter(2) for _ in range(3)] == [True, True, False]


def test_a_place_that_is_left_can_be_taken() -> None:
    admission = Admission()
    admission.try_enter(1)
    admission.leave()
    assert admission.try_enter(1)


def test_a_refused_entry_takes_no_place() -> None:
    admission = Admission()
    admission.try_enter(1)
    admission.try_enter(1)
    assert admission.in_flight == 1


def test_zero_is_no_limit() -> None:
    admission = Admission()
    assert all(admission.try_enter(0) for _ in range(1000))


def test_a_limit_lowered_by_a_reload_counts_those_who_are_in() -> None:
    admission = Admission()
    for _ in range(3):
        admission.try_enter(0)
    assert not admission.try_enter(2)
    assert repr(admission) == "<Admission 3 in flight>"
