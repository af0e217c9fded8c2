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

KEY_NEWS = {
    FailureKind.THROTTLE: (logging.INFO, "is at its rate limit"),
    FailureKind.PLAN: (logging.WARNING, "has spent its plan or budget"),
    FailureKind.CREDENTIAL: (logging.ERROR, "is refused; check it in the configuration (`cc-relay doctor` tells more)"),
}
"""How loud, and in which words. An upstream's own words are not among them: some quote the key that they refuse."""


class LoggingWatch:
    """Logs every change that is news: a provider that flaps, and a key that is refused all the time, give few lines.

    `clock` is monotonic. What ends an alarm is as loud as the alarm, so whoever saw the one sees the other.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._said: dict[tuple[str, str, FailureKind], float] = {}
        self._down: set[str] = set()

    def __repr__(self) -> str:
        return f"<LoggingWatch {len(self._said)} said>"

    def breaker_moved(self, provider: str, transition: Transition) -> None:
        reason = printable(transition.reason)
        if transition.became is BreakerState.HALF_OPEN:
            # Said once for an outage that was told: what answers a health check may still fail the requests after it.
            if provider in self._down:
                self._down.discard(provider)
                logger.info("provider %s is HALF_OPEN: %s; requests try it", provider, reason)
        elif not transition.is_news:
            return
        elif transition.became is BreakerState.OPEN:
            self._down.add(provider)
            again = f" (for the {ordinal(transition.openings)} time)" if transition.openings > 1 else ""
            logger.warning("provider %s is OPEN%s: %s", provider, again, reason)
        else:
            self._down.discard(provider)
            logger.warning("provider %s is CLOSED again after %s: %s", provider, spoken(transition.down_for), reason)

    def key_out(self, candidate: Candidate, failure: Failure, seconds: float) -> None:
        now = self._clock()
        name = candidate.credential.fingerprint
        place = (candidate.provider, name, failure.kind)
        if now < self._said.get(place, 0.0):
            return
        if len(self._said) >= MOST_REMEMBERED:
            self._said.clear()
        self._said[place] = now + QUIET_SECONDS
        level, words = KEY_NEWS.get(failure.kind, (logging.WARNING, "failed"))
        if failure.is_remedy:
            said = "key %s of %s is left alone for %s: %s"
            logger.log(level, said, name, candidate.provider, spoken(seconds), printable(failure.message))
            return
        said = "key %s of %s was answered with HTTP %d and is left alone for %s: it %s"
        logger.log(level, said, name, candidate.provider, failure.status, spoken(seconds), words)

    def key_back(self, candidate: Candidate, reason: str) -> None:
        name = candidate.credential.fingerprint
        for kind in FailureKind:
            # The next outage is news again.
            self._said.pop((candidate.provider, name, kind), None)
        logger.warning("key %s of %s serves again; it was out: %s", name, candidate.provider, printable(reason))


def spoken(seconds: float) -> str:
    """`3.2 s`, `45 s`, `12 min`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def ordinal(number: int) -> str:
    """`2nd`, `4th`, `32nd`: an opening's number."""
    endings = {1: "st", 2: "nd", 3: "rd"}
    return f"{number}{'th' if 10 < number % 100 < 14 else endings.get(number % 10, 'th')}"
