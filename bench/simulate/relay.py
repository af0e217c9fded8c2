"""The relay's side: its own routes, courses, pools, breakers and queue, with events where it has coroutines."""

from __future__ import annotations

from collections import Counter, defaultdict
from functools import partial
from math import inf
from typing import TYPE_CHECKING

from bench.simulate.upstreams import No, Provider
from bench.simulate.world import MODEL
from cc_relay.errors import Stage, UpstreamError
from cc_relay.exchange import Credential, Failure
from cc_relay.ledger.prices import PriceList
from cc_relay.policy.breaker import BreakerState, CircuitBreaker
from cc_relay.policy.key import KeySettings
from cc_relay.policy.key_pool import KeyPool
from cc_relay.policy.queue import FairQueue
from cc_relay.policy.routing import STRATEGIES, Ask, Standing, StrategySettings
from cc_relay.policy.sessions import Home, SessionMemory
from cc_relay.relay.attempt import Refused
from cc_relay.relay.attempts import KEY_FAULTS
from cc_relay.relay.authenticate import ANONYMOUS
from cc_relay.relay.calls import BYTES_PER_TOKEN
from cc_relay.relay.course import Course, Rest
from cc_relay.relay.plan import Route, is_at
from cc_relay.relay.reserve import Reserved
from cc_relay.relay.snapshot import Upstream
from cc_relay.relay.waiting import Wait

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random

    from bench.simulate.developers import Turn
    from bench.simulate.timeline import Timeline, Timer
    from bench.simulate.upstreams import Answer
    from bench.simulate.world import Site
    from cc_relay.exchange import Price, Refusal
    from cc_relay.relay.snapshot import Option

MAX_ATTEMPTS = 4
MAX_WAIT = 60.0
PATIENCE = 5.0
PROBE_SECONDS = 10.0
SHORTEST = 0.01
REST = 0.3


class Dialect:
    """As much of a provider as routing looks at."""

    accepts_client_login = False

    def __init__(self, site: Site) -> None:
        self.name = site.name
        self.type = site.type

    def limit_family(self, model: str) -> str:
        return ""

    def is_claude(self, model: str) -> bool:
        return model == MODEL


class Incoming:
    """An error answer's head; nobody reads its body here."""

    def __init__(self, headers: dict[bytes, bytes]) -> None:
        self.named = headers
        self.headers = list(headers.items())


class Books:
    """What is counted in one day."""

    def __init__(self) -> None:
        self.requests = self.delivered = self.refused = self.attempts = self.moved = 0
        self.waits: list[float] = []
        self.cacheable = self.read = 0
        self.cost = 0.0
        # Of each session: the key of every request, and whether the first of them was out of order when it was asked.
        self.visits: defaultdict[str, list[tuple[str, bool]]] = defaultdict(list)

    def __repr__(self) -> str:
        return f"<Books {self.delivered} of {self.requests} delivered>"

    @property
    def on_one_key(self) -> float:
        """The part of all requests that went to the key their session used most."""
        most = sum(max(Counter(key for key, _ in visits).values()) for visits in self.visits.values())
        return most / max(1, self.delivered)

    @property
    def at_best(self) -> float:
        """What that could have been for somebody who knew the future, but had to answer in every incident."""
        return 1 - sum(away_at_least([is_out for _, is_out in visits]) for visits in self.visits.values()) / max(
            1, self.delivered
        )


def away_at_least(outs: Sequence[bool]) -> int:
    """Requests of a session that no policy can keep on one key, where its first was out (True) when they were asked.

    They have to go elsewhere; or, where there are more of them, all others might as well have been there.
    """
    return min(sum(outs), outs.index(True)) if True in outs else 0


