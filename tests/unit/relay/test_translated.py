"""An answer in other words: translated on its way, and a break in it told as an error event."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.support.builders import event, messages_body, sse_stream
from tests.support.fakes import FakeDownstream, FakeIncoming, Rig, broken, upstream
from tests.support.virtual_time import virtual

from cc_relay.errors import Stage, UpstreamError
from cc_relay.exchange import Outcome
from cc_relay.relay.translated import Translated

FRAMES = sse_stream()
STREAM = b"".join(FRAMES)
OVERLOADED = event("error", error={"type": "api_error", "message": "The stream broke off."})
FOREIGN = [(b"content-type", b"application/x-hex"), (b"content-length", b"12"), (b"x-kept", b"1")]


class Hex:
    """Every line of the upstream's is the hexadecimal text of what it says; the last is empty."""

    media_type = b"text/event-stream"

    def __init__(self) -> None:
        self._rest = b""
        self._has_ended = False

    def receive_data(self, data: bytes) -> bytes:
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._has_ended = self._has_ended or b"" in lines
        return b"".join(bytes.fromhex(line.decode()) for line in lines)

    def receive_eof(self) -> bytes:
        return b"" if self._has_ended else OVERLOADED


class HexMessage(Hex):
    media_type = b"application/json"

    def receive_eof(self) -> bytes:
        return bytes.fromhex(self._rest.decode())


def told(*pieces: bytes, ends: bool = True) -> list[bytes]:
    return [piece.hex().encode() + b"\n" for piece in pieces] + [b"\n"] * ends


def hexed(*steps: bytes | float | UpstreamError) -> FakeIncoming:
    return FakeIncoming(200, FOREIGN, steps, length=12)


async def serve(
    *answers: FakeIncoming, translate: Callable[[], Hex] = Hex, stream: bool = True
) -> tuple[Rig, FakeDownstream]:
    rig = Rig(*answers, upstreams=[upstream("a", translate=translate), upstream("b")])
    return rig, await rig.serve(body=messages_body(stream=stream))


@virtual
async def test_a_stream_reaches_the_client_in_anthropics_words() -> None:
    rig, downstream = await serve(hexed(*told(*FRAMES)))
    assert downstream.body == STREAM
    assert downstream.header(b"content-type") == b"text/event-stream"
    assert downstream.header(b"x-kept") == b"1"
    assert downstream.header(b"content-length") is None
    assert (rig.record.outcome, rig.record.usage.is_complete) == (Outcome.DELIVERED, True)


@virtual
async def test_pieces_that_complete_nothing_wait_for_more() -> None:
    pieces = [bytes([byte]) for byte in b"".join(told(*FRAMES))]
    _, downstream = await serve(hexed(*pieces))
    assert downstream.body == STREAM


@virtual
async def test_a_whole_answer_is_translated_too() -> None:
    body = b'{"type":"message","content":[],"usage":{"input_tokens":3,"output_tokens":5}}'
    rig, downstream = await serve(hexed(body.hex().encode()), translate=HexMessage, stream=False)
    assert (downstream.body, downstream.header(b"content-type")) == (body, b"application/json")
    assert rig.record.usage.output == 5


@virtual
async def test_a_whole_answer_that_arrives_in_pieces_is_translated_too() -> None:
    body = b'{"type":"message","content":[],"usage":{"input_tokens":3,"output_tokens":5}}'
    text = body.hex().encode()
    _, downstream = await serve(hexed(text[:7], 0.1, text[7:]), translate=HexMessage, stream=False)
    assert downstream.body == body


@virtual
async def test_nonsense_before_the_first_content_goes_to_the_next_provider() -> None:
    rig = Rig(hexed(b"no hex\n"), hexed(*told(*FRAMES)), upstreams=[upstream("a", translate=Hex)])
    downstream = await rig.serve(body=messages_body(stream=True))
    assert downstream.body == STREAM
    assert "not what it claims to be" in rig.record.attempts[0].reason


@pytest.mark.parametrize(
    "end",
    [[], [broken(Stage.BODY)], [b"no hex\n", *told(b"and more of it")]],
    ids=["an end too early", "a reset", "nonsense"],
)
@virtual
async def test_a_break_after_content_is_told_as_an_error_event(end: list[bytes | UpstreamError]) -> None:
    rig, downstream = await serve(hexed(*told(*FRAMES[:4], ends=False), 1.0, *end))
    assert downstream.body == b"".join(FRAMES[:4]) + OVERLOADED
    assert downstream.end == "finish"
    assert rig.record.outcome is Outcome.BROKEN


@virtual
async def test_a_break_behind_the_last_event_changes_nothing() -> None:
    _, downstream = await serve(hexed(*told(*FRAMES), broken(Stage.BODY)))
    assert downstream.body == STREAM


@virtual
async def test_the_clients_pace_reaches_the_upstream() -> None:
    incoming = hexed()
    translated = Translated(incoming, Hex())
    translated.pause()
    translated.resume()
    assert incoming.pauses == ["pause", "resume"]
    translated.close()
    assert incoming.is_closed
