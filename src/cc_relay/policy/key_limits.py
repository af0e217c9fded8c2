"""What one model family of a key may use, and what is open on it."""

from collections.abc import Sequence
from math import inf, sqrt

from cc_relay.policy.bucket import LEAST, MINUTE, TokenBucket

KINDS = ("requests", "input", "output", "tokens")
"""What upstreams limit, by the minute; `tokens` is input and output together."""

REQUESTS, INPUT, OUTPUT, TOKENS = range(4)
_INDEX = {kind: index for index, kind in enumerate(KINDS)}

Amounts = tuple[float, float, float, float]
"""Of one request, in the order of KINDS: 1 for itself, its input tokens, its output tokens, both."""

LimitReport = tuple[str, float | None, float | None, float | None]
"""Of one answer: kind, limit a minute, what remains of it, seconds until it is whole again; None where unsaid."""


RELEARN_FAR = 1.0
"""Seconds for which the levels an answer told are good enough while all of them are far from their end."""

RELEARN_NEAR = 0.01
"""The same where one is near: only a key that answers hundreds of times a second leaves a few answers unread."""

_NEAR = 0.5

_LATE = OUTPUT, TOKENS
"""What an upstream takes of an answer only once it is written."""

HELD = 60.0
"""Seconds after the latest request for which what answers may use is held: then most are written, and one that goes on
for an hour is nobody's obstacle."""

_LEARNING_SHARE = 1 / 32
"""Of each new answer in what is known of all."""

_MOST_SPARE = 1 / 4
"""The part of a limit that is spared at most: one monstrous answer must not keep a small key to itself."""


