"""Virtual time: the clock jumps, deadlocks are named, nothing may be left behind."""

import asyncio
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.strict import UntidyLoop
from tests.support.virtual_time import STARTED_AT, DeadlockError, run, settle, virtual


def now() -> float:
    return asyncio.get_running_loop().time()


@virtual
async def test_the_clock_jumps_to_the_exact_instant_of_the_next_timer() -> None:
    await asyncio.sleep(6 * 3600)

    assert now() == STARTED_AT + 6 * 3600


@virtual
async def test_the_clock_stands_still_while_anything_is_ready() -> None:
    asyncio.get_running_loop().call_later(1e-9, lambda: None)
    for _ in range(100):
        await asyncio.sleep(0)

    assert now() == STARTED_AT


@virtual
async def test_timers_fire_in_the_order_of_their_instants() -> None:
    fired: list[float] = []
    for delay in (3.0, 1.0, 2.0):
        asyncio.get_running_loop().call_later(delay, fired.append, delay)
    await asyncio.sleep(4)

    assert fired == [1.0, 2.0, 3.0]


@virtual
async def test_a_timeout_of_days_passes() -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(7 * 24 * 3600):
            await asyncio.Event().wait()


@virtual
async def test_settling_runs_what_is_ready_and_no_timer() -> None:
    reached: list[str] = []

    async def work() -> None:
        for step in ("one", "two", "three"):
            reached.append(step)
            await asyncio.sleep(0)
        await asyncio.sleep(1)
        reached.append("later")

    async with asyncio.TaskGroup() as group:
        group.create_task(work())
        await settle()

        assert reached == ["one", "two", "three"]
        assert now() == STARTED_AT


@given(st.lists(st.floats(0, 1e6), max_size=5))
@virtual
async def test_hypothesis_drives_virtual_tests(delays: list[float]) -> None:
    await asyncio.gather(*(asyncio.sleep(delay) for delay in delays))

    assert now() == max((STARTED_AT + delay for delay in delays), default=STARTED_AT)


@pytest.fixture
def answer() -> int:
    return 42


@pytest.mark.parametrize("question", ["life", "everything"])
@virtual
async def test_fixtures_and_parameters_reach_a_virtual_test(answer: int, question: str) -> None:
    assert (answer, question) in [(42, "life"), (42, "everything")]


def test_the_result_comes_back() -> None:
    async def main() -> str:
        return "done"

    assert run(main) == "done"
    assert run(main()) == "done"


def test_a_wait_that_nothing_can_end_names_who_waits_and_where() -> None:
    async def wait_for_nobody() -> None:
        await asyncio.Event().wait()

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(wait_for_nobody(), name="the forgotten one")

    with pytest.raises(DeadlockError, match=r"the forgotten one: .*wait_for_nobody \(test_virtual_time.py:\d+\)"):
        run(main)


def test_a_timer_that_never_comes_is_a_deadlock() -> None:
    async def main() -> None:
        async with asyncio.timeout_at(math.inf):
            await asyncio.Event().wait()

    with pytest.raises(DeadlockError):
        run(main)


def test_a_heartbeat_does_not_hide_a_deadlock() -> None:
    async def beat() -> None:
        while True:  # noqa: ASYNC110 - a heartbeat, not a poll
            await asyncio.sleep(900)

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(beat())
            await asyncio.Event().wait()

    with pytest.raises(DeadlockError, match="virtual seconds went by"):
        run(main)


def test_a_task_that_outlives_the_test_fails_it() -> None:
    tasks = []

    async def main() -> None:
        tasks.append(asyncio.create_task(asyncio.sleep(1), name="straggler"))

    with pytest.raises(UntidyLoop, match="straggler"):
        run(main)


def test_a_cancelled_task_may_still_tidy_up() -> None:
    async def work() -> None:
        try:
            await asyncio.sleep(10)
        finally:
            await asyncio.sleep(0)

    async def main() -> None:
        task = asyncio.create_task(work())
        await settle()
        task.cancel()

    run(main)


def test_an_exception_nobody_retrieves_fails_the_test() -> None:
    async def fail() -> None:
        raise ValueError("unseen")

    async def main() -> None:
        task = asyncio.create_task(fail())
        await settle()
        del task

    with pytest.raises(UntidyLoop, match="unseen") as caught:
        run(main)
    assert isinstance(caught.value.__cause__, ValueError)


def test_an_exception_in_a_callback_fails_the_test() -> None:
    async def main() -> None:
        asyncio.get_running_loop().call_later(1, lambda: 1 / 0)
        await asyncio.sleep(2)

    with pytest.raises(UntidyLoop, match="ZeroDivisionError"):
        run(main)


def test_what_died_in_the_background_is_noted_on_the_failure() -> None:
    async def main() -> None:
        asyncio.get_running_loop().call_soon(lambda: 1 / 0)
        await asyncio.Event().wait()

    with pytest.raises(DeadlockError) as caught:
        run(main)
    assert "ZeroDivisionError" in "".join(caught.value.__notes__)


@virtual
async def test_threads_are_refused() -> None:
    with pytest.raises(RuntimeError, match="virtual time"):
        await asyncio.to_thread(print)
