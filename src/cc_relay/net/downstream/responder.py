"""The way back to the client of one exchange."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from cc_relay.net.wire import message, status_line

if TYPE_CHECKING:
    import asyncio

    from cc_relay.exchange import Headers


class Flow(Protocol):
    def pause(self) -> None: ...
    def resume(self) -> None: ...


class Owner(Protocol):
    """What a responder needs of its connection."""

    def exchange_finished(self, *, may_continue: bool) -> None: ...
    def break_off(self, *, reset: bool) -> None: ...


class Responder:
    """Writes one answer; once the answer has ended, or the client is gone, every call is without effect."""

    __slots__ = (
        "_flow",
        "_is_http_1_0",
        "_is_paused",
        "_keep_alive",
        "_method",
        "_owner",
        "_sends_body",
        "_sends_chunks",
        "_transport",
        "is_finished",
        "is_gone",
        "is_started",
        "request_id",
    )

    def __init__(
        self,
        owner: Owner,
        transport: asyncio.WriteTransport,
        *,
        method: str,
        request_id: str,
        keep_alive: bool,
        is_http_1_0: bool,
        is_paused: bool,
    ) -> None:
        self._owner = owner
        self._transport = transport
        self._method = method
        self.request_id = request_id
        self._keep_alive = keep_alive
        self._is_http_1_0 = is_http_1_0
        self._is_paused = is_paused
        self._flow: Flow | None = None
        self._sends_chunks = False
        self._sends_body = True
        self.is_started = False
        self.is_finished = False
        self.is_gone = False

    def __repr__(self) -> str:
        state = "gone" if self.is_gone else "finished" if self.is_finished else "started" if self.is_started else "new"
        return f"<Responder {self.request_id} {state}>"

    def respond(self, status: int, headers: Headers, body: bytes) -> None:
        """Answer whole: head, `content-length`, body, end."""
        if self.is_finished:
            return
        first = self._head(status, len(body))
        self._transport.write(message(first, headers, body if self._sends_body else b""))
        self._end()

    def start(self, status: int, headers: Headers, length: int | None) -> None:
        """Write the head; `length` None sends the body in chunks, or ends it with the connection for HTTP/1.0."""
        if not self.is_finished:
            self._transport.write(message(self._head(status, length), headers))

    def write(self, data: bytes) -> None:
        """Write body bytes; never blocks."""
        if self.is_finished or not data:
            return
        if self._sends_chunks:
            self._transport.write(b"%x\r\n%b\r\n" % (len(data), data))
        elif self._sends_body:
            self._transport.write(data)

    def finish(self) -> None:
        """End the body; the connection goes on where both sides want it."""
        if self.is_finished:
            return
        if self._sends_chunks:
            self._transport.write(b"0\r\n\r\n")
        self._end()

    def abort(self) -> None:
        """Break the connection, so that the client cannot take what it has for the whole.

        A body in chunks is visibly cut by a close, which still delivers what was written; one that ends with the
        connection, or that a client may take for whole at its declared length, needs a reset.
        """
        if self.is_finished:
            return
        self.is_finished = True
        self._flow = None
        self._owner.break_off(reset=self.is_started and not self._sends_chunks)

    def regulate(self, flow: Flow) -> None:
        """Pause `flow` while the client reads too slowly, resume it when the client caught up."""
        self._flow = flow
        if self._is_paused:
            flow.pause()

    def pause(self) -> None:
        self._is_paused = True
        if self._flow is not None:
            self._flow.pause()

    def resume(self) -> None:
        self._is_paused = False
        if self._flow is not None:
            self._flow.resume()

    def lose(self) -> None:
        """The client is gone."""
        self.is_gone = self.is_finished = True
        self._flow = None

    def forbid_reuse(self) -> None:
        """The connection ends with this answer."""
        if not self.is_started:
            self._keep_alive = False

    def _head(self, status: int, length: int | None) -> bytes:
        """Status line and framing lines, without the last line end; settles how the body travels. Hot path."""
        first = b"%b\r\nx-request-id: %b" % (status_line(status), self.request_id.encode("ascii"))
        has_body = status >= 200 and status not in (204, 304)
        self._sends_body = has_body and self._method != "HEAD"
        if length is not None:
            if has_body:
                first += b"\r\ncontent-length: %d" % length
        elif self._is_http_1_0:
            # HTTP/1.0 knows no chunks: the body ends with the connection.
            self._keep_alive = False
        elif has_body:
            first += b"\r\ntransfer-encoding: chunked"
            self._sends_chunks = self._sends_body
        if not self._keep_alive:
            first += b"\r\nconnection: close"
        elif self._is_http_1_0:
            first += b"\r\nconnection: keep-alive"
        self.is_started = True
        return first

    def _end(self) -> None:
        self.is_finished = True
        self._flow = None
        self._owner.exchange_finished(may_continue=self._keep_alive)
