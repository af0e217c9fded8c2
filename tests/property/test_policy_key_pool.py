"""The laws of the key pool, under any story."""

from math import inf, nan

from hypothesis import given
from hypothesis import strategies as st

from cc_relay.exchange import Refusal
from cc_relay.policy.key import Key, KeySettings
from cc_relay.policy.key_limits import LimitReport
from cc_relay.policy.key_order import ORDERS
from cc_relay.policy.key_pool import KeyPool
from cc_relay.policy.lease import Lease

limits = st.one_of(st.just(0.0), st.floats(1.0, 1e4), st.sampled_from([nan, inf, -1.0, 5e-324, 1e300]))
tokens = st.one_of(st.floats(0.0, 1e4), st.sampled_from([nan, inf, -inf, -1.0, 5e-324, 1e300]))
said = st.one_of(st.none(), st.floats(0.0, 1e4), st.sampled_from([nan, inf, -inf, -1.0, 5e-324, 1e300]))
families = st.sampled_from(["", "opus", "haiku"])
reports = st.lists(
    st.tuples(st.sampled_from(["requests", "input", "output", "tokens", "?"]), said, said, said), max_size=5
)
settings = st.lists(
    st.builds(
        KeySettings,
        name=st.sampled_from("abcde"),
        rpm=limits,
        itpm=limits,
        otpm=limits,
        tpm=limits,
        priority=st.integers(-1, 2),
        weight=st.integers(-1, 3),
    ),
    min_size=1,
    max_size=5,
)
ends = st.sampled_from(["settle", "counted", "uncounted"])
words = st.sampled_from(["cool", "spend", "refuse", "succeed", "restore"])
steps = st.one_of(
    st.tuples(st.just("reserve"), st.integers(0, 4), families, tokens, tokens),
    st.tuples(st.just("end"), st.integers(0, 99), ends, tokens, tokens),
    st.tuples(st.just("learn"), st.integers(0, 4), families, reports, st.booleans()),
    st.tuples(words, st.integers(0, 4), families, said, st.none()),
)
stories = st.lists(st.tuples(st.floats(-5.0, 30.0), steps), max_size=30)


class Story:
    """A pool to which things happen, and the leases that are open."""

    def __init__(self, named: list[KeySettings]) -> None:
        self.pool = KeyPool(named)
        self.now = 1000.0
        self.leases: list[Lease] = []

    def key(self, number: int) -> Key:
        return self.pool.keys[number % len(self.pool.keys)]

    def take(self, step: tuple[object, ...]) -> None:
        match step:
            case ("reserve", int(number), str(family), float(prompt), float(output)):
                self.reserve(self.key(number), family, prompt, output)
            case ("end", int(number), str(how), float(prompt), float(output)) if self.leases:
                self.end(self.leases.pop(number % len(self.leases)), how, prompt, output)
            case ("learn", int(number), str(family), list(told), bool(is_own)):
                own = self.leases[-1] if self.leases and is_own else None
                self.learn(self.key(number), family, told, own)
            case (str(word), int(number), str(family), float() | None as seconds, None):
                self.hear(word, self.key(number), family, seconds)

    def reserve(self, key: Key, family: str, prompt: float, output: float) -> None:
        before = [(key.name, key.in_flight, key.utilisation(self.now)) for key in self.pool.keys]
        is_known = family in key.families
        answer = self.pool.reserve(key, family, prompt, output, self.now)
        if isinstance(answer, Lease):
            self.leases.append(answer)
            return
        assert answer.retry_at > self.now
        if is_known:
            after = [(key.name, key.in_flight, key.utilisation(self.now)) for key in self.pool.keys]
            assert alike(before, after)

    def end(self, lease: Lease, how: str, prompt: float, output: float) -> None:
        if how == "settle":
            self.pool.settle(lease, prompt, output, self.now)
        else:
            self.pool.give_back(lease, self.now, was_counted=how == "counted")

    def learn(self, key: Key, family: str, told: list[LimitReport], own: Lease | None) -> None:
        if own is not None:
            key, family = own.key, own.family
        self.pool.learn(key, family, told, self.now, own=own)

    def hear(self, word: str, key: Key, family: str, seconds: float | None) -> None:
        if word == "cool":
            until = self.pool.cool(key, family, seconds, self.now, lambda: 0.5)
            assert until <= self.now + 6 * 3600.0
        elif word == "spend":
            self.pool.spend(key, seconds, self.now)
        elif word == "refuse":
            self.pool.refuse(key, self.now)
        elif word == "succeed":
            self.pool.succeed(key, family)
        else:
            self.pool.restore(key)


Fact = tuple[str, int, list[tuple[str, str, float, float]]]


def alike(before: list[Fact], after: list[Fact]) -> bool:
    """Nothing was taken from any bucket; a put-back level may differ by rounding."""
    return all(
        one[:2] == other[:2]
        and all(
            was[:3] == became[:3] and abs(was[3] - became[3]) <= was[2] * 1e-9
            for was, became in zip(one[2], other[2], strict=True)
        )
        for one, other in zip(before, after, strict=True)
    )


