"""The rules of server-sent events, one by one."""

import pytest

from cc_relay.codec.errors import CodecError
from cc_relay.codec.sse import PING, ServerSentEvent, SSEDecoder, encode


def decode(data: bytes) -> list[tuple[str, bytes]]:
    decoder = SSEDecoder()
    decoder.receive_data(data)
    decoder.receive_eof()
    return [(event.name, event.data) for event in decoder.events()]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_each_line_ending_ends_lines(end: bytes) -> None:
    data = end.join([b"event: a", b"data: 1", b"data: 2", b"", b"data: 3", b"", b""])
    assert decode(data) == [("a", b"1\n2"), ("", b"3")]


def test_a_carriage_return_at_the_end_of_a_chunk_and_a_line_feed_in_the_next_are_one_line_ending() -> None:
    decoder = SSEDecoder()
    decoder.receive_data(b"data: 1\r")
    decoder.receive_data(b"\ndata: 2\r")
    decoder.receive_data(b"")
    decoder.receive_data(b"\n\r\n")
    assert decoder.events() == [ServerSentEvent("", b"1\n2")]


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        (b"\xef\xbb\xbfdata: 1\n\n", [("", b"1")]),
        (b": only a comment\n\n", []),
        (b"id: 7\nretry: 3\n\n", []),
        (b"data:no space\n\n", [("", b"no space")]),
        (b"data:  two\n\n", [("", b" two")]),
        (b"data\n\n", [("", b"")]),
        (b"event: bare\n\n", [("bare", b"")]),
        (b"event: a\nevent: b\ndata: 1\n\n", [("b", b"1")]),
        (b"event: a\n\ndata: 1\n\n", [("a", b""), ("", b"1")]),
        (b"data: a: b\n\n", [("", b"a: b")]),
        (b"\n\n\n", []),
        (b"event: \xff\n\n", [("\ufffd", b"")]),
        (b"data: \xe2\x82\xac\n\n", [("", "€".encode())]),
    ],
)
def test_fields_are_read_as_the_standard_has_them(stream: bytes, events: list[tuple[str, bytes]]) -> None:
    assert decode(stream) == events


def test_an_unfinished_event_is_dropped_and_shows() -> None:
    decoder = SSEDecoder()
    decoder.receive_data(b"data: 1\n\ndata: 2\n")
    decoder.receive_eof()
    assert decoder.events() == [ServerSentEvent("", b"1")]
    assert not decoder.is_at_boundary


@pytest.mark.parametrize("data", [b"d", b"data: 1", b"data: 1\n", b"event: a\n", b"\xef\xbb\xbf"])
def test_inside_an_event_is_no_boundary(data: bytes) -> None:
    decoder = SSEDecoder()
    assert decoder.is_at_boundary
    decoder.receive_data(data)
    assert not decoder.is_at_boundary


def test_after_a_comment_is_a_boundary() -> None:
    decoder = SSEDecoder()
    decoder.receive_data(b": still here\n")
    assert decoder.is_at_boundary


def test_events_are_handed_out_once() -> None:
    decoder = SSEDecoder()
    decoder.receive_data(PING)
    assert decoder.events() == [ServerSentEvent("ping", b'{"type": "ping"}')]
    assert decoder.events() == []


def test_an_endless_line_is_refused() -> None:
    decoder = SSEDecoder(limit=100)
    decoder.receive_data(b"data: " + b"x" * 90)
    with pytest.raises(CodecError, match="more than 100 bytes"):
        decoder.receive_data(b"x" * 10)


def test_endless_data_lines_are_refused() -> None:
    decoder = SSEDecoder(limit=100)
    with pytest.raises(CodecError, match="more than 100 bytes"):
        decoder.receive_data(b"data: x\n" * 60)


def test_the_limit_is_for_one_event_not_for_the_stream() -> None:
    decoder = SSEDecoder(limit=100)
    decoder.receive_data(b"data: x\n\n" * 60)
    assert len(decoder.events()) == 60


@pytest.mark.parametrize(("name", "data"), [("a", b"1"), ("", b"1"), ("a", b""), ("a", b"1\n2\n")])
def test_what_is_encoded_decodes_to_itself(name: str, data: bytes) -> None:
    assert decode(encode(name, data)) == [(name, data)]


def test_a_frame_is_written_as_anthropic_writes_it() -> None:
    assert encode("message_stop", b'{"type":"message_stop"}') == (
        b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
    )
