"""Law 7: however an upstream cuts its bytes, the client gets these bytes, and the verdict is the same."""

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.builders import event, messages_body, sse_stream
from tests.support.fakes import Rig, Step, answer, broken, stream
from tests.support.virtual_time import virtual

from cc_relay.codec.sse import PING, ServerSentEvent, SSEDecoder
from cc_relay.exchange import Outcome

FRAMES = sse_stream(("Olá, ", "мир"), thinking="hm", tools=[("Bash", {"command": "ls"})])
ODD = [event("message_mystery", x=[1, {}]), b": a comment\n\n", b"id: 7\nretry: 1\n\n", b"data: [DONE]\n\n"]
OVERLOADED = event("error", error={"type": "overloaded_error", "message": "Overloaded"})
STREAMING = messages_body(stream=True)

DELAYS = st.sampled_from([0.0, 0.0, 0.0, 0.7, 14.0, 16.0, 40.0])


def cut(raw: bytes, places: Sequence[int]) -> list[bytes]:
    """`raw` in pieces."""
    edges = [0, *sorted(place % (len(raw) + 1) for place in places), len(raw)]
    return [raw[begin:end] for begin, end in pairwise(edges) if begin < end]


def events(raw: bytes) -> list[ServerSentEvent]:
    decoder = SSEDecoder()
    decoder.receive_data(raw)
    return decoder.events()


@st.composite
def streams(draw: st.DrawFn) -> tuple[bytes, list[Step]]:
    """A complete stream with oddities strewn in, and a way for it to arrive."""
    frames = list(FRAMES)
    for odd in draw(st.lists(st.sampled_from(ODD), max_size=4)):
        frames.insert(draw(st.integers(1, len(frames) - 1)), odd)
    raw = b"".join(frames)
    if draw(st.booleans()):
        raw = raw.replace(b"\n", b"\r\n")
    pieces = cut(raw, draw(st.lists(st.integers(0, 10_000), max_size=8)))
    steps: list[Step] = []
    for piece in pieces:
        steps += [piece, draw(DELAYS)]
    return raw, steps


@given(case=streams())
@virtual
async def test_a_complete_stream_arrives_as_it_was_sent(case: tuple[bytes, list[Step]]) -> None:
    raw, steps = case
    rig = Rig(stream(*steps), failover_timeout=1e9)
    downstream = await rig.serve(body=STREAMING)
    assert b"".join(data for _, data in downstream.writes if data != PING) == raw
    assert (downstream.end, rig.record.outcome) == ("finish", Outcome.DELIVERED)
    assert rig.record.usage.output == 15


@given(case=streams())
@virtual
async def test_pings_of_ours_change_nothing_in_what_a_client_reads(case: tuple[bytes, list[Step]]) -> None:
    raw, steps = case
    downstream = await Rig(stream(*steps), failover_timeout=1e9).serve(body=STREAMING)
    ours = sum(data == PING for _, data in downstream.writes)
    read = events(downstream.body)
    assert read[-1].name == "message_stop"
    assert [one for one in read if one.name != "ping"] == [one for one in events(raw) if one.name != "ping"]
    assert len(read) == len(events(raw)) + ours


@given(case=streams(), place=st.integers(0, 10_000))
@virtual
async def test_a_cut_stream_is_never_finished_and_never_replayed(case: tuple[bytes, list[Step]], place: int) -> None:
    raw, _ = case
    kept = raw[: place % len(raw)]
    if b"message_stop" in kept:
        return
    rig = Rig(stream(kept, broken()), stream(*FRAMES))
    downstream = await rig.serve(body=STREAMING)
    if len(rig.sender.requests) == 2:
        # Nothing of the first had been committed.
        assert (downstream.body, downstream.end) == (b"".join(FRAMES), "finish")
    else:
        assert (downstream.body, downstream.end) == (kept, "abort")
        assert rig.record.outcome is Outcome.BROKEN


@given(place=st.integers(3, len(FRAMES) - 1), cuts=st.lists(st.integers(0, 10_000), max_size=6))
@virtual
async def test_an_error_event_passes_as_it_came_however_it_is_cut(place: int, cuts: list[int]) -> None:
    raw = b"".join([*FRAMES[:place], OVERLOADED])
    rig = Rig(stream(FRAMES[0] + FRAMES[1] + FRAMES[2], *cut(raw[len(b"".join(FRAMES[:3])) :], cuts)))
    downstream = await rig.serve(body=STREAMING)
    assert (downstream.body, downstream.end) == (raw, "finish")
    assert (rig.record.outcome, rig.record.reason) == (Outcome.BROKEN, "error event")


@given(body=st.binary(max_size=200), cuts=st.lists(st.integers(0, 200), max_size=5))
@virtual
async def test_an_answer_of_any_bytes_is_delivered_whole_or_not_at_all(body: bytes, cuts: list[int]) -> None:
    message = b'{"type":"message","content":[]}'
    rig = Rig(answer(*cut(body, cuts)), answer(message))
    downstream = await rig.serve()
    assert (downstream.status, downstream.end) == (200, "respond")
    assert downstream.body in (body, message)


@pytest.mark.parametrize("size", [1, 2, 3, 7])
@virtual
async def test_a_stream_in_tiny_pieces_arrives_too(size: int) -> None:
    raw = b"".join(FRAMES).replace(b"\n", b"\r\n")
    pieces = [raw[at : at + size] for at in range(0, len(raw), size)]
    downstream = await Rig(stream(*pieces)).serve(body=STREAMING)
    assert (downstream.body, downstream.end) == (raw, "finish")
