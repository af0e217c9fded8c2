"""Runs a test's coroutine on a loop of its own, and fails when it leaves anything behind."""

import asyncio
import gc
from collections.abc import Callable, Coroutine
from typing import TypeVar

T = TypeVar("T")

LoopFactory = Callable[[], asyncio.AbstractEventLoop]


class UntidyLoop(AssertionError):
    """A task outlived its test, or an exception reached nobody but the loop's exception handler."""


def run_strictly(main: Coroutine[object, object, T], *, loop_factory: LoopFactory, grace: float) -> T:
    """Run `main` to its end on a fresh loop and return what it returns.

    Raises what `main` raises; else UntidyLoop for a task still pending `grace` seconds (of that loop's clock) after
    `main`, and for every exception that nobody retrieved. What the loop's exception handler heard is noted on
    whatever is raised: the background task that died is often why the test waited in vain.
    """
    complaints: list[str] = []
    causes: list[BaseException] = []

    def complain(_: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        error = context.get("exception")
        complaints.append(f"the loop heard: {context.get('message')}: {error!r}")
        if isinstance(error, BaseException):
            causes.append(error)

    # Collecting then looks at what the test made, not at the heap of the whole session.
    gc.freeze()
    try:
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            runner.get_loop().set_exception_handler(complain)
            result = runner.run(main)
            leaked = runner.run(_leftovers(grace))
            # An exception nobody retrieved is reported when its task is collected; here, not in some later test.
            gc.collect()
        # Likewise a transport nobody closed: the loop held it until now.
        gc.collect()
    except BaseException as error:
        for complaint in complaints:
            error.add_note(complaint)
        raise
    finally:
        gc.unfreeze()
    complaints += (f"a task outlived the test: {task}" for task in leaked)
    if complaints:
        raise UntidyLoop("\n".join(complaints)) from next(iter(causes), None)
    return result


def describe(task: "asyncio.Task[object]") -> str:
    """`name: f (file.py:12) > g (other.py:34)`: who waits, and in which calls, outermost first."""
    places = []
    awaited: object = task.get_coro()
    while awaited is not None:
        frame = getattr(awaited, "cr_frame", None) or getattr(awaited, "gi_frame", None)
        if frame is not None:
            code = frame.f_code
            places.append(f"{code.co_qualname} ({code.co_filename.rpartition('/')[2]}:{frame.f_lineno})")
        awaited = getattr(awaited, "cr_await", None) or getattr(awaited, "gi_yieldfrom", None)
    return f"{task.get_name()}: {' > '.join(places) or 'not started'}"


async def _leftovers(grace: float) -> list[str]:
    """Descriptions of the tasks that still run when everything had its chance to end."""

    def others() -> "set[asyncio.Task[object]]":
        return asyncio.all_tasks() - {asyncio.current_task()}

    # A cancelled task needs a turn for each `finally` it awaits in.
    for _ in range(20):
        if not others():
            return []
        await asyncio.sleep(0)
    if others() and grace:
        await asyncio.wait(others(), timeout=grace)
    return [describe(task) for task in others()]
