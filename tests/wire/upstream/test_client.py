"""The pool: which connection carries a request, and which is never used again."""

import asyncio
import contextlib
from math import inf

import pytest
from tests.support.echo import closed_port
from tests.support.loops import both_loops
from tests.support.scripted import Connection, ScriptedUpstream, keep_answering
from tests.wire.upstream.sending import ask, failure, request, sender, whole

from cc_relay.errors import Stage, UpstreamError
from cc_relay.exchange import Origin, Timeouts, UpstreamRequest
from cc_relay.net.upstream import client as client_module
from cc_relay.net.upstream.client import UpstreamClient


def unused(client: UpstreamClient) -> int:
    return sum(connection.is_usable for connections in client._unused.values() for connection in connections)


@both_loops
async def test_one_connection_carries_one_request_after_another() -> None:
    async with ScriptedUpstream(keep_answering) as upstream, sender() as client:
        for _ in range(5):
            assert await ask(client, upstream) == b"{}"
        assert len(upstream.connections) == 1
        assert len(upstream.requests) == 5


@both_loops
async def test_a_request_is_written_as_it_should_be() -> None:
    async with ScriptedUpstream(keep_answering) as upstream, sender() as client:
        headers = [(b"x-api-key", b"secret"), (b"anthropic-version", b"2023-06-01")]
        await whole(await client.send(request(upstream, b'{"a":1}', target=b"/v1?beta=true", headers=headers), inf))
        await whole(await client.send(request(upstream, b"", method=b"GET", target=b"/v1/models"), inf))
        await whole(await client.send(request(upstream, b""), inf))
        host = b"host: 127.0.0.1:%d" % upstream.port
        key, version = b"x-api-key: secret", b"anthropic-version: 2023-06-01"
        heads = [received.raw_head.removesuffix(b"\r\n\r\n").split(b"\r\n") for received in upstream.requests]
        assert [(head[0], sorted(head[1:])) for head in heads] == [
            (b"POST /v1?beta=true HTTP/1.1", sorted([host, key, version, b"content-length: 7"])),
            (b"GET /v1/models HTTP/1.1", [host]),
            (b"POST /v1/messages HTTP/1.1", [b"content-length: 0", host]),
        ]
        assert upstream.requests[0].body == b'{"a":1}'


@both_loops
async def test_requests_at_once_take_connections_of_their_own_and_the_last_used_is_taken_first() -> None:
    async def hold_then_answer(connection: Connection) -> None:
        await connection.expect_request()
        await connection.pause()
        await connection.reply()
        await keep_answering(connection)

    async with ScriptedUpstream(hold_then_answer, hold_then_answer) as upstream, sender() as client:
        first = asyncio.create_task(ask(client, upstream))
        await (await upstream.connection(0)).paused()
        second = asyncio.create_task(ask(client, upstream))
        await (await upstream.connection(1)).paused()
        upstream.connections[1].release()
        await second
        upstream.connections[0].release()
        await first
        assert unused(client) == 2
        await ask(client, upstream)
        assert [len(connection.requests) for connection in upstream.connections] == [2, 1]


@both_loops
async def test_origins_share_no_connection() -> None:
    async with ScriptedUpstream(keep_answering) as one, ScriptedUpstream(keep_answering) as other, sender() as client:
        await ask(client, one)
        await ask(client, other)
        await ask(client, one)
        assert (len(one.requests), len(other.requests)) == (2, 1)


@both_loops
async def test_an_unused_connection_is_closed_before_a_balancer_would(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "KEPT_SECONDS", 0.05)

    async def answer_once(connection: Connection) -> None:
        await connection.answer()
        assert await connection.closed() == b""
        assert not connection.was_reset

    async with ScriptedUpstream(answer_once, keep_answering) as upstream, sender() as client:
        await ask(client, upstream)
        await (await upstream.connection(0))._may_end.wait()
        await ask(client, upstream)
        assert len(upstream.connections) == 2


@both_loops
async def test_no_more_connections_are_kept_than_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "KEPT_CONNECTIONS", 1)

    async def hold_then_answer(connection: Connection) -> None:
        await connection.expect_request()
        await connection.pause()
        await connection.reply()
        await connection.closed()

    async with ScriptedUpstream(hold_then_answer, hold_then_answer) as upstream, sender() as client:
        asking = [asyncio.create_task(ask(client, upstream)) for _ in range(2)]
        for index in range(2):
            await (await upstream.connection(index)).paused()
        for connection in upstream.connections:
            connection.release()
        await asyncio.gather(*asking)
        assert unused(client) == 1


