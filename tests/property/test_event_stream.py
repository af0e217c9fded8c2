"""Laws of the event-stream decoder: any cut gives the same frames, and botocore reads the same ones."""

import struct
from itertools import pairwise

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st
from tests.support.event_streams import JSON_EVENT, frame, header, prelude

from cc_relay.codec.errors import CodecError
from cc_relay.codec.event_stream import MAX_HEADERS, MAX_PAYLOAD, EventStreamDecoder

Read = list[tuple[dict[str, object], bytes]]


def integer(layout: str) -> st.SearchStrategy[bytes]:
    return st.binary(min_size=struct.calcsize(layout), max_size=struct.calcsize(layout))


def sized(values: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    return values.map(lambda value: struct.pack(">H", len(value)) + value)


texts = st.text(st.characters(codec="utf-8"), max_size=20)
VALUES: dict[int, st.SearchStrategy[bytes]] = {
    0: st.just(b""),
    1: st.just(b""),
    2: integer(">b"),
    3: integer(">h"),
    4: integer(">i"),
    5: integer(">q"),
    6: sized(st.binary(max_size=300)),
    7: sized(texts.map(str.encode)),
    8: integer(">q"),
    9: st.binary(min_size=16, max_size=16),
}
values = st.sampled_from(sorted(VALUES)).flatmap(lambda kind: st.tuples(st.just(kind), VALUES[kind]))
blocks = st.dictionaries(texts.filter(lambda name: len(name.encode()) < 256), values, max_size=6).map(
    lambda headers: b"".join(header(name, *value) for name, value in headers.items())
)
frames = st.builds(frame, blocks | st.just(JSON_EVENT), st.binary(max_size=400))
streams = st.lists(frames, max_size=6)
positions = st.lists(st.integers(0, 10_000), max_size=8)


def cut(data: bytes, at: list[int]) -> list[bytes]:
    edges = [0, *sorted(position % (len(data) + 1) for position in at), len(data)]
    return [data[begin:end] for begin, end in pairwise(edges)]


def decode(chunks: list[bytes]) -> tuple[Read, str, bool]:
    """The frames, the error that ended them or "", and whether nothing was left."""
    decoder = EventStreamDecoder()
    read: Read = []
    try:
        for chunk in [*chunks, b""]:
            read += [(dict(frame.headers), frame.payload) for frame in decoder.receive_data(chunk)]
    except CodecError as error:
        return read, str(error), decoder.is_empty
    return read, "", decoder.is_empty


def by_botocore(data: bytes) -> Read:
    buffer = EventStreamBuffer()
    buffer.add_data(data)
    return [(message.headers, message.payload) for message in buffer]


def kinds(read: Read) -> list[list[type]]:
    """`True == 1`, so the types are compared by themselves."""
    return [[type(value) for value in headers.values()] for headers, _ in read]


@given(streams, positions)
def test_any_cut_reads_as_botocore_reads_the_whole(written: list[bytes], at: list[int]) -> None:
    data = b"".join(written)
    read, error, is_empty = decode(cut(data, at))
    assert (read, error, is_empty) == (by_botocore(data), "", True)
    assert kinds(read) == kinds(by_botocore(data))
    assert len(read) == len(written)


@given(frames, frames)
def test_two_frames_may_be_cut_at_every_byte(first: bytes, second: bytes) -> None:
    data = first + second
    whole = decode([data])
    for at in range(len(data)):
        assert decode([data[:at], data[at:]]) == whole
    assert decode([data[at : at + 1] for at in range(len(data))]) == whole


@given(st.lists(frames, min_size=1, max_size=4), st.integers(0, 10_000), st.integers(1, 255), positions)
def test_one_spoilt_byte_ends_the_stream_at_its_frame(
    written: list[bytes], at: int, difference: int, edges: list[int]
) -> None:
    data = bytearray(b"".join(written))
    data[at % len(data)] ^= difference
    before, size = 0, 0
    while size + len(written[before]) <= at % len(data):
        size += len(written[before])
        before += 1
    read, error, is_empty = decode(cut(bytes(data), edges))
    assert read == by_botocore(b"".join(written[:before]))
    assert "wrong checksum" in error
    assert not is_empty


@given(streams, st.binary(max_size=40), positions)
def test_no_bytes_raise_anything_undeclared_and_no_cut_changes_what_is_read(
    written: list[bytes], tail: bytes, at: list[int]
) -> None:
    data = b"".join(written) + tail
    assert decode(cut(data, at)) == decode([data])


@given(st.binary(max_size=60), positions)
def test_headers_of_any_bytes_are_read_or_refused(block: bytes, at: list[int]) -> None:
    data = frame(block, b"{}")
    read, error, _ = decode(cut(data, at))
    assert bool(read) != bool(error)
    if read:
        assert read == by_botocore(data)


lengths = st.integers(0, 200) | st.integers(0, 2**32 - 1)


@given(lengths, lengths)
def test_lengths_that_lie_are_refused_before_anything_is_gathered(size: int, headers_size: int) -> None:
    decoder = EventStreamDecoder()
    payload_size = size - headers_size - 16
    if headers_size <= MAX_HEADERS and 0 <= payload_size <= MAX_PAYLOAD:
        assert decoder.receive_data(prelude(size, headers_size)) == []
        return
    with pytest.raises(CodecError, match=f"frame of {size} bytes"):
        decoder.receive_data(prelude(size, headers_size))
