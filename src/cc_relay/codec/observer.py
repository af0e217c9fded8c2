"""Watching an Anthropic stream go by: what it cost, how it ended, where a ping fits; hot path."""

from typing import Annotated

from msgspec import Meta, Raw, Struct, field
from msgspec.json import Decoder

from cc_relay.codec.errors import CodecError
from cc_relay.codec.sse import ServerSentEvent, SSEDecoder
from cc_relay.codec.usage import MAX_COUNT, UsageTally
from cc_relay.exchange import Usage

_DELTA = b"event: content_block_delta\ndata: {"
_BLOCK_EVENTS = frozenset({"content_block_start", "content_block_delta", "content_block_stop"})
_MESSAGE_EVENTS = frozenset({"message_start", "message_delta", "message_stop"})
_NOT_CONTENT = frozenset({"", "ping", "message_start", "error"})


class _Event(Struct):
    """The parts of an event's JSON that matter here; `object` because a foreign upstream may put anything in them."""

    type: object = None
    message: object = None
    delta: object = None
    usage: object = None
    error: object = None
    metrics: object = field(default=None, name="amazon-bedrock-invocationMetrics")


class _Message(Struct):
    type: object = None
    model: object = None
    content: Raw = Raw()
    stop_reason: object = None
    usage: object = None
    error: object = None


_Count = Annotated[int, Meta(ge=0, le=MAX_COUNT)]


class _PlainSplit(Struct):
    ephemeral_5m_input_tokens: _Count = 0
    ephemeral_1h_input_tokens: _Count = 0


class _PlainUsage(Struct):
    """What most whole answers say of their cost."""

    input_tokens: _Count
    output_tokens: _Count
    cache_read_input_tokens: _Count | None = None
    cache_creation_input_tokens: _Count | None = None
    cache_creation: _PlainSplit | None = None
    iterations: Raw | None = None


class _PlainMessage(Struct, tag_field="type", tag="message"):
    model: str
    usage: _PlainUsage
    stop_reason: str | None = None
    error: Raw | None = None


_NO_EVENT = _Event()
_read_event = Decoder(_Event).decode
_read_message = Decoder(_Message).decode
_read_plain = Decoder(_PlainMessage).decode


class StreamObserver:
    """A tee for the bytes of one stream: feed every chunk to `receive_data`, read the attributes at any time.

    `has_content` turns True with the first event that is more than `message_start`, a ping or an error; until then
    every event is decoded, afterwards only those that can matter. `error` holds the data of the first error event.
    Streams without `event:` lines are read by the `type` in their JSON. Never raises: an event beyond the decoder's
    bound makes it blind (`is_blind`): what follows is not known, and `is_at_boundary` stays False.
    """

    __slots__ = (
        "_decoder",
        "_is_skimming",
        "_tally",
        "error",
        "has_content",
        "has_message_start",
        "has_stopped",
        "is_blind",
    )

    def __init__(self) -> None:
        self.has_message_start = False
        self.has_content = False
        self.has_stopped = False
        self.error: bytes | None = None
        self._decoder = SSEDecoder()
        self._tally = UsageTally()
        self._is_skimming = False
        self.is_blind = False

    @property
    def is_at_boundary(self) -> bool:
        """Whether the last byte seen ended an event, so that a ping may be put in here."""
        return self._is_skimming or (self._decoder.is_at_boundary and not self.is_blind)

    @property
    def usage(self) -> Usage:
        """What the stream has cost so far."""
        return self._tally.usage

    @property
    def model(self) -> str:
        """The model the upstream says it is; empty before `message_start`."""
        return self.usage.model

    @property
    def stop_reason(self) -> str:
        """Why the message ended; empty while it has not said."""
        return self._tally.stop_reason

    def receive_data(self, chunk: bytes) -> None:
        """See the next bytes go by."""
        # An ordinary chunk is one delta; where frames end in `\n\n` the first one found tells that it is alone.
        if self._is_skimming and chunk.startswith(_DELTA) and chunk.find(b"\n\n") == len(chunk) - 2:
            return
        if not self.is_blind:
            self._look_into(chunk)

    def _look_into(self, chunk: bytes) -> None:
        try:
            if self.has_content:
                self._skim(chunk)
            else:
                self._decode(chunk)
        except CodecError:
            self.is_blind = True
        self._is_skimming = self.has_content and self._decoder.is_at_boundary and not self.is_blind

    def _skim(self, chunk: bytes) -> None:
        """Decode the event under way and the one left unfinished; of the whole ones between, only what can matter."""
        begin = 0
        if not self._is_skimming:
            boundary = chunk.find(b"\n\n")
            begin = boundary + 2 if boundary >= 0 else len(chunk)
            self._decode(chunk[:begin])
        end = begin + _end_of_events(chunk[begin:])
        whole = chunk[begin:end]
        if b"message_" in whole or b"error" in whole:
            self._decode(whole)
        if end < len(chunk):
            self._decode(chunk[end:])

    def _decode(self, data: bytes) -> None:
        self._decoder.receive_data(data)
        for event in self._decoder.events():
            self._receive_event(event)

    def _receive_event(self, event: ServerSentEvent) -> None:
        if event.name in _BLOCK_EVENTS:
            self.has_content = True
            return
        if event.name == "ping":
            return
        parsed = _parse(event.data)
        kind = _kind(event.name, parsed)
        if kind == "error":
            self.error = event.data if self.error is None else self.error
        elif kind == "message_start":
            self._receive_start(parsed.message)
        elif kind == "message_delta":
            self._receive_delta(parsed)
        elif kind == "message_stop":
            self.has_stopped = True
            self._tally.is_complete = True
            self._tally.report_metrics(parsed.metrics)
        self.has_content = self.has_content or kind not in _NOT_CONTENT

    def _receive_start(self, message: object) -> None:
        self.has_message_start = True
        if isinstance(message, dict):
            self._tally.model = _text(message.get("model"))
            self._tally.report(message.get("usage"))

    def _receive_delta(self, event: _Event) -> None:
        self._tally.report(event.usage)
        reason = _text(event.delta.get("stop_reason")) if isinstance(event.delta, dict) else ""
        if reason:
            self._tally.stop_reason = reason
            self._tally.is_complete = isinstance(event.usage, dict)


