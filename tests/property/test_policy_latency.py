"""The laws of what is learned of an upstream's time to first token, and of the hedges it allows."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from cc_relay.policy.hedge import BURST, HedgeBudget
from cc_relay.policy.latency import LEAST_OBSERVATIONS, REFRESH, STALE_SECONDS, WINDOW, Latency

seconds = st.floats(0, 100)
pauses = st.floats(0, STALE_SECONDS - 1)
SLIP = 1e-9


def p95_of(values: list[float]) -> float:
    """The smallest value that at least 95 % of them do not exceed."""
    return min(value for value in values if sum(other <= value for other in values) * 100 >= len(values) * 95)


@given(st.lists(st.tuples(seconds, st.floats(-50, 50)), min_size=1, max_size=60))
def test_expectations_rise_at_once_and_stay_within_what_was_seen(seen: list[tuple[float, float]]) -> None:
    latency, now = Latency(), 1000.0
    values = []
    for value, step in seen:
        now += step
        values.append(value)
        latency.observe(value, now)
        expected = latency.peak_ewma(now)
        assert expected is not None
        assert value - SLIP <= expected <= max(values) + SLIP


@given(st.lists(seconds, min_size=1, max_size=30), st.lists(pauses, min_size=2, max_size=10).map(sorted))
def test_without_news_an_expectation_only_sinks(values: list[float], waits: list[float]) -> None:
    latency = Latency()
    for value in values:
        latency.observe(value, 0.0)
    expectations = [latency.peak_ewma(wait) for wait in waits]

    sinking = [expected for expected in expectations if expected is not None]
    assert len(sinking) == len(waits)
    assert all(later <= earlier + SLIP for earlier, later in pairwise(sinking))
    assert all(min(values) - SLIP <= expected for expected in sinking)


@given(st.floats(), st.floats(allow_nan=False, allow_infinity=False), st.floats(allow_nan=False, allow_infinity=False))
def test_no_value_and_no_clock_spoils_it(value: float, first: float, second: float) -> None:
    latency = Latency()
    latency.observe(value, first)
    latency.observe(1.0, second)

    expected = latency.peak_ewma(second)
    assert expected is not None
    assert 1.0 <= expected <= 3600.0


@given(st.lists(st.tuples(st.integers(0, 9), st.booleans()), max_size=2 * WINDOW))
def test_a_p95_is_one_of_a_window_that_is_nearly_the_present_one(steps: list[tuple[int, bool]]) -> None:
    latency = Latency()
    values: list[float] = []
    for value, is_asked in steps:
        latency.observe(float(value), 0.0)
        values.append(float(value))
        if is_asked:
            answer = latency.p95(0.0)
            ends = range(max(LEAST_OBSERVATIONS, len(values) - REFRESH + 1), len(values) + 1)
            windows = [values[max(0, end - WINDOW) : end] for end in ends]
            expected = {p95_of(window) for window in windows}
            assert answer in expected if expected else answer is None


@given(st.floats(0.01, 1.0), st.lists(st.booleans(), max_size=400))
def test_hedges_never_exceed_their_share(share: float, steps: list[bool]) -> None:
    budget = HedgeBudget(share)
    requests = hedges = unspent = 0
    for is_request in steps:
        if is_request:
            budget.earn()
            requests += 1
        else:
            hedges += budget.try_spend()
        assert hedges <= share * requests + SLIP
    while budget.try_spend():
        unspent += 1
    assert unspent <= BURST
