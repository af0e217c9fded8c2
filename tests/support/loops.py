"""Runs a test on uvloop and on asyncio's own loop, and fails it when it leaves anything behind."""

import asyncio
import functools
import inspect
from collections.abc import Callable, Coroutine
from typing import TypeVar

import pytest
import uvloop
from tests.support.strict import LoopFactory, run_strictly

T = TypeVar("T")

GRACE = 2.0
"""Seconds in which the tasks of closing connections must have ended."""

LOOPS: dict[str, LoopFactory] = {"uvloop": uvloop.new_event_loop, "asyncio": asyncio.SelectorEventLoop}

Run = Callable[[Coroutine[object, object, object]], object]
"""Runs a coroutine to its end on a fresh loop, as `run` does."""


def run(main: Coroutine[object, object, T], loop_factory: LoopFactory = uvloop.new_event_loop) -> T:
    """Run on a real loop; raises what `main` raises, else UntidyLoop for what it left behind."""
    return run_strictly(main, loop_factory=loop_factory, grace=GRACE)


def both_loops(test: Callable[..., Coroutine[object, object, None]]) -> Callable[..., None]:
    """Turn an async test into a plain one that runs once on each loop; fixtures and parameters still reach it."""

    @functools.wraps(test)
    def on_each_loop(*args: object, loop_name: str, **kwargs: object) -> None:
        run(test(*args, **kwargs), LOOPS[loop_name])

    signature = inspect.signature(test)
    loop_name = inspect.Parameter("loop_name", inspect.Parameter.KEYWORD_ONLY)
    parameters = [*signature.parameters.values(), loop_name]
    on_each_loop.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]  # pytest reads it
    each: Callable[..., None] = pytest.mark.parametrize("loop_name", LOOPS)(on_each_loop)
    return each


on_both_loops = pytest.mark.parametrize(
    "run", [pytest.param(functools.partial(run, loop_factory=factory), id=name) for name, factory in LOOPS.items()]
)
"""For a plain test that runs its coroutine itself: it takes a `run: Run`, once for each loop."""
