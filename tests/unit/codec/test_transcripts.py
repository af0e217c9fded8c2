"""Whole recorded-style streams through the decoder and the observer, however the bytes are cut."""

from collections.abc import Iterable
from pathlib import Path

import pytest
from msgspec import Struct

from cc_relay.codec.observer import StreamObserver
from cc_relay.codec.sse import ServerSentEvent, SSEDecoder
from cc_relay.exchange import Usage

FIXTURES = Path(__file__).parents[2] / "fixtures" / "sse"
SONNET = "claude-sonnet-5-5"


class Transcript(Struct, frozen=True):
    events: int
    usage: Usage
    error: bytes | None = None
    has_stopped: bool = True


def ended(reason: str = "end_turn", **counts: int) -> Usage:
    return Usage(model=SONNET, stop_reason=reason, is_complete=True, **counts)


TRANSCRIPTS = {
    "01_basic_text": Transcript(9, ended(input=25, output=15)),
    "02_thinking_summarized": Transcript(11, ended(input=61, output=88)),
    "03_thinking_omitted": Transcript(9, ended(input=61, output=90)),
    "04_parallel_tools": Transcript(
        15, ended("tool_use", input=410, output=93, cache_read=1200, cache_write_5m=100, cache_write_1h=200)
    ),
    "05_web_search": Transcript(15, ended(input=2048, output=120)),
    # The refused model's call and the one that answered, both billed.
    "06_fallback_block": Transcript(8, ended(input=102, output=34, cache_read=7, cache_write_5m=11)),
    "07_compaction": Transcript(9, ended(input=150_900, output=720)),
    "08_two_message_deltas": Transcript(7, ended(input=25, output=12)),
    "09_error_after_text": Transcript(
        4,
        Usage(model=SONNET, input=25, output=1),
        error=b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}',
        has_stopped=False,
    ),
    "10_no_message_stop": Transcript(4, Usage(model=SONNET, input=25, output=1), has_stopped=False),
    "11_pings_everywhere": Transcript(15, ended(input=25, output=4)),
    "12_crlf_multibyte": Transcript(8, ended(input=25, output=15)),
    "13_bedrock_metrics": Transcript(6, ended(input=77, output=6, cache_read=40, cache_write_5m=8)),
    "14_usage_at_the_end": Transcript(
        6, Usage(640, 31, cache_read=128, model="glm-5.3", stop_reason="end_turn", is_complete=True)
    ),
}

all_transcripts = pytest.mark.parametrize("name", TRANSCRIPTS)


def read(name: str) -> bytes:
    return (FIXTURES / f"{name}.sse").read_bytes()


def cuts(data: bytes) -> Iterable[list[bytes]]:
    """The whole, byte by byte, and every cut in two."""
    yield [data]
    yield [data[at : at + 1] for at in range(len(data))]
    for at in range(1, len(data)):
        yield [data[:at], data[at:]]


def decode(chunks: list[bytes]) -> list[ServerSentEvent]:
    decoder = SSEDecoder()
    for chunk in chunks:
        decoder.receive_data(chunk)
    decoder.receive_eof()
    assert decoder.is_at_boundary
    return decoder.events()


def observe(chunks: list[bytes]) -> StreamObserver:
    observer = StreamObserver()
    for chunk in chunks:
        observer.receive_data(chunk)
    return observer


def test_every_transcript_is_expected() -> None:
    assert {path.stem for path in FIXTURES.glob("*.sse")} == set(TRANSCRIPTS)


def test_the_crlf_transcript_still_has_its_line_endings() -> None:
    assert read("12_crlf_multibyte").count(b"\r\n") == 8 * 3


@all_transcripts
def test_the_decoder_finds_the_same_events_however_the_bytes_are_cut(name: str) -> None:
    data = read(name)
    expected = decode([data])
    assert len(expected) == TRANSCRIPTS[name].events
    for chunks in cuts(data):
        assert decode(chunks) == expected


@all_transcripts
def test_the_observer_sees_the_same_end_however_the_bytes_are_cut(name: str) -> None:
    expected = TRANSCRIPTS[name]
    for chunks in cuts(read(name)):
        observer = observe(chunks)
        assert observer.usage == expected.usage
        assert (observer.error, observer.has_stopped) == (expected.error, expected.has_stopped)
        assert observer.has_message_start
        assert observer.has_content
        assert observer.is_at_boundary


@all_transcripts
def test_the_observer_knows_the_boundaries_that_the_decoder_knows(name: str) -> None:
    data = read(name)
    observer, decoder = StreamObserver(), SSEDecoder()
    for at in range(len(data)):
        observer.receive_data(data[at : at + 1])
        decoder.receive_data(data[at : at + 1])
        assert observer.is_at_boundary == decoder.is_at_boundary


@all_transcripts
def test_a_stream_without_event_lines_tells_the_same(name: str) -> None:
    data = b"".join(line for line in read(name).splitlines(keepends=True) if not line.startswith(b"event:"))
    observer = observe([data])
    assert observer.usage == TRANSCRIPTS[name].usage
    assert observer.error == TRANSCRIPTS[name].error
    assert observer.has_stopped == TRANSCRIPTS[name].has_stopped


@pytest.mark.parametrize("name", ["01_basic_text", "12_crlf_multibyte"])
def test_nothing_is_content_before_the_first_block_starts(name: str) -> None:
    data = read(name)
    observer = observe([data[: data.index(b"event: content_block_start")]])
    assert observer.has_message_start
    assert not observer.has_content
    assert observer.model == SONNET