@both_loops
@pytest.mark.parametrize("end", ["close", "reset", "half_close"])
async def test_a_connection_closed_while_unused_is_passed_over_and_the_request_sent_once(end: str) -> None:
    async def answer_and_leave(connection: Connection) -> None:
        await connection.answer()
        await connection.pause()
        await getattr(connection, end)()
        await connection.closed()

    async with ScriptedUpstream(answer_and_leave, keep_answering) as upstream, sender() as client:
        await ask(client, upstream)
        upstream.connections[0].release()
        await upstream.connections[0]._may_end.wait()
        while unused(client):  # noqa: ASYNC110 -- the loop has yet to read it
            await asyncio.sleep(0)
        await ask(client, upstream)
        assert [len(connection.requests) for connection in upstream.connections] == [1, 1]


@both_loops
async def test_a_request_on_a_kept_connection_that_breaks_is_not_sent_again() -> None:
    async def take_and_break(connection: Connection) -> None:
        await connection.answer()
        await connection.expect_request()
        await connection.reset()

    async with ScriptedUpstream(take_and_break) as upstream, sender() as client:
        await ask(client, upstream)
        error = await failure(client, request(upstream))
        assert error.stage is Stage.HEAD
        assert len(upstream.requests) == 2
        assert len(upstream.connections) == 1


ENDINGS = {
    "connection: close": b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}",
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\n{}",
    "extra bytes": b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}extra",
    "a line too much": b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}\0",
    "a second answer": b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"
    b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nother",
    "half a second answer": b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}HTTP/1.1 200 OK\r\ncont",
    "a second answer behind chunks": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nother\r\n0\r\n\r\n",
}


@both_loops
@pytest.mark.parametrize("name", ENDINGS)
async def test_a_connection_that_said_too_much_or_its_last_is_not_used_again(name: str) -> None:
    async def say(connection: Connection) -> None:
        await connection.expect_request()
        await connection.send(ENDINGS[name])
        await connection.closed()

    async with ScriptedUpstream(say, keep_answering) as upstream, sender() as client:
        assert await ask(client, upstream) == b"{}"
        assert unused(client) == 0
        assert await ask(client, upstream) == b"{}"
        assert len(upstream.connections) == 2


@both_loops
@pytest.mark.parametrize("surprise", [b"HTTP/1.1 408 Request Timeout\r\n\r\n", b"\0", b"\r\n"])
async def test_bytes_that_nobody_asked_for_close_an_unused_connection(surprise: bytes) -> None:
    async def answer_and_surprise(connection: Connection) -> None:
        await connection.answer()
        await connection.pause()
        await connection.send(surprise)
        await connection.closed()

    async with ScriptedUpstream(answer_and_surprise, keep_answering) as upstream, sender() as client:
        await ask(client, upstream)
        upstream.connections[0].release()
        await upstream.connections[0]._may_end.wait()
        assert await ask(client, upstream) == b"{}"
        assert len(upstream.connections) == 2


@both_loops
@pytest.mark.parametrize("surprise", [b"HTTP/1.1 408 Request Timeout\r\n\r\n", b""])
async def test_an_upstream_that_speaks_or_leaves_before_it_is_asked_is_an_error_and_no_hang(surprise: bytes) -> None:
    async def speak_first(connection: Connection) -> None:
        await connection.send(surprise)

    async with ScriptedUpstream(speak_first) as upstream, sender() as client:
        await failure(client, request(upstream))


@both_loops
async def test_an_answer_that_is_not_read_to_its_end_takes_its_connection_with_it() -> None:
    async def half_an_answer(connection: Connection) -> None:
        await connection.expect_request()
        await connection.start()
        await connection.chunk(b"some of it")
        await connection.closed()

    async with ScriptedUpstream(half_an_answer, keep_answering) as upstream, sender() as client:
        answer = await client.send(request(upstream), inf)
        assert await answer.receive(inf) == b"some of it"
        answer.close()
        answer.close()
        await upstream.connections[0]._may_end.wait()
        assert await ask(client, upstream) == b"{}"
        assert len(upstream.connections) == 2


@both_loops
async def test_an_answer_that_ended_unread_leaves_its_connection_to_the_next() -> None:
    async with ScriptedUpstream(keep_answering) as upstream, sender() as client:
        answer = await client.send(request(upstream), inf)
        while not unused(client):  # noqa: ASYNC110 -- the body has yet to come
            await asyncio.sleep(0)
        other = await client.send(request(upstream), inf)
        # What is done with the first no longer touches the connection.
        answer.pause()
        answer.close()
        assert await whole(other) == b"{}"
        assert await ask(client, upstream) == b"{}"
        assert len(upstream.connections) == 1


