"""The admin port: uvicorn's HTTP on a socket of ours, in a loop that somebody else runs.

uvicorn's own `Server` is left out: it takes over signals, ends the process where it cannot listen, and wakes up ten
times a second for good.
"""

import asyncio
import logging

from starlette.types import ASGIApp
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

MOST_CONNECTIONS = 128
"""More are closed at once: they would take file descriptors from the data plane."""

FIRST_REQUEST = 10.0
"""Seconds a new connection has for its first request."""

GRACE = 2.0
"""Seconds `stop` lets answers end."""

LAST_TURNS = 1.0
"""Seconds the loop has to notice what was cut off; it needs milliseconds."""


NOWHERE = logging.NullHandler()


class Connections(ServerState):
    """What uvicorn keeps of all connections; whether there are any, and whether there may be more."""

    def __init__(self) -> None:
        super().__init__()
        self.is_closed = False
        self.is_empty = asyncio.Event()
        self.is_empty.set()


class Connection(H11Protocol):
    """One client; there are never too many, and each must soon ask for something."""

    def __init__(self, config: Config, connections: Connections, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(config, connections, {}, loop)
        self._all = connections
        self._patience = loop.call_later(FIRST_REQUEST, self._lose_patience)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._all.is_empty.clear()
        # A connection can be accepted in the turn in which the port is closed.
        if self._all.is_closed or len(self.connections) > MOST_CONNECTIONS:
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._patience.cancel()
        if not self.connections:
            self._all.is_empty.set()

    def _lose_patience(self) -> None:
        if self.cycle is None:
            self.transport.abort()  # type: ignore[unreachable]  # uvicorn declares its None away


class AdminServer:
    """Serves one application: `start`, then `stop`. It starts no task of its own; requests are uvicorn's tasks."""

    def __init__(self) -> None:
        self._connections = Connections()
        self._server: asyncio.Server | None = None
        self._address = ("", 0)

    def __repr__(self) -> str:
        where = "{}:{}".format(*self._address) if self._server else "not listening"
        return f"<AdminServer {where} {len(self._connections.connections)} connections>"

    async def start(self, app: ASGIApp, host: str, port: int) -> None:
        """Listen on `host` ("": every interface) and `port` (0: any free one).

        Raises OSError, with a message that names the address, where that is impossible.
        """
        config = _configured(app)
        self._connections.is_closed = False
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(
                lambda: Connection(config, self._connections, loop), host or None, port
            )
        except OSError as error:
            reason = error.strerror or str(error)
            raise OSError(error.errno, f"the admin port cannot listen on {host}:{port}: {reason}") from error
        name, number = self._server.sockets[0].getsockname()[:2]
        self._address = str(name), int(number)

    @property
    def address(self) -> tuple[str, int]:
        """The host and port it listens at, the first where there are several. Raises RuntimeError unless it does."""
        if self._server is None:
            raise RuntimeError("the admin port is not open")
        return self._address

    async def stop(self) -> None:
        """Take no new connection, let answers end, cut what lasts longer than `GRACE` seconds. Idempotent."""
        if self._server is None:
            return
        self._server.close()
        self._server = None
        self._connections.is_closed = True
        for connection in list(self._connections.connections):
            connection.shutdown()
        if not await self._emptied(GRACE):
            for task in self._connections.tasks:
                task.cancel()
            for connection in self._connections.connections:
                connection.transport.abort()
            await self._emptied(LAST_TURNS)

    async def _emptied(self, seconds: float) -> bool:
        """Whether all connections, and what served them, ended within so many seconds."""
        try:
            async with asyncio.timeout(seconds):
                await self._connections.is_empty.wait()
                if self._connections.tasks:
                    await asyncio.wait(self._connections.tasks)
        except TimeoutError:
            return False
        return True


def _configured(app: ASGIApp) -> Config:
    # What it logs is about clients' mistakes, which they are told; our own failures are logged by the application.
    # Without a handler the standard library would print them all to standard error.
    logging.getLogger("uvicorn").addHandler(NOWHERE)
    config = Config(
        app,
        http=Connection,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        # Left out, it would be read from the environment.
        workers=1,
    )
    config.load()
    return config
