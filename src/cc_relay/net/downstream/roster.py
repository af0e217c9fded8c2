"""The connections of one listener."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from cc_relay.net.downstream.familiar import FamiliarHeads

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cc_relay.net.downstream.connection import Connection


class Roster:
    """Who is connected; `wait_empty` tells when nobody is. `heads` are what their clients keep saying."""

    def __init__(self) -> None:
        self.heads = FamiliarHeads()
        self._connections: set[Connection] = set()
        self._empty = asyncio.Event()
        self._empty.set()

    def __len__(self) -> int:
        return len(self._connections)

    def __iter__(self) -> Iterator[Connection]:
        return iter(tuple(self._connections))

    def add(self, connection: Connection) -> None:
        self._connections.add(connection)
        self._empty.clear()

    def discard(self, connection: Connection) -> None:
        self._connections.discard(connection)
        if not self._connections:
            self._empty.set()

    async def wait_empty(self, seconds: float) -> bool:
        """Whether everybody left in time."""
        try:
            async with asyncio.timeout(seconds):
                await self._empty.wait()
        except TimeoutError:
            return False
        return True
