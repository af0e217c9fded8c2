"""One client connection: bytes become requests, one exchange at a time."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import deque
from math import inf
from typing import TYPE_CHECKING

import httptools

from cc_relay.codec.envelope import envelope
from cc_relay.exchange import RelayRequest
from cc_relay.net.downstream.refusal import Lingering, Refused, refusal_headers
from cc_relay.net.downstream.request_line import method_name, request_id, split_target
from cc_relay.net.downstream.responder import Responder
from cc_relay.net.downstream.worker import Worker
from cc_relay.net.wire import message

if TYPE_CHECKING:
    from cc_relay.exchange import Headers
    from cc_relay.net.deadlines import Deadlines
    from cc_relay.net.downstream.familiar import FamiliarHead
    from cc_relay.net.downstream.limits import Limits
    from cc_relay.net.downstream.roster import Roster
    from cc_relay.net.downstream.worker import Serve

UPGRADING = frozenset({b"connection", b"upgrade", b"http2-settings", b"expect"})
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
LINGER_NOTHING = struct.pack("ii", 1, 0)


class Connection(asyncio.Protocol):
    """Reads requests, hands them to `serve` one by one, in order.

    While an exchange is in work the transport keeps being read, so that a client that leaves is seen at once; requests
    that arrive meanwhile wait in a short queue.
    """

    def __init__(
        self,
        serve: Serve,
        limits: Limits,
        deadlines: Deadlines,
        roster: Roster,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._limits = limits
        self._deadlines = deadlines
        self._roster = roster
        self._loop = loop
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport = None  # type: ignore[assignment]  # set by connection_made, before all else
        self._responder: Responder | None = None
        self._worker = Worker(serve, loop)
        self._waiting: deque[tuple[RelayRequest, bool, bool]] = deque()
        self._is_paused = False
        self._is_refusing = False
        self._is_closing = False
        self._is_stopping = False
        self._is_reading_head = False
        self._has_head_deadline = False
        self._is_idle = True
        self._head_size = 0
        self._url = b""
        self._lines: Headers = []
        self._headers: Headers = []
        self._named: dict[bytes, bytes] = {}
        self._own_id = b""
        self._pieces: list[bytes] = []
        self._body_size = 0
        self._length = 0
        self._missing = 0
        self._chunk = b""
        self._familiar: FamiliarHead | None = None
        self._is_by_heart = False
        self._arrived_at = 0.0
        self.deadline_at = inf

    def __repr__(self) -> str:
        return f"<Connection {self._responder or 'idle'}>"

    # -- the transport's calls ------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # a stream's is one
        self._transport = transport
        transport.set_write_buffer_limits(high=self._limits.unsent)
        self._roster.add(self)
        self._deadlines.watch(self)
        self._set_deadline(self._loop.time() + self._limits.head_time)

    def data_received(self, data: bytes) -> None:
        if self._is_refusing:
            return
        if self._missing:
            self._receive_body(data)
            return
        while self._familiar is not None and self._is_idle:
            rest = self._receive_familiar(self._familiar, data)
            if rest is None:
                break
            if not rest:
                return
            data = rest
        self._head_size += len(data)
        self._chunk = data if self._is_idle else b""
        try:
            self._parser.feed_data(data)
            if not self._is_idle:
                self._await_more()
        except httptools.HttpParserUpgrade as offer:
            self._decline_upgrade(data[offer.args[0] :])
        except httptools.HttpParserCallbackError as error:
            if not isinstance(error.__context__, Refused):
                raise
            self._refuse(error.__context__)
        except Refused as refused:
            self._refuse(refused)
        except httptools.HttpParserError as error:
            self._refuse(Refused(400, "invalid_request_error", f"This is not valid HTTP/1.1: {error}.", "bad_http"))

    def _receive_body(self, data: bytes) -> None:
        """Take the rest of a body of declared length past the parser, which gives way to a new one at its end."""
        rest = data[self._missing :]
        if rest:
            data = data[: self._missing]
        self._missing -= len(data)
        self._pieces.append(data)
        if self._missing:
            self._set_deadline(self._loop.time() + self._limits.body_silence)
            return
        if self._is_by_heart and self._familiar is not None:
            self._complete_familiar(self._familiar)
        else:
            self.on_message_complete()
            self._parser = httptools.HttpRequestParser(self)
        if rest:
            self.data_received(rest)

    def _receive_familiar(self, head: FamiliarHead, data: bytes) -> bytes | None:
        """Take a request whose head is known past the parser; hot path.

        Returns what is behind it; None where the head is another, or is one to refuse: the parser's business.
        """
        found = head.length_in(data)
        if found is None or found[0] > self._limits.body_size:
            return None
        length, begin = found
        self._arrived_at = self._loop.time()
        body = data[begin:]
        self._missing = length - len(body)
        if self._missing > 0:
            self._is_idle = self._is_reading_head = False
            self._is_by_heart = True
            self._pieces = [body] if body else []
            self._set_deadline(self._arrived_at + self._limits.body_silence)
            return b""
        rest = b""
        if self._missing:
            body, rest = body[:length], body[length:]
            self._missing = 0
        self._pieces = [body]
        self._complete_familiar(head)
        return rest

    def _complete_familiar(self, head: FamiliarHead) -> None:
        self._is_by_heart = False
        self._headers, self._named = head.headers, head.named
        self._own_id = head.named.get(b"x-request-id", b"")
        self._complete(head.method, (head.path, head.query), keep_alive=True, is_http_1_0=False)

    def eof_received(self) -> None:
        """A client that has closed its side is gone: Claude Code cancels a request this way."""
        if self._responder is not None:
            self._lose_client()
        self._close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._roster.discard(self)
        self._deadlines.forget(self)
        self._waiting.clear()
        self._is_closing = True
        self._lose_client()

    def pause_writing(self) -> None:
        self._is_paused = True
        if self._responder is not None:
            self._responder.pause()

    def resume_writing(self) -> None:
        self._is_paused = False
        if self._responder is not None:
            self._responder.resume()
        elif self._waiting:
            self._begin_waiting()

    def reach_deadline(self, now: float) -> None:
        """Silence where bytes were due."""
        if self._is_refusing or self._is_closing:
            self._transport.abort()
        elif self._is_idle:
            self._close()
        else:
            what = "head" if self._is_reading_head else "body"
            message = f"The request's {what} did not arrive in time."
            self._refuse(Refused(408, "invalid_request_error", message, "request_timeout"))

    # -- the parser's calls ---------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        self._is_idle = False
        self._has_head_deadline = False
        self._is_reading_head = True
        self._url = self._own_id = b""
        self._lines = []
        self._pieces = []
        self._body_size = 0

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._lines.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self._is_reading_head = False
        # Lines that follow are trailers, and no headers of the request (RFC 9110, 6.5.1): they are dropped.
        self._headers, self._lines = self._lines, []
        if self._head_size > self._limits.head_size:
            self._check_head_size()
        self._arrived_at = self._loop.time()
        named = self._named = dict(self._headers)
        self._own_id = named.get(b"x-request-id", b"")
        self._length = int(named.get(b"content-length", b"0"))
        if self._length > self._limits.body_size:
            raise self._body_too_large()
        if self._chunk:
            self._learn_head()
        expects_continue = named.get(b"expect", b"").lower() == b"100-continue"
        if expects_continue and self._responder is None and self._parser.get_http_version() != "1.0":
            self._transport.write(CONTINUE)

    def on_body(self, piece: bytes) -> None:
        self._body_size += len(piece)
        if self._body_size > self._limits.body_size:
            raise self._body_too_large()
        self._pieces.append(piece)

    def on_message_complete(self) -> None:
        parser = self._parser
        if parser.should_upgrade():
            # No message yet: the parser leaves out its body, if it has one.
            return
        self._complete(
            method_name(parser.get_method()),
            split_target(self._url),
            keep_alive=parser.should_keep_alive(),
            is_http_1_0=parser.get_http_version() == "1.0",
        )

    def _learn_head(self) -> None:
        """Know this head when it comes again, where it is of the kind that comes again."""
        data, self._chunk = self._chunk, b""
        parser = self._parser
        if parser.should_keep_alive() and parser.get_http_version() == "1.1":
            method = method_name(parser.get_method())
            target = split_target(self._url)
            self._familiar = self._roster.heads.remember(data, method, target, self._headers, self._named)

    def _complete(self, method: str, target: tuple[str, str], *, keep_alive: bool, is_http_1_0: bool) -> None:
        """The request is whole: it begins, or waits for its turn."""
        self._is_idle = True
        self._head_size = 0
        self.deadline_at = inf
        path, query = target
        request = RelayRequest(
            method=method,
            path=path,
            query=query,
            headers=self._headers,
            body=self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces),
            id=request_id(self._own_id),
            arrived_at=self._arrived_at,
            named=self._named,
        )
        self._pieces = []
        keep_alive = keep_alive and not self._is_stopping
        if self._responder is None and not self._is_paused:
            self._begin(request, keep_alive, is_http_1_0)
            return
        self._waiting.append((request, keep_alive, is_http_1_0))
        if self._responder is None:
            # Answers wait for a client that does not read: it gets no more of them, and not for ever.
            self._set_deadline(self._loop.time() + self._limits.idle)
        if len(self._waiting) >= self._limits.pipelined:
            self._transport.pause_reading()

    # -- exchanges ------------------------------------------------------------------------------------------------

    def _begin(self, request: RelayRequest, keep_alive: bool, is_http_1_0: bool) -> None:  # noqa: FBT001 -- hot path
        responder = Responder(
            self,
            self._transport,
            method=request.method,
            request_id=request.id,
            keep_alive=keep_alive,
            is_http_1_0=is_http_1_0,
            is_paused=self._is_paused,
        )
        self._responder = responder
        self._worker.begin(request, responder)

    def exchange_finished(self, *, may_continue: bool) -> None:
        """The answer has ended; on with the next request, or with waiting for one."""
        self._responder = None
        if not may_continue or self._is_stopping:
            self._close()
        elif self._waiting and not self._is_paused:
            self._begin_waiting()
        elif self._is_idle:
            self._set_deadline(self._loop.time() + self._limits.idle)

    def _begin_waiting(self) -> None:
        if len(self._waiting) == self._limits.pipelined:
            self._transport.resume_reading()
        self._begin(*self._waiting.popleft())

    def break_off(self, *, reset: bool) -> None:
        """Close without an end of the answer."""
        self._responder = None
        if reset:
            sock = self._transport.get_extra_info("socket")
            if sock is not None:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOTHING)
            self._transport.abort()
        else:
            self._close()

    def stop(self) -> None:
        """End after the exchange in work or on its way in, at once where there is none."""
        self._is_stopping = True
        if self._responder is not None:
            self._responder.forbid_reuse()
        elif self._is_idle:
            self._close()

    def cancel(self) -> None:
        """Cancel the exchange in work."""
        if self._responder is not None:
            self._worker.cancel()

    def abort(self) -> None:
        """Drop the connection and what was not yet sent."""
        self._transport.abort()

    @property
    def is_busy(self) -> bool:
        return self._responder is not None

    def _lose_client(self) -> None:
        responder, self._responder = self._responder, None
        if responder is not None:
            responder.lose()
            self._worker.cancel()
        self._worker.end()

    def _close(self) -> None:
        # What is written still goes out; a client that does not take it is not waited for.
        if not self._is_closing:
            self._is_closing = True
            self._waiting.clear()
            self._transport.close()
            self._set_deadline(self._loop.time() + self._limits.body_silence)

    def _refuse(self, refused: Refused) -> None:
        """Answer what is no request, then read and drop what the client still sends, so that the answer arrives."""
        self._is_refusing = True
        if self._responder is not None:
            # Garbage behind a request in work: that one is answered, then the connection ends.
            self.deadline_at = inf
            self.stop()
            return
        responder = Responder(
            Lingering(),
            self._transport,
            method="GET",
            request_id=request_id(self._own_id),
            keep_alive=False,
            is_http_1_0=False,
            is_paused=False,
        )
        body = envelope(refused.error_type, refused.message, responder.request_id)
        responder.respond(refused.status, refusal_headers(refused.reason), body)
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self._set_deadline(self._loop.time() + self._limits.linger)

    def _decline_upgrade(self, rest: bytes) -> None:
        """Read a request that offers HTTP/2 or WebSocket again, as if it did not (RFC 9110, 7.8), and as the last."""
        method = self._parser.get_method()
        if method == b"CONNECT":
            self._refuse(Refused(400, "invalid_request_error", "This is not a CONNECT proxy.", "bad_http"))
            return
        headers = [line for line in self._headers if line[0] not in UPGRADING]
        first = b"%b %b HTTP/1.1\r\nconnection: close" % (method, self._url)
        self._parser = httptools.HttpRequestParser(self)
        self._head_size = 0
        self.data_received(message(first, headers, rest))

    def _await_more(self) -> None:
        """A request has begun and is not complete: it must go on, and its head must end."""
        if not self._is_reading_head:
            if self._head_size - self._body_size > self._limits.head_size + self._limits.body_size:
                # Extensions of chunks, or trailers: nobody has use for so many.
                raise self._body_too_large()
            self._set_deadline(self._loop.time() + self._limits.body_silence)
            if self._length and not self._parser.should_upgrade():
                # Of a declared body nothing is left to parse; what comes is taken as it is, without another copy.
                self._missing = self._length - self._body_size
            return
        if self._head_size > self._limits.head_size:
            raise Refused(431, "invalid_request_error", "The request's headers are too large.", "head_too_large")
        if not self._has_head_deadline:
            # The clock starts with the first byte; a dribble does not reset it.
            self._has_head_deadline = True
            self._set_deadline(self._loop.time() + self._limits.head_time)

    def _set_deadline(self, at: float) -> None:
        self.deadline_at = at
        self._deadlines.expect(at)

    def _check_head_size(self) -> None:
        # The bytes counted so far may belong to the body; only a large read gets here.
        size = len(self._url) + sum(len(name) + len(value) + 4 for name, value in self._headers)
        if size > self._limits.head_size:
            raise Refused(431, "invalid_request_error", "The request's headers are too large.", "head_too_large")

    def _body_too_large(self) -> Refused:
        message = f"The request body is larger than {self._limits.body_size} bytes (server.max_body_bytes)."
        return Refused(413, "request_too_large", message, "body_too_large")
