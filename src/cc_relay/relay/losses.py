"""What went wrong on an exchange's way, and what its client hears when nobody answered."""

from __future__ import annotations

from math import ceil, inf
from typing import TYPE_CHECKING

from cc_relay.errors import Rejection, Stage, UpstreamError
from cc_relay.exchange import FailureKind
from cc_relay.relay.attempt import Refused
from cc_relay.relay.plan import no_credential
from cc_relay.relay.reserve import BREAKER_OPEN

if TYPE_CHECKING:
    from cc_relay.errors import CredentialError
    from cc_relay.exchange import Failure, Refusal
    from cc_relay.relay.snapshot import Option

EXHAUSTED = frozenset({"rate", "throttled", "plan"})
"""Why a key may refuse that time alone mends; a breaker fails fast, and a refused credential wants a person."""

CANNOT_CARRY = "cannot carry it"

LONGEST_WAIT = 86_400.0
"""Seconds; a `retry-after` beyond it helps nobody."""


class Unanswered(Exception):
    """Every attempt failed; carries the upstream error the client should see."""

    def __init__(self, option: Option, refused: Refused) -> None:
        super().__init__(refused.failure.message)
        self.option = option
        self.refused = refused


class Losses:
    """Failures of attempts, and refusals of keys that were not even tried."""

    __slots__ = ("_failures", "_refusals", "_unproved")

    def __init__(self) -> None:
        self._unproved: dict[Option, Rejection] = {}
        self._failures: list[tuple[Option, Refused | UpstreamError | Rejection]] = []
        self._refusals: dict[Option, Refusal] = {}

    def __repr__(self) -> str:
        return f"<Losses {len(self._failures)} failures, {len(self._refusals)} refusals>"

    def add(self, option: Option, failure: Refused | UpstreamError | Rejection) -> None:
        """An attempt failed."""
        # The frames of a traceback would keep the request alive in a circle for as long as a stream runs.
        failure.__traceback__ = None
        self._failures.append((option, failure))

    def add_refusal(self, option: Option, refusal: Refusal) -> None:
        """A key or a breaker said no; its last word counts."""
        self._refusals[option] = refusal

    def add_unproved(self, option: Option, refusal: Refusal, error: CredentialError) -> None:
        """There is no credential for it, and `error` says why."""
        self._refusals[option] = refusal
        self._unproved[option] = unproved(option, error)

    def forget_refusal(self, option: Option) -> None:
        """It is tried after all."""
        self._refusals.pop(option, None)

    def conclude(self, now: float) -> Exception:
        """What to raise: the last upstream error that speaks to the client, else an error of our own."""
        for option, failure in reversed(self._failures):
            if isinstance(failure, Refused) and not is_ours(option, failure):
                return Unanswered(option, failure)
        exhausted = [refusal for refusal in self._refusals.values() if refusal.reason in EXHAUSTED]
        attempted = [loss for loss in self._failures if not isinstance(loss[1], Rejection)]
        if attempted and not exhausted:
            option, failure = attempted[-1]
            if isinstance(failure, UpstreamError):
                return unreachable(option, failure)
            return credential_refused(option, failure.failure if isinstance(failure, Refused) else None)
        if exhausted:
            return all_exhausted(min(refusal.retry_at for refusal in exhausted) - now)
        return self._never_tried(now)

    def _never_tried(self, now: float) -> Exception:
        """Nobody was even asked."""
        broken = [refusal for refusal in self._refusals.values() if refusal.reason == BREAKER_OPEN]
        if broken:
            return all_open(min(refusal.retry_at for refusal in broken) - now, self._names(BREAKER_OPEN))
        for option, refusal in self._refusals.items():
            if refusal.reason == "credential":
                return self._unproved.get(option) or credential_refused(option)
        for _, failure in reversed(self._failures):
            if isinstance(failure, Rejection):
                return failure
        return no_credential()

    def _names(self, reason: str) -> str:
        names = dict.fromkeys(
            option.candidate.provider for option, one in self._refusals.items() if one.reason == reason
        )
        return ", ".join(map(repr, names))


def is_ours(option: Option, refused: Refused) -> bool:
    """Whether the error is about a key of ours, which is nothing to tell a client about."""
    return refused.failure.kind is FailureKind.CREDENTIAL and not option.candidate.credential.is_client_owned


def retry_after(seconds: float) -> int:
    """A true `retry-after`: never sooner than said, never nothing."""
    return max(1, ceil(min(seconds, LONGEST_WAIT)))


def all_exhausted(seconds: float) -> Rejection:
    wait = retry_after(seconds)
    message = (
        f"Every key that could answer is at its rate limit; the first is free again in {wait} s. "
        "More keys, or another provider, in the relay's configuration would help."
    )
    return Rejection(429, "rate_limit_error", message, reason="keys_exhausted", retry_after=wait)


def all_open(seconds: float, names: str) -> Rejection:
    wait = retry_after(0.0 if seconds == inf else seconds)
    message = (
        f"Every provider that could answer failed again and again ({names}) and is left alone for a moment; "
        f"the next try is let through in {wait} s."
    )
    return Rejection(529, "overloaded_error", message, reason="circuit_open", retry_after=wait)


def credential_refused(option: Option, failure: Failure | None = None) -> Rejection:
    """`failure` may know a remedy."""
    name = option.candidate.provider
    if failure is not None and failure.is_remedy:
        message = f"The provider {name!r} cannot be asked: {failure.message} `cc-relay doctor` tells more."
    else:
        message = (
            f"The provider {name!r} refused the relay's own credential. Check its key in the relay's configuration "
            "(`cc-relay doctor` tells more)."
        )
    return Rejection(502, "api_error", message, reason="upstream_credential", should_retry=False)


def unproved(option: Option, error: CredentialError) -> Rejection:
    message = f"The provider {option.candidate.provider!r} cannot be asked: {error}. `cc-relay doctor` tells more."
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
