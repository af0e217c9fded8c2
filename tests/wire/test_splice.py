"""Upstream bytes straight to the client: order, whole, held back by the slower side, broken as they broke."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from math import inf

import pytest
from tests.support.loops import both_loops
from tests.support.raw_client import BrokenResponse, RawClient
from tests.support.scripted import EVENT_STREAM, JSON, Connection, ScriptedUpstream, head, keep_answering
from tests.wire.downstream.serving import Recorder, serving
from tests.wire.upstream.sending import request, sender

from cc_relay.errors import UpstreamError
from cc_relay.exchange import RelayRequest, Timeouts
from cc_relay.net.downstream import Listener, Responder
from cc_relay.net.upstream.answer import Answer
from cc_relay.net.upstream.client import UpstreamClient

Relay = Callable[[RelayRequest, Responder], Awaitable[None]]


class Splice:
    """The shortest relay there is."""

    def __init__(self, client: UpstreamClient, upstream: ScriptedUpstream, timeouts: Timeouts) -> None:
        self.answer: Answer | None = None
        self._client, self._upstream, self._timeouts = client, upstream, timeouts

    async def __call__(self, received: RelayRequest, responder: Responder) -> None:
        answer = self.answer = await self._client.send(
            request(self._upstream, received.body, timeouts=self._timeouts), inf
        )
        try:
            responder.start(answer.status, answer.headers, answer.length)
            responder.regulate(answer)
            await answer.splice(responder.write, inf)
            responder.finish()
        except UpstreamError:
            responder.abort()
        finally:
            answer.close()


@asynccontextmanager
async def relay(
    upstream: ScriptedUpstream, timeouts: Timeouts | None = None
) -> AsyncIterator[tuple[Listener, Recorder, Splice]]:
    async with upstream, sender() as client:
        splice = Splice(client, upstream, timeouts or Timeouts())
        recorder = Recorder(splice)
        async with serving(recorder) as listener:
            yield listener, recorder, splice


EVENTS = b"".join(b"event: e\ndata: {%d}\n\n" % number for number in range(40))


@both_loops
@pytest.mark.parametrize("piece", [1, 7, 64, None])
@pytest.mark.parametrize("framing", ["chunks", "length", "end"])
async def test_a_body_arrives_byte_for_byte_however_it_is_cut(framing: str, piece: int | None) -> None:
    sent = {
        "chunks": head(200, [*EVENT_STREAM, (b"transfer-encoding", b"chunked")])
        + b"%x\r\n%b\r\n0\r\n\r\n" % (len(EVENTS), EVENTS),
        "length": head(200, [*EVENT_STREAM, (b"content-length", b"%d" % len(EVENTS))]) + EVENTS,
        "end": head(200, EVENT_STREAM) + EVENTS,
    }[framing]

    async def say(connection: Connection) -> None:
        await connection.expect_request()
        await connection.send(sent, piece=piece)

    async with (
        relay(ScriptedUpstream(say)) as (listener, _, _),
        await RawClient.connect(listener.port) as client,
    ):
        answer = await client.exchange("POST", "/", body=b"{}")
        assert answer.body == EVENTS
        assert answer.header(b"content-length") == (b"%d" % len(EVENTS) if framing == "length" else None)


@both_loops
async def test_each_event_arrives_before_the_next_is_sent() -> None:
    async def say(connection: Connection) -> None:
        await connection.expect_request()
        await connection.start()
        for number in range(10):
            await connection.chunk(b"event %d" % number)
            await connection.pause()
        await connection.end()

    upstream = ScriptedUpstream(say)
    async with relay(upstream) as (listener, _, _), await RawClient.connect(listener.port) as client:
        await client.send_request("POST", "/", body=b"{}")
        await client.read_head()
        for number in range(10):
            assert await client.read_chunk() == b"event %d" % number
            (await upstream.connection()).release()
        assert await client.read_chunk() == b""


@both_loops
async def test_a_slow_client_holds_the_upstream_back_and_loses_nothing() -> None:
    size = 60_000_000
    pattern = bytes(range(256)) * 1000
    written = 0

    async def pour(connection: Connection) -> None:
        nonlocal written
        await connection.expect_request()
        await connection.send(head(200, [*JSON, (b"content-length", b"%d" % size)]))
        while written < size:
            part = pattern[: size - written]
            await connection.send(part)
            written += len(part)
        await keep_answering(connection)

    upstream = ScriptedUpstream(pour)
    async with (
        relay(upstream) as (listener, _, splice),
        await RawClient.connect(listener.port, receive_buffer=8192) as client,
    ):
        await client.send_request("POST", "/", body=b"{}")
        response, remaining = await client.read_head()
        while splice.answer is None or not splice.answer._is_paused:  # noqa: ASYNC110 -- nobody tells
            await asyncio.sleep(0)
        for _ in range(200):
            await asyncio.sleep(0)
        # The kernel's buffers on four ends of two connections, and two bounds of ours; not the body.
        assert written < size * 3 // 4
        body = await client.read_body(response, remaining)
        assert len(body) == size
        assert body == (pattern * (size // len(pattern) + 1))[:size]
        # The connections on both sides go on.
        assert (await client.exchange("POST", "/", body=b"{}")).body == b"{}"
        assert len(upstream.connections) == 1


@both_loops
async def test_a_slow_client_is_not_held_against_the_upstream() -> None:
    async def pour(connection: Connection) -> None:
        await connection.expect_request()
        await connection.reply(body=b"x" * 30_000_000)
        await connection.closed()

    upstream = ScriptedUpstream(pour)
    async with (
        relay(upstream, Timeouts(idle=0.05)) as (listener, recorder, splice),
        await RawClient.connect(listener.port, receive_buffer=8192) as client,
    ):
        await client.send_request("POST", "/", body=b"{}")
        response, remaining = await client.read_head()
        while splice.answer is None or not splice.answer._is_paused:  # noqa: ASYNC110 -- nobody tells
            await asyncio.sleep(0)
        # Three times the idle timeout.
        reached = asyncio.Event()
        asyncio.get_running_loop().call_later(0.15, reached.set)
        await reached.wait()
        assert len(await client.read_body(response, remaining)) == 30_000_000
        await recorder.until(lambda: recorder.responders[0].is_finished)


@both_loops
async def test_an_answer_that_ends_while_the_client_is_behind_leaves_its_connection_reading() -> None:
    async def pour(connection: Connection) -> None:
        await connection.expect_request()
        await connection.reply(body=b"x" * 8_000_000)
        await keep_answering(connection)

    upstream = ScriptedUpstream(pour)
    upstream.otherwise(keep_answering)
    async with (
        relay(upstream) as (listener, _, _),
        await RawClient.connect(listener.port, receive_buffer=8192) as slow,
        await RawClient.connect(listener.port) as other,
    ):
        await slow.send_request("POST", "/", body=b"{}")
        response, remaining = await slow.read_head()
        reading = asyncio.create_task(slow.read_body(response, remaining))
        for _ in range(30):
            assert (await other.exchange("POST", "/", body=b"{}")).body == b"{}"
        assert len(await reading) == 8_000_000


@both_loops
async def test_a_client_that_leaves_ends_the_upstreams_work_at_once() -> None:
    async def stream(connection: Connection) -> None:
        await connection.expect_request()
        await connection.start()
        await connection.chunk(b"some of it")
        await connection.closed()

    upstream = ScriptedUpstream(stream)
    async with relay(upstream) as (listener, recorder, _):
        async with await RawClient.connect(listener.port) as client:
            await client.send_request("POST", "/", body=b"{}")
            await client.read_head()
            await client.read_chunk()
        await recorder.until(lambda: recorder.cancelled == 1)
        await upstream.connections[0]._may_end.wait()


@both_loops
@pytest.mark.parametrize("end", ["close", "reset", "garbage", "silence"])
async def test_a_break_upstream_is_a_break_downstream_behind_everything_that_came(end: str) -> None:
    async def stream(connection: Connection) -> None:
        await connection.expect_request()
        await connection.start()
        await connection.chunk(b"some of it")
        await connection.pause()
        if end == "garbage":
            await connection.send(b"\0garbage")
        elif end != "silence":
            await getattr(connection, end)()
        await connection.closed()

    upstream = ScriptedUpstream(stream)
    timeouts = Timeouts(idle=0.05 if end == "silence" else 10)
    async with relay(upstream, timeouts) as (listener, _, _), await RawClient.connect(listener.port) as client:
        await client.send_request("POST", "/", body=b"{}")
        response, remaining = await client.read_head()
        upstream.connections[0].release()
        with pytest.raises(BrokenResponse):
            await client.read_body(response, remaining)
        assert response.body == b"some of it"


@both_loops
async def test_large_bodies_go_up_and_down_whole() -> None:
    body = bytes(range(256)) * 4096 * 31

    async def echo(connection: Connection) -> None:
        received = await connection.expect_request()
        await connection.reply(body=received.body)
        await connection.closed()

    async with (
        relay(ScriptedUpstream(echo)) as (listener, _, _),
        await RawClient.connect(listener.port) as client,
    ):
        answer = await client.exchange("POST", "/", body=body)
        assert answer.body == body


@both_loops
async def test_fifty_streams_at_once_stay_apart() -> None:
    async def stream(connection: Connection) -> None:
        while received := await connection.next_request():
            await connection.start()
            for _ in range(20):
                await connection.chunk(received.body * 10)
                await asyncio.sleep(0)
            await connection.end()

    upstream = ScriptedUpstream()
    upstream.otherwise(stream)

    async def one(port: int, number: int) -> None:
        async with await RawClient.connect(port) as client:
            for _ in range(2):
                answer = await client.exchange("POST", "/", body=b"<%d>" % number)
                assert answer.body == b"<%d>" % number * 200

    async with relay(upstream) as (listener, _, _):
        await asyncio.gather(*(one(listener.port, number) for number in range(50)))
