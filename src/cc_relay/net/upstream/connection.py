"""One connection to a provider: a request out, an answer in, then the next."""

from __future__ import annotations

import asyncio
from math import inf
from typing import TYPE_CHECKING

import httptools

from cc_relay.codec.names import HOP_BY_HOP, NameFilter
from cc_relay.errors import Stage, UpstreamError
from cc_relay.net.upstream.answer import Answer
from cc_relay.net.wire import message

if TYPE_CHECKING:
    from collections.abc import Callable

    from cc_relay.exchange import Headers, Origin, UpstreamRequest
    from cc_relay.net.deadlines import Deadlines

HEAD_SIZE = 131_072
"""Bytes of interim and final heads before an answer is refused."""

end_to_end = NameFilter(lambda name: name not in HOP_BY_HOP)

BODILESS = frozenset({b"GET", b"HEAD", b"DELETE"})
"""Methods whose requests carry a `content-length` only where they have a body (RFC 9110, 8.6)."""

JOINED_SIZE = 16_384
"""Bodies up to this size are copied behind the head; larger ones are written beside it."""


class UnusableAnswer(Exception):
    """Raised in the parser's calls, to stop it: valid HTTP, but no answer to what was asked."""


class UpstreamConnection(asyncio.Protocol):
    """Carries one exchange at a time. `release` is called when it may serve the next one.

    `siblings` are the unused connections to the same origin, which it joins between exchanges.
    """

    __slots__ = (
        "_answer",
        "_deadlines",
        "_has_body_until_eof",
        "_head_size",
        "_headers",
        "_host_line",
        "_is_complete",
        "_is_interim",
        "_is_paused",
        "_keeps_alive",
        "_loop",
        "_parser",
        "_pieces",
        "_release",
        "_time",
        "deadline_at",
        "is_tls",
        "origin",
        "siblings",
        "transport",
    )

    def __init__(
        self,
        origin: Origin,
        deadlines: Deadlines,
        loop: asyncio.AbstractEventLoop,
        release: Callable[[UpstreamConnection], None],
        siblings: list[UpstreamConnection],
    ) -> None:
        self.origin = origin
        self.is_tls = origin.is_tls
        self.siblings = siblings
        self.transport: asyncio.Transport = None  # type: ignore[assignment]  # set by connection_made, before all else
        self.deadline_at = inf
        self._host_line = b" HTTP/1.1\r\nhost: " + origin.authority
        self._deadlines = deadlines
        self._loop = loop
        self._time = loop.time
        self._release = release
        self._answer: Answer | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._headers: Headers = []
        self._pieces: list[bytes] = []
        self._head_size = 0
        self._is_interim = False
        self._is_complete = False
        self._is_paused = False
        self._keeps_alive = False
        self._has_body_until_eof = False

    def __repr__(self) -> str:
        return f"<UpstreamConnection {self.origin} {self._answer or 'idle'}>"

    # -- the exchange ---------------------------------------------------------------------------------------------

    def begin(self, request: UpstreamRequest) -> Answer:
        """Write the request; the answer fills as bytes arrive."""
        self._is_complete = self._is_interim = self._has_body_until_eof = False
        self._head_size = 0
        self._answer = answer = Answer(self, self._loop, request.timeouts.idle)
        body = request.body
        first = b"%b %b%b" % (request.method, request.target, self._host_line)
        if body or request.method not in BODILESS:
            first += b"\r\ncontent-length: %d" % len(body)
        if len(body) <= JOINED_SIZE:
            self.transport.write(message(first, request.headers, body))
        else:
            self.transport.writelines((message(first, request.headers), body))
        return answer

    def expect_by(self, at: float) -> None:
        self.deadline_at = at
        self._deadlines.expect(at)

    def pause(self) -> None:
        self._is_paused = True
        self.transport.pause_reading()

    def resume(self) -> None:
        self._is_paused = False
        self.transport.resume_reading()

    def abort(self) -> None:
        """Close at once, unread bytes and all: the provider sees it and stops working for nobody."""
        self._answer = None
        self.transport.abort()

    @property
    def is_usable(self) -> bool:
        return not self.transport.is_closing()

    # -- the transport's calls ------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # a stream's is one
        self.transport = transport
        self._deadlines.watch(self)

    def data_received(self, data: bytes) -> None:
        answer = self._answer
        if answer is None:
            # Nobody asked: whatever this is, the connection cannot be trusted with a request.
            self.transport.abort()
            return
        answer.read_at = self._time()
        had_head = answer.status != 0
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            if self._is_complete:
                # Garbage behind a complete answer spoils the connection, not the answer.
                self.transport.abort()
            else:
                if self._pieces:
                    answer.deliver(b"".join(self._pieces))
                    self._pieces.clear()
                self._fail(f"not valid HTTP/1.1: {error.__context__ or error}")
                return
        if answer.status == 0:
            self._head_size += len(data)
            if self._head_size > HEAD_SIZE:
                self._fail("the head does not end")
            return
        if self._pieces:
            pieces = self._pieces
            body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
            pieces.clear()
            answer.deliver(body)
        elif had_head:
            # Bytes that are no body: extensions of chunks, trailers.
            self._head_size += len(data)
            if self._head_size > HEAD_SIZE:
                self._fail("the body's framing does not end")
                return
        if self._is_complete:
            self._complete()
        elif not had_head:
            answer.wake()

    def eof_received(self) -> None:
        if self.transport.get_write_buffer_size():
            # The transport would wait until somebody takes the rest of the request.
            if not self._has_body_until_eof:
                self._fail("closed the connection early")
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._deadlines.forget(self)
        answer = self._answer
        if answer is None:
            return
        if exc is None and self._has_body_until_eof:
            self._complete()
        else:
            self._fail("reset the connection" if exc is not None else "closed the connection early", exc)

    def reach_deadline(self, now: float) -> None:
        if self._answer is None:
            self.transport.close()
        else:
            self._answer.reach_deadline(now)

    # -- the parser's calls ---------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        if self._is_complete:
            raise UnusableAnswer("a second answer to one request")
        self._headers = []

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        answer = self._answer
        status = self._parser.get_status_code()
        self._is_interim = status < 200
        if status < 100 or status == 101:
            raise UnusableAnswer(f"status {status} unasked")
        if self._is_interim or answer is None:
            return
        named = dict(self._headers)
        is_chunked = b"transfer-encoding" in named
        length = None if is_chunked else named.get(b"content-length")
        self._has_body_until_eof = length is None and not is_chunked and status not in (204, 304)
        answer.take_head(status, end_to_end(self._headers), named, None if length is None else int(length))

    def on_body(self, piece: bytes) -> None:
        self._pieces.append(piece)

    def on_message_complete(self) -> None:
        if not self._is_interim:
            self._is_complete = True
            # Asked now: the parser forgets as soon as it is ready for the next message.
            self._keeps_alive = self._parser.should_keep_alive()

    # -- inside ---------------------------------------------------------------------------------------------------

    def _complete(self) -> None:
        answer, self._answer = self._answer, None
        self.deadline_at = inf
        if self._is_paused:
            self.resume()
        if self.transport.get_write_buffer_size():
            # Answered before it took the whole request: it may never take the rest.
            self.transport.abort()
        elif self.transport.is_closing() or self._has_body_until_eof or not self._keeps_alive:
            self.transport.close()
        else:
            self._release(self)
        if answer is not None:
            answer.end()

    def _fail(self, what: str, cause: BaseException | None = None) -> None:
        answer, self._answer = self._answer, None
        if answer is not None:
            stage = Stage.BODY if answer.status else Stage.HEAD
            if stage is Stage.HEAD and self.transport.get_write_buffer_size():
                stage = Stage.SEND
            error = UpstreamError(f"{self.origin} {what}", stage=stage)
            error.__cause__ = cause
            answer.fail(error)
        self.transport.abort()
