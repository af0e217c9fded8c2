"""Laws of a Bedrock stream in translation: any cut gives the same events, and what is broken never passes for whole."""

import json
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from tests.support.builders import PING, event, sse_stream
from tests.support.event_streams import JSON_EVENT, chunk, frame

from cc_relay.codec.observer import StreamObserver
from cc_relay.codec.sse import SSEDecoder
from cc_relay.providers.bedrock.stream import StreamTranslation

METRICS = {"inputTokenCount": 25, "outputTokenCount": 15, "cacheReadInputTokenCount": 700}
THROTTLED = frame({":message-type": "exception", ":exception-type": "throttlingException"}, b'{"message":"slow"}')

texts = st.text(st.characters(codec="utf-8"), max_size=12)
positions = st.lists(st.integers(0, 100_000), max_size=8)
streams = st.builds(
    sse_stream,
    st.lists(texts, max_size=4),
    thinking=texts,
    tools=st.lists(st.tuples(st.just("Read"), st.dictionaries(texts, texts, max_size=2)), max_size=2),
    cache_read=st.sampled_from([0, 9]),
)


def data(one: bytes) -> bytes:
    return one.partition(b"data: ")[2].rstrip(b"\n")


def frames_of(stream: list[bytes], *, metrics: bool) -> list[bytes]:
    """A stream as Bedrock sends it: without pings, with or without its own count at the end."""
    events = [data(one) for one in stream if one != PING]
    if metrics:
        events[-1] = data(event("message_stop", **{"amazon-bedrock-invocationMetrics": METRICS}))
    return [chunk(one) for one in events]


def cut(whole: bytes, at: list[int]) -> list[bytes]:
    edges = [0, *sorted(position % (len(whole) + 1) for position in at), len(whole)]
    return [whole[begin:end] for begin, end in pairwise(edges)]


def translate(pieces: list[bytes]) -> tuple[bytes, str]:
    """What comes out, the end included, and the error that ended it or ""."""
    of = StreamTranslation("mine", "req_1")
    out = b""
    error = ""
    try:
        # A last empty read lets an error out that stood behind whole events.
        for piece in [*pieces, b""]:
            out += of.receive_data(piece)
    except ValueError as found:
        error = str(found)
    return out + of.receive_eof(), error


def watched(stream: bytes) -> StreamObserver:
    observer = StreamObserver()
    observer.receive_data(stream)
    return observer


@given(stream=streams, metrics=st.booleans(), at=positions)
def test_any_cut_gives_the_same_events(stream: list[bytes], metrics: bool, at: list[int]) -> None:
    whole = b"".join(frames_of(stream, metrics=metrics))
    assert translate(cut(whole, at)) == translate([whole])


@given(stream=streams, at=positions)
def test_a_stream_without_metrics_keeps_every_byte(stream: list[bytes], at: list[int]) -> None:
    said, error = translate(cut(b"".join(frames_of(stream, metrics=False)), at))
    assert (said, error) == (b"".join(one for one in stream if one != PING), "")


@given(stream=streams, metrics=st.booleans())
def test_the_count_is_right_whoever_said_it(stream: list[bytes], metrics: bool) -> None:
    usage = watched(translate(frames_of(stream, metrics=metrics))[0]).usage
    said = watched(b"".join(stream)).usage
    assert (usage.input, usage.output, usage.is_complete) == (25, 15, True)
    assert usage.cache_read == (said.cache_read or (700 if metrics else 0))


@given(stream=streams, at=positions, until=st.integers(0, 100_000))
def test_an_early_end_is_an_error(stream: list[bytes], at: list[int], until: int) -> None:
    whole = b"".join(frames_of(stream, metrics=True))
    said, error = translate(cut(whole[: until % len(whole)], at))
    assert error == ""
    assert b"message_stop" not in said
    assert watched(said).error is not None


@given(stream=streams, at=positions, where=st.integers(0, 100_000), bit=st.integers(0, 7))
def test_a_flipped_bit_never_passes(stream: list[bytes], at: list[int], where: int, bit: int) -> None:
    frames = frames_of(stream, metrics=False)
    whole = bytearray(b"".join(frames))
    where %= len(whole)
    whole[where] ^= 1 << bit
    said, error = translate(cut(bytes(whole), at))
    assert error
    before = b"".join(one for one in stream if one != PING)
    events, last = said[: said.index(b"event: error")], said[said.index(b"event: error") :]
    assert before.startswith(events)
    assert last.count(b"\n\n") == 1


@given(stream=streams, at=positions, after=st.integers(0, 100), tail=st.binary(max_size=40))
def test_an_exception_is_the_last_word(stream: list[bytes], at: list[int], after: int, tail: bytes) -> None:
    frames = frames_of(stream, metrics=True)[:-1]
    begun = frames[: after % (len(frames) + 1)]
    said, error = translate(cut(b"".join([*begun, THROTTLED, tail]), at))
    assert error == ""
    observer = watched(said)
    assert observer.error is not None
    assert json.loads(observer.error)["error"] == {"type": "rate_limit_error", "message": "slow"}
    decoder = SSEDecoder()
    decoder.receive_data(said)
    assert len(decoder.events()) == len(begun) + 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "usage", "message", "input_tokens", "delta"]) | texts, inner, max_size=4
        )
    ),
    max_leaves=10,
)
names = st.sampled_from(["message_start", "message_delta", "message_stop", "content_block_delta", "error", "ping", ""])
odd_events = st.builds(
    lambda name, more, count: {**more, "type": name, "amazon-bedrock-invocationMetrics": count},
    names,
    st.dictionaries(st.sampled_from(["usage", "message"]) | texts, JSON, max_size=3),
    JSON | st.just(METRICS),
)
odd_frames = st.one_of(
    odd_events.map(lambda one: chunk(json.dumps(one).encode())),
    JSON.map(lambda one: chunk(json.dumps(one).encode())),
    st.binary(max_size=40).map(chunk),
    st.binary(max_size=40).map(lambda payload: frame(JSON_EVENT, payload)),
    st.builds(
        frame,
        st.dictionaries(
            st.sampled_from([":message-type", ":event-type", ":exception-type", ":error-code", ":error-message"]),
            st.sampled_from(["event", "chunk", "exception", "error", "validationException", "", "x"]),
        ),
        st.binary(max_size=20) | JSON.map(lambda one: json.dumps(one).encode()),
    ),
)


@given(frames=st.lists(odd_frames, max_size=6), at=positions)
def test_whatever_comes_there_is_no_other_end_than_a_stop_or_an_error(frames: list[bytes], at: list[int]) -> None:
    whole = b"".join(frames)
    said, _ = translate(cut(whole, at))
    assert said == translate([whole])[0]
    decoder = SSEDecoder()
    decoder.receive_data(said)
    assert decoder.is_at_boundary
    ends = [one.name for one in decoder.events() if one.name in ("message_stop", "error")]
    assert len(ends) == 1
