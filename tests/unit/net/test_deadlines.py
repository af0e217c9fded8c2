"""Many deadlines on one timer."""

import asyncio
from math import inf

import pytest
from tests.support.virtual_time import settle, virtual

from cc_relay.net.deadlines import GRAIN, Deadlines


class Sleeper:
    """Notes when its deadline was reached."""

    def __init__(self, deadlines: Deadlines) -> None:
        self.deadline_at = inf
        self.reached: list[float] = []
        self._deadlines = deadlines
        deadlines.watch(self)

    def sleep_until(self, at: float) -> None:
        self.deadline_at = at
        self._deadlines.expect(at)

    def reach_deadline(self, now: float) -> None:
        assert self.deadline_at == inf
        self.reached.append(now)


def now() -> float:
    return asyncio.get_running_loop().time()


def deadlines() -> Deadlines:
    return Deadlines(asyncio.get_running_loop())


async def seconds(count: float) -> None:
    await asyncio.sleep(count)
    await settle()


@virtual
async def test_a_deadline_is_reached_once_and_on_time() -> None:
    sleeper = Sleeper(deadlines())
    at = now() + 5
    sleeper.sleep_until(at)
    await seconds(4.9)
    assert sleeper.reached == []
    await seconds(100)
    assert sleeper.reached == [at]


@virtual
async def test_a_deadline_that_moved_away_is_reached_where_it_went() -> None:
    sleeper = Sleeper(deadlines())
    at = now() + 50
    sleeper.sleep_until(now() + 5)
    sleeper.sleep_until(at)
    await seconds(100)
    assert sleeper.reached == [at]


@virtual
async def test_a_deadline_that_moved_nearer_is_reached_there() -> None:
    sleeper = Sleeper(deadlines())
    at = now() + 5
    sleeper.sleep_until(now() + 50)
    sleeper.sleep_until(at)
    await seconds(100)
    assert sleeper.reached == [at]


@virtual
async def test_a_deadline_that_was_taken_away_is_never_reached() -> None:
    sleeper = Sleeper(deadlines())
    sleeper.sleep_until(now() + 5)
    sleeper.deadline_at = inf
    await seconds(100)
    assert sleeper.reached == []


@virtual
async def test_a_deadline_in_the_past_is_reached_in_the_next_turn() -> None:
    sleeper = Sleeper(deadlines())
    sleeper.sleep_until(now() - 5)
    await settle()
    assert len(sleeper.reached) == 1


@virtual
async def test_who_is_forgotten_hears_nothing() -> None:
    watch = deadlines()
    gone, other = Sleeper(watch), Sleeper(watch)
    for sleeper in (gone, other):
        sleeper.sleep_until(now() + 5)
    watch.forget(gone)
    watch.forget(gone)
    await seconds(100)
    assert gone.reached == []
    assert len(other.reached) == 1


@virtual
async def test_without_owners_no_timer_is_left() -> None:
    watch = deadlines()
    sleeper = Sleeper(watch)
    sleeper.sleep_until(now() + 5)
    watch.forget(sleeper)
    assert watch._timer is None
    assert repr(watch) == "<Deadlines 0 owners>"
    # And the next owner is served again.
    other = Sleeper(watch)
    other.sleep_until(now() + 50)
    await seconds(100)
    assert len(other.reached) == 1


@virtual
async def test_a_deadline_set_again_where_it_was_reached_is_reached_again() -> None:
    class Ticker(Sleeper):
        def reach_deadline(self, now: float) -> None:
            super().reach_deadline(now)
            if len(self.reached) < 5:
                self.sleep_until(now + 10)

    ticker = Ticker(deadlines())
    start = now()
    ticker.sleep_until(start + 10)
    await seconds(100)
    assert ticker.reached == [start + 10 * count for count in range(1, 6)]


@virtual
async def test_an_owner_that_wants_to_be_called_again_at_once_does_not_keep_the_loop_busy() -> None:
    class Restless(Sleeper):
        def reach_deadline(self, now: float) -> None:
            super().reach_deadline(now)
            self.sleep_until(now)

    restless = Restless(deadlines())
    restless.sleep_until(now())
    await seconds(1)
    restless._deadlines.forget(restless)
    assert 10 < len(restless.reached) <= 1 / GRAIN + 1


@virtual
async def test_an_owner_may_forget_and_move_others_while_it_reacts() -> None:
    watch = deadlines()
    sleepers = [Sleeper(watch) for _ in range(10)]

    class Reaper(Sleeper):
        def reach_deadline(self, now: float) -> None:
            super().reach_deadline(now)
            for sleeper in sleepers:
                if not sleeper.reached:
                    watch.forget(sleeper)
            for reaper in reapers:
                if not reaper.reached:
                    reaper.sleep_until(now + 10)

    reapers = [Reaper(watch) for _ in range(3)]
    at = now() + 5
    for owner in [*sleepers, *reapers]:
        owner.sleep_until(at)
    await seconds(100)
    assert all(sleeper.reached in ([], [at]) for sleeper in sleepers)
    # Each of the reapers was moved by those before it, and heard of its deadline only when that came.
    assert sorted(reaper.reached[0] - at for reaper in reapers) == [0, 10, 20]


@virtual
async def test_an_owner_that_fails_takes_nobody_with_it() -> None:
    heard: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: heard.append(context["exception"]))

    class Broken(Sleeper):
        def reach_deadline(self, now: float) -> None:
            raise ZeroDivisionError

    watch = deadlines()
    owners = [Broken(watch), *(Sleeper(watch) for _ in range(20)), Broken(watch)]
    for owner in owners:
        owner.sleep_until(now() + 5)
    await seconds(100)
    assert [type(error) for error in heard] == [ZeroDivisionError] * 2
    assert all(len(owner.reached) == 1 for owner in owners if type(owner) is Sleeper)


@virtual
@pytest.mark.parametrize("count", [5000])
async def test_thousands_are_served_by_one_timer(count: int) -> None:
    watch = deadlines()
    start = now()
    sleepers = [Sleeper(watch) for _ in range(count)]
    for number, sleeper in enumerate(sleepers):
        sleeper.sleep_until(start + 1 + number / count)
    timers = len([handle for handle in asyncio.get_running_loop()._scheduled if not handle.cancelled()])  # type: ignore[attr-defined]
    assert timers == 1
    await seconds(10)
    late = [sleeper.reached[0] - (start + 1 + number / count) for number, sleeper in enumerate(sleepers)]
    assert all(len(sleeper.reached) == 1 for sleeper in sleepers)
    assert min(late) >= 0
    assert max(late) <= GRAIN + 1e-9
