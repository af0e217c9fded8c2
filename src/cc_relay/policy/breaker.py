"""A circuit breaker: while an upstream is down fail fast, and let a few requests find out when it is back."""

from enum import Enum
from math import inf

from msgspec import Struct

from cc_relay.policy.flapping import Flapping
from cc_relay.policy.witnesses import Witnesses

LONGEST_OPEN = 3600.0
"""No setting keeps a breaker open for longer before it is tried."""

LEAST_PATIENCE = 1.0
"""Seconds a probe has at least before it counts as lost, however short the breaker stays open."""

SOON = 0.5
"""Seconds until it is worth asking again when all probes are out."""


class BreakerState(Enum):
    """CLOSED: flowing. OPEN: failing fast. HALF_OPEN: probing."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Event(Enum):
    """What can happen to a breaker.

    FAILED      as many failures as it takes: the threshold when CLOSED, a single one when HALF_OPEN
    WAITED      it has been open for its time
    HEALTHY     an active health check got through
    RECOVERED   as many probes as it takes have succeeded
    RESET       an operator says so
    """

    FAILED = "failed"
    WAITED = "waited"
    HEALTHY = "healthy"
    RECOVERED = "recovered"
    RESET = "reset"


_CLOSED, _OPEN, _HALF_OPEN = BreakerState.CLOSED, BreakerState.OPEN, BreakerState.HALF_OPEN

TRANSITIONS: dict[tuple[BreakerState, Event], BreakerState] = {
    (_CLOSED, Event.FAILED): _OPEN,
    (_CLOSED, Event.WAITED): _CLOSED,
    (_CLOSED, Event.HEALTHY): _CLOSED,
    (_CLOSED, Event.RECOVERED): _CLOSED,
    (_CLOSED, Event.RESET): _CLOSED,
    (_OPEN, Event.FAILED): _OPEN,
    (_OPEN, Event.WAITED): _HALF_OPEN,
    # A health check is cheap and proves little: it only ends the wait.
    (_OPEN, Event.HEALTHY): _HALF_OPEN,
    (_OPEN, Event.RECOVERED): _OPEN,
    (_OPEN, Event.RESET): _CLOSED,
    (_HALF_OPEN, Event.FAILED): _OPEN,
    (_HALF_OPEN, Event.WAITED): _HALF_OPEN,
    (_HALF_OPEN, Event.HEALTHY): _HALF_OPEN,
    (_HALF_OPEN, Event.RECOVERED): _CLOSED,
    (_HALF_OPEN, Event.RESET): _CLOSED,
}
"""Every state under every event; an event that leads where we are changes nothing."""


class Transition(Struct, frozen=True):
    """One change of state, for the log.

    `openings` counts how often it opened since it was last calm, `down_for` the seconds since it was last CLOSED.
    `is_news` says whether this one is worth a line: a provider that flaps gives few.
    """

    was: BreakerState
    became: BreakerState
    reason: str
    at: float
    openings: int
    down_for: float
    is_news: bool


class CircuitBreaker:
    """Opens after `threshold` failures in a row, waits `open_for` seconds, closes after `probes` successes in a row.

    `try_acquire` gives a grant for each request; exactly one `record_…` takes it back. `is_closed` is for the hot
    path: where it is True, the grant is 0 without asking. `failures` are those that count so far; `reason` and
    `opened_at` say why and since when it is not CLOSED ("" and None while it is); `latest` is the last change.
    """

    __slots__ = (
        "_closed_at",
        "_flapping",
        "_granted",
        "_granted_at",
        "_granted_before",
        "_open_for",
        "_out",
        "_passed",
        "_probes",
        "_state",
        "_threshold",
        "_waiting_since",
        "_witnesses",
        "failures",
        "is_closed",
        "latest",
        "opened_at",
        "reason",
    )

    def __init__(self, threshold: int, open_for: float, probes: int) -> None:
        self.configure(threshold, open_for, probes)
        self.is_closed = True
        self.failures = 0
        self.reason = ""
        self.opened_at: float | None = None
        self.latest: Transition | None = None
        self._state = _CLOSED
        self._closed_at = -inf
        self._waiting_since = -inf
        self._granted = 0
        self._granted_before = 0
        self._granted_at = -inf
        self._out: set[int] = set()
        self._passed = 0
        self._witnesses = Witnesses()
        self._flapping = Flapping()

    def __repr__(self) -> str:
        if self._state is _CLOSED:
            return f"<CircuitBreaker CLOSED [{self.failures} of {self._threshold} failures]>"
        if self._state is _OPEN:
            return f"<CircuitBreaker OPEN [{self.reason} | probes at {self._waiting_since + self._open_for:.1f}]>"
        return f"<CircuitBreaker HALF_OPEN [{self._passed} of {self._probes} passed, {len(self._out)} out]>"

    def configure(self, threshold: int, open_for: float, probes: int) -> None:
        """Take other settings and keep the state. Settings that make no sense are bounded, `open_for` nan included."""
        self._threshold = max(1, threshold)
        self._open_for = max(0.0, min(LONGEST_OPEN, open_for))
        self._probes = max(1, probes)

    def state(self, now: float) -> BreakerState:
        """The state a request would meet."""
        return _HALF_OPEN if self._state is _OPEN and self._has_waited(now) else self._state

    def try_acquire(self, now: float) -> int | None:
        """A grant for one request, None where it is refused: 0 when CLOSED, above 0 for a probe."""
        if self.is_closed:
            return 0
        if self._state is _OPEN:
            # A clock that stepped back starts the wait afresh, else it would last until the clock caught up.
            self._waiting_since = min(self._waiting_since, now)
            if not self._has_waited(now):
                return None
            self._turn(Event.WAITED, "open long enough", now)
        if not self._has_probes_left(now):
            return None
        if self._are_lost(now):
            self._out.clear()
        self._granted += 1
        self._granted_at = now
        self._out.add(self._granted)
        return self._granted

    def retry_at(self, now: float) -> float:
        """When to ask again: `now` where a request would be let through."""
        if self._state is _OPEN:
            return max(now, min(self._waiting_since, now) + self._open_for)
        return now if self.is_closed or self._has_probes_left(now) else now + SOON

    def record_success(self, grant: int, session: str | None, now: float) -> Transition | None:
        """The request went well. `session` None: it named none."""
        if self.is_closed:
            if self.failures:
                self.failures = 0
                self._witnesses.forgive()
            self._witnesses.success(session, now)
            return None
        if not self._is_probe(grant):
            return None
        self._out.discard(grant)
        self._passed += 1
        self._witnesses.success(session, now)
        if self._passed < self._probes:
            return None
        return self._turn(Event.RECOVERED, f"{self._passed} probes succeeded", now)

    def record_failure(
        self, grant: int, session: str | None, reason: str, now: float, *, began_at: float = inf
    ) -> Transition | None:
        """The upstream is to blame for how the request went. `reason` is short, and shown.

        `began_at` is when the request was sent, where that is known: a breaker that has closed meanwhile knows better.
        """
        if self.is_closed:
            # Only when the clock did not step back: then nothing is older than the closing.
            is_outdated = grant > 0 or began_at < self._closed_at <= now
            if is_outdated or not self._witnesses.failure(session, now):
                return None
            self.failures += 1
            return self._turn(Event.FAILED, reason, now) if self.failures >= self._threshold else None
        if not self._is_probe(grant):
            return None
        self._out.discard(grant)
        return self._turn(Event.FAILED, reason, now) if self._witnesses.failure(session, now) else None

    def record_cancelled(self, grant: int) -> None:
        """Nothing was learned: the client left, or the request was at fault. A probe is given back."""
        self._out.discard(grant)

    def note_healthy(self, now: float) -> Transition | None:
        """An active health check got through: the wait is over."""
        return self._turn(Event.HEALTHY, "health check passed", now)

    def reset(self, now: float) -> Transition | None:
        """Close it, whatever it knows: an operator's word."""
        self._flapping.calm()
        self.failures = 0
        self._witnesses.forgive()
        return self._turn(Event.RESET, "reset by an operator", now)

    def _has_waited(self, now: float) -> bool:
        return now - self._waiting_since >= self._open_for

    def _has_probes_left(self, now: float) -> bool:
        # With none out there is always one, also when a reload has just asked for fewer than have passed.
        return not self._out or len(self._out) + self._passed < self._probes or self._are_lost(now)

    def _are_lost(self, now: float) -> bool:
        """Whether the probes that are out have had their time. A clock that stepped back ends it: no one can tell."""
        return not 0.0 <= now - self._granted_at <= max(LEAST_PATIENCE, self._open_for)

    def _is_probe(self, grant: int) -> bool:
        """Whether this is a probe of the present round. One that was given up as lost still is: it may just be slow."""
        return self._state is _HALF_OPEN and grant > self._granted_before

    def _turn(self, event: Event, reason: str, now: float) -> Transition | None:
        was, became = self._state, TRANSITIONS[self._state, event]
        if became is was:
            return None
        down_for = 0.0 if self.opened_at is None else max(0.0, now - self.opened_at)
        is_news = self._enter(became, reason, now)
        self.latest = Transition(was, became, reason, now, self._flapping.openings, down_for, is_news)
        return self.latest

    def _enter(self, became: BreakerState, reason: str, now: float) -> bool:
        """Become that; whether it is news."""
        was, self._state = self._state, became
        self.is_closed = became is _CLOSED
        self._out.clear()
        if became is _HALF_OPEN:
            self._passed = 0
            self._granted_before = self._granted
            return False
        if became is _CLOSED:
            self.failures = 0
            self.reason = ""
            self.opened_at = None
            self._closed_at = now
            self._witnesses.forgive()
            return self._flapping.closed(now)
        self.reason = reason
        self._waiting_since = now
        self._witnesses.forget()
        if was is _CLOSED:
            self.opened_at = now
            return self._flapping.opened(now)
        return self._flapping.opened_again(now)
