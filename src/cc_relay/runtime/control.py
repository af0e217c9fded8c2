"""A running relay as its management API sees it."""

from __future__ import annotations

from datetime import UTC, datetime
from math import inf
from typing import TYPE_CHECKING

from cc_relay.management.views import (
    AttemptView,
    CandidateView,
    CoolingView,
    KeyView,
    LimitView,
    Overview,
    ProviderView,
    RefusalView,
    RequestView,
    ShortcomingView,
    UsageView,
)
from cc_relay.policy.breaker import BreakerState
from cc_relay.providers.capabilities import describe, is_lasting

if TYPE_CHECKING:
    from collections.abc import Callable

    from cc_relay.exchange import Attempt, Record, Trace, Usage
    from cc_relay.management.views import Affinity, StageName, State
    from cc_relay.policy.key import Key
    from cc_relay.policy.shortcomings import Shortcoming
    from cc_relay.relay.shells import Shells
    from cc_relay.relay.snapshot import Snapshot, Upstream
    from cc_relay.runtime.ring import Ring


class RelayControl:
    """Answers out of memory; `snapshot` gives the configuration of the moment, `listen` is the data plane's address."""

    def __init__(
        self, ring: Ring, snapshot: Callable[[], Snapshot], shells: Shells, in_flight: Callable[[], int], listen: str
    ) -> None:
        self._ring = ring
        self._snapshot = snapshot
        self._shells = shells
        self._in_flight = in_flight
        self._listen = listen
        self._started_at = shells.clock()

    def __repr__(self) -> str:
        return f"<RelayControl {self._ring!r}>"

    @property
    def capacity(self) -> int:
        return self._ring.capacity

    def find_request(self, id: str) -> RequestView | None:  # noqa: A002 -- what it is called everywhere
        record = self._ring.find(id)
        return None if record is None else self._shown(record)

    def recent_requests(self, limit: int) -> list[RequestView]:
        return [self._shown(record) for record in self._ring.newest(limit)]

    def overview(self) -> Overview:
        now, snapshot = self._shells.clock(), self._snapshot()
        lacking = self._shells.shortcomings.all(now)
        return Overview(
            listen=self._listen,
            generation=snapshot.generation,
            uptime_s=now - self._started_at,
            in_flight=self._in_flight(),
            waiting=len(self._shells.waiting),
            providers=[provider_view(one, lacking, now) for one in snapshot.upstreams],
        )

    def _shown(self, record: Record) -> RequestView:
        lead = self._shells.wall_clock() - self._shells.clock()
        return request_view(record, lead)


def request_view(record: Record, lead: float) -> RequestView:
    """A record for the API; `lead` is the wall clock's over the loop's, in seconds."""
    trace, arrived_at = record.trace, record.arrived_at
    return RequestView(
        id=record.id,
        method=record.method,
        path=record.path,
        model=record.model,
        principal=record.principal,
        session=record.session,
        status=record.status,
        outcome=record.outcome,
        reason=record.reason,
        arrived_at=datetime.fromtimestamp(arrived_at + lead, UTC),
        duration_ms=milliseconds(record.ended_at - arrived_at),
        first_byte_ms=None if record.first_byte_at is None else milliseconds(record.first_byte_at - arrived_at),
        waited_ms=0.0 if trace is None else milliseconds(trace.waited),
        bytes_out=record.bytes_out,
        usage=usage_view(record.usage),
        strategy="" if trace is None else trace.strategy,
        affinity="none" if trace is None else affinity(trace),
        generation=0 if trace is None else trace.generation,
        candidates=[] if trace is None else candidate_views(trace),
        refusals=[] if trace is None else refusal_views(trace, arrived_at),
        attempts=[attempt_view(number, one, arrived_at) for number, one in enumerate(record.attempts, 1)],
    )


