"""Sends requests upstream over kept connections."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from msgspec.structs import replace

from cc_relay.errors import Stage, UpstreamError
from cc_relay.net.deadlines import Deadlines
from cc_relay.net.upstream.connection import UpstreamConnection
from cc_relay.net.upstream.dial import Dialer

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable, Mapping

    from cc_relay.exchange import Origin, UpstreamRequest
    from cc_relay.net.upstream.answer import Answer

KEPT_SECONDS = 55.0
"""How long an unused connection is kept: below the 60 s at which common load balancers close one without a word."""

KEPT_CONNECTIONS = 256
"""How many unused connections are kept for one origin."""


class UpstreamClient:
    """A pool of connections for each origin, the most recently used first."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        environ: Mapping[str, str],
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        """`environ` names proxies; `wall_clock` is what requests are sealed by."""
        self._loop = loop
        self._wall_clock = wall_clock
        self._deadlines = Deadlines(loop)
        self._dialer = Dialer(loop, environ=environ)
        self._unused: dict[Origin, list[UpstreamConnection]] = {}
        self._is_closed = False

    def __repr__(self) -> str:
        return f"<UpstreamClient {sum(map(len, self._unused.values()))} unused connections>"

    def send(self, request: UpstreamRequest, deadline_at: float) -> Awaitable[Answer]:
        """Awaited, returns when the answer's head is here. Raises UpstreamError with the stage it reached.

        Nothing is sent twice: a kept connection that turns out to be closed is passed over before a byte was written,
        and a failure after that is the caller's to judge.
        """
        connection = self._take(request.origin)
        if connection is None:
            return self._send_on_new(request, deadline_at)
        if request.seal is not None:
            request = self._sealed(request)
        return connection.begin(request).opened(self._first_byte_at(request, deadline_at))

    async def _send_on_new(self, request: UpstreamRequest, deadline_at: float) -> Answer:
        connection = await self._dial(request, deadline_at)
        if not connection.is_usable:
            raise UpstreamError(f"{request.origin} closed the connection at once", stage=Stage.CONNECT)
        if request.seal is not None:
            request = self._sealed(request)
        return await connection.begin(request).opened(self._first_byte_at(request, deadline_at))

    def _sealed(self, request: UpstreamRequest) -> UpstreamRequest:
        """The request with the lines that depend on the moment it goes out."""
        assert request.seal is not None
        return replace(request, headers=request.headers + request.seal(self._wall_clock()))

    def _first_byte_at(self, request: UpstreamRequest, deadline_at: float) -> float:
        return min(deadline_at, self._loop.time() + request.timeouts.first_byte)

    def close(self) -> None:
        """Close what is unused; connections in use close when they are released."""
        self._is_closed = True
        for connections in self._unused.values():
            for connection in connections:
                connection.transport.close()
        self._unused.clear()

    def _take(self, origin: Origin) -> UpstreamConnection | None:
        connections = self._unused.get(origin)
        while connections:
            connection = connections.pop()
            if not connection.transport.is_closing():
                return connection
        return None

    async def _dial(self, request: UpstreamRequest, deadline_at: float) -> UpstreamConnection:
        timeout = min(request.timeouts.connect, deadline_at - self._loop.time())
        if timeout <= 0:
            raise UpstreamError("no time left to connect", stage=Stage.CONNECT, timed_out=True)
        origin = request.origin
        unused = self._unused.setdefault(origin, [])
        return await self._dialer.dial(
            origin,
            lambda: UpstreamConnection(origin, self._deadlines, self._loop, self._keep, unused),
            timeout=timeout,
        )

    def _keep(self, connection: UpstreamConnection) -> None:
        connections = connection.siblings
        if self._is_closed or len(connections) >= KEPT_CONNECTIONS:
            connection.transport.close()
            return
        if connection.is_tls:
            # TLS 1.3 sends its tickets after the handshake; by now they are here.
            self._dialer.remember(connection.origin, connection.transport)
        connections.append(connection)
        connection.expect_by(self._loop.time() + KEPT_SECONDS)
