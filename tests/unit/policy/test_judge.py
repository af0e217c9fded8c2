"""The judge's tables: complete, and what each class of failure means."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_relay.errors import Source, Stage
from cc_relay.exchange import FailureKind
from cc_relay.policy.judge import BREAKS, FAILURES, Verdict, backoff, judge_break, judge_failure

OWNED = [FailureKind.CREDENTIAL, FailureKind.PLAN]


def test_every_kind_of_failure_has_a_verdict() -> None:
    assert set(FAILURES) == set(FailureKind)


def test_every_fault_and_stage_has_a_verdict() -> None:
    assert set(BREAKS) == set(product(Source, Stage))


@pytest.mark.parametrize("stage", [Stage.SEND, Stage.HEAD, Stage.BODY])
def test_an_upstream_that_breaks_before_commit_is_passed_over(stage: Stage) -> None:
    assert judge_break(Source.UPSTREAM, stage, timed_out=False) is Verdict.NEXT


def test_an_upstream_that_cannot_be_reached_is_not_tried_with_its_other_keys() -> None:
    assert judge_break(Source.UPSTREAM, Stage.CONNECT, timed_out=False) is Verdict.NEXT_PROVIDER


@pytest.mark.parametrize("stage", Stage)
def test_silence_is_not_tried_again_at_the_same_place(stage: Stage) -> None:
    assert judge_break(Source.UPSTREAM, stage, timed_out=True) is Verdict.SILENT


@pytest.mark.parametrize(("source", "stage"), [*product([Source.DOWNSTREAM, Source.RELAY], Stage)])
@pytest.mark.parametrize("timed_out", [True, False])
def test_what_is_no_upstreams_fault_stops(source: Source, stage: Stage, timed_out: bool) -> None:
    assert judge_break(source, stage, timed_out=timed_out) is Verdict.STOP


@pytest.mark.parametrize("kind", OWNED)
def test_a_clients_own_login_that_is_refused_or_spent_stops(kind: FailureKind) -> None:
    assert judge_failure(kind, is_client_owned=True) is Verdict.STOP
    assert judge_failure(kind, is_client_owned=False) is Verdict.ONWARD


@pytest.mark.parametrize("kind", [kind for kind in FailureKind if kind not in OWNED])
def test_any_other_failure_is_judged_alike_for_every_owner(kind: FailureKind) -> None:
    assert judge_failure(kind, is_client_owned=True) is judge_failure(kind, is_client_owned=False)


@pytest.mark.parametrize("kind", [FailureKind.CLIENT, FailureKind.CAPABILITY])
def test_a_request_at_fault_is_answered_at_once(kind: FailureKind) -> None:
    assert FAILURES[kind] is Verdict.STOP


@given(
    number=st.integers(0, 60),
    base=st.floats(0.001, 10),
    ceiling=st.floats(0.001, 60),
    dice=st.floats(0, 1, exclude_max=True),
)
def test_backoff_stays_between_half_its_span_and_all_of_it(
    number: int, base: float, ceiling: float, dice: float
) -> None:
    span = min(ceiling, base * 2**number)
    assert span / 2 <= backoff(number, base=base, ceiling=ceiling, dice=dice) <= span


def test_backoff_doubles_until_its_ceiling() -> None:
    waits = [backoff(number, base=0.2, ceiling=1.0, dice=1.0) for number in range(5)]
    assert waits == [0.2, 0.4, 0.8, 1.0, 1.0]
