"""Server-sent events: bytes to events and back (WHATWG HTML, "Server-sent events")."""

import re

from msgspec import Struct

from cc_relay.codec.errors import CodecError

PING = b'event: ping\ndata: {"type": "ping"}\n\n'
"""The keep-alive event Anthropic's API sends (streaming page); put it only between events."""

MAX_EVENT = 32 * 1024 * 1024
"""The largest event a decoder gathers by default, in bytes; a search result or an image can arrive in one."""

_BOM = b"\xef\xbb\xbf"
_LINE_END = re.compile(rb"\r\n|\n|\r")


class ServerSentEvent(Struct, frozen=True):
    """One event: its name (empty where the stream gave none) and its data lines joined by a line feed."""

    name: str
    data: bytes


def encode(name: str, data: bytes) -> bytes:
    """The frame of one event; an empty `name` leaves the `event:` line out."""
    head = b"event: " + name.encode() + b"\n" if name else b""
    lines = _LINE_END.split(data)
    return head + b"".join(b"data: " + line + b"\n" for line in lines) + b"\n"


class SSEDecoder:
    """Bytes in, events out; however the bytes are cut, the events are the same.

    Takes all three line endings, a leading byte order mark and comments. An event counts when it has a name or data,
    as the clients' own decoders have it (WHATWG would drop one without data). What the end of the stream leaves
    unfinished is dropped, and shows as `is_at_boundary` being False.
    """

    __slots__ = ("_data", "_events", "_is_open", "_is_started", "_limit", "_line", "_name", "_size", "_skips_line_feed")

    def __init__(self, limit: int = MAX_EVENT) -> None:
        self._limit = limit
        self._events: list[ServerSentEvent] = []
        self._line = bytearray()
        self._name = ""
        self._data: list[bytes] = []
        self._size = 0
        self._is_open = False
        self._is_started = False
        self._skips_line_feed = False

    @property
    def is_at_boundary(self) -> bool:
        """Whether everything received belongs to finished events (or comments), so that another may be put in here."""
        return not self._line and not self._is_open

    def receive_data(self, data: bytes) -> None:
        """Take the next bytes. Raises CodecError when one event outgrows the limit."""
        if self._skips_line_feed and data:
            self._skips_line_feed = False
            data = data.removeprefix(b"\n")
        if not data:
            return
        if b"\r" in data:
            lines = _LINE_END.split(data)
            self._skips_line_feed = data.endswith(b"\r")
        else:
            lines = data.split(b"\n")
        rest = lines.pop()
        if lines and self._line:
            lines[0] = bytes(self._line + lines[0])
            self._line.clear()
        for line in lines:
            self._receive_line(line)
        self._line += rest
        self._check(len(self._line))

    def receive_eof(self) -> None:
        """The stream is over; an unfinished event will not come."""
        self._skips_line_feed = False

    def events(self) -> list[ServerSentEvent]:
        """The events finished since the last call."""
        events, self._events = self._events, []
        return events

    def _receive_line(self, line: bytes) -> None:
        if not self._is_started:
            self._is_started = True
            line = line.removeprefix(_BOM)
        if not line:
            self._dispatch()
            return
        field, _, value = line.partition(b":")
        if not field:
            return
        self._is_open = True
        value = value.removeprefix(b" ")
        if field == b"data":
            self._size += len(value) + 1
            self._check(self._size)
            self._data.append(value)
        elif field == b"event":
            self._name = value.decode("utf-8", "replace")

    def _dispatch(self) -> None:
        if self._name or self._data:
            self._events.append(ServerSentEvent(self._name, b"\n".join(self._data)))
        self._name = ""
        self._data = []
        self._size = 0
        self._is_open = False

    def _check(self, size: int) -> None:
        if size > self._limit:
            raise CodecError(f"an event of more than {self._limit} bytes")
