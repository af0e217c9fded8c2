"""The circuit breaker beside a naive model, which keeps everything that ever happened and starts from the beginning."""

from dataclasses import dataclass, field
from math import inf

from hypothesis import given, settings
from hypothesis import strategies as st

from cc_relay.policy.breaker import BreakerState, CircuitBreaker, Transition

OPEN_FOR = 30.0

Move = tuple[str, str | None, float]
"""What is done, for which session, and the seconds that pass."""

SESSIONS = [None, "a", "a", "b", "c"]
# A request asks, and reports later; or, so that stories get somewhere, at once.
REQUESTS: list[Move] = [(what, who, 0.0) for what in ("serve", "break", "succeed", "fail") for who in SESSIONS]
OTHERS: list[Move] = [*[("ask", None, 0.0)] * 8, *[("cancel", None, 0.0)] * 2, *[("healthy", None, 0.0)] * 2]
PACES: list[Move] = [("pass", None, seconds) for seconds in (0.5, 10.0, 29.5, 30.0, 30.5, 61.0)]
JUMPS = [-3600.0, -40.0, -1.0, 3600.0]

moves = st.sampled_from([*REQUESTS, *OTHERS, *PACES])
jumps = st.sampled_from(JUMPS).map(lambda seconds: ("pass", None, seconds))


@dataclass
class Seen:
    """One thing that happened: "ok" or "bad" of a session, "opened", "closed". Who names no session is a new one."""

    what: str
    session: object
    at: float


@dataclass
class Probe:
    given_at: float
    round: int
    became: str = "out"


@dataclass
class Model:
    threshold: int
    probes: int
    state: str = "closed"
    opened_at: float = inf
    history: list[Seen] = field(default_factory=list)
    round: int = 0
    handed_out: dict[int, Probe] = field(default_factory=dict)
    last_given_at: float = -inf

    def ask(self, grant: int | None, now: float) -> bool:
        """Whether a request may pass; `grant` is what the breaker called it, for later."""
        if self.state == "closed":
            return True
        if self.state == "open":
            if now < self.opened_at:
                self.opened_at = now
            if now - self.opened_at < OPEN_FOR:
                return False
            self.start_round()
        if now < self.last_given_at or now - self.last_given_at > OPEN_FOR:
            for probe in self.of_this_round("out"):
                probe.became = "lost"
        taken = len(self.of_this_round("out")) + len(self.of_this_round("passed"))
        if taken >= self.probes:
            return False
        if grant is not None:
            self.handed_out[grant] = Probe(now, self.round)
            self.last_given_at = now
        return True

    def start_round(self) -> None:
        self.state = "half_open"
        self.round += 1

    def of_this_round(self, became: str) -> list[Probe]:
        return [probe for probe in self.handed_out.values() if (probe.round, probe.became) == (self.round, became)]

    def succeed(self, grant: int, session: str | None, now: float) -> None:
        if self.state == "closed":
            self.see("ok", session, now)
        elif self.is_of_this_round(grant):
            self.handed_out[grant].became = "passed"
            self.see("probe ok", session, now)
            if len(self.of_this_round("passed")) == self.probes:
                self.state = "closed"
                self.see("closed", None, now)

    def fail(self, grant: int, session: str | None, now: float) -> None:
        if self.state == "closed" and grant:
            return
        if self.state == "closed":
            self.see("bad", session, now)
            if sum(self.counted()) == self.threshold:
                self.open(now)
        elif self.is_of_this_round(grant):
            self.handed_out[grant].became = "failed"
            self.see("bad", session, now)
            if self.counted()[-1]:
                self.open(now)

    def cancel(self, grant: int) -> None:
        if grant:
            self.handed_out[grant].became = "cancelled"

    def open(self, now: float) -> None:
        self.state = "open"
        self.opened_at = now
        self.see("opened", None, now)

    def is_of_this_round(self, grant: int) -> bool:
        return self.state == "half_open" and bool(grant) and self.handed_out[grant].round == self.round

    def see(self, what: str, session: str | None, now: float) -> None:
        self.history.append(Seen(what, object() if session is None else session, now))

    def counted(self) -> list[bool]:
        """Of each failure since anybody succeeded, whether it counts."""
        verdicts: list[bool] = []
        failed: list[object] = []
        for index, seen in enumerate(self.history):
            if seen.what in ("ok", "closed"):
                verdicts, failed = [], []
            if seen.what == "bad":
                vouching = self.vouching(seen, self.history[:index], failed)
                verdicts.append(not (seen.session in failed and vouching))
                failed.append(seen.session)
        return verdicts

    @staticmethod
    def vouching(failure: Seen, before: list[Seen], failed: list[object]) -> bool:
        """Whether the last other session that succeeded since the last opening still vouches for the upstream."""
        for seen in reversed(before):
            if seen.what == "opened":
                return False
            if seen.what in ("ok", "probe ok") and seen.session != failure.session:
                return 0 <= failure.at - seen.at < 60 and seen.session not in failed
        return False


