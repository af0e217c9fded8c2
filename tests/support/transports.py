"""A transport without a socket, for protocols on virtual time: the test is the other side."""

import asyncio


class FakeTransport(asyncio.Transport):
    """Keeps what is written. While `takes` is False nothing leaves, and the protocol is paused above the high mark."""

    def __init__(self, protocol: asyncio.Protocol, *, takes: bool = True) -> None:
        super().__init__()
        self._protocol = protocol
        self._loop = asyncio.get_running_loop()
        self._unsent = bytearray()
        self._high, self._low = 65_536, 16_384
        self._is_protocol_paused = False
        self._is_closing = False
        self.takes = takes
        self.written = bytearray()
        """What reached the other side."""
        self.is_lost = False
        self.is_reading = True
        self.has_written_eof = False
        self.was_aborted = False
        protocol.connection_made(self)

    # -- the other side's calls -----------------------------------------------------------------------------------

    def feed(self, data: bytes, *, piece: int | None = None) -> None:
        """Bytes arrive, if anybody still reads."""
        for start in range(0, len(data), piece or max(len(data), 1)):
            if not self._is_closing:
                self._protocol.data_received(data[start : start + piece] if piece else data)

    def feed_eof(self) -> None:
        if not self._is_closing and not self._protocol.eof_received():
            self.close()

    def take(self) -> bytes:
        """What is written is read by the other side; returns everything it got so far."""
        self.written += self._unsent
        self._unsent.clear()
        if self._is_protocol_paused:
            self._is_protocol_paused = False
            self._protocol.resume_writing()
        if self._is_closing:
            self._lose(None)
        return bytes(self.written)

    def reset(self) -> None:
        self._is_closing = True
        self._lose(ConnectionResetError("reset by the test"))

    # -- the protocol's calls -------------------------------------------------------------------------------------

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.has_written_eof, "written behind the end"
        if self.is_lost:
            return
        if self.takes:
            self.written += data
            return
        self._unsent += data
        if len(self._unsent) > self._high and not self._is_protocol_paused:
            self._is_protocol_paused = True
            self._protocol.pause_writing()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._high = 65_536 if high is None else high
        self._low = self._high // 4 if low is None else low

    def get_write_buffer_size(self) -> int:
        return len(self._unsent)

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.has_written_eof = True

    def is_closing(self) -> bool:
        return self._is_closing

    def close(self) -> None:
        if not self._is_closing:
            self._is_closing = True
            if not self._unsent:
                self._lose(None)

    def abort(self) -> None:
        self._is_closing = self.was_aborted = True
        self._unsent.clear()
        self._lose(None)

    def pause_reading(self) -> None:
        self.is_reading = False

    def resume_reading(self) -> None:
        self.is_reading = True

    def get_extra_info(self, name: str, default: object = None) -> object:
        return default

    def _lose(self, exc: Exception | None) -> None:
        if not self.is_lost:
            self.is_lost = True
            self._loop.call_soon(self._protocol.connection_lost, exc)