def told(named: list[KeySettings], happened: list[tuple[float, tuple[object, ...]]]) -> Story:
    story = Story(named)
    for pause, step in happened:
        story.now += pause
        story.take(step)
    return story


@given(settings, stories)
def test_every_lease_that_goes_out_comes_in(
    named: list[KeySettings], happened: list[tuple[float, tuple[object, ...]]]
) -> None:
    story = told(named, happened)
    assert sum(key.in_flight for key in story.pool.keys) == len(story.leases)
    for lease in story.leases:
        story.pool.give_back(lease, story.now, was_counted=False)
    for key in story.pool.keys:
        assert (key.in_flight, key.pressure) == (0, 0.0)
        for held in key.families.values():
            assert (held.leases, held.seen, held.input, held.output) == (0, 0, 0.0, 0.0)


@given(settings, stories, families, tokens, tokens)
def test_no_key_is_ever_stuck(
    named: list[KeySettings],
    happened: list[tuple[float, tuple[object, ...]]],
    family: str,
    prompt: float,
    output: float,
) -> None:
    story = told(named, happened)
    for key in story.pool.keys:
        latest = story.now + 9 * 3600.0
        now = story.now
        while isinstance(answer := story.pool.reserve(key, family, prompt, output, now), Refusal):
            assert now < answer.retry_at <= latest
            now = answer.retry_at


@given(settings, stories, families)
def test_a_pool_that_says_it_is_free_has_a_key_to_give(
    named: list[KeySettings], happened: list[tuple[float, tuple[object, ...]]], family: str
) -> None:
    story = told(named, happened)
    # An answer that is being written holds its part until it ends: then nothing but time is missing.
    for lease in story.leases:
        story.pool.settle(lease, 10.0, lease.output, story.now)
    at = story.pool.free_at(family, 10.0, 10.0, story.now)
    answers = [story.pool.reserve(key, family, 10.0, 10.0, at) for key in story.pool.keys]
    assert any(isinstance(answer, Lease) for answer in answers)


@given(settings, stories, st.sampled_from(sorted(ORDERS)), st.floats(0.0, 1.0, exclude_max=True))
def test_every_order_has_every_key_once(
    named: list[KeySettings], happened: list[tuple[float, tuple[object, ...]]], strategy: str, thrown: float
) -> None:
    story = told(named, happened)
    carried = {key.name: key for key in story.pool.keys}
    pool = KeyPool([key.settings for key in story.pool.keys], strategy=strategy, carried=carried)
    everyone = sorted(key.name for key in pool.keys)
    assert sorted(key.name for key in pool.rank(story.now, lambda: thrown)) == everyone
    assert sorted(key.name for key in pool.rank_for("session")) == everyone


@given(st.lists(st.tuples(st.floats(0.0, 20.0), st.floats(0.0, 2000.0), st.floats(0.0, 1.0)), max_size=40))
def test_what_is_used_never_passes_the_limit_by_more_than_the_burst(story: list[tuple[float, float, float]]) -> None:
    limit = 1000.0
    pool = KeyPool([KeySettings("a", itpm=limit)])
    now = used = 0.0
    for pause, estimate, share in story:
        now += pause
        lease = pool.reserve(pool.keys[0], "", estimate, 0.0, now)
        if isinstance(lease, Lease):
            spent = min(estimate, limit) * share
            pool.settle(lease, spent, 0.0, now)
            used += spent
    assert used <= limit + limit / 60.0 * now + 1e-3


PER_MINUTE = 600.0
writing = st.lists(
    st.tuples(st.floats(0.0, 20.0), st.floats(0.0, 60.0), st.floats(1.0, 300.0), st.floats(0.0, 2.0)), max_size=60
)
"""Requests: after how many seconds, written for how long, reserved, and what part of it was used."""


@given(writing)
def test_in_no_window_upstream_is_charged_more_than_limit_and_burst_and_what_was_in_work_was_too_long(
    asks: list[tuple[float, float, float, float]],
) -> None:
    pool = KeyPool([KeySettings("a", otpm=PER_MINUTE)])
    now, excess = 0.0, 0.0
    in_work: list[tuple[float, float, Lease]] = []
    charged: list[tuple[float, float]] = []

    def end_until(instant: float) -> None:
        for ends_at, used, lease in sorted(in_work, key=lambda one: one[0]):
            if ends_at <= instant:
                pool.settle(lease, 0.0, used, ends_at)
                charged.append((ends_at, used))
                in_work.remove((ends_at, used, lease))

    for pause, seconds, reserved, share in asks:
        now += pause
        end_until(now)
        lease = pool.reserve(pool.keys[0], "", 0.0, reserved, now)
        if isinstance(lease, Lease):
            in_work.append((now + seconds, reserved * share, lease))
            excess = max(excess, sum(max(0.0, used - one.output) for _, used, one in in_work))
    end_until(inf)
    # Upstream's own bucket, charged as answers end: what it would ever be short of.
    short = level = 0.0
    seen_at = 0.0
    for at, used in charged:
        level = max(0.0, level - (at - seen_at) * PER_MINUTE / 60.0) + used
        seen_at = at
        short = max(short, level)
    assert short <= PER_MINUTE + excess + 1e-3
