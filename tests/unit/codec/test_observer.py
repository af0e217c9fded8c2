"""The observer beyond the transcripts: odd upstreams, hostile bytes, whole answers."""

import pytest

from cc_relay.codec.observer import StreamObserver, read_message
from cc_relay.codec.sse import PING, encode
from cc_relay.exchange import Usage

START = encode(
    "message_start",
    b'{"type":"message_start","message":{"model":"claude-haiku-4-5","usage":{"input_tokens":9,"output_tokens":1}}}',
)
BLOCK = encode(
    "content_block_start", b'{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}'
)
DELTA = encode(
    "content_block_delta", b'{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}}'
)
STOP = encode("message_stop", b'{"type":"message_stop"}')


def message_delta(usage: bytes, reason: bytes = b'"end_turn"') -> bytes:
    data = b'{"type":"message_delta","delta":{"stop_reason":%b},"usage":%b}' % (reason, usage)
    return encode("message_delta", data)


def message_start(usage: bytes) -> bytes:
    return encode("message_start", b'{"type":"message_start","message":{"model":"m","usage":%b}}' % usage)


def observe(*chunks: bytes) -> StreamObserver:
    observer = StreamObserver()
    for chunk in chunks:
        observer.receive_data(chunk)
    return observer


def test_a_ping_may_be_put_in_before_anything_came() -> None:
    assert StreamObserver().is_at_boundary


def test_no_ping_fits_inside_a_delta() -> None:
    observer = observe(START, BLOCK, DELTA[:40])
    assert not observer.is_at_boundary
    observer.receive_data(DELTA[40:])
    assert observer.is_at_boundary


def test_pings_are_no_content() -> None:
    observer = observe(PING, START, PING)
    assert not observer.has_content


def test_an_error_before_content_is_not_content() -> None:
    observer = observe(START, encode("error", b'{"type":"error"}'))
    assert observer.error == b'{"type":"error"}'
    assert not observer.has_content


def test_an_empty_answer_counts_as_content_once_it_is_ended() -> None:
    assert observe(START, message_delta(b'{"output_tokens":1}', b'"refusal"')).has_content


def test_an_event_of_a_kind_to_come_counts_as_content() -> None:
    assert observe(START, encode("content_block_hint", b"{}")).has_content


@pytest.mark.parametrize("text", [b"an error came", b"message_stop", b'{\\"type\\":\\"message_stop\\"}'])
def test_text_that_talks_about_events_is_not_an_event(text: bytes) -> None:
    observer = observe(START, BLOCK, DELTA.replace(b"Hi", text) * 3, DELTA)
    assert observer.error is None
    assert not observer.has_stopped


def test_the_end_is_seen_inside_a_chunk_of_many_events() -> None:
    chunk = DELTA * 20 + message_delta(b'{"output_tokens":40}') + STOP + DELTA[:10]
    observer = observe(START, BLOCK, chunk)
    assert observer.has_stopped
    assert observer.usage.output == 40


def test_the_first_of_two_errors_is_kept() -> None:
    observer = observe(START, BLOCK, encode("error", b"first"), encode("error", b"second"))
    assert observer.error == b"first"


def test_an_error_without_a_type_is_an_error() -> None:
    data = b'{"error":{"code":"1302","message":"High concurrency"}}'
    assert observe(START, BLOCK, encode("", data)).error == data


def test_the_openai_end_marker_means_nothing() -> None:
    observer = observe(START, encode("", b"[DONE]"))
    assert not observer.has_content
    assert observer.error is None


def test_an_event_beyond_the_bound_blinds_the_observer_but_breaks_nothing() -> None:
    observer = observe(START, BLOCK)
    for _ in range(34):
        observer.receive_data(b"x" * 1024 * 1024)
    observer.receive_data(b"\n\n" + STOP)
    assert not observer.is_at_boundary
    assert not observer.has_stopped


def test_a_zero_does_not_overwrite_an_input_count() -> None:
    start = message_start(b'{"input_tokens":9,"cache_read_input_tokens":4,"cache_creation_input_tokens":5}')
    zeros = b'{"input_tokens":0,"cache_read_input_tokens":0,"cache_creation_input_tokens":null,"output_tokens":7}'
    usage = observe(start, message_delta(zeros)).usage
    assert (usage.input, usage.cache_read, usage.cache_write_5m, usage.output) == (9, 4, 5, 7)


def test_a_cache_write_beyond_its_split_counts_as_five_minutes() -> None:
    start = message_start(b'{"cache_creation":{"ephemeral_5m_input_tokens":1,"ephemeral_1h_input_tokens":4}}')
    usage = observe(start, message_delta(b'{"cache_creation_input_tokens":8,"output_tokens":1}')).usage
    assert (usage.cache_write_5m, usage.cache_write_1h) == (4, 4)


def test_an_advisor_is_billed_on_top() -> None:
    iterations = b'[{"type":"message","input_tokens":9},{"type":"advisor_message","input_tokens":5,"output_tokens":2}]'
    usage = observe(START, message_delta(b'{"output_tokens":3,"iterations":%b}' % iterations)).usage
    assert (usage.input, usage.output) == (14, 5)


def test_a_fallback_names_the_model_that_answered() -> None:
    iterations = b'[{"type":"message","input_tokens":9},{"type":"fallback_message","model":"second","input_tokens":9}]'
    observer = observe(START, message_delta(b'{"output_tokens":3,"iterations":%b}' % iterations))
    assert observer.model == "second"
    assert observer.usage.input == 18


def test_usage_is_complete_with_the_stop_reason_even_without_message_stop() -> None:
    observer = observe(START, BLOCK, message_delta(b'{"output_tokens":3}'))
    assert observer.usage.is_complete
    assert not observer.has_stopped


def test_usage_is_incomplete_while_the_stream_goes_on() -> None:
    assert not observe(START, BLOCK, message_delta(b'{"output_tokens":3}', b"null")).usage.is_complete


@pytest.mark.parametrize(
    "usage", [b"null", b"[]", b'"many"', b'{"input_tokens":"nine","output_tokens":-4}', b'{"output_tokens":true}']
)
def test_senseless_usage_counts_nothing(usage: bytes) -> None:
    assert observe(message_start(usage)).usage == Usage(model="m")


def test_a_whole_message_tells_its_usage() -> None:
    body = (
        b'{"id":"msg_1","type":"message","role":"assistant","model":"claude-haiku-4-5","content":[],'
        b'"stop_reason":"max_tokens","usage":{"input_tokens":12,"output_tokens":34.0,"cache_read_input_tokens":5}}'
    )
    expected = Usage(12, 34, cache_read=5, model="claude-haiku-4-5", stop_reason="max_tokens", is_complete=True)
    assert read_message(body) == expected


def test_an_answer_with_content_but_no_type_is_a_message() -> None:
    assert read_message(b'{"content":[],"usage":{}}') is not None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><body>Bad gateway</body></html>",
        b'{"type":"error","error":{"type":"1113","message":"Insufficient balance"}}',
        b'{"error":"no"}',
        b'{"input_tokens":3}',
        b'[{"type":"message"}]',
        b'{"type":"message","content":[',
        b"[" * 100_000,
    ],
)
def test_what_is_no_message_is_told_apart(body: bytes) -> None:
    assert read_message(body) is None
