"""What response headers say about rate limits: facts in seconds from now, absurd values left out."""

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache

from msgspec import Struct

from cc_relay.exchange import Headers

_PREFIX = b"anthropic-ratelimit-"
_UNIFIED = _PREFIX + b"unified-"
_KINDS = tuple(
    (kind, _PREFIX + name + b"-limit", _PREFIX + name + b"-remaining", _PREFIX + name + b"-reset")
    for kind, name in (
        ("requests", b"requests"),
        ("tokens", b"tokens"),
        ("input", b"input-tokens"),
        ("output", b"output-tokens"),
    )
)
_REQUESTS_LEFT, _TOKENS_LEFT, _INPUT_LEFT, _OUTPUT_LEFT = (remaining for _, _, remaining, _ in _KINDS)
_UNIX_DIGITS = (10, 11)
"""Digits of Unix seconds from 2001 on; more are milliseconds, fewer something else."""
_MAX_RESET = 86_400.0
"""The farthest reset believed, in seconds: a key's limits are a minute's, so a farther one is a broken clock's."""
_MAX_DIGITS = 15
_MAX_DATE = 40
_NUMBER = re.compile(rb"\d{1,20}(?:\.\d{1,20})?(?:[eE][+-]?\d{1,3})?")


class Limit(Struct, frozen=True):
    """One limit of an API key: `limit` and `remaining` in requests or tokens, `reset_in` in seconds (0: already over).

    None means that the answer did not say.
    """

    limit: int | None = None
    remaining: int | None = None
    reset_in: float | None = None


class UnifiedLimits(Struct, frozen=True):
    """The limits of a subscription, shared by all its uses.

    `status` is `allowed`, `allowed_warning` or `rejected` (or a word to come); `reset_at` is Unix seconds;
    `representative_claim` names the window that decides (`five_hour`, `seven_day`, …), empty where unsaid;
    `utilizations` is a fraction for each window (`5h`, `7d`, …) and may pass 1.
    """

    status: str
    reset_at: float | None = None
    representative_claim: str = ""
    utilizations: dict[str, float] = {}

    @property
    def is_rejected(self) -> bool:
        return self.status == "rejected"


class RateLimits(Struct, frozen=True):
    """The limits one answer reported; None for each kind it did not mention."""

    requests: Limit | None = None
    tokens: Limit | None = None
    input_tokens: Limit | None = None
    output_tokens: Limit | None = None
    unified: UnifiedLimits | None = None


Quota = tuple[str, int | None, int | None, float | None]
"""A kind (`requests`, `tokens`, `input` or `output`), its limit, what remains, and the seconds until it is whole."""

NO_LIMITS = RateLimits()
_UNSAID = Limit()


def read_limits(headers: Headers, now_wall: float) -> RateLimits:
    """The `anthropic-ratelimit-*` headers of an answer (Anthropic API docs, rate limits page); never raises.

    `now_wall` is Unix seconds, which the resets (RFC 3339 for API keys; elsewhere Unix seconds) are measured against.
    """
    said = {name: value for name, value in headers if name.startswith(_PREFIX)}
    if not said:
        return NO_LIMITS
    requests, tokens, input_tokens, output_tokens = (_limit(said, names, now_wall) for names in _KINDS)
    return RateLimits(requests, tokens, input_tokens, output_tokens, _unified(said))


def read_quota(named: Mapping[bytes, bytes], now_wall: Callable[[], float]) -> tuple[Quota, ...]:
    """The limits of an API key, from an answer's headers by name (lower case); never raises. Hot path.

    None for what was not said, or absurd. Nothing at all where no kind says what remains. A reset is read only where
    something is missing, and `now_wall` (Unix seconds) asked only then.
    """
    if not (_REQUESTS_LEFT in named or _INPUT_LEFT in named or _OUTPUT_LEFT in named or _TOKENS_LEFT in named):
        return ()
    found: list[Quota] = []
    get = named.get
    now = -1.0
    for kind, limit_name, remaining_name, reset_name in _KINDS:
        limit, remaining = _count(get(limit_name)), _count(get(remaining_name))
        if remaining is None and limit is None:
            continue
        reset_in = None
        if remaining is not None and limit is not None and remaining < limit:
            if now < 0:
                now = now_wall()
            reset_in = _reset_in(get(reset_name), now)
        found.append((kind, limit, remaining, reset_in))
    return tuple(found)