class SimulatedRelay:
    """Serves turns as the relay would with this strategy; `keeps_sessions` is affinity."""

    def __init__(
        self, sites: Sequence[Site], strategy: str, timeline: Timeline, dice: Random, *, keeps_sessions: bool = True
    ) -> None:
        self.books = Books()
        self.timeline = timeline
        self.dice = dice.random
        self.keeps_sessions = keeps_sessions
        self.strategy = STRATEGIES[strategy](StrategySettings({"claude": sites[0].name}, sites[1 % len(sites)].name))
        self.sessions = SessionMemory(100_000, 3600.0)
        self.room = Room(timeline)
        self.typical_output = 500.0
        self.providers: dict[str, Provider] = {}
        self._prices: dict[str, Price] = {}
        prices = PriceList.load()
        lanes = []
        for number, site in enumerate(sites):
            names = [f"{site.name}-{key}" for key in range(site.keys)]
            self.providers[site.name] = Provider(site, names, timeline.now)
            price = prices.price(site.upstream_model, site.type)
            assert price is not None, site
            self._prices[site.name] = price
            limits = site.limits
            told = (limits.requests, limits.input_tokens, limits.output_tokens) if site.is_configured else (0, 0, 0)
            upstream = Upstream(
                Dialect(site),  # type: ignore[arg-type]  # as much of a provider as routing looks at
                tuple(Credential(name, name) for name in names),
                KeyPool([KeySettings(name, *told) for name in names]),
                CircuitBreaker(5, 30.0, 3),
                Standing(),
                priority=100 - number,
                price_of=lambda _, price=price: price,
            )
            lanes.append(upstream.lane(site.upstream_model))
        self.lanes = tuple(lanes)
        timeline.at(timeline.now + PROBE_SECONDS, self._probe)

    def __repr__(self) -> str:
        return f"<SimulatedRelay {self.strategy.name} {self.books!r}>"

    def serve(self, turn: Turn, done: Callable[[float | None], None]) -> None:
        """Answer a turn; `done` hears None, or after how many seconds a refusal said to come again."""
        self.books.requests += 1
        Exchange(self, turn, done).go()

    def ask(self, turn: Turn, home: Home | None) -> Ask:
        size, now = turn.size // BYTES_PER_TOKEN, self.timeline.now
        cached, warm_at = (0, "")
        if home is not None and home.is_warm(MODEL, now):
            cached, warm_at = min(home.cached, size), home.provider
        return Ask(MODEL, size, int(self.typical_output), cached, warm_at, now, self.dice)

    def cost(self, provider: str, answer: Answer) -> float:
        price, usage = self._prices[provider], answer.usage
        used = usage.cache_read * price.cache_read + usage.cache_write_5m * price.cache_write_5m
        return (used + usage.output * price.output) / 1e6

    def _probe(self) -> None:
        now = self.timeline.now
        for lane in self.lanes:
            breaker = lane.upstream.breaker
            if breaker.state(now) is BreakerState.OPEN and self.providers[lane.name].is_well(now):
                breaker.note_healthy(now)
        self.timeline.at(now + PROBE_SECONDS, self._probe)