def affinity(trace: Trace) -> Affinity:
    """Checked by type: the trace knows no other words."""
    words: dict[str, Affinity] = {"home": "home", "moved": "moved", "placed": "placed"}
    return words.get(trace.affinity, "none")


def candidate_views(trace: Trace) -> list[CandidateView]:
    return [
        CandidateView(
            rank=one.rank,
            provider=one.candidate.provider,
            model=one.candidate.model,
            key=one.candidate.credential.fingerprint,
            reason=one.reason,
        )
        for one in trace.candidates()
    ]


def refusal_views(trace: Trace, arrived_at: float) -> list[RefusalView]:
    return [
        RefusalView(
            provider=one.candidate.provider,
            key=one.candidate.credential.fingerprint,
            model=one.candidate.model,
            reason=one.refusal.reason,
            retry_in_ms=time_until(one.refusal.retry_at, one.at),
            at_ms=milliseconds(one.at - arrived_at),
        )
        for one in trace.declined
    ]


def attempt_view(number: int, attempt: Attempt, arrived_at: float) -> AttemptView:
    stages: dict[str | None, StageName] = {"CONNECT": "connect", "SEND": "send", "HEAD": "head", "BODY": "body"}
    return AttemptView(
        number=number,
        provider=attempt.candidate.provider,
        model=attempt.candidate.model,
        key=attempt.candidate.credential.fingerprint,
        outcome=attempt.outcome,
        status=attempt.status,
        stage=stages.get(attempt.stage),
        reason=attempt.reason,
        started_ms=milliseconds(attempt.started_at - arrived_at),
        duration_ms=milliseconds(attempt.ended_at - attempt.started_at),
        is_hedge=attempt.is_hedge,
    )


def usage_view(usage: Usage) -> UsageView:
    return UsageView(
        input=usage.input,
        output=usage.output,
        cache_read=usage.cache_read,
        cache_write_5m=usage.cache_write_5m,
        cache_write_1h=usage.cache_write_1h,
    )


def provider_view(upstream: Upstream, lacking: list[Shortcoming], now: float) -> ProviderView:
    provider, health = upstream.provider, upstream.health(now)
    state = STATES[health.state]
    return ProviderView(
        name=provider.name,
        type=provider.type,
        base_url=provider.base_url,
        state=state,
        reason=health.reason,
        retry_in_ms=None if state == "CLOSED" else time_until(health.retry_at, now),
        in_flight=upstream.standing.in_flight,
        keys=[key_view(key, now) for key in upstream.pool.keys],
        shortcomings=[
            ShortcomingView(
                model=one.subject,
                capability=one.capability,
                description=describe(one.capability),
                retry_in_ms=time_until(one.until, now),
            )
            # What only one conversation cannot have is nobody else's business.
            for one in lacking
            if one.upstream == provider.name and is_lasting(one.capability)
        ],
    )


def key_view(key: Key, now: float) -> KeyView:
    state = key.state(now)
    return KeyView(
        id=key.name,
        state="OPEN" if state.is_open else "CLOSED",
        reason=state.reason,
        retry_in_ms=time_until(state.until, now) if state.is_open else None,
        in_flight=key.in_flight,
        limits=[
            LimitView(family=family, kind=LIMIT_KINDS[kind], limit=limit, level=level)
            for family, kind, limit, level in key.utilisation(now)
        ],
        coolings=[
            CoolingView(family=family, retry_in_ms=time_until(until, now))
            for family, until in key.coolings(now)
            if family
        ],
    )


LIMIT_KINDS = {"requests": "rpm", "input": "itpm", "output": "otpm", "tokens": "tpm"}
"""What the configuration calls them."""

STATES: dict[BreakerState, State] = {
    BreakerState.CLOSED: "CLOSED",
    BreakerState.OPEN: "OPEN",
    BreakerState.HALF_OPEN: "HALF_OPEN",
}


def time_until(at: float, now: float) -> float | None:
    return None if at == inf else milliseconds(max(0.0, at - now))


def milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 3)
