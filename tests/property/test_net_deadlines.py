"""Deadlines beside a naive model: a timer for each."""

import asyncio
from math import inf

from hypothesis import given
from hypothesis import strategies as st
from tests.support.virtual_time import settle, virtual

from cc_relay.net.deadlines import GRAIN, Deadlines

OWNERS = 6

steps = st.lists(
    st.tuples(
        st.integers(0, OWNERS - 1),
        st.one_of(
            st.sampled_from(["cancel", "forget", "watch"]),
            st.floats(-1, 5, allow_nan=False).map(lambda seconds: round(seconds, 3)),
        ),
        st.sampled_from([0.0, 0.001, 0.01, 0.5, 2.0]),
    ),
    max_size=40,
)


class Owner:
    def __init__(self, again: float | None, deadlines: Deadlines) -> None:
        self.deadline_at = inf
        self.is_watched = True
        self.reached: list[float] = []
        self.again = again
        self._deadlines = deadlines

    def reach_deadline(self, now: float) -> None:
        self.reached.append(now)
        if self.again is not None and len(self.reached) < 20:
            self.move(now + self.again)

    def move(self, at: float) -> None:
        self.deadline_at = at
        if self.is_watched:
            self._deadlines.expect(at)


def take(owner: Owner, step: str | float, deadlines: Deadlines, now: float) -> None:
    if step == "cancel":
        owner.deadline_at = inf
    elif step == "forget":
        owner.is_watched = False
        deadlines.forget(owner)
    elif step == "watch":
        owner.is_watched = True
        deadlines.watch(owner)
        deadlines.expect(owner.deadline_at)
    elif isinstance(step, float):
        owner.move(now + step)


def check(owner: Owner, at: float, reached: list[float], since: float, now: float) -> None:
    """What an owner whose deadline was `at` must have heard between `since` and `now`."""
    if not owner.is_watched or at > now:
        assert reached == []
    elif max(at, since) < now - GRAIN:
        assert reached
    if reached:
        assert at <= reached[0] <= max(at, since) + GRAIN + 1e-6


@given(steps, st.lists(st.one_of(st.none(), st.floats(0, 3)), min_size=OWNERS, max_size=OWNERS))
@virtual
async def test_no_deadline_is_early_late_or_lost(
    story: list[tuple[int, str | float, float]], agains: list[float | None]
) -> None:
    loop = asyncio.get_running_loop()
    deadlines = Deadlines(loop)
    owners = [Owner(again, deadlines) for again in agains]
    for owner in owners:
        deadlines.watch(owner)
    for index, step, pause in story:
        since = loop.time()
        take(owners[index], step, deadlines, since)
        before = [(owner, owner.deadline_at, len(owner.reached)) for owner in owners]
        if pause:
            await asyncio.sleep(pause)
        for owner, at, count in before:
            check(owner, at, owner.reached[count:], since, loop.time())
    for owner in owners:
        owner.again = None
    await asyncio.sleep(100)
    assert all(owner.deadline_at == inf for owner in owners if owner.is_watched)
    for owner in owners:
        deadlines.forget(owner)
    await settle()
    assert deadlines._timer is None
