"""Starts the kept credentials that are in use, and stops those that are not any more."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cc_relay.runtime.credentials.kept import KeptCredential


class Keeper:
    """What runs belongs to it, until `follow` is told of it no more."""

    def __init__(self) -> None:
        self._running: tuple[KeptCredential, ...] = ()

    def __repr__(self) -> str:
        return f"<Keeper {len(self._running)} kept>"

    async def follow(self, sources: Iterable[KeptCredential]) -> None:
        """Keep these, and none else, fresh from now on; returns when the others have stopped."""
        before, self._running = self._running, tuple(sources)
        for source in self._running:
            source.start()
        gone = [source for source in before if source not in self._running]
        await asyncio.gather(*(source.stop() for source in gone))