def read_retry_after(headers: Headers, now_wall: float) -> float | None:
    """Seconds to wait by `retry-after-ms`, else `retry-after` (a number or an HTTP date); None where neither is sane.

    A date in the past is 0; a long wait stays as long as it was said.
    """
    said = {name: value for name, value in headers if name in {b"retry-after", b"retry-after-ms"}}
    if not said:
        return None
    milliseconds = _number(said.get(b"retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    value = said.get(b"retry-after")
    seconds = _number(value)
    return _until_http_date(value, now_wall) if seconds is None else seconds


def _limit(said: Mapping[bytes, bytes], names: tuple[str, bytes, bytes, bytes], now_wall: float) -> Limit | None:
    limit, remaining, reset = map(said.get, names[1:])
    found = Limit(_count(limit), _count(remaining), _reset_in(reset, now_wall))
    return None if found == _UNSAID else found


def _unified(said: Mapping[bytes, bytes]) -> UnifiedLimits | None:
    status = _word(said.get(_UNIFIED + b"status"))
    if not status:
        return None
    utilizations = {}
    for name, value in said.items():
        if name.startswith(_UNIFIED) and name.endswith(b"-utilization"):
            fraction = _number(value)
            if fraction is not None:
                utilizations[name[len(_UNIFIED) : -len(b"-utilization")].decode("latin-1")] = fraction
    return UnifiedLimits(
        status=status,
        reset_at=_number(said.get(_UNIFIED + b"reset")),
        representative_claim=_word(said.get(_UNIFIED + b"representative-claim")),
        utilizations=utilizations,
    )


def _word(value: bytes | None) -> str:
    return value.decode("latin-1") if value and len(value) <= 64 else ""


def _number(value: bytes | None) -> float | None:
    """A finite number that is not negative; None for anything else."""
    if value is None or not _NUMBER.fullmatch(value):
        return None
    number = float(value)
    return number if math.isfinite(number) else None


@lru_cache(maxsize=512)  # limits are always the same, and what remains of tokens is rounded to thousands
def _count(value: bytes | None) -> int | None:
    return int(value) if value is not None and len(value) <= _MAX_DIGITS and value.isdigit() else None


def _reset_in(value: bytes | None, now_wall: float) -> float | None:
    moment = _moment(value) if value is not None and len(value) <= _MAX_DATE else None
    if moment is None:
        return None
    seconds = moment - now_wall
    if seconds <= 0:
        return 0.0
    return seconds if seconds <= _MAX_RESET else None


@lru_cache(maxsize=256)  # the limits of one answer, and answers in a row, tend to name the same moment
def _moment(value: bytes) -> float | None:
    """Unix seconds of a reset: RFC 3339 (Anthropic, API keys), or Unix seconds themselves (as for subscriptions)."""
    if b"T" not in value:
        number = _number(value)
        return number if number is not None and len(value.partition(b".")[0]) in _UNIX_DIGITS else None
    try:
        return _timestamp(datetime.fromisoformat(value.decode("ascii")))  # reads the `Z` from Python 3.11 on
    except (ValueError, OverflowError):
        return None


def _until_http_date(value: bytes | None, now_wall: float) -> float | None:
    if value is None or len(value) > _MAX_DATE:
        return None
    from email.utils import parsedate_to_datetime  # rare, and 20 ms of imports

    try:
        return max(0.0, _timestamp(parsedate_to_datetime(value.decode("ascii"))) - now_wall)
    except (ValueError, TypeError, IndexError, OverflowError):  # the parser of `email` leaks its own accidents
        return None


def _timestamp(moment: datetime) -> float:
    """Unix seconds; a moment without a zone is UTC."""
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