class Limits:
    """The buckets of one family of one key (only of the kinds that are limited), its open leases, its cooling.

    `input` and `output` are what open leases have reserved and the upstream has not counted yet; `seen` is how many
    of the open leases it has counted as requests; `learned` has a bit for each bucket nobody configured. Before
    `relearn_at` an ordinary answer's word on the limits is not worth reading. `spread` is the mean square of what
    answers were longer or shorter than reserved, in tokens.
    """

    __slots__ = (
        "_late",
        "buckets",
        "cooled_until",
        "family",
        "input",
        "learned",
        "leases",
        "output",
        "relearn_at",
        "seen",
        "spread",
        "throttles",
        "used_at",
    )

    def __init__(self, family: str, per_minute: Sequence[float], now: float) -> None:
        """`per_minute` in the order of KINDS; what is not a positive, finite number is no limit."""
        self.family = family
        self.buckets = {
            index: TokenBucket(limit / MINUTE, limit, now)
            for index, limit in enumerate(per_minute)
            if LEAST <= limit < inf
        }
        self._late = self._find_late()
        self.learned = 0
        self.leases = 0
        self.seen = 0
        self.input = 0.0
        self.output = 0.0
        self.spread = 0.0
        self.cooled_until = 0.0
        self.throttles = 0
        self.used_at = now
        self.relearn_at = -inf

    def __repr__(self) -> str:
        buckets = ", ".join(f"{KINDS[index]} {bucket!r}" for index, bucket in self.buckets.items())
        return f"<Limits {self.family!r} [{self.leases} open | {buckets or 'no limits'}]>"

    def _find_late(self) -> tuple[TokenBucket, ...]:
        return tuple(bucket for index, bucket in self.buckets.items() if index in _LATE)

    def promise(self, output: float, now: float) -> None:
        """So many more tokens were taken for an answer, which is written from now on. Hot path."""
        self.output = held = self.output + output
        for bucket in self._late:
            bucket.held = held
            bucket.held_until = now + HELD

    def end_promise(self, reserved: float, used: float, now: float) -> None:
        """An answer for which so much was reserved has ended after so many tokens (0: there was none). Hot path."""
        # Sums of floats drift; an idle family holds nothing.
        self.output = held = self.output - reserved if self.leases else 0.0
        if self._late:
            for bucket in self._late:
                bucket.hold(held, now)
            if used:
                error = used - reserved
                self.spread += (error * error - self.spread) * _LEARNING_SHARE

    def try_take(self, amounts: Amounts, now: float) -> bool:
        """From every bucket, or nothing from any."""
        if self.leases and self._late and not self._can_spare(amounts, now):
            return False
        for index, bucket in self.buckets.items():
            if not bucket.try_take(amounts[index], now):
                self._put_back(amounts, bucket, now)
                return False
        return True

    def _can_spare(self, amounts: Amounts, now: float) -> bool:
        spare = self._spare()
        return not spare or all(
            self.buckets[index].has(amounts[index] + spare, now) for index in _LATE if index in self.buckets
        )

    def _spare(self) -> float:
        """What the answers being written may together be longer than was reserved: a standard deviation of it.

        A lease that is alone spares nothing, so that a full bucket always serves somebody.
        """
        if not (self.leases and self.spread and self._late):
            return 0.0
        most = min([bucket.burst for bucket in self._late]) * _MOST_SPARE
        return min(sqrt(self.spread * (self.leases + 1)), most)

    def _put_back(self, amounts: Amounts, until: TokenBucket, now: float) -> None:
        for index, bucket in self.buckets.items():
            if bucket is until:
                return
            bucket.refund(amounts[index], now)

    def correct(self, taken: Amounts, used: Amounts, now: float) -> None:
        for index, bucket in self.buckets.items():
            if used[index] != taken[index]:
                bucket.correct(taken[index], used[index], now)

    def available_at(self, amounts: Amounts, now: float) -> float:
        spare = self._spare()
        return max(
            (
                bucket.available_at(amounts[index] + spare if index in _LATE else amounts[index], now)
                for index, bucket in self.buckets.items()
            ),
            default=now,
        )

    def room(self, now: float) -> float:
        """What is left of the tightest limit, as a part of it; 1 without limits, 0 while one owes."""
        least = 1.0
        for bucket in self.buckets.values():
            share = bucket.level(now) / bucket.burst if bucket.burst else 0.0
            if share < least:
                least = share
        return max(0.0, least)

    def full_at(self) -> float:
        """When the last bucket is full: the later, the more of this family was used of late."""
        latest = 0.0
        for bucket in self.buckets.values():
            at = bucket.full_at()
            if at > latest:
                latest = at
        return latest

    def learn(self, reports: Sequence[LimitReport], now: float) -> int:
        """Set every reported bucket to the upstream's word; returns the kinds whose level it told, as bits (1 << kind).

        Where input or output have limits of their own, `tokens` only repeats the tightest of them (Anthropic API docs,
        rate limits page) and is left out: charged with input and output together it would be far too tight.
        """
        learned = 0
        is_split = False
        tokens: LimitReport | None = None
        for report in reports:
            kind = _INDEX.get(report[0])
            if kind is None:
                continue
            if kind == TOKENS:
                tokens = report
                continue
            is_split |= kind != REQUESTS
            learned |= self._learn(kind, report, now) << kind
        if is_split and self.learned >> TOKENS & 1:
            self.learned &= ~(1 << TOKENS)
            del self.buckets[TOKENS]
            self._late = self._find_late()
        elif tokens is not None and not is_split:
            learned |= self._learn(TOKENS, tokens, now) << TOKENS
        # Far from every limit our own count will do for a moment; an answer can tell nothing urgent.
        is_near = any(bucket.level(now) < bucket.burst * _NEAR for bucket in self.buckets.values())
        self.relearn_at = now + (RELEARN_NEAR if is_near else RELEARN_FAR)
        return learned

    def _learn(self, kind: int, report: LimitReport, now: float) -> bool:
        _, limit, remaining, reset_in = report
        bucket = self.buckets.get(kind)
        if bucket is None:
            if limit is None or not LEAST <= limit < inf:
                return False
            bucket = self.buckets[kind] = TokenBucket(limit / MINUTE, limit, now)
            self.learned |= 1 << kind
            self._late = self._find_late()
            if kind in _LATE:
                bucket.held, bucket.held_until = self.output, now + HELD
            # What is open was never taken from a new bucket: a level must be told for `withhold` to take it.
            remaining = limit if remaining is None else remaining
        return bucket.learn(limit, remaining, reset_in, now)

    def withhold(self, kinds: int, now: float) -> None:
        """Take what open leases hold, and the upstream has not counted, from the buckets of `kinds` (bits)."""
        pending = (self.leases - self.seen, self.input, self.output, self.input + self.output)
        for index, bucket in self.buckets.items():
            if kinds >> index & 1 and pending[index]:
                bucket.take(pending[index], now)
