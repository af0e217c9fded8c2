"""The newest exchanges are remembered, and those with a story for longer."""

import pytest
from tests.unit.runtime.records import attempt, record

from cc_relay.exchange import Candidate, Credential, Declined, Outcome, Record, Refusal, Trace
from cc_relay.runtime.ring import Ring, is_eventful

ONCE = (attempt(),)


def plain(id_: str, ended_at: float = 0.0) -> Record:
    return record(id=id_, attempts=ONCE, ended_at=ended_at)


def failed(id_: str, ended_at: float = 0.0) -> Record:
    return record(id=id_, attempts=ONCE, outcome=Outcome.FAILED, ended_at=ended_at)


def ring(*records: Record, eventful: int = 3, plain: int = 2) -> Ring:
    made = Ring(eventful, plain)
    for one in records:
        made.add(one)
    return made


def ids(ring: Ring, limit: int = 10) -> list[str]:
    return [one.id for one in ring.newest(limit)]


def test_the_newest_come_first_and_no_more_than_asked_for() -> None:
    made = ring(failed("a", 1.0), plain("b", 2.0), failed("c", 3.0), plain("d", 4.0))

    assert ids(made) == ["d", "c", "b", "a"]
    assert ids(made, limit=2) == ["d", "c"]


def test_the_oldest_goes_when_its_shelf_is_full() -> None:
    made = ring(*(failed(id_) for id_ in "abcd"), *(plain(id_) for id_ in "wxyz"))

    assert [id_ for id_ in "abcdwxyz" if made.find(id_)] == ["b", "c", "d", "y", "z"]
    assert made.capacity == 5


def test_what_went_well_does_not_push_out_what_went_wrong() -> None:
    assert ring(failed("wrong"), *(plain(f"fine-{number}") for number in range(100))).find("wrong") is not None


@pytest.mark.parametrize(("first", "second"), [(plain, plain), (failed, failed), (plain, failed), (failed, plain)])
def test_of_two_with_one_id_the_newer_is_found_and_counts_as_new(first: object, second: object) -> None:
    assert callable(first)
    assert callable(second)
    made = ring(first("a", 1.0), failed("b", 2.0), second("a", 3.0))

    found = made.find("a")
    assert found is not None
    assert found.ended_at == 3.0
    assert ids(made) == ["a", "b"]


def traced(waited: float = 0.0, *declined: Declined) -> Trace:
    return Trace("failover", 1, "none", tuple, declined, waited)


REFUSED = Declined(Candidate("a", Credential("k", ""), "m"), Refusal("rate", 7.0), 1.0)


@pytest.mark.parametrize(
    ("changes", "has_story"),
    [
        ({}, False),
        ({"trace": traced()}, False),
        ({"trace": traced(1.5)}, True),
        ({"trace": traced(0.0, REFUSED)}, True),
        ({"attempts": ()}, True),
        ({"attempts": (attempt(reason="529"), attempt())}, True),
        ({"outcome": Outcome.BROKEN}, True),
    ],
)
def test_a_second_attempt_a_refusal_a_wait_and_a_failure_are_a_story(
    changes: dict[str, object], has_story: bool
) -> None:
    assert is_eventful(record(**{"attempts": ONCE, **changes})) is has_story
