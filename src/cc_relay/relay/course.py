"""Which candidate is next, judged from what became of those before it."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from msgspec import Struct

from cc_relay.exchange import Declined, FailureKind, Refusal
from cc_relay.policy.affinity import PREFILL_SPEED, worth_waiting
from cc_relay.policy.judge import Verdict, judge_break, judge_failure
from cc_relay.policy.key import RATE
from cc_relay.relay.losses import CANNOT_CARRY, EXHAUSTED, Losses
from cc_relay.relay.plan import is_at
from cc_relay.relay.reserve import Reserved, refusal_of, reserve
from cc_relay.relay.waiting import Wait

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cc_relay.errors import CredentialError, Rejection, UpstreamError
    from cc_relay.policy.sessions import Home
    from cc_relay.relay.attempt import Refused
    from cc_relay.relay.calls import Call
    from cc_relay.relay.plan import Route
    from cc_relay.relay.snapshot import Option
    from cc_relay.relay.waiting import WaitingRoom

TIRED = 2
"""A provider that failed twice, or cannot be reached: others first."""
OUT = 3
"""A provider that is of no use for this request."""

SHORT_PROMPT = 10_000
"""Tokens that are read while nobody looks at the clock."""

STILL_WRITING = 1.5
"""By how much the answers that are being written are longer than the average one: the long ones take longer. What is
reserved for them together must suffice."""

KEPT_FOR_OTHERS = 3
"""Attempts that a session's own key leaves to others, however often it is throttled: one to ask it again, and two."""

ENOUGH = 1000
"""Attempts of a call that looks for its owner key by key."""


REASONS = {
    FailureKind.THROTTLE: "throttled",
    FailureKind.PLAN: "plan",
    FailureKind.CREDENTIAL: "credential",
}
"""What a key refuses with after such an answer."""


class Rest(Struct, frozen=True):
    """Nobody new is left: those who were only unwell want a moment before they are asked again."""

    round_number: int


Step = Reserved | Rest | Wait | None
"""What to do now; None: nothing is left to do."""


