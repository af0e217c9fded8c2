"""Laws of rate-limit headers: both readers agree, and no bytes upset them."""

from hypothesis import given
from hypothesis import strategies as st

from cc_relay.codec.limits import Limit, read_limits, read_quota

NAMES = [
    f"anthropic-ratelimit-{kind}-{part}".encode()
    for kind in ("requests", "tokens", "input-tokens", "output-tokens")
    for part in ("limit", "remaining", "reset")
]
counts = st.integers(0, 10**7).map(lambda count: str(count).encode())
moments = st.datetimes().map(lambda moment: moment.isoformat().encode() + b"Z")
values = counts | moments | st.binary(max_size=44) | st.floats(0, 3e9).map(lambda number: str(number).encode())


@given(st.dictionaries(st.sampled_from(NAMES), values), st.floats(0, 4e9))
def test_the_quick_reader_and_the_full_one_say_the_same(named: dict[bytes, bytes], now: float) -> None:
    full = read_limits(list(named.items()), now)
    limits = {
        "requests": full.requests,
        "tokens": full.tokens,
        "input": full.input_tokens,
        "output": full.output_tokens,
    }
    quick = read_quota(named, lambda: now)
    assert not quick or any(name.endswith(b"-remaining") for name in named)
    for kind, limit, remaining, reset_in in quick:
        found = limits[kind]
        assert found is not None
        assert (limit, remaining) == (found.limit, found.remaining)
        is_short = limit is not None and remaining is not None and remaining < limit
        assert reset_in == (found.reset_in if is_short else None)


@given(st.dictionaries(st.sampled_from(NAMES), values), st.floats(0, 4e9))
def test_what_is_said_of_a_quota_is_sane(named: dict[bytes, bytes], now: float) -> None:
    for _, limit, remaining, reset_in in read_quota(named, lambda: now):
        assert Limit(limit, remaining) != Limit()
        assert reset_in is None or 0 <= reset_in <= 86_400
