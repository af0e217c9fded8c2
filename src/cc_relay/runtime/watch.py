"""What happens to providers and keys, said in the log: once, and loudly where a person is needed."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from cc_relay.exchange import FailureKind
from cc_relay.policy.breaker import BreakerState
from cc_relay.runtime.lines import printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from cc_relay.exchange import Candidate, Failure
    from cc_relay.policy.breaker import Transition

logger = logging.getLogger("cc_relay.health")

QUIET_SECONDS = 60.0
"""The same thing about the same key is not said again for so long."""

MOST_REMEMBERED = 10_000

LEVELS = {
    FailureKind.THROTTLE: logging.INFO,
    FailureKind.PLAN: logging.WARNING,
    FailureKind.CREDENTIAL: logging.ERROR,
}

SENTENCES = {
    FailureKind.THROTTLE: "key %s of %s is at its rate limit, left alone for %s",
    FailureKind.PLAN: "key %s of %s has spent its plan or budget, left alone for %s: %s",
    FailureKind.CREDENTIAL: "key %s of %s was refused (HTTP %d), left alone for %s: check it in the configuration",
}


class LoggingWatch:
    """Logs every change that is news."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._said: dict[tuple[str, str, FailureKind], float] = {}

    def __repr__(self) -> str:
        return f"<LoggingWatch {len(self._said)} said>"

    def breaker_moved(self, provider: str, transition: Transition) -> None:
        if not transition.is_news:
            return
        if transition.became is BreakerState.OPEN:
            logger.warning("provider %s is OPEN: %s", provider, printable(transition.reason))
        elif transition.became is BreakerState.HALF_OPEN:
            logger.info("provider %s is HALF_OPEN: %s", provider, printable(transition.reason))
        else:
            logger.warning("provider %s is CLOSED again after %.1f s", provider, transition.down_for)

    def key_out(self, candidate: Candidate, failure: Failure, seconds: float) -> None:
        now = self._clock()
        name = candidate.credential.fingerprint
        place = (candidate.provider, name, failure.kind)
        if now < self._said.get(place, 0.0):
            return
        if len(self._said) >= MOST_REMEMBERED:
            self._said.clear()
        self._said[place] = now + QUIET_SECONDS
        duration = f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
        details = {
            FailureKind.THROTTLE: (name, candidate.provider, duration),
            FailureKind.PLAN: (name, candidate.provider, duration, printable(failure.message)),
            FailureKind.CREDENTIAL: (name, candidate.provider, failure.status, duration),
        }
        logger.log(LEVELS[failure.kind], SENTENCES[failure.kind], *details[failure.kind])