class Course:
    """Walks through the options of a route, reserving each before it is tried and judging every failure on the way.

    The next key comes before the next provider, but not where the provider failed twice or cannot be reached, or two
    of its keys said no: attempts are few. Options that were only unwell, and keys that were put off, come up when all
    others are through; `max_attempts` bounds the whole.
    """

    __slots__ = (
        "_again",
        "_ahead",
        "_call",
        "_deferred",
        "_has_rested",
        "_home_until",
        "_ignores_objections",
        "_is_second_round",
        "_max_attempts",
        "_objected",
        "_objections",
        "_options",
        "_refused",
        "_strikes",
        "_throttled",
        "_waiting",
        "_was_unwell",
        "attempts",
        "declined",
        "losses",
        "route",
    )

    def __init__(self, call: Call, route: Route, *, max_attempts: int, waiting: WaitingRoom | None) -> None:
        """`waiting` is where to wait for keys, None where nobody does.

        Raises Rejection where no option can take the call at all.
        """
        self.route = route
        self.losses = Losses()
        self.declined: list[Declined] = []
        self.attempts = 0
        self._call = call
        self._options: Iterator[Option] = call.options(route)
        self._max_attempts = ENOUGH if call.asks_every_key else max_attempts
        self._waiting = waiting
        self._is_second_round = False
        self._has_rested = False
        self._home_until: float | None = None
        self._throttled: Option | None = None
        self._was_unwell = False
        self._ignores_objections = False
        self._objected: list[Option] = []
        self._objections: dict[str, str | None] = {}
        self._ahead: list[Option] = []
        self._again: list[Option] = []
        self._deferred: list[Option] = []
        self._refused: dict[Option, Refusal] = {}
        self._strikes: dict[str, int] = {}

    def __repr__(self) -> str:
        return f"<Course {self.attempts} attempts, {len(self._refused)} refusals>"

    # -- what now ------------------------------------------------------------------------------------------------

    def first(self, now: float) -> Step:
        """Begin: mostly the first choice is free and able, and nothing else need be looked at. Hot path."""
        option = next(self._options, None)
        if option is None:
            return self.next(now)
        waiting = self._waiting
        if self._call.objection(option) is None and (waiting is None or not waiting.wants(option)):
            reserved = self.take(option, now)
            if isinstance(reserved, Reserved):
                self.attempts = 1
                return reserved
        self._ahead.append(option)
        return self.next(now)

    def next(self, now: float) -> Step:
        """Try what is reserved, rest, or wait for a key; None when the course is at its end."""
        if self.attempts >= self._max_attempts:
            return None
        wait = self._wait_again(now)
        if wait is not None:
            return wait
        while (option := self._draw()) is not None:
            if self._is_second_round and self._was_unwell and not self._has_rested:
                self._ahead.insert(0, option)
                self._has_rested = True
                return Rest(self.attempts - 1)
            reserved = self._reserve(option, now)
            if isinstance(reserved, Reserved):
                self._has_rested = False
                return self.begin(reserved)
            wait = self._wait_at_home(option, reserved, now)
            if wait is not None:
                return wait
        if self._objected and not self.attempts and not self._exhausted():
            # Better to let a provider adapt the request, or refuse it in words that clients know, than not to ask.
            self._options, self._objected = iter(self._objected), []
            self._ignores_objections = True
            return self.next(now)
        return self._wait_for_any()

    def take_any(self, options: tuple[Option, ...], now: float) -> Reserved | Refusal:
        """Reserve the first of these that is free; the refusal of the one that is free soonest where none is."""
        earliest = Refusal(RATE, inf)
        for option in options:
            if self._is_out(option):
                continue
            reserved = self.take(option, now)
            if isinstance(reserved, Reserved):
                return reserved
            if reserved.retry_at < earliest.retry_at:
                earliest = reserved
        return earliest

    def begin(self, reserved: Reserved) -> Reserved:
        """An option was reserved for the next attempt."""
        self.attempts += 1
        if self._ahead:
            self._ahead = [option for option in self._ahead if option is not reserved.option]
        if self._refused:
            # What it refused before is no news any more.
            self._refused.pop(reserved.option, None)
            self.losses.forget_refusal(reserved.option)
        return reserved

    def reading_time(self, option: Option) -> float:
        """Seconds by which a long prompt that is not cached may be later with its first token than a short one."""
        return max(0, self._size(option)[0] - SHORT_PROMPT) / PREFILL_SPEED

    def may_be_relieved(self, now: float) -> bool:
        """Whether somebody else could take over now from the attempt that is being made."""
        if self.attempts >= self._max_attempts:
            return False
        if any(self._is_free(option, now) for option in self._ahead):
            return True
        # Who was looked at stays in line; those who failed already relieve nobody.
        while (option := self._draw_new(may_repeat=False)) is not None:
            self._ahead.append(option)
            if self._is_free(option, now):
                return True
        return False

    def _is_free(self, option: Option, now: float) -> bool:
        is_wanted = self._waiting is not None and self._waiting.wants(option)
        is_able = self._ignores_objections or self._objection(option) is None
        return is_able and not is_wanted and refusal_of(option, *self._size(option), now) is None

    def take(self, option: Option, now: float) -> Reserved | Refusal:
        """Reserve this option for what the request is expected to cost."""
        return reserve(option, *self._size(option), now)

    def take_in_turn(self, option: Option, now: float) -> Reserved | Refusal:
        """The same, but not before those who wait for it already."""
        if self._waiting is not None and self._waiting.wants(option):
            return refusal_of(option, *self._size(option), now) or Refusal(RATE, now)
        return self.take(option, now)

    def _size(self, option: Option) -> tuple[int, int]:
        """Tokens that are likely to count against the option's limits: what is cached there does not."""
        ask, home = self.route.ask, self.route.home
        output = int(ask.output * STILL_WRITING)
        if ask.cached and home is not None and is_at(option, home):
            return ask.input - ask.cached, output
        return ask.input, output

    def _draw(self) -> Option | None:
        """The next option that is not ruled out by what happened so far."""
        while self._ahead:
            option = self._ahead.pop(0)
            if self._is_in(option):
                return option
        return self._draw_new()

    def _draw_new(self, *, may_repeat: bool = True) -> Option | None:
        while True:
            for option in self._options:
                if self._is_in(option):
                    return option
            if not may_repeat or self._is_second_round or not (self._again or self._deferred):
                return None
            self._begin_second_round()

    def _is_in(self, option: Option) -> bool:
        """Whether it may be tried now; one whose provider is tired comes later."""
        strikes = self._strikes.get(option.candidate.provider, 0) if self._strikes else 0
        if strikes == TIRED and not self._is_second_round:
            self._deferred.append(option)
        return strikes < TIRED

    def _begin_second_round(self) -> None:
        self._is_second_round = True
        # Keys that were not tried yet come before those that already failed.
        self._options = iter(self._deferred + self._again)
        self._strikes = {name: strikes for name, strikes in self._strikes.items() if strikes == OUT}

    def _reserve(self, option: Option, now: float) -> Reserved | Refusal:
        objection = None if self._ignores_objections else self._objection(option)
        if objection is not None:
            refusal = Refusal(f"{CANNOT_CARRY}: {objection}", inf)
            self._objected.append(option)
        else:
            reserved = self.take_in_turn(option, now)
            if isinstance(reserved, Reserved):
                return reserved
            refusal = reserved
            self._refused[option] = refusal
            self.losses.add_refusal(option, refusal)
        self.declined.append(Declined(option.candidate, refusal, now))
        return refusal

    def _objection(self, option: Option) -> str | None:
        """Why its provider cannot take the request; asked once for each."""
        name = option.candidate.provider
        if name not in self._objections:
            self._objections[name] = self._call.objection(option)
        return self._objections[name]

    # -- waiting -------------------------------------------------------------------------------------------------

    def _wait_at_home(self, option: Option, refusal: Refusal, now: float) -> Wait | None:
        """Wait for the session's own key, where its cache is worth more than the time."""
        home = self.route.home
        if self._waiting is None or home is None or self.attempts or len(self._refused) > 1 or not is_at(option, home):
            return None
        if refusal.reason not in EXHAUSTED:
            return None
        return self._wait_for_cache(option, home, refusal, now)

    def _wait_for_cache(self, option: Option, home: Home, refusal: Refusal, now: float) -> Wait | None:
        until = self._home_until
        if until is None:
            # What the cache is worth is waited once, however often the key says no.
            worth = worth_waiting(self.route.ask.cached, option.lane.price, now - home.at)
            self._home_until = until = now + worth
        if until <= now or refusal.retry_at > until:
            return None
        return Wait(refusal, (option,), until - now, is_for_home=True)

    def _wait_again(self, now: float) -> Wait | None:
        """Wait for the session's own key after it was asked and said that it is throttled."""
        option, self._throttled = self._throttled, None
        home = self.route.home
        refusal = None if option is None else self._refused.get(option)
        if option is None or refusal is None or home is None or self._waiting is None:
            return None
        return self._wait_for_cache(option, home, refusal, now)

    def _wait_for_any(self) -> Wait | None:
        """Wait for whichever key is free first; a breaker that is open fails fast."""
        waitable = self._exhausted()
        if self._waiting is None or not waitable:
            return None
        first = min(waitable.values(), key=lambda refusal: refusal.retry_at)
        return Wait(first, tuple(waitable))

    def _exhausted(self) -> dict[Option, Refusal]:
        """Whose keys time alone would mend."""
        return {
            option: refusal
            for option, refusal in self._refused.items()
            if refusal.reason in EXHAUSTED and not self._is_out(option)
        }

    def take_last(self, wait: Wait, now: float) -> Reserved | None:
        """The wait is over; one last look, and what it says is what the client hears."""
        for option in wait.options:
            taken = self.take_in_turn(option, now)
            if isinstance(taken, Reserved):
                return self.begin(taken)
            self.losses.add_refusal(option, taken)
        return None

    def _is_out(self, option: Option) -> bool:
        return self._strikes.get(option.candidate.provider, 0) == OUT

    # -- what became of an attempt -------------------------------------------------------------------------------

    def decline(self, option: Option, rejection: Rejection, now: float) -> None:
        """The provider cannot carry this request; nothing was sent, and another may be able to."""
        self.attempts -= 1
        self.declined.append(Declined(option.candidate, Refusal(CANNOT_CARRY, inf), now))
        self.losses.add(option, rejection)

    def put_out(self, option: Option, refusal: Refusal, error: CredentialError, now: float) -> None:
        """There is no credential for it, and `error` says why; nothing was sent."""
        self.attempts -= 1
        self._refused[option] = refusal
        self.losses.add_unproved(option, refusal, error)
        self.declined.append(Declined(option.candidate, refusal, now))

    def refuse(self, option: Option, refused: Refused, out_until: float | None) -> None:
        """The upstream answered with an error; `out_until` tells how long that keeps its key from answering."""
        verdict = judge_failure(refused.failure.kind, is_client_owned=option.candidate.credential.is_client_owned)
        if self._call.asks_every_key and refused.failure.status == 404:
            verdict = Verdict.ONWARD
        if out_until is not None and verdict is not Verdict.STOP:
            self._refused[option] = Refusal(REASONS[refused.failure.kind], out_until)
        self.losses.add(option, refused)
        if (
            refused.failure.kind is FailureKind.THROTTLE
            and refused.failure.retry_after
            and self._is_worth_asking(option)
        ):
            self._throttled = option
        else:
            self._go_on(option, verdict)

    def _is_worth_asking(self, option: Option) -> bool:
        """Whether it holds the session's cache, and asking it once more leaves enough attempts for others."""
        home = self.route.home
        return home is not None and is_at(option, home) and self.attempts + KEPT_FOR_OTHERS <= self._max_attempts

    def lose(self, option: Option, error: UpstreamError) -> None:
        """The upstream did not answer."""
        self.losses.add(option, error)
        self._go_on(option, judge_break(error.source, error.stage, timed_out=error.timed_out))

    def _go_on(self, option: Option, verdict: Verdict) -> None:
        name = option.candidate.provider
        if verdict is Verdict.STOP:
            self._max_attempts = 0
        elif verdict is Verdict.ELSEWHERE:
            self._strikes[name] = OUT
        elif not self._call.asks_every_key or verdict is not Verdict.ONWARD:
            strikes = self._strikes.get(name, 0)
            is_counted = verdict in {Verdict.NEXT, Verdict.ONWARD}
            self._strikes[name] = max(strikes, min(strikes + 1, TIRED) if is_counted else TIRED)
            self._was_unwell = self._was_unwell or verdict is not Verdict.ONWARD
            if verdict in {Verdict.NEXT, Verdict.NEXT_PROVIDER}:
                self._try_again(option)

    def _try_again(self, option: Option) -> None:
        if not self._is_second_round and self._call.is_repeatable:
            self._again.append(option)
