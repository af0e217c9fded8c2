"""Rate-limit headers, sane and absurd."""

import pytest

from cc_relay.codec.limits import NO_LIMITS, Limit, UnifiedLimits, read_limits, read_quota, read_retry_after
from cc_relay.exchange import Headers

NOON = 1_795_435_200.0  # 2026-11-23T12:00:00Z


def said(**values: str) -> Headers:
    return [
        (b"anthropic-ratelimit-" + name.replace("_", "-").encode(), value.encode()) for name, value in values.items()
    ]


def test_each_limit_of_a_key_is_read() -> None:
    found = read_limits(
        said(
            requests_limit="50",
            requests_remaining="49",
            requests_reset="2026-11-23T12:00:30Z",
            tokens_limit="80000",
            input_tokens_remaining="40000",
            output_tokens_reset="2026-11-23T13:00:00+01:00",
        ),
        NOON,
    )
    assert found.requests == Limit(50, 49, 30.0)
    assert found.tokens == Limit(limit=80_000)
    assert found.input_tokens == Limit(remaining=40_000)
    assert found.output_tokens == Limit(reset_in=0.0)
    assert found.unified is None


def test_a_reset_in_the_past_is_over() -> None:
    assert read_limits(said(requests_reset="2020-01-01T00:00:00Z"), NOON).requests == Limit(reset_in=0.0)


def test_the_limits_of_a_subscription_are_read() -> None:
    found = read_limits(
        said(
            unified_status="allowed_warning",
            unified_reset="1795438800",
            unified_representative_claim="five_hour",
            unified_5h_utilization="0.93",
            unified_7d_utilization="1.2",
            unified_7d_oi_utilization="lots",
        ),
        NOON,
    )
    assert found.unified == UnifiedLimits("allowed_warning", 1_795_438_800.0, "five_hour", {"5h": 0.93, "7d": 1.2})
    assert not found.unified.is_rejected


def test_a_rejected_subscription_shows() -> None:
    unified = read_limits(said(unified_status="rejected"), NOON).unified
    assert unified is not None
    assert unified.is_rejected


def test_an_answer_without_such_headers_limits_nothing() -> None:
    assert read_limits([(b"content-type", b"text/html")], NOON) is NO_LIMITS


@pytest.mark.parametrize("absurd", ["", "-1", "nan", "inf", "1e400", "9" * 30, "1_000", "many", "0x10", "é"])
def test_absurd_counts_are_passed_over(absurd: str) -> None:
    assert (
        read_limits(said(requests_limit=absurd, unified_status="allowed", unified_reset=absurd), NOON).requests is None
    )


def quota(**values: str) -> tuple[tuple[str, int | None, int | None, float | None], ...]:
    return read_quota(dict(said(**values)), lambda: NOON)


def test_a_quota_names_each_kind_with_what_is_left_of_it() -> None:
    assert quota(
        requests_limit="50",
        requests_remaining="49",
        requests_reset="2026-11-23T12:00:30Z",
        tokens_limit="80000",
        tokens_remaining="80000",
        input_tokens_limit="50000",
        input_tokens_remaining="0",
        input_tokens_reset="1795435245.5",
        output_tokens_remaining="8000",
        output_tokens_reset="2026-11-23T12:00:30Z",
    ) == (
        ("requests", 50, 49, 30.0),
        ("tokens", 80_000, 80_000, None),
        ("input", 50_000, 0, 45.5),
        ("output", None, 8000, None),
    )


def test_a_reset_is_not_read_and_no_clock_asked_where_nothing_is_missing() -> None:
    whole = said(requests_limit="50", requests_remaining="50", requests_reset="2026-11-23T12:00:30Z")

    def no_clock() -> float:
        raise AssertionError("asked")

    assert read_quota(dict(whole), no_clock) == (("requests", 50, 50, None),)


@pytest.mark.parametrize("headers", [[], [(b"content-type", b"text/html")], said(unified_status="allowed")])
def test_an_answer_that_does_not_say_what_is_left_has_no_quota(headers: Headers) -> None:
    assert read_quota(dict(headers), lambda: NOON) == ()


def test_an_absurd_part_of_a_quota_is_left_out() -> None:
    assert quota(tokens_limit="-1", tokens_remaining="many", requests_limit="5", requests_remaining="1_0") == (
        ("requests", 5, None, None),
    )
    assert quota(tokens_limit="5", tokens_remaining="4", tokens_reset="soon") == (("tokens", 5, 4, None),)


@pytest.mark.parametrize("unix", ["1795435230", "1795435230.0"])
def test_a_reset_in_unix_seconds_is_read(unix: str) -> None:
    assert read_limits(said(requests_reset=unix), NOON).requests == Limit(reset_in=30.0)


ABSURD_RESETS = ["", "soon", "12:00", "2026-13-01T00:00:00Z", "9" * 60, "30", "1795435230000", "2999-01-01T00:00:00Z"]


@pytest.mark.parametrize("absurd", ABSURD_RESETS)
def test_absurd_resets_are_passed_over(absurd: str) -> None:
    found = read_limits(said(requests_limit="5", requests_reset=absurd), NOON).requests
    assert found == Limit(limit=5)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ([(b"retry-after", b"7")], 7.0),
        ([(b"retry-after", b"1.5")], 1.5),
        ([(b"retry-after", b"0")], 0.0),
        ([(b"retry-after", b"7"), (b"retry-after-ms", b"250")], 0.25),
        ([(b"retry-after", b"7"), (b"retry-after-ms", b"soon")], 7.0),
        ([(b"retry-after", b"604800")], 604_800.0),
        ([(b"retry-after", b"Mon, 23 Nov 2026 12:00:45 GMT")], 45.0),
        ([(b"retry-after", b"Mon, 23 Nov 2026 11:00:00 GMT")], 0.0),
        ([(b"retry-after", b"-3")], None),
        ([(b"retry-after", b"later")], None),
        ([(b"retry-after", b"Mon, 99 Nov 2026 12:00:45 GMT")], None),
        ([(b"retry-after", b"\xff")], None),
        ([], None),
    ],
)
def test_retry_after_is_read_in_each_form(headers: Headers, seconds: float | None) -> None:
    assert read_retry_after(headers, NOON) == seconds
