import json

import pytest
from tests.support.builders import PING, event, sse_stream
from tests.support.event_streams import JSON_EVENT, chunk, frame

from cc_relay.codec.observer import StreamObserver
from cc_relay.exchange import Usage
from cc_relay.providers.bedrock.stream import StreamTranslation

METRICS = {
    "inputTokenCount": 25,
    "outputTokenCount": 15,
    "invocationLatency": 900,
    "firstByteLatency": 300,
    "cacheReadInputTokenCount": 700,
    "cacheWriteInputTokenCount": 30,
}
EOF = None


def data(one: bytes) -> bytes:
    """The JSON of a server-sent event."""
    return one.partition(b"data: ")[2].rstrip(b"\n")


def translate(*received: bytes | None) -> bytes:
    """What comes of these frames, one a read; EOF ends them."""
    of = StreamTranslation("mine", "req_1")
    return b"".join(of.receive_eof() if one is EOF else of.receive_data(one) for one in received)


def exception(name: str, message: str, **more: object) -> bytes:
    headers = {":exception-type": name, ":content-type": "application/json", ":message-type": "exception"}
    return frame(headers, json.dumps({"message": message, **more}).encode())


def errors_of(stream: bytes) -> list[dict[str, object]]:
    events = stream.split(b"\n\n")
    return [json.loads(data(one))["error"] for one in events if one.startswith(b"event: error\n")]


def usage_of(stream: bytes) -> Usage:
    observer = StreamObserver()
    observer.receive_data(stream)
    return observer.usage


def last_event(**fields: object) -> bytes:
    return data(event("message_stop", **{"amazon-bedrock-invocationMetrics": METRICS, **fields}))


@pytest.mark.parametrize(
    "stream",
    [
        sse_stream(),
        sse_stream(["olá — “ok”", "\u2028"], thinking="hm", tools=[("Read", {"path": "/tmp"}), ("Bash", {})]),
        sse_stream([]),
    ],
)
def test_events_keep_their_bytes(stream: list[bytes]) -> None:
    events = [one for one in stream if one != PING]
    assert translate(*map(chunk, map(data, events)), EOF) == b"".join(events)


def test_frames_may_come_all_at_once() -> None:
    events = [one for one in sse_stream() if one != PING]
    assert translate(b"".join(map(chunk, map(data, events)))) == b"".join(events)


def test_events_of_a_kind_yet_to_come_pass() -> None:
    new = data(event("content_block_hint", index=0))
    assert translate(chunk(new)) == event("content_block_hint", index=0)


def test_json_on_several_lines_stays_one_event() -> None:
    spread = b'{"type":"content_block_delta",\n "index":0,\r "delta":{}}'
    assert translate(chunk(spread)) == (
        b'event: content_block_delta\ndata: {"type":"content_block_delta",\ndata:  "index":0,\ndata:  "delta":{}}\n\n'
    )


def test_the_metrics_stay_here() -> None:
    assert translate(chunk(last_event())) == event("message_stop")


def test_text_that_speaks_of_metrics_stays() -> None:
    delta = event(
        "content_block_delta", index=0, delta={"type": "text_delta", "text": "amazon-bedrock-invocationMetrics"}
    )
    assert translate(chunk(data(delta))) == delta


def test_usage_that_says_everything_stays() -> None:
    stream = [one for one in sse_stream(cache_read=1, cache_write_5m=2) if one != PING]
    sent = [*map(data, stream[:-1]), last_event()]
    assert translate(*map(chunk, sent), EOF) == b"".join(stream)


def test_the_metrics_fill_what_usage_leaves_out() -> None:
    stream = [one for one in sse_stream(cache_read=0, cache_write_5m=0) if one != PING]
    sent = [*map(data, stream[:-1]), last_event()]
    said = translate(*map(chunk, sent), EOF)
    assert (
        event(
            "message_delta",
            delta={"stop_reason": "end_turn", "stop_sequence": None},
            usage={"output_tokens": 15, "cache_read_input_tokens": 700, "cache_creation_input_tokens": 30},
        )
        in said
    )
    assert usage_of(said) == Usage(
        input=25, output=15, cache_read=700, cache_write_5m=30, model="claude-sonnet-5-5", stop_reason="end_turn",
        is_complete=True,
    )  # fmt: skip


def test_the_token_of_the_start_is_not_the_whole_output() -> None:
    start = data(sse_stream()[0])
    delta = data(event("message_delta", delta={"stop_reason": "end_turn"}, usage=None))
    assert usage_of(translate(chunk(start), chunk(delta), chunk(last_event()))).output == 15


def test_the_last_of_several_counts_is_filled() -> None:
    first, second = (data(event("message_delta", delta={}, usage={"output_tokens": count})) for count in (5, 15))
    said = translate(chunk(first), chunk(second), chunk(last_event()))
    assert said.count(b"cache_read_input_tokens") == 1
    assert usage_of(said).output == 15


