"""A Bedrock stream in Anthropic's words: frames of AWS's binary event stream to server-sent events; hot path."""

import re

from msgspec import Struct
from msgspec.json import Decoder

from cc_relay.codec import sse
from cc_relay.codec.envelope import error_event
from cc_relay.codec.event_stream import EventStreamDecoder, Frame
from cc_relay.providers.bedrock import metrics
from cc_relay.providers.bedrock.errors import read_exception

_DELTA = b'{"type":"content_block_delta"'
_NAME = re.compile(r"[A-Za-z0-9_.-]+")


class _Chunk(Struct):
    """A frame's payload; JSON's base64 is decoded on the way. Its random padding (`p`) is passed over."""

    bytes: bytes


class _Event(Struct):
    type: object = None
    message: object = None
    usage: object = None


_read_chunk = Decoder(_Chunk).decode
_read_event = Decoder(_Event).decode


class StreamTranslation:
    """One stream of InvokeModelWithResponseStream (AWS, Amazon Bedrock runtime API).

    Events keep their JSON, byte for byte, but for Bedrock's metrics, which only fill what `usage` leaves out: the last
    `message_delta` waits for the event behind it. An exception frame, or an end before `message_stop`, becomes an error
    event; nothing comes after either. `provider` and `request_id` are for its words.
    """

    __slots__ = ("_broken", "_decoder", "_held", "_is_over", "_known", "_metrics", "_provider", "_request_id")

    media_type = b"text/event-stream"

    def __init__(self, provider: str, request_id: str) -> None:
        self._provider = provider
        self._request_id = request_id
        self._decoder = EventStreamDecoder()
        self._broken = ""
        self._held = b""
        self._is_over = False
        self._known: metrics.Counts = {}
        self._metrics: metrics.Counts = {}

    def __repr__(self) -> str:
        return f"<StreamTranslation of {self._provider}>"

    def receive_data(self, data: bytes) -> bytes:
        """The events that the next bytes complete.

        Raises ValueError for broken frames and for payloads that are no events. When whole events stand before, they
        are returned first, and the next call raises.
        """
        if self._is_over:
            return b""
        if self._broken:
            raise ValueError(self._broken)
        out: list[bytes] = []
        try:
            for frame in self._decoder.receive_data(data):
                headers = frame.headers
                if headers.get(":message-type") != "event":
                    goes_on = self._receive_trouble(frame, out)
                elif headers.get(":event-type") != "chunk":
                    continue  # such as `initial-response`, which says nothing
                else:
                    event = _read_chunk(frame.payload).bytes
                    # Nearly every event is a delta, on one line, without metrics.
                    is_plain = event.startswith(_DELTA) and not self._held and metrics.MARK not in event
                    if is_plain and b"\n" not in event and b"\r" not in event:
                        out.append(b"event: content_block_delta\ndata: %b\n\n" % event)
                        continue
                    goes_on = self._receive_event(event, out)
                if not goes_on:
                    self._is_over = True
                    break
        except (ValueError, RecursionError) as error:
            self._broken = str(error)
            if not out:
                raise ValueError(self._broken) from error
        return b"".join(out)

    def receive_eof(self) -> bytes:
        """An error event where the stream broke off."""
        if self._is_over:
            return b""
        self._is_over = True
        message = f"{self._provider} ended its stream before the message was complete."
        return self._release() + error_event("api_error", message, self._request_id)

    def _receive_event(self, event: bytes, out: list[bytes]) -> bool:
        """Any event; False after the last one."""
        found = _read_event(event)
        name = found.type
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            return True  # no event of the Messages API: SDKs pass such a frame over
        if metrics.MARK in event:
            event, counts = metrics.cut(event)
            self._metrics |= counts
        if name == "message_stop" and self._held:
            self._held = metrics.fill(self._held, self._known, self._metrics)
        out.append(self._release())
        if name == "message_delta":
            self._known |= metrics.counts_of(found.usage)
            self._held = event
            return True
        if name == "message_start" and isinstance(found.message, dict):
            self._known = metrics.counts_of(found.message.get("usage"))
            # One token or so, written before the rest: the count that matters comes at the end.
            self._known.pop("output_tokens", None)
        out.append(sse.encode(name, event))
        return name not in ("message_stop", "error")

    def _receive_trouble(self, frame: Frame, out: list[bytes]) -> bool:
        """An exception or an error, which is the last word, or a message of a kind that is yet to be invented."""
        understood = read_exception(self._provider, frame)
        if understood is None:
            return True
        error_type, message = understood
        out += self._release(), error_event(error_type, message, self._request_id)
        return False

    def _release(self) -> bytes:
        held, self._held = self._held, b""
        return sse.encode("message_delta", held) if held else b""
