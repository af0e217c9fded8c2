"""A listener whose exchanges the test answers itself."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from cc_relay.exchange import RelayRequest
from cc_relay.net.downstream import Limits, Listener, Responder, listen

Serve = Callable[[RelayRequest, Responder], Awaitable[None]]

PATIENCE = 10.0
"""Seconds until a test that waits in vain fails."""


@asynccontextmanager
async def serving(serve: Serve, limits: Limits | None = None) -> AsyncIterator[Listener]:
    """A listener on a free port; everything is closed, and gone, at the end."""
    listener = await listen(serve, "127.0.0.1", 0, limits=limits or Limits())
    try:
        yield listener
    finally:
        await listener.close()


async def describe(request: RelayRequest, responder: Responder) -> None:
    """Answer with what arrived."""
    told = {
        "method": request.method,
        "path": request.path,
        "query": request.query,
        "headers": [[name.decode(), value.decode("latin-1")] for name, value in request.headers],
        "body": request.body.decode("latin-1"),
        "id": request.id,
    }
    responder.respond(200, [(b"content-type", b"application/json")], json.dumps(told).encode())


class Recorder:
    """Serves by `serve`, and remembers the requests and how each exchange ended."""

    def __init__(self, serve: Serve = describe) -> None:
        self.requests: list[RelayRequest] = []
        self.responders: list[Responder] = []
        self.cancelled = 0
        self._serve = serve
        self._news = asyncio.Condition()

    async def __call__(self, request: RelayRequest, responder: Responder) -> None:
        self.requests.append(request)
        self.responders.append(responder)
        await self._tell()
        try:
            await self._serve(request, responder)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            await self._tell()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until `condition` holds; asked whenever an exchange begins or ends."""
        async with asyncio.timeout(PATIENCE), self._news:
            await self._news.wait_for(condition)

    async def _tell(self) -> None:
        async with self._news:
            self._news.notify_all()


async def forever(_: RelayRequest, __: Responder) -> None:
    """Never answer, never end."""
    await asyncio.Event().wait()


def error_type(answer: object) -> str:
    """The type in an answer that must be Anthropic's error envelope."""
    assert isinstance(answer, dict)
    assert set(answer) == {"type", "error", "request_id"}
    assert answer["type"] == "error"
    assert set(answer["error"]) == {"type", "message"}
    return str(answer["error"]["type"])