def test_a_count_waits_for_the_event_behind_it() -> None:
    delta = event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 15})
    of = StreamTranslation("mine", "req_1")
    assert of.receive_data(chunk(data(delta))) == b""
    ping = data(event("ping"))
    assert of.receive_data(chunk(ping)) == delta + event("ping")


@pytest.mark.parametrize(
    ("name", "error_type"),
    [
        ("internalServerException", "api_error"),
        ("modelStreamErrorException", "api_error"),
        ("validationException", "invalid_request_error"),
        ("throttlingException", "rate_limit_error"),
        ("modelTimeoutException", "timeout_error"),
        ("serviceUnavailableException", "overloaded_error"),
        ("somethingNewException", "api_error"),
    ],
)
def test_an_exception_is_anthropics_error(name: str, error_type: str) -> None:
    said = translate(exception(name, "slow down"), EOF)
    assert errors_of(said) == [{"type": error_type, "message": "slow down"}]
    assert b"req_1" in said


def test_a_models_own_error_says_what_it_was() -> None:
    frames = exception("modelStreamErrorException", "x", originalStatusCode=429, originalMessage="too fast")
    assert errors_of(translate(frames)) == [{"type": "rate_limit_error", "message": "too fast"}]


def test_an_exception_after_content_is_the_last_word() -> None:
    begun = [one for one in sse_stream() if one != PING][:3]
    said = translate(*map(chunk, map(data, begun)), exception("throttlingException", "slow"), chunk(b"{}"), EOF)
    assert said.startswith(b"".join(begun))
    assert said.endswith(b'"type":"rate_limit_error","message":"slow"},"request_id":"req_1"}\n\n')


def test_an_exception_without_words_names_itself() -> None:
    headers = {":exception-type": "throttlingException", ":message-type": "exception"}
    assert errors_of(translate(frame(headers, b"?")))[0]["message"] == (
        "mine broke its stream off (throttlingException)."
    )


def test_an_error_frame_counts_as_well() -> None:
    headers = {":error-code": "InternalFailure", ":error-message": "oh", ":message-type": "error"}
    assert errors_of(translate(frame(headers, b""))) == [{"type": "api_error", "message": "oh"}]


def test_no_account_is_named() -> None:
    frames = exception("validationException", "arn:aws:iam::123456789012:role/x of 123456789012 may not")
    assert errors_of(translate(frames))[0]["message"] == "arn:… of … may not"


def test_anthropics_own_error_event_passes_and_ends_the_stream() -> None:
    error = event("error", error={"type": "overloaded_error", "message": "Overloaded"})
    assert translate(chunk(data(error)), chunk(data(event("ping"))), EOF) == error


def test_an_end_before_the_message_stopped_is_an_error() -> None:
    stream = [one for one in sse_stream() if one != PING]
    said = translate(*map(chunk, map(data, stream[:-1])), EOF)
    assert said.startswith(b"".join(stream[:-1]))
    assert errors_of(said) == [
        {"type": "api_error", "message": "mine ended its stream before the message was complete."}
    ]


def test_an_empty_stream_is_an_error() -> None:
    assert len(errors_of(translate(EOF))) == 1


def test_nothing_follows_the_end() -> None:
    assert translate(chunk(last_event()), chunk(data(event("ping"))), b"garbage", EOF) == event("message_stop")


@pytest.mark.parametrize(
    "silent",
    [
        frame({**JSON_EVENT, ":event-type": "initial-response"}, b"{}"),
        frame({":message-type": "news"}, b"{}"),
        chunk(b'{"completion":"x"}'),
        chunk(b'{"type":7}'),
        chunk(b'{"type":"a\\nb"}'),
    ],
)
def test_a_frame_nobody_knows_is_passed_over(silent: bytes) -> None:
    assert translate(silent, chunk(data(event("ping")))) == event("ping")


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{}",
        b'{"bytes":7}',
        b'{"bytes":"=not base64="}',
        b'{"bytes":"bm90IGpzb24="}',
    ],
)
def test_a_payload_that_is_no_event_is_an_error(payload: bytes) -> None:
    with pytest.raises(ValueError, match=r"JSON|base64|required|Expected|truncated"):
        translate(frame(JSON_EVENT, payload))


def test_what_came_before_a_broken_frame_is_said_first() -> None:
    of = StreamTranslation("mine", "req_1")
    assert of.receive_data(chunk(data(event("ping"))) + frame(JSON_EVENT, b"{}")) == event("ping")
    with pytest.raises(ValueError, match="required"):
        of.receive_data(b"")
    assert len(errors_of(of.receive_eof())) == 1


def test_usage_nested_beyond_measure_is_an_error() -> None:
    deep = b'{"type":"message_delta","usage":' + b"[" * 5000 + b"]" * 5000 + b"}"
    with pytest.raises(ValueError, match="recursion"):
        translate(chunk(deep))


def test_the_debugger_sees_whose_it_is() -> None:
    assert repr(StreamTranslation("mine", "req_1")) == "<StreamTranslation of mine>"
