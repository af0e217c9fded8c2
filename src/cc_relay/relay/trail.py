"""What an exchange leaves behind: written down on the way, settled once at the end."""

from msgspec.structs import replace

from cc_relay.codec.observer import StreamObserver
from cc_relay.exchange import Attempt, Candidate, Outcome, Record, RelayRequest, Usage
from cc_relay.relay.ports import Clock, Recorder

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
        "_session",
        "bytes_out",
        "first_byte_at",
        "observer",
        "outcome",
        "principal",
        "reason",
        "request_id",
        "status",
        "usage",
    )

    def __init__(self, request: RelayRequest, clock: Clock) -> None:
        self.request_id = request.id
        self._method = request.method
        self._path = request.path
        self._arrived_at = request.arrived_at
        self._clock = clock
        self._attempts: list[Attempt] = []
        self._is_settled = False
        self._model = ""
        self._session: str | None = None
        self.principal = ""
        self.status = 499
        self.outcome = Outcome.GONE
        self.reason = ""
        self.usage = Usage()
        self.bytes_out = 0
        self.first_byte_at: float | None = None
        self.observer: StreamObserver | None = None

    def __repr__(self) -> str:
        return f"<Trail {self.request_id} {self.outcome.value} {len(self._attempts)} attempts>"

    @property
    def attempts(self) -> int:
        return len(self._attempts)

    def take_call(self, model: str, session: str | None) -> None:
        self._model = model
        self._session = session

    def add_attempt(
        self, candidate: Candidate, started_at: float, outcome: Outcome, status: int | None, reason: str
    ) -> None:
        self._attempts.append(Attempt(candidate, outcome, status, reason, started_at, self._clock()))

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
        usage = self.usage if self.observer is None else self.observer.usage
        record(
            Record(
                id=self.request_id,
                method=self._method,
                path=self._path,
                arrived_at=self._arrived_at,
                model=self._model,
                principal=self.principal,
                session=self._session,
                status=self.status,
                outcome=self.outcome,
                reason=self.reason,
                attempts=tuple(self._attempts),
                usage=usage,
                bytes_out=self.bytes_out,
                first_byte_at=self.first_byte_at,
                ended_at=self._clock(),
            )
        )

    def _judge_last_attempt(self) -> None:
        """What was committed is judged at its end: a break there is the attempt's too."""
        if self.outcome is Outcome.DELIVERED or self.outcome not in _ENDS_AFTER_COMMIT or not self._attempts:
            return
        last = self._attempts[-1]
        if last.outcome is Outcome.DELIVERED:
            self._attempts[-1] = replace(last, outcome=self.outcome, reason=self.reason, ended_at=self._clock())