class Exchange:
    """One turn on its way; also the call that a course asks about."""

    is_repeatable = True
    asks_every_key = False
    model = MODEL

    def __init__(self, relay: SimulatedRelay, turn: Turn, done: Callable[[float | None], None]) -> None:
        self._relay = relay
        self._turn = turn
        self._done = done
        self._began_at = now = relay.timeline.now
        self._waited = 0.0
        session = turn.session if relay.keeps_sessions else None
        home = None if session is None else relay.sessions.recall(session, now)
        route = Route(
            relay.lanes, relay.strategy, relay.ask(turn, home), ANONYMOUS, session=session, home=home, settles=True
        )
        self._course = Course(self, route, max_attempts=MAX_ATTEMPTS, waiting=relay.room)  # type: ignore[arg-type]

    def __repr__(self) -> str:
        return f"<Exchange {self._turn.session} {self._course!r}>"

    def options(self, route: Route) -> object:
        return route.options()

    def objection(self, option: Option) -> None:
        return None

    def go(self) -> None:
        now = self._relay.timeline.now
        self._take(self._course.first(now) if not self._course.attempts else self._course.next(now))

    def _take(self, step: object) -> None:
        relay = self._relay
        if isinstance(step, Reserved):
            self._try(step)
        elif isinstance(step, Rest):
            relay.timeline.at(relay.timeline.now + REST, self.go)
        elif isinstance(step, Wait):
            self._wait(step)
        else:
            self._refuse()

    def _refuse(self) -> None:
        self._relay.books.refused += 1
        rejection = self._course.losses.conclude(self._relay.timeline.now)
        self._done(float(getattr(rejection, "retry_after", None) or 0.0))

    def _wait(self, wait: Wait) -> None:
        relay, now = self._relay, self._relay.timeline.now
        until = min(now + MAX_WAIT - self._waited, now + wait.at_most)

        def ended(reserved: Reserved | None) -> None:
            self._waited += relay.timeline.now - now
            if reserved is not None:
                self._take(self._course.begin(reserved))
            elif wait.is_for_home:
                self.go()
            else:
                self._take(self._course.take_last(wait, relay.timeline.now))

        relay.room.wait(wait, partial(self._course.take_any, wait.options), self._turn, until, ended)

    def _try(self, reserved: Reserved) -> None:
        relay, turn = self._relay, self._turn
        timeline, candidate = relay.timeline, reserved.option.candidate
        relay.books.attempts += 1
        now = timeline.now
        answer = relay.providers[candidate.provider].send(candidate.credential.fingerprint, turn, now)
        if isinstance(answer, No):
            timeline.at(answer.first_at, self._failed, reserved, answer)
        elif answer.first_at > now + self._patience(reserved) and self._course.may_be_relieved(now):
            timeline.at(now + self._patience(reserved), self._late, reserved)
        else:
            timeline.at(answer.first_at, self._begun, reserved, answer, now)

    def _patience(self, reserved: Reserved) -> float:
        return PATIENCE + self._course.reading_time(reserved.option)

    def _failed(self, reserved: Reserved, no: No) -> None:
        relay, course, now = self._relay, self._course, self._relay.timeline.now
        option = reserved.option
        if no.status is None:
            reserved.fail("refused", self._turn.session, now, was_counted=False)
            course.lose(option, UpstreamError("refused", stage=Stage.CONNECT))
        else:
            until = None
            failure = Failure(no.kind, no.status, "api_error", "simulated", b"", no.retry_after)
            reserved.hear(no.headers, relay.timeline.time, now, is_error=True)
            if no.kind in KEY_FAULTS:
                until = reserved.answer_for_key(failure, now, relay.dice)
            else:
                reserved.fail(str(no.status), self._turn.session, now, was_counted=True)
            course.refuse(option, Refused(failure, Incoming(dict(no.headers))), until)  # type: ignore[arg-type]
        relay.room.poke()
        self.go()

    def _late(self, reserved: Reserved) -> None:
        now = self._relay.timeline.now
        reserved.option.lane.standing.latency.observe(PATIENCE, now)
        reserved.fail("silent", self._turn.session, now, was_counted=True)
        self._course.lose(reserved.option, UpstreamError("late", stage=Stage.HEAD, timed_out=True))
        self._relay.room.poke()
        self.go()

    def _begun(self, reserved: Reserved, answer: Answer, sent_at: float) -> None:
        timeline, option = self._relay.timeline, reserved.option
        candidate = option.candidate
        reserved.hear(answer.headers, timeline.time, timeline.now)
        option.lane.standing.latency.observe(timeline.now - sent_at, timeline.now)
        key = self._relay.providers[candidate.provider].keys[candidate.credential.fingerprint]
        key.warm(self._turn, timeline.now)
        timeline.at(answer.ends_at, self._ended, reserved, answer)

    def _ended(self, reserved: Reserved, answer: Answer) -> None:
        relay, turn, now = self._relay, self._turn, self._relay.timeline.now
        candidate, usage, books = reserved.option.candidate, answer.usage, relay.books
        name = candidate.credential.fingerprint
        relay.providers[candidate.provider].keys[name].finish(usage.output, now)
        reserved.succeed(usage, turn.session, now)
        relay.typical_output += (usage.output - relay.typical_output) / 32
        if relay.keeps_sessions:
            cached = usage.cache_read + usage.cache_write_5m
            relay.sessions.remember(turn.session, Home(candidate.provider, name, cached, now, MODEL), now)
        home = self._course.route.home
        books.delivered += 1
        books.moved += home is not None and not is_at(reserved.option, home)
        books.waits.append(self._waited)
        books.cacheable += turn.cacheable
        books.read += min(usage.cache_read, turn.cacheable)
        books.cost += relay.cost(candidate.provider, answer)
        visits = books.visits[turn.session]
        first = visits[0][0] if visits else name
        visits.append((name, relay.providers[first.rpartition("-")[0]].is_out(first, self._began_at)))
        relay.room.poke()
        self._done(None)


