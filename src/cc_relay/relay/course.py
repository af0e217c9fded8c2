"""Which candidate is next, and what the client hears when none is left."""

from math import inf

from cc_relay.errors import Rejection, Stage, UpstreamError
from cc_relay.exchange import FailureKind
from cc_relay.policy.judge import Verdict, judge_break, judge_failure
from cc_relay.relay.attempt import Refused
from cc_relay.relay.calls import Call
from cc_relay.relay.snapshot import Option


class Course:
    """Walks through the options of a plan, judging every failure on the way.

    Options that were only unwell come up once more when all others are through; `max_attempts` bounds the whole.
    """

    __slots__ = (
        "_again",
        "_call",
        "_failures",
        "_is_second_round",
        "_left",
        "_max_attempts",
        "_patience",
        "attempts",
    )

    def __init__(self, call: Call, options: list[Option], *, max_attempts: int, patience: float) -> None:
        self._call = call
        self._left = options.copy()
        self._again: list[Option] = []
        self._failures: list[tuple[Option, Refused | UpstreamError | Rejection]] = []
        self._max_attempts = max(max_attempts, len(options)) if call.asks_every_key else max_attempts
        self._patience = patience
        self._is_second_round = False
        self.attempts = 0

    def __repr__(self) -> str:
        return f"<Course {self.attempts} attempts, {len(self._left)} options left>"

    def next(self) -> Option | None:
        """The option to try now; None when the course is at its end."""
        if self.attempts >= self._max_attempts:
            return None
        if not self._left and self._again:
            self._left, self._again = self._again, []
            self._is_second_round = True
        if not self._left:
            return None
        self.attempts += 1
        return self._left.pop(0)

    @property
    def is_again(self) -> bool:
        """Whether candidates are being tried a second time: they want a moment's rest first."""
        return self._is_second_round

    @property
    def patience(self) -> float:
        """Seconds to wait for the current option's first meaningful byte; `inf` when nobody could take over."""
        return self._patience if self._left and self.attempts < self._max_attempts else inf

    def decline(self, option: Option, rejection: Rejection) -> None:
        """The provider cannot carry this request; nothing was sent, and another may be able to."""
        self.attempts -= 1
        rejection.__traceback__ = None
        self._failures.append((option, rejection))

    def refuse(self, option: Option, refused: Refused) -> None:
        """The upstream answered with an error."""
        verdict = judge_failure(refused.failure.kind, is_client_owned=option.candidate.credential.is_client_owned)
        if self._call.asks_every_key and refused.failure.status == 404:
            verdict = Verdict.ONWARD
        self._go_on(option, refused, verdict)

    def lose(self, option: Option, error: UpstreamError) -> None:
        """The upstream did not answer."""
        self._go_on(option, error, judge_break(error.source, error.stage, timed_out=error.timed_out))

    def _go_on(self, option: Option, failure: Refused | UpstreamError, verdict: Verdict) -> None:
        # The frames of a traceback would keep the request alive in a circle for as long as a stream runs.
        failure.__traceback__ = None
        self._failures.append((option, failure))
        if verdict is Verdict.STOP:
            self._left = []
            self._again = []
        elif verdict is Verdict.ELSEWHERE:
            name = option.candidate.provider
            self._left = [other for other in self._left if other.candidate.provider != name]
            self._again = [other for other in self._again if other.candidate.provider != name]
        elif verdict is Verdict.NEXT and not self._is_second_round and self._call.is_repeatable:
            self._again.append(option)

    def conclude(self) -> Exception:
        """What to raise when nobody answered: the last upstream error that speaks to the client, else our own."""
        for option, failure in reversed(self._failures):
            if isinstance(failure, Refused) and not is_ours(option, failure):
                return Unanswered(option, failure)
        # A provider that was not even asked says least about why there is no answer.
        option, failure = max(reversed(self._failures), key=lambda loss: not isinstance(loss[1], Rejection))
        if isinstance(failure, Rejection):
            return failure
        return credential_refused(option) if isinstance(failure, Refused) else unreachable(option, failure)


class Unanswered(Exception):
    """Every attempt failed; carries the upstream error the client should see."""

    def __init__(self, option: Option, refused: Refused) -> None:
        super().__init__(refused.failure.message)
        self.option = option
        self.refused = refused


def is_ours(option: Option, refused: Refused) -> bool:
    """Whether the error is about a key of ours, which is nothing to tell a client about."""
    return refused.failure.kind is FailureKind.CREDENTIAL and not option.candidate.credential.is_client_owned


def credential_refused(option: Option) -> Rejection:
    name = option.candidate.provider
    message = (
        f"The provider {name!r} refused the relay's own credential. Check its key in the relay's configuration "
        "(`cc-relay doctor` tells more)."
    )
    return Rejection(502, "api_error", message, reason="upstream_credential", should_retry=False)


def unreachable(option: Option, error: UpstreamError) -> Rejection:
    name = option.candidate.provider
    if error.timed_out and error.stage is not Stage.CONNECT:
        message = f"The provider {name!r} did not answer in time ({error})."
        return Rejection(504, "timeout_error", message, reason="upstream_timeout")
    if error.stage is Stage.CONNECT:
        message = f"The provider {name!r} cannot be reached: {error}. Check its base_url and the network."
        return Rejection(502, "api_error", message, reason="upstream_unreachable")
    message = f"The provider {name!r} gave no usable answer: {error}."
    return Rejection(502, "api_error", message, reason="upstream_broke")
