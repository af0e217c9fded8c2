"""The rules of AWS's event stream, one by one."""

import struct

import pytest
from tests.support.event_streams import JSON_EVENT, frame, header, prelude, string

from cc_relay.codec import event_stream
from cc_relay.codec.errors import CodecError
from cc_relay.codec.event_stream import MAX_HEADERS, MAX_PAYLOAD, EventStreamDecoder, Frame, HeaderValue

EVENT = bytes.fromhex(
    "0000007c0000004bb80e4abf0b3a6576656e742d747970650700056368756e6b0d3a636f6e74656e742d747970650700106170706c6963617469"
    "6f6e2f6a736f6e0d3a6d6573736167652d747970650700056576656e747b226279746573223a202265794a306558426c496a6f6963476c755a79"
    "4a39227d10c0faf4"
)
EXCEPTION = bytes.fromhex(
    "0000008300000061a9d144e50f3a657863657074696f6e2d747970650700137468726f74746c696e67457863657074696f6e0d3a636f6e74656e"
    "742d747970650700106170706c69636174696f6e2f6a736f6e0d3a6d6573736167652d74797065070009657863657074696f6e7b226d65737361"
    "6765223a22736c6f77227d9350311c"
)
THROTTLED = {
    ":exception-type": "throttlingException",
    ":content-type": "application/json",
    ":message-type": "exception",
}


def decode(data: bytes) -> list[Frame]:
    return EventStreamDecoder().receive_data(data)


def spoilt(data: bytes, at: int) -> bytes:
    """`data` with one bit turned over."""
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def test_an_event_is_its_headers_and_its_payload() -> None:
    assert decode(EVENT) == [Frame(JSON_EVENT, b'{"bytes": "eyJ0eXBlIjoicGluZyJ9"}')]


def test_an_exception_is_a_frame_like_any_other() -> None:
    assert decode(EXCEPTION) == [Frame(THROTTLED, b'{"message":"slow"}')]


def test_several_frames_may_come_in_one_read() -> None:
    decoder = EventStreamDecoder()

    assert [frame.headers[":message-type"] for frame in decoder.receive_data(EVENT + EXCEPTION + EVENT[:40])] == [
        "event",
        "exception",
    ]
    assert not decoder.is_empty
    assert decoder.receive_data(EVENT[40:]) == decode(EVENT)
    assert decoder.is_empty


def test_a_frame_may_come_byte_by_byte() -> None:
    decoder = EventStreamDecoder()

    assert [decoder.receive_data(EVENT[at : at + 1]) for at in range(len(EVENT) - 1)] == [[]] * (len(EVENT) - 1)
    assert decoder.receive_data(EVENT[-1:]) == decode(EVENT)


def test_nothing_received_is_nothing_held() -> None:
    decoder = EventStreamDecoder()

    assert decoder.receive_data(b"") == []
    assert decoder.is_empty


def test_headers_and_payload_may_be_empty() -> None:
    assert decode(frame(b"", b"")) == [Frame({}, b"")]


@pytest.mark.parametrize(
    ("kind", "encoded", "value"),
    [
        (0, b"", True),
        (1, b"", False),
        (2, b"\xff", -1),
        (3, b"\x80\x00", -32768),
        (4, b"\x7f\xff\xff\xff", 2**31 - 1),
        (5, b"\xff" * 8, -1),
        (6, b"\x00\x02\x00\xff", b"\x00\xff"),
        (7, b"\x00\x03\xe2\x82\xac", "€"),
        (8, struct.pack(">q", 1_767_323_045_000), 1_767_323_045_000),
        (9, bytes(range(16)), bytes(range(16))),
    ],
)
def test_each_type_of_header_is_read(kind: int, encoded: bytes, value: HeaderValue) -> None:
    block = header("first", kind, encoded) + string("last", "x")

    assert decode(frame(block, b"{}")) == [Frame({"first": value, "last": "x"}, b"{}")]