def read_message(body: bytes) -> Usage | None:
    """The usage of a whole Messages answer; None where `body` is not one (HTML, an error, another JSON); hot path."""
    try:
        plain = _read_plain(body)
    except (ValueError, RecursionError):
        return _read_any_message(body)
    usage = plain.usage
    if plain.error is not None or usage.iterations is not None:
        return _read_any_message(body)
    written = usage.cache_creation_input_tokens or 0
    one_hour = 0
    if usage.cache_creation is not None:
        one_hour = usage.cache_creation.ephemeral_1h_input_tokens
        written = one_hour + usage.cache_creation.ephemeral_5m_input_tokens or written
    return Usage(
        input=usage.input_tokens,
        output=usage.output_tokens,
        cache_read=usage.cache_read_input_tokens or 0,
        cache_write_5m=written - one_hour,
        cache_write_1h=one_hour,
        model=plain.model,
        stop_reason=plain.stop_reason or "",
        is_complete=True,
    )


def _read_any_message(body: bytes) -> Usage | None:
    """The same for an answer of any shape, foreign ones and costly ones included."""
    try:
        message = _read_message(body)
    except (ValueError, RecursionError):
        return None
    if message.error is not None or (message.type != "message" and len(message.content) == 0):
        return None
    tally = UsageTally()
    tally.report(message.usage)
    tally.model = _text(message.model)
    tally.stop_reason = _text(message.stop_reason)
    tally.is_complete = True
    return tally.usage


def _end_of_events(data: bytes) -> int:
    """Where the last whole event ends, by the two line endings in use; 0 where none does."""
    line_feeds = data.rfind(b"\n\n")
    pairs = data.rfind(b"\r\n\r\n")
    return max(line_feeds + 2 if line_feeds >= 0 else 0, pairs + 4 if pairs >= 0 else 0)


def _parse(data: bytes) -> _Event:
    try:
        return _read_event(data)
    except (ValueError, RecursionError):
        return _NO_EVENT


def _kind(name: str, event: _Event) -> str:
    """What an event is: by its name where that is known, else by its JSON (some upstreams send data lines alone)."""
    if name in _MESSAGE_EVENTS or name == "error":
        return name
    if isinstance(event.type, str):
        return event.type
    return "error" if event.error is not None else name


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
