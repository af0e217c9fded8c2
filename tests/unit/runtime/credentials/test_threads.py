"""Blocking calls in threads: what they bring, and what happens to those that hang."""

import asyncio
import threading
from collections.abc import Callable

import pytest
from tests.support.loops import both_loops

from cc_relay.errors import CredentialError
from cc_relay.runtime.credentials.threads import MOST, Threads


@both_loops
async def test_what_a_call_returns_or_raises_arrives() -> None:
    threads = Threads("t")

    def fail() -> None:
        raise KeyError("k")

    assert await threads.run(lambda: threading.current_thread().name) == "t"
    with pytest.raises(KeyError):
        await threads.run(fail)


@both_loops
async def test_a_library_that_wants_to_exit_ends_its_thread_alone() -> None:
    def leave() -> None:
        raise SystemExit(1)

    with pytest.raises(CredentialError, match="SystemExit"):
        await Threads("t").run(leave)


@both_loops
async def test_calls_that_hang_are_left_behind_but_not_without_end() -> None:
    threads, gate = Threads("t"), threading.Event()
    for _ in range(MOST):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(threads.run(gate.wait), 0.01)
    with pytest.raises(CredentialError, match=f"{MOST} earlier calls still hang"):
        await threads.run(gate.wait)
    gate.set()
    assert await eventually(threads) == "again"


async def eventually(threads: Threads) -> str:
    while True:
        try:
            return await threads.run(lambda: "again")
        except CredentialError:
            await asyncio.sleep(0)


def test_a_loop_that_ends_does_not_wait_for_a_call_that_hangs() -> None:
    gate, ended = threading.Event(), threading.Event()

    def hang() -> None:
        gate.wait()
        ended.set()

    async def main() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(Threads("t").run(hang), 0.01)

    asyncio.run(main())
    assert not ended.is_set()
    gate.set()
    # It finds the loop closed, and says nothing.
    assert ended.wait(10.0)
    assert_no_thread_is_left("t")


def assert_no_thread_is_left(name: str) -> None:
    left: Callable[[], list[threading.Thread]] = lambda: [one for one in threading.enumerate() if one.name == name]  # noqa: E731
    for thread in left():
        thread.join(10.0)
    assert left() == []
