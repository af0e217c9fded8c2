"""Blocking calls beside the loop: in threads that nobody waits for when they hang."""

from __future__ import annotations

import asyncio
from threading import Thread
from typing import TYPE_CHECKING, TypeVar

from cc_relay.errors import CredentialError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

MOST = 3
"""Calls at once: what hangs is left behind so often, then no more are begun until one of them ends."""


class Threads:
    """Runs calls in daemon threads, which the process does not wait for at its end."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._busy = 0

    def __repr__(self) -> str:
        return f"<Threads {self._name} {self._busy} busy>"

    async def run(self, call: Callable[[], T]) -> T:
        """What `call` returns or raises. Cancelled, it lets the thread go on alone.

        Raises CredentialError where too many earlier calls still hang.
        """
        if self._busy >= MOST:
            raise CredentialError(f"{self._busy} earlier calls still hang")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def settle(settled: Callable[[], None]) -> None:
            self._busy -= 1
            if not future.done():
                settled()

        def work() -> None:
            try:
                result = call()
            except BaseException as error:  # noqa: BLE001 - handed to who waits; a thread has nobody else to tell
                failure = error if isinstance(error, Exception) else CredentialError(type(error).__name__)
                hand_over(lambda: future.set_exception(failure))
            else:
                hand_over(lambda: future.set_result(result))

        def hand_over(settled: Callable[[], None]) -> None:
            try:
                loop.call_soon_threadsafe(settle, settled)
            except RuntimeError:
                # The loop is closed: the relay has stopped without waiting.
                return

        self._busy += 1
        Thread(target=work, name=self._name, daemon=True).start()
        return await future