class Waiter:
    """Somebody in line."""

    __slots__ = ("ended", "names", "place", "timer", "try_take")

    def __init__(
        self,
        names: list[str],
        try_take: Callable[[float], Reserved | Refusal],
        ended: Callable[[Reserved | None], None],
    ) -> None:
        self.names = names
        self.try_take = try_take
        self.ended = ended
        self.place: object = None
        self.timer: Timer | None = None


class Room:
    """The waiting room with callbacks: the relay's queue, dealt when something comes free or time has passed."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._queue: FairQueue[Waiter] = FairQueue(1000)
        self._wanted: Counter[str] = Counter()
        self._timer: Timer | None = None
        self._is_poked = False

    def __repr__(self) -> str:
        return f"<Room {len(self._queue)} waiting>"

    def wants(self, option: Option) -> bool:
        return bool(self._wanted) and self._wanted[option.candidate.credential.fingerprint] > 0

    def wait(
        self,
        wait: Wait,
        try_take: Callable[[float], Reserved | Refusal],
        turn: Turn,
        until: float,
        ended: Callable[[Reserved | None], None],
    ) -> None:
        names = sorted(option.candidate.credential.fingerprint for option in wait.options)
        waiter = Waiter(names, try_take, ended)
        place = None
        if wait.refusal.retry_at <= until:
            place = self._queue.join(waiter, group=" ".join(names), session=turn.session, is_main=turn.is_main)
        if place is None:
            self._timeline.call_soon(lambda: ended(None))
            return
        waiter.place = place
        self._wanted.update(names)
        waiter.timer = self._timeline.call_at(until, lambda: self._leave(waiter))
        self._expect(wait.refusal.retry_at)

    def poke(self) -> None:
        if len(self._queue) and not self._is_poked:
            self._is_poked = True
            self._timeline.call_soon(self._deal)

    def _leave(self, waiter: Waiter) -> None:
        self._queue.leave(waiter.place)  # type: ignore[arg-type]
        self._wanted.subtract(waiter.names)
        waiter.ended(None)

    def _deal(self) -> None:
        self._is_poked = False
        now, earliest = self._timeline.now, inf
        served: list[tuple[Waiter, Reserved]] = []

        def offer(waiter: Waiter) -> bool:
            nonlocal earliest
            taken = waiter.try_take(now)
            if isinstance(taken, Reserved):
                served.append((waiter, taken))
                return True
            earliest = min(earliest, taken.retry_at)
            return False

        self._queue.deal(offer)
        for waiter, taken in served:
            if waiter.timer is not None:
                waiter.timer.cancel()
            self._wanted.subtract(waiter.names)
            waiter.ended(taken)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if len(self._queue):
            self._expect(earliest)

    def _expect(self, at: float) -> None:
        if at == inf:
            return
        at = max(at, self._timeline.now + SHORTEST)
        if self._timer is not None:
            if self._timer.when() <= at:
                return
            self._timer.cancel()
        self._timer = self._timeline.call_at(at, self._wake)

    def _wake(self) -> None:
        self._timer = None
        self._deal()
