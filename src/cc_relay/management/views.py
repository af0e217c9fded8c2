"""What the management API shows, as its JSON looks.

Times are milliseconds; those ending in `_ms` without `duration`, `retry_in` or `waited` count from the request's
arrival. A `retry_in_ms` of null means that waiting does not help, or that there is nothing to wait for.
"""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from cc_relay.exchange import Outcome

State = Literal["CLOSED", "OPEN", "HALF_OPEN"]
"""Of a breaker: flowing, failing fast, probing."""

Affinity = Literal["home", "moved", "placed", "none"]
"""Where a session's request went: to the key of the ones before it, away from it, to a first key; none: no session."""

StageName = Literal["connect", "send", "head", "body"]
"""How far an attempt got; the names of `errors.Stage`."""


Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]
"""Bounded for readers, who calculate with what they were sent."""


class UsageView(Struct, frozen=True, kw_only=True):
    """LLM tokens; the input counts are disjoint."""

    input: Count
    output: Count
    cache_read: Count
    cache_write_5m: Count
    cache_write_1h: Count


class CandidateView(Struct, frozen=True, kw_only=True):
    """One (provider, key, model) the request could have gone to; rank 1 was to be tried first."""

    rank: int
    provider: str
    model: str
    key: str
    reason: str


class RefusalView(Struct, frozen=True, kw_only=True):
    """A key or a breaker that said no; `key` is "" where a whole provider did."""

    provider: str
    key: str
    model: str
    reason: str
    retry_in_ms: float | None
    at_ms: float


class AttemptView(Struct, frozen=True, kw_only=True):
    """One try. `status` is null where none came, `stage` where nothing failed; `number` counts from 1."""

    number: int
    provider: str
    model: str
    key: str
    outcome: Outcome
    status: int | None
    stage: StageName | None
    reason: str
    started_ms: float
    duration_ms: float
    is_hedge: bool


class RequestView(Struct, frozen=True, kw_only=True):
    """Why one request went where it went.

    `arrived_at` knows its time zone (RFC 3339 on the wire). `status` is what the client saw, 499 where it left before
    an answer. `first_byte_ms` is null where no answer began; `waited_ms` is what the request spent in the queue.
    `strategy` is "" where nothing was planned; `generation` numbers the configuration it was planned by.
    """

    id: str
    method: str
    path: str
    model: str
    principal: str
    session: str | None
    status: int
    outcome: Outcome
    reason: str
    arrived_at: Annotated[datetime, Meta(tz=True)]
    duration_ms: float
    first_byte_ms: float | None
    waited_ms: float
    bytes_out: Count
    usage: UsageView
    strategy: str
    affinity: Affinity
    generation: int
    candidates: list[CandidateView]
    refusals: list[RefusalView]
    attempts: list[AttemptView]


class Recent(Struct, frozen=True, kw_only=True):
    """The newest requests, newest first."""

    requests: list[RequestView]


class LimitView(Struct, frozen=True, kw_only=True):
    """One limit of a key: `limit` a minute, of which `level` is left (below zero: overdrawn).

    `family` is the model family it holds for, "" for all; `kind` is rpm, itpm, otpm or tpm.
    """

    family: str
    kind: str
    limit: float
    level: float


class CoolingView(Struct, frozen=True, kw_only=True):
    """A model family that waits, after a 429, on a key that others may use."""

    family: str
    retry_in_ms: float | None


class KeyView(Struct, frozen=True, kw_only=True):
    """A key by its fingerprint. `reason` says why it is not CLOSED, "" where it is."""

    id: str
    state: State
    reason: str
    retry_in_ms: float | None
    in_flight: int
    limits: list[LimitView]
    coolings: list[CoolingView]


class ShortcomingView(Struct, frozen=True, kw_only=True):
    """Something requests for `model` go without since the provider refused it; put to the test again in `retry_in_ms`.

    `capability` is for programs, `description` for people.
    """

    model: str
    capability: str
    description: str
    retry_in_ms: float | None


class ProviderView(Struct, frozen=True, kw_only=True):
    """A provider, its breaker, its keys and what it refused of late; `reason` as for keys."""

    name: str
    type: str
    base_url: str
    state: State
    reason: str
    retry_in_ms: float | None
    in_flight: int
    keys: list[KeyView]
    shortcomings: list[ShortcomingView] = []


class Overview(Struct, frozen=True, kw_only=True):
    """The relay at a glance: exchanges in work and waiting, and who could serve the next.

    `listen` is the data plane's host:port, by which it can be told from another relay; `uptime_s` is seconds.
    """

    listen: str
    generation: int
    uptime_s: float
    in_flight: int
    waiting: int
    providers: list[ProviderView]


class Problem(Struct, frozen=True, kw_only=True):
    """Why there is no answer: `code` for programs, `message` for people."""

    code: str
    message: str


class Failed(Struct, frozen=True, kw_only=True):
    """The body of every answer that is an error."""

    error: Problem