def test_an_unknown_type_of_header_is_an_error() -> None:
    with pytest.raises(CodecError, match="'odd' of the unknown type 10"):
        decode(frame(header("odd", 10, b""), b""))


def test_a_header_given_twice_is_an_error() -> None:
    with pytest.raises(CodecError, match="two headers 'a'"):
        decode(frame(string("a", "1") + string("a", "2"), b""))


@pytest.mark.parametrize(
    "block",
    [
        b"\x05name",
        b"\x04name",
        header("name", 4, b"\x00\x00"),
        header("name", 6, b"\x00"),
        header("name", 7, b"\x00\x05four"),
        header("name", 9, bytes(15)),
        header("name", 7, b"\x00\x01\xff"),
        b"\x01\xff\x00",
    ],
    ids=[
        "cut name",
        "no type",
        "cut number",
        "cut length",
        "cut string",
        "cut uuid",
        "string not UTF-8",
        "name not UTF-8",
    ],
)
def test_headers_that_make_no_sense_are_an_error_although_the_checksums_are_right(block: bytes) -> None:
    with pytest.raises(CodecError, match="headers that make no sense"):
        decode(frame(block, b"{}"))


@pytest.mark.parametrize("at", range(12))
def test_a_spoilt_prelude_is_refused(at: int) -> None:
    with pytest.raises(CodecError, match="begins with a wrong checksum"):
        decode(spoilt(EVENT, at)[:12])


@pytest.mark.parametrize("at", [12, 40, 100, len(EVENT) - 4, len(EVENT) - 1])
def test_a_spoilt_message_is_refused(at: int) -> None:
    with pytest.raises(CodecError, match="ends with a wrong checksum"):
        decode(spoilt(EVENT, at))


@pytest.mark.parametrize(
    ("size", "headers_size"),
    [
        (0, 0),
        (15, 0),
        (16, 1),
        (100, 85),
        (100, 2**32 - 1),
        (2**32 - 1, 0),
        (16 + MAX_PAYLOAD + 1, 0),
        (16 + MAX_HEADERS + 1, MAX_HEADERS + 1),
    ],
)
def test_lengths_that_lie_are_refused_with_the_prelude(size: int, headers_size: int) -> None:
    with pytest.raises(CodecError, match=f"frame of {size} bytes with {headers_size} bytes of headers"):
        decode(prelude(size, headers_size))


def test_the_largest_lengths_are_waited_for() -> None:
    decoder = EventStreamDecoder()

    assert decoder.receive_data(prelude(16 + MAX_HEADERS + MAX_PAYLOAD, MAX_HEADERS)) == []
    assert not decoder.is_empty


def test_frames_before_an_error_are_handed_out_first() -> None:
    decoder = EventStreamDecoder()

    assert decoder.receive_data(EVENT + spoilt(EXCEPTION, 50)) == decode(EVENT)
    assert not decoder.is_empty
    with pytest.raises(CodecError, match="ends with a wrong checksum"):
        decoder.receive_data(EVENT)


def test_a_decoder_that_raised_raises_ever_after() -> None:
    decoder = EventStreamDecoder()
    for data in (spoilt(EVENT, 50), EVENT, b""):
        with pytest.raises(CodecError, match="ends with a wrong checksum"):
            decoder.receive_data(data)
    assert not decoder.is_empty


def test_headers_too_large_to_be_remembered_are_read_as_well() -> None:
    large = {str(number): "x" * 60_000 for number in range(2)}
    remembered = event_stream._read_again.cache_info().currsize

    assert decode(frame(large, b"1") * 2) == [Frame(large, b"1")] * 2
    assert event_stream._read_again.cache_info().currsize == remembered


def test_a_frame_in_very_many_reads_costs_no_more_than_its_size() -> None:
    decoder = EventStreamDecoder()
    written = frame(b"", bytes(MAX_PAYLOAD))

    # Looking at all that is gathered with every read would take minutes.
    read = [decoder.receive_data(written[at : at + 1000]) for at in range(0, len(written), 1000)]
    assert [len(frames) for frames in read] == [0] * (len(read) - 1) + [1]
