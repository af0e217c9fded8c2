"""The listening socket and the connections it accepted."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from cc_relay.net.deadlines import Deadlines
from cc_relay.net.downstream.connection import Connection
from cc_relay.net.downstream.limits import Limits
from cc_relay.net.downstream.roster import Roster

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from cc_relay.exchange import RelayRequest
    from cc_relay.net.downstream.responder import Responder

BACKLOG = 1024
GOODBYE = 3.0
"""Seconds for last bytes to leave once exchanges were cancelled."""


class Listener:
    """Accepts clients until it is closed; `drain` lets their exchanges end."""

    def __init__(self, server: asyncio.Server, roster: Roster) -> None:
        self._server = server
        self._roster = roster
        # Asked now: a closed server has no sockets.
        host, port = server.sockets[0].getsockname()[:2]
        self.host = str(host)
        self.port = int(port)

    def __repr__(self) -> str:
        return f"<Listener {self.host}:{self.port} {len(self._roster)} connections>"

    @property
    def exchanges(self) -> int:
        """How many exchanges are in work."""
        return sum(connection.is_busy for connection in self._roster)

    async def drain(self, seconds: float) -> int:
        """Accept nobody new, let what is in work end for so long, then cancel it; return how many were cancelled."""
        self._server.close()
        for connection in self._roster:
            connection.stop()
        if seconds and await self._roster.wait_empty(seconds):
            return 0
        cut = self.cut()
        if not await self._roster.wait_empty(GOODBYE):
            for connection in self._roster:
                connection.abort()
            await self._roster.wait_empty(GOODBYE)
        return cut

    def cut(self) -> int:
        """Cancel every exchange in work; return how many there were."""
        busy = [connection for connection in self._roster if connection.is_busy]
        for connection in busy:
            connection.cancel()
        return len(busy)

    async def close(self) -> None:
        """Stop at once."""
        await self.drain(0)


async def listen(
    serve: Callable[[RelayRequest, Responder], Awaitable[None]],
    host: str | None,
    port: int,
    *,
    limits: Limits = Limits(),  # noqa: B008 -- frozen
) -> Listener:
    """Listen on `host` (None: every interface) and `port` (0: any free one); answer every request with `serve`.

    Raises OSError.
    """
    loop = asyncio.get_running_loop()
    roster = Roster()
    deadlines = Deadlines(loop)
    server = await loop.create_server(
        lambda: Connection(serve, limits, deadlines, roster, loop), host, port, backlog=BACKLOG
    )
    return Listener(server, roster)