class Pair:
    """The breaker and the model, side by side; they must agree after each move."""

    def __init__(self, threshold: int, probes: int) -> None:
        self.breaker = CircuitBreaker(threshold, OPEN_FOR, probes)
        self.model = Model(threshold, probes)
        self.probes = probes
        self.now = 10_000.0
        self.out: list[int] = []
        self.told: list[Transition] = []

    def move(self, what: str, session: str | None, seconds: float, pick: int) -> None:
        if what == "pass":
            self.now += seconds
        elif what == "healthy":
            self.note(self.breaker.note_healthy(self.now))
            if self.model.state == "open":
                self.model.start_round()
        elif what == "ask":
            self.ask()
        elif what in ("serve", "break"):
            if self.ask():
                self.report("succeed" if what == "serve" else "fail", self.out.pop(), session)
        elif self.out:
            self.report(what, self.out.pop(pick % len(self.out)), session)
        assert self.breaker.is_closed is (self.model.state == "closed")
        assert (self.breaker.state(self.now) is BreakerState.OPEN) is self.is_model_waiting()

    def ask(self) -> bool:
        grant = self.breaker.try_acquire(self.now)
        assert self.model.ask(grant, self.now) is (grant is not None)
        if grant is None:
            return False
        assert (grant > 0) is (self.model.state == "half_open")
        self.out.append(grant)
        return True

    def report(self, what: str, grant: int, session: str | None) -> None:
        if what == "succeed":
            self.note(self.breaker.record_success(grant, session, self.now))
            self.model.succeed(grant, session, self.now)
        elif what == "fail":
            self.note(self.breaker.record_failure(grant, session, "529", self.now))
            self.model.fail(grant, session, self.now)
        else:
            self.breaker.record_cancelled(grant)
            self.model.cancel(grant)

    def note(self, transition: Transition | None) -> None:
        if transition:
            self.told.append(transition)

    def is_model_waiting(self) -> bool:
        return self.model.state == "open" and self.now - self.model.opened_at < OPEN_FOR


def opened(probes: int) -> CircuitBreaker:
    breaker = CircuitBreaker(1, OPEN_FOR, probes)
    breaker.record_failure(0, None, "529", 0.0)
    return breaker


def pairs(moves: list[tuple[Move, int]], threshold: int, probes: int) -> Pair:
    pair = Pair(threshold, probes)
    for (what, session, seconds), pick in moves:
        pair.move(what, session, seconds, pick)
    return pair


def stories(least: int = 20) -> st.SearchStrategy[list[tuple[Move, int]]]:
    """Moves, and which of the requests that are out reports; a clock that jumps in one of ten."""
    move = st.integers(0, 9).flatmap(lambda die: jumps if die == 0 else moves)
    return st.lists(st.tuples(move, st.integers(0, 7)), min_size=least, max_size=60)


# Where it gets interesting: open, and its time is nearly over.
OPENED: list[tuple[Move, int]] = [(("break", "a", 0.0), 0), (("pass", None, 29.5), 0)]


@settings(max_examples=300)
@given(stories(), st.integers(1, 4), st.integers(1, 3))
def test_it_does_what_the_model_does(story: list[tuple[Move, int]], threshold: int, probes: int) -> None:
    pairs(story, threshold, probes)


@settings(max_examples=300)
@given(stories(), st.integers(1, 3))
def test_it_does_what_the_model_does_once_it_has_opened(story: list[tuple[Move, int]], probes: int) -> None:
    pairs(OPENED + story, 1, probes)


