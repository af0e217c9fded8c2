"""The task that serves one connection's exchanges, one after the other."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from cc_relay.codec.envelope import envelope
from cc_relay.net.downstream.refusal import refusal_headers

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from cc_relay.exchange import RelayRequest
    from cc_relay.net.downstream.responder import Responder

    Serve = Callable[[RelayRequest, Responder], Awaitable[None]]

logger = logging.getLogger(__name__)


class Worker:
    """Begins with the first request, ends with its connection; between exchanges it waits.

    One task for a connection costs a kept-alive request half of what a task of its own would.
    """

    __slots__ = ("_is_ending", "_loop", "_next", "_serve", "_task", "_turn")

    def __init__(self, serve: Serve, loop: asyncio.AbstractEventLoop) -> None:
        self._serve = serve
        self._loop = loop
        self._is_ending = False
        self._next: tuple[RelayRequest, Responder] | None = None
        self._turn: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"<Worker {'waiting' if self._turn else 'new' if self._task is None else 'at work'}>"

    def begin(self, request: RelayRequest, responder: Responder) -> None:
        """Serve this one next: at once, or as soon as the exchange before it has been settled."""
        self._next = (request, responder)
        if self._task is None:
            self._task = self._loop.create_task(self._work())
        else:
            self._wake()

    def end(self) -> None:
        """No exchange will follow; one that has given its answer may finish what it does."""
        self._is_ending = True
        self._wake()

    def cancel(self) -> None:
        """Cancel the exchange in work, and the worker with it."""
        if self._task is not None:
            # In a turn of its own: an exchange cancelled before its first step would never run, and never settle.
            self._loop.call_soon(self._task.cancel)

    def _wake(self) -> None:
        if self._turn is not None and not self._turn.done():
            self._turn.set_result(None)

    async def _work(self) -> None:
        while True:
            while self._next is None:
                if self._is_ending:
                    return
                self._turn = self._loop.create_future()
                await self._turn
                self._turn = None
            request, responder = self._next
            self._next = None
            exchange = self._serve(request, responder)
            # A long answer does not keep a large body in memory.
            del request
            await self._run(exchange, responder)
            del exchange, responder

    async def _run(self, exchange: Awaitable[None], responder: Responder) -> None:
        """Meet whatever an exchange may end with: its client always gets an end, if not an answer."""
        try:
            await exchange
        except asyncio.CancelledError:
            responder.abort()
            raise
        except Exception:
            logger.exception("request %s was not answered because of a bug of ours", responder.request_id)
            if not responder.is_started:
                message = "The relay failed on this request; its log says why."
                body = envelope("api_error", message, responder.request_id)
                responder.respond(500, refusal_headers("internal"), body)
        if not responder.is_finished:
            responder.abort()
