"""Phases 6 and 10: a key and a breaker's leave for one attempt, and what is said of them when it is over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cc_relay.codec.limits import read_quota
from cc_relay.exchange import FailureKind, Refusal
from cc_relay.policy.key import RATE, THROTTLED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cc_relay.exchange import Failure, Usage
    from cc_relay.policy.breaker import Transition
    from cc_relay.policy.lease import Lease
    from cc_relay.relay.snapshot import Option

BREAKER_OPEN = "open"


class Reserved:
    """An option that is ours for one attempt. Every one is released exactly once, by one of the four methods below."""

    __slots__ = ("_began_at", "_grant", "_is_open", "_lease", "option")

    def __init__(self, option: Option, lease: Lease | None, grant: int, now: float) -> None:
        self.option = option
        self._lease = lease
        self._grant = grant
        self._began_at = now
        self._is_open = True

    def __repr__(self) -> str:
        return f"<Reserved {self.option.candidate.provider} {'open' if self._is_open else 'released'}>"

    def hear(
        self, named: Mapping[bytes, bytes], wall_clock: Callable[[], float], now: float, *, is_error: bool = False
    ) -> None:
        """Learn what an answer's head says of the key: its limits, and whose it is. Hot path."""
        lease = self._lease
        if lease is None:
            return
        pool, key = self.option.lane.upstream.pool, lease.key
        if is_error or pool.is_curious(lease, now):
            quota = read_quota(named, wall_clock)
            if quota:
                pool.learn(key, lease.family, quota, now, own=lease)
            if not key.organisation:
                key.organisation = named.get(b"anthropic-organization-id", b"")[:64].decode("latin-1")

    def succeed(self, usage: Usage, session: str | None, now: float) -> Transition | None:
        """The upstream delivered."""
        self._settle(usage, now)
        return self.option.lane.upstream.breaker.record_success(self._grant, session, now)

    def fail(
        self, reason: str, session: str | None, now: float, *, was_counted: bool, usage: Usage | None = None
    ) -> Transition | None:
        """The upstream is at fault; `usage` is what a broken stream had cost until then."""
        if usage is None:
            self._give_back(now, was_counted=was_counted)
        else:
            self._settle(usage, now)
        return self.option.lane.upstream.breaker.record_failure(
            self._grant, session, reason, now, began_at=self._began_at
        )

    def answer_for_key(self, failure: Failure, now: float, dice: Callable[[], float]) -> float:
        """The upstream refused this key, or its pace; returns until when the key is out."""
        self.drop(now, was_counted=True)
        pool, key = self.option.lane.upstream.pool, self.option.key
        if key is None:
            return now
        if failure.kind is FailureKind.THROTTLE:
            return pool.cool(key, self.option.lane.family, failure.retry_after, now, dice)
        if failure.kind is FailureKind.PLAN:
            return pool.spend(key, failure.retry_after, now)
        return pool.refuse(key, now)

    def drop(self, now: float, *, was_counted: bool, usage: Usage | None = None) -> None:
        """Nobody is at fault: the client left, the relay stops, or the request was wrong."""
        if usage is not None and (usage.total_input or usage.output):
            self._settle(usage, now)
        else:
            self._give_back(now, was_counted=was_counted)
        self.option.lane.upstream.breaker.record_cancelled(self._grant)

    def _settle(self, usage: Usage, now: float) -> None:
        self._close()
        lease = self._lease
        if lease is not None:
            # What was read from the prompt cache does not count (Anthropic API docs, rate limits page).
            counted = usage.input + usage.cache_write_5m + usage.cache_write_1h
            pool = self.option.lane.upstream.pool
            pool.settle(lease, counted, usage.output, now)
            # Whatever became of the answer, the key was served.
            pool.succeed(lease.key, lease.family)

    def _give_back(self, now: float, *, was_counted: bool) -> None:
        self._close()
        if self._lease is not None:
            self.option.lane.upstream.pool.give_back(self._lease, now, was_counted=was_counted)

    def _close(self) -> None:
        assert self._is_open, "released twice"
        self._is_open = False
        self.option.lane.standing.in_flight -= 1


def reserve(option: Option, input_tokens: int, output_tokens: int, now: float) -> Reserved | Refusal:
    """Take a key's permits and the breaker's leave, both or neither. Hot path; nothing here may await."""
    lane = option.lane
    upstream = lane.upstream
    breaker = upstream.breaker
    grant = 0 if breaker.is_closed else breaker.try_acquire(now)
    if grant is None:
        return Refusal(BREAKER_OPEN, breaker.retry_at(now))
    lease: Lease | None = None
    if option.key is not None:
        reserved = upstream.pool.reserve(option.key, lane.family, input_tokens, output_tokens, now)
        if isinstance(reserved, Refusal):
            breaker.record_cancelled(grant)
            return reserved
        lease = reserved
    lane.standing.in_flight += 1
    return Reserved(option, lease, grant, now)


def refusal_of(option: Option, input_tokens: int, output_tokens: int, now: float) -> Refusal | None:
    """What `reserve` would refuse with, None where it would not; nothing is taken, no probe and no trial begun."""
    breaker, key, family = option.lane.upstream.breaker, option.key, option.lane.family
    retry_at = now if breaker.is_closed else breaker.retry_at(now)
    if retry_at > now:
        return Refusal(BREAKER_OPEN, retry_at)
    if key is None:
        return None
    if key.is_open(now):
        return Refusal(key.reason, max(key.open_until, key.cooled_until(family, now)))
    cooled_until = key.cooled_until(family, now)
    if cooled_until:
        return Refusal(THROTTLED, cooled_until)
    limits = key.families.get(family)
    amounts = (1.0, input_tokens, output_tokens, input_tokens + output_tokens)
    at = now if limits is None else limits.available_at(amounts, now)
    return Refusal(RATE, at) if at > now else None
