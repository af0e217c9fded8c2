"""Laws of the SSE machines: any cut of the bytes gives the same events, and no bytes raise anything undeclared."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_relay.codec.errors import CodecError
from cc_relay.codec.observer import StreamObserver
from cc_relay.codec.sse import ServerSentEvent, SSEDecoder, encode

pieces = st.sampled_from(
    [
        b"event: a",
        b"event:error",
        b"data: 1",
        b"data:",
        b"data",
        b": note",
        b"id: 3",
        b"\xef\xbb\xbf",
        b"\xff",
        b":",
        b" ",
        b"x",
    ]
)
endings = st.sampled_from([b"\n", b"\r\n", b"\r", b"\n\n", b"\r\n\r\n", b"\r\r"])
streams = st.lists(pieces | endings, max_size=30).map(b"".join)

FRAMES = {
    "message_start": b'{"type":"message_start","message":{"model":"m","usage":{"input_tokens":4}}}',
    "content_block_start": b'{"type":"content_block_start","index":0}',
    "content_block_delta": b'{"type":"content_block_delta","delta":{"text":"an error in message_start"}}',
    "content_block_stop": b'{"type":"content_block_stop","index":0}',
    "message_delta": b'{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":6}}',
    "message_stop": b'{"type":"message_stop"}',
    "ping": b'{"type":"ping"}',
    "error": b'{"type":"error","error":{}}',
    "": b"[DONE]",
}


def cut(data: bytes, positions: list[int]) -> list[bytes]:
    edges = [0, *sorted(position % (len(data) + 1) for position in positions), len(data)]
    return [data[begin:end] for begin, end in pairwise(edges)]


def decode(chunks: list[bytes]) -> tuple[list[ServerSentEvent], bool]:
    decoder = SSEDecoder()
    events: list[ServerSentEvent] = []
    for chunk in chunks:
        decoder.receive_data(chunk)
        events += decoder.events()
    decoder.receive_eof()
    return events, decoder.is_at_boundary


def by_the_standard(data: bytes) -> list[ServerSentEvent]:
    """The reading of the whole text, line by line, as WHATWG tells it (but events without data count)."""
    lines = data.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")[:-1]
    events: list[ServerSentEvent] = []
    name, values = "", list[bytes]()
    for line in lines:
        field, _, value = line.partition(b":")
        value = value[1:] if value[:1] == b" " else value
        if not line:
            if name or values:
                events.append(ServerSentEvent(name, b"\n".join(values)))
            name, values = "", []
        elif field == b"event":
            name = value.decode("utf-8", "replace")
        elif field == b"data":
            values.append(value)
    return events


@given(streams, st.lists(st.integers(0, 10_000), max_size=8))
def test_any_cut_gives_the_events_of_the_standard(data: bytes, positions: list[int]) -> None:
    events, is_at_boundary = decode(cut(data, positions))
    assert events == by_the_standard(data)
    assert is_at_boundary == decode([data])[1]


@given(
    st.lists(
        st.tuples(st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=5), st.binary(max_size=20))
    )
)
def test_what_is_encoded_decodes_to_itself_up_to_its_line_endings(frames: list[tuple[str, bytes]]) -> None:
    data = b"".join(encode(name, payload) for name, payload in frames)
    expected = [ServerSentEvent(n, p.replace(b"\r\n", b"\n").replace(b"\r", b"\n")) for n, p in frames]
    assert decode([data])[0] == expected


@given(
    st.lists(st.sampled_from(list(FRAMES)), max_size=12),
    st.sampled_from([b"\n", b"\r\n", b"\r"]),
    st.booleans(),
    st.lists(st.integers(0, 10_000), max_size=8),
)
def test_the_observer_says_the_same_for_any_cut(
    names: list[str], ending: bytes, has_event_lines: bool, positions: list[int]
) -> None:
    frames = [encode(name if has_event_lines else "", FRAMES[name]) for name in names]
    data = b"".join(frames).replace(b"\n", ending)
    observer = StreamObserver()
    for chunk in cut(data, positions):
        observer.receive_data(chunk)
    assert observer.has_message_start == ("message_start" in names)
    assert observer.has_content == any(name.startswith(("content", "message_d", "message_stop")) for name in names)
    assert observer.has_stopped == ("message_stop" in names)
    assert (observer.error is not None) == ("error" in names)
    assert observer.usage.input == (4 if "message_start" in names else 0)
    assert observer.usage.output == (6 if "message_delta" in names else 0)
    assert observer.is_at_boundary


@given(st.lists(st.binary(max_size=40) | streams, max_size=8))
def test_no_bytes_raise_anything(chunks: list[bytes]) -> None:
    observer = StreamObserver()
    for chunk in chunks:
        observer.receive_data(chunk)
    assert observer.usage.input == 0
    assert decode(chunks)[0] == decode([b"".join(chunks)])[0]


@given(st.integers(1, 50), st.lists(st.integers(1, 30), min_size=1, max_size=10))
def test_a_line_is_refused_as_soon_as_it_outgrows_the_limit(limit: int, sizes: list[int]) -> None:
    decoder = SSEDecoder(limit)
    received = 0
    for size in sizes:
        received += size
        if received > limit:
            with pytest.raises(CodecError):
                decoder.receive_data(b"x" * size)
            return
        decoder.receive_data(b"x" * size)