@both_loops
async def test_a_closed_client_keeps_nothing() -> None:
    async def slowly(connection: Connection) -> None:
        await connection.expect_request()
        await connection.pause()
        await connection.reply()
        await connection.closed()

    async with ScriptedUpstream(slowly) as upstream, sender() as client:
        asking = asyncio.create_task(ask(client, upstream))
        await (await upstream.connection()).paused()
        client.close()
        upstream.connections[0].release()
        assert await asking == b"{}"
        assert unused(client) == 0
        assert repr(client) == "<UpstreamClient 0 unused connections>"


@both_loops
async def test_nobody_listens_is_a_failure_before_anything_was_sent() -> None:
    async with sender() as client:
        origin = Origin("http", "127.0.0.1", closed_port())
        error = await failure(client, UpstreamRequest(origin, b"POST", b"/", [], b"{}", Timeouts()))
        assert error.stage is Stage.CONNECT


@both_loops
async def test_no_time_left_is_a_failure_before_anything_was_sent() -> None:
    async with ScriptedUpstream() as upstream, sender() as client:
        error = await failure(client, request(upstream), asyncio.get_running_loop().time() - 1)
        assert error.stage is Stage.CONNECT
        assert error.timed_out


@both_loops
@pytest.mark.parametrize(
    "sent", [b"", b"HTTP/1.1 200 OK\r\ncontent-l", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx"]
)
async def test_a_cancelled_exchange_closes_its_connection_at_once(sent: bytes) -> None:
    async def stall(connection: Connection) -> None:
        await connection.expect_request()
        await connection.send(sent)
        await connection.pause()
        await connection.closed()

    async def exchange(client: UpstreamClient, upstream: ScriptedUpstream) -> None:
        answer = await client.send(request(upstream), inf)
        try:
            await whole(answer)
        finally:
            answer.close()

    async with ScriptedUpstream(stall) as upstream, sender() as client:
        task = asyncio.create_task(exchange(client, upstream))
        connection = await upstream.connection()
        await connection.paused()
        for _ in range(10):
            await asyncio.sleep(0)
        task.cancel()
        connection.release()
        with pytest.raises(asyncio.CancelledError):
            await task
        await connection._may_end.wait()
        assert unused(client) == 0


@both_loops
async def test_a_send_cancelled_after_any_number_of_turns_leaves_no_connection_in_use() -> None:
    async with ScriptedUpstream() as upstream, sender() as client:
        upstream.otherwise(keep_answering)
        for turns in range(12):
            task = asyncio.create_task(ask(client, upstream))
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                assert await task == b"{}"
        assert await ask(client, upstream) == b"{}"
        assert all(connection._answer is None for connections in client._unused.values() for connection in connections)


@both_loops
async def test_a_hundred_exchanges_at_once_all_get_their_own_answers() -> None:
    async def echo(connection: Connection) -> None:
        while received := await connection.next_request():
            await connection.reply(body=received.body)

    async with ScriptedUpstream() as upstream, sender() as client:
        upstream.otherwise(echo)
        for _ in range(2):
            answers = await asyncio.gather(*(ask(client, upstream, b"%d" % number) for number in range(100)))
            assert answers == [b"%d" % number for number in range(100)]
        assert len(upstream.connections) == 100


@both_loops
@pytest.mark.parametrize("size", [16_384, 16_385, 32 * 1024 * 1024])
async def test_a_body_of_any_size_goes_up_and_comes_down_whole(size: int) -> None:
    body = (bytes(range(256)) * (size // 256 + 1))[:size]

    async def echo(connection: Connection) -> None:
        received = await connection.expect_request()
        await connection.reply(body=received.body)
        await connection.closed()

    async with ScriptedUpstream(echo) as upstream, sender() as client:
        assert await ask(client, upstream, body) == body


@both_loops
async def test_what_a_request_failed_of_is_said_with_the_origin() -> None:
    async def hang_up(connection: Connection) -> None:
        await connection.expect_request()

    async with ScriptedUpstream(hang_up) as upstream, sender() as client:
        error = await failure(client, request(upstream))
        assert isinstance(error, UpstreamError)
        assert str(error) == f"{upstream.url} closed the connection early"