@given(st.lists(st.tuples(st.sampled_from(["ask", "ask", "succeed", "cancel"]), st.integers(0, 7))), st.integers(1, 4))
def test_a_round_hands_out_so_many_probes_and_one_more_for_each_given_back(
    story: list[tuple[str, int]], probes: int
) -> None:
    breaker = opened(probes)
    out: list[int] = []
    passed = 0
    for what, pick in story:
        if what == "ask":
            grant = breaker.try_acquire(OPEN_FOR)
            assert (grant is not None) is (len(out) + passed < probes)
            out += [grant] if grant else []
        elif out and what == "cancel":
            breaker.record_cancelled(out.pop(pick % len(out)))
        elif out:
            breaker.record_success(out.pop(pick % len(out)), "a", OPEN_FOR)
            passed += 1
        assert breaker.is_closed is (passed == probes)
        if breaker.is_closed:
            break


@given(stories(), st.integers(1, 4), st.integers(1, 3), st.integers(1, 3), st.sampled_from(JUMPS))
def test_it_is_never_stuck(
    story: list[tuple[Move, int]], threshold: int, probes: int, probes_now: int, jump: float
) -> None:
    pair = pairs(story, threshold, probes)
    breaker, now = pair.breaker, pair.now + jump
    breaker.configure(threshold, OPEN_FOR, probes_now)
    breaker.try_acquire(now)

    # Nobody reports any more. Whoever asks at `retry_at` is let through, at the latest after the probes' time.
    now = max(breaker.retry_at(now), now + OPEN_FOR + 0.5)
    for _ in range(probes_now):
        grant = breaker.try_acquire(now)
        assert grant is not None
        breaker.record_success(grant, "a", now)
        if breaker.is_closed:
            break
    assert breaker.is_closed


@given(stories(), st.integers(1, 3), st.integers(1, 3))
def test_what_it_says_is_a_chain(story: list[tuple[Move, int]], threshold: int, probes: int) -> None:
    told = pairs(story, threshold, probes).told
    state = BreakerState.CLOSED

    for transition in told:
        # The turn from OPEN to HALF_OPEN by waiting happens on the way to a probe, and is not told.
        waited = (state, transition.was) == (BreakerState.OPEN, BreakerState.HALF_OPEN)
        assert transition.was is state or waited
        assert transition.became is not transition.was
        assert transition.reason
        state = transition.became


@given(st.lists(st.floats(0, 20), min_size=1, max_size=200))
def test_however_it_flaps_the_log_gets_few_lines_and_no_recovery_is_missing(pauses: list[float]) -> None:
    breaker, now = CircuitBreaker(1, OPEN_FOR, 1), 0.0
    told = [BreakerState.CLOSED]
    for pause in pauses:
        now += pause
        breaker.note_healthy(now)
        grant = breaker.try_acquire(now)
        assert grant is not None
        turned = breaker.record_success(grant, None, now) if grant else breaker.record_failure(0, None, "529", now)
        assert turned is not None
        told += [turned.became] if turned.is_news else []
        assert told[-1] is BreakerState.CLOSED or not breaker.is_closed

    assert len(told) - 1 <= 2 * len(pauses).bit_length()


@given(st.lists(st.integers(1, 80), max_size=60), st.integers(2, 6))
def test_one_poisonous_session_never_opens_it_while_another_is_served(streaks: list[int], threshold: int) -> None:
    breaker = CircuitBreaker(threshold, OPEN_FOR, 3)
    for minute, streak in enumerate(streaks):
        now = 59.0 * minute
        breaker.record_success(0, "fine", now)
        assert [breaker.record_failure(0, "poison", "500", now + 58.0) for _ in range(streak)] == [None] * streak


@given(st.lists(st.sampled_from(["succeed", "cancel"]), max_size=30), st.integers(1, 6))
def test_a_lone_session_opens_it_at_the_threshold_whatever_was_before(before: list[str], threshold: int) -> None:
    breaker = CircuitBreaker(threshold, OPEN_FOR, 3)
    for what in before:
        if what == "succeed":
            breaker.record_success(0, "me", 0.0)
        else:
            breaker.record_cancelled(0)
    told = [breaker.record_failure(0, "me", "529", 1.0) for _ in range(threshold)]

    assert [transition is not None for transition in told] == [False] * (threshold - 1) + [True]
