"""One upstream answer while its body arrives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from cc_relay.errors import Stage, UpstreamError

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from cc_relay.exchange import Headers
    from cc_relay.net.upstream.connection import UpstreamConnection

BUFFER_SIZE = 1_048_576
"""Bytes held for a reader that is not reading yet; above it the upstream is held back."""


class Answer:
    """Head, then body: either read in steps (`receive`) or handed on as it arrives (`splice`).

    Belongs to its connection until the body is complete; the connection may then already serve somebody else.
    """

    __slots__ = (
        "_connection",
        "_error",
        "_has_head",
        "_holds_back",
        "_idle",
        "_is_ended",
        "_is_paused",
        "_loop",
        "_pieces",
        "_sink",
        "_size",
        "_until",
        "_waiter",
        "headers",
        "length",
        "named",
        "read_at",
        "status",
    )

    def __init__(self, connection: UpstreamConnection, loop: asyncio.AbstractEventLoop, idle: float) -> None:
        self._connection: UpstreamConnection | None = connection
        self._loop = loop
        self._idle = idle
        self._pieces: list[bytes] = []
        self._size = 0
        self._sink: Callable[[bytes], None] | None = None
        self._waiter: asyncio.Future[bool] | None = None
        self._until = 0.0
        self._has_head = False
        self._is_ended = False
        self._is_paused = False
        self._holds_back = False
        self._error: UpstreamError | None = None
        self.status = 0
        self.headers: Headers = []
        self.named: dict[bytes, bytes] = {}
        self.length: int | None = None
        self.read_at = 0.0

    def __repr__(self) -> str:
        state = "broken" if self._error else "ended" if self._is_ended else "arriving"
        return f"<Answer {self.status or 'no head yet'} {state}>"

    # -- the reader's calls ---------------------------------------------------------------------------------------

    async def opened(self, deadline_at: float) -> Self:
        """Return once the head is here; failed or cancelled, the connection is closed. Raises UpstreamError."""
        try:
            while not self._has_head:
                if self._error is not None:
                    raise self._error
                if not await self._more(deadline_at):
                    raise UpstreamError("no answer in time", stage=Stage.HEAD, timed_out=True)
        except BaseException:
            self.close()
            raise
        return self

    async def receive(self, deadline_at: float) -> bytes | None:
        """The next bytes of the body; b"" at its end, None when `deadline_at` came first."""
        while not self._pieces:
            if self._error is not None:
                raise self._error
            if self._is_ended:
                return b""
            if not await self._more(deadline_at):
                return None
        return self._take()

    def take_whole(self) -> bytes | None:
        """The whole body where it has already ended, None where more of it is to come."""
        if not self._is_ended or self._error is not None:
            return None
        return self._take() if self._pieces else b""

    async def splice(self, sink: Callable[[bytes], None], deadline_at: float) -> None:
        """Hand every further byte to `sink` as it arrives; return at the end of the body."""
        self._sink = sink
        if self._pieces:
            sink(self._take())
        while not self._is_ended:
            if self._error is not None:
                raise self._error
            if not await self._more(deadline_at):
                raise UpstreamError("the answer took too long", stage=Stage.BODY, timed_out=True)

    def pause(self) -> None:
        """Stop reading: the client is slower than the upstream."""
        self._is_paused = True
        if self._connection is not None:
            self._connection.pause()

    def resume(self) -> None:
        """Read again."""
        self._is_paused = False
        if self._connection is not None and not self._holds_back:
            self.read_at = self._loop.time()
            self._connection.resume()

    def break_off(self, error: UpstreamError) -> None:
        """What came makes no sense: close at once, and tell the reader."""
        if self._connection is not None:
            self._connection.abort()
        self.fail(error)

    def close(self) -> None:
        """Let go; an answer that has not ended takes its connection with it."""
        connection, self._connection = self._connection, None
        self._sink = None
        if connection is not None:
            connection.abort()

    # -- the connection's calls -----------------------------------------------------------------------------------

    def take_head(self, status: int, headers: Headers, named: dict[bytes, bytes], length: int | None) -> None:
        self.status = status
        self.headers = headers
        self.named = named
        self.length = length
        self._has_head = True

    def deliver(self, data: bytes) -> None:
        if self._sink is not None:
            self._sink(data)
            return
        self._pieces.append(data)
        self._size += len(data)
        if self._size > BUFFER_SIZE and self._connection is not None:
            self._holds_back = True
            self._connection.pause()
        self.wake()

    def end(self) -> None:
        """The body is complete and the connection no longer ours."""
        self._is_ended = True
        self._connection = None
        self.wake()

    def fail(self, error: UpstreamError) -> None:
        self._error = error
        self._connection = None
        self.wake()

    def wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(True)

    def reach_deadline(self, now: float) -> None:
        """The earliest thing we wait for did not come: the reader's deadline, or a byte."""
        if self._waiter is None or self._waiter.done():
            return
        if now >= self._until:
            self._waiter.set_result(False)
        elif self._has_head and not self._is_paused and now >= self.read_at + self._idle:
            error = UpstreamError(f"silent for {self._idle:g} s", stage=Stage.BODY, timed_out=True)
            if self._connection is not None:
                self._connection.abort()
            self.fail(error)
        else:
            self._expect()

    # -- inside ---------------------------------------------------------------------------------------------------

    def _more(self, deadline_at: float) -> asyncio.Future[bool]:
        """Awaited, tells whether something arrived before `deadline_at`."""
        self._until = deadline_at
        self._waiter = waiter = self._loop.create_future()
        self._expect()
        return waiter

    def _expect(self) -> None:
        if self._connection is None:
            return
        silent_at = self.read_at + self._idle if self._has_head and not self._is_paused else self._until
        if self._is_paused:
            # A paused upstream is not silent; look again when it could have become so.
            silent_at = self._loop.time() + self._idle
        self._connection.expect_by(min(self._until, silent_at))

    def _take(self) -> bytes:
        pieces, self._pieces = self._pieces, []
        self._size = 0
        if self._holds_back:
            self._holds_back = False
            # The silence so far was ours.
            self.read_at = self._loop.time()
            if self._connection is not None and not self._is_paused:
                self._connection.resume()
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)
