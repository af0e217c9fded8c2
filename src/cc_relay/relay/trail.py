"""What an exchange leaves behind: written down on the way, settled once at the end."""

from msgspec.structs import replace

from cc_relay.codec.observer import StreamObserver
from cc_relay.exchange import Attempt, Candidate, Declined, Outcome, Record, RelayRequest, Trace, Usage
from cc_relay.relay.plan import Route
from cc_relay.relay.ports import Clock, Recorder
from cc_relay.relay.reserve import Reserved

_ENDS_AFTER_COMMIT = frozenset({Outcome.BROKEN, Outcome.GONE, Outcome.DRAINED})


class Trail:
    """The notes of one exchange; the request's body is not among them.

    `status` 499: the client left before there was an answer. `observer` watches a committed stream.
    """

    __slots__ = (
        "_arrived_at",
        "_attempts",
        "_clock",
        "_is_settled",
        "_method",
        "_model",
        "_path",
        "affinity",
        "bytes_out",
        "declined",
        "first_byte_at",
        "generation",
        "lineage",
        "observer",
        "outcome",
        "principal",
        "reason",
        "request_id",
        "reserved",
        "route",
        "session",
        "status",
        "usage",
        "waited",
    )

    def __init__(self, request: RelayRequest, generation: int, clock: Clock) -> None:
        self.request_id = request.id
        self._method = request.method
        self._path = request.path
        self._arrived_at = request.arrived_at
        self._clock = clock
        self._attempts: list[Attempt] = []
        self._is_settled = False
        self._model = ""
        self.session: str | None = None
        self.lineage: str | None = None
        self.principal = ""
        self.status = 499
        self.outcome = Outcome.GONE
        self.reason = ""
        self.usage = Usage()
        self.bytes_out = 0
        self.first_byte_at: float | None = None
        self.observer: StreamObserver | None = None
        self.generation = generation
        self.affinity = "none"
        self.route: Route | None = None
        self.declined: list[Declined] = []
        self.reserved: Reserved | None = None
        self.waited = 0.0

    def __repr__(self) -> str:
        return f"<Trail {self.request_id} {self.outcome.value} {len(self._attempts)} attempts>"

    @property
    def attempts(self) -> int:
        return len(self._attempts)

    @property
    def final_usage(self) -> Usage:
        """What it cost, as far as it went."""
        return self.usage if self.observer is None else self.observer.usage

    def take_call(self, model: str, session: str | None, lineage: str | None) -> None:
        self._model = model
        self.session = session
        self.lineage = lineage

    def add_attempt(
        self,
        candidate: Candidate,
        started_at: float,
        outcome: Outcome,
        status: int | None,
        reason: str,
        *,
        stage: str | None = None,
        is_hedge: bool = False,
    ) -> None:
        """The attempt that delivers is the last one, also where a slower one beside it ends later."""
        attempt = Attempt(candidate, outcome, status, reason, started_at, self._clock(), stage, is_hedge)
        attempts = self._attempts
        if attempts and attempts[-1].outcome is Outcome.DELIVERED:
            attempts.insert(-1, attempt)
        else:
            attempts.append(attempt)

    def commit(self, status: int) -> None:
        """The answer's head goes out now."""
        self.status = status
        self.first_byte_at = self._clock()

    def end(self, outcome: Outcome, reason: str = "") -> None:
        self.outcome = outcome
        self.reason = reason

    def settle(self, record: Recorder) -> None:
        """Hand everything to the books; the first call counts."""
        if self._is_settled:
            return
        self._is_settled = True
        self._judge_last_attempt()
        record(
            Record(
                id=self.request_id,
                method=self._method,
                path=self._path,
                arrived_at=self._arrived_at,
                model=self._model,
                principal=self.principal,
                session=self.session,
                status=self.status,
                outcome=self.outcome,
                reason=self.reason,
                attempts=tuple(self._attempts),
                usage=self.final_usage,
                bytes_out=self.bytes_out,
                first_byte_at=self.first_byte_at,
                ended_at=self._clock(),
                trace=self._trace(),
            )
        )

    def _trace(self) -> Trace | None:
        route = self.route
        if route is None:
            return None
        return Trace(
            route.strategy.name,
            self.generation,
            self.affinity,
            route.considered,
            tuple(self.declined),
            self.waited,
        )

    def _judge_last_attempt(self) -> None:
        """What was committed is judged at its end: a break there is the attempt's too."""
        if self.outcome is Outcome.DELIVERED or self.outcome not in _ENDS_AFTER_COMMIT or not self._attempts:
            return
        last = self._attempts[-1]
        if last.outcome is Outcome.DELIVERED:
            self._attempts[-1] = replace(last, outcome=self.outcome, reason=self.reason, ended_at=self._clock())
