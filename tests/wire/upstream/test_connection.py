"""One upstream connection: every framing an answer may have, and every way it may go wrong."""

import asyncio
import contextlib
from math import inf

import pytest
from tests.support.loops import both_loops
from tests.support.scripted import Connection, ScriptedUpstream, keep_answering
from tests.wire.upstream.sending import ask, failure, request, sender, whole

from cc_relay.errors import Stage, UpstreamError
from cc_relay.exchange import Timeouts

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"transfer-encoding: chunked\r\n\r\n"

WHOLE = {
    "a length": (OK + b"content-length: 11\r\n\r\nhello world", b"hello world"),
    "a length of zero": (OK + b"content-length: 0\r\n\r\n", b""),
    "chunks": (CHUNKED + b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", b"hello world"),
    "chunks with extensions and trailers": (CHUNKED + b"B;a=b\r\nhello world\r\n0\r\nx-t: 1\r\n\r\n", b"hello world"),
    "no chunks": (CHUNKED + b"0\r\n\r\n", b""),
    "no content": (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
    "not modified": (b"HTTP/1.1 304 Not Modified\r\n\r\n", b""),
    "not modified, with the length it would have": (b"HTTP/1.1 304 Not Modified\r\ncontent-length: 99\r\n\r\n", b""),
    "no reason": (b"HTTP/1.1 529 \r\ncontent-length: 2\r\n\r\nhi", b"hi"),
    "an interim head": (b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"content-length: 2\r\n\r\nhi", b"hi"),
    "many interim heads": (
        b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" * 20 + OK + b"content-length: 2\r\n\r\nhi",
        b"hi",
    ),
}


@both_loops
@pytest.mark.parametrize("piece", [1, 5, None])
@pytest.mark.parametrize("name", WHOLE)
async def test_every_framing_is_read_however_it_is_cut_and_the_connection_goes_on(name: str, piece: int | None) -> None:
    sent, body = WHOLE[name]

    async def say(connection: Connection) -> None:
        await connection.expect_request()
        await connection.send(sent, piece=piece)
        await keep_answering(connection)

    async with ScriptedUpstream(say) as upstream, sender() as client:
        answer = await client.send(request(upstream), inf)
        assert answer.status == int(sent.split(b"HTTP/1.1 ")[-1][:3])
        assert await whole(answer) == body
        assert await ask(client, upstream) == b"{}"
        assert len(upstream.connections) == 1


@both_loops
@pytest.mark.parametrize("piece", [1, None])
@pytest.mark.parametrize("head", [OK + b"\r\n", b"HTTP/1.0 200 OK\r\n\r\n", OK + b"connection: close\r\n\r\n"])
async def test_a_body_without_framing_ends_with_its_connection(head: bytes, piece: int | None) -> None:
    async def say(connection: Connection) -> None:
        await connection.expect_request()
        await connection.send(head + b"hello world", piece=piece)

    async with ScriptedUpstream(say, keep_answering) as upstream, sender() as client:
        assert await ask(client, upstream) == b"hello world"
        assert await ask(client, upstream) == b"{}"


@both_loops
async def test_a_body_without_framing_that_is_reset_is_broken() -> None:
    async def say(connection: Connection) -> None:
        await connection.expect_request()
        await connection.send(OK + b"\r\nhello")
        await connection.pause()
        await connection.reset()

    async with ScriptedUpstream(say) as upstream, sender() as client:
        answer = await client.send(request(upstream), inf)
        assert await answer.receive(inf) == b"hello"
        upstream.connections[0].release()
        with pytest.raises(UpstreamError, match="reset the connection") as caught:
            await answer.receive(inf)
        assert caught.value.stage is Stage.BODY


@both_loops
async def test_headers_keep_their_order_and_their_repetitions_and_lose_what_is_the_connections() -> None:
    async def say(connection: Connection) -> None:
        await connection.expect_request()
        await connection.send(
            OK + b"Request-Id: req_1\r\nSet-Cookie: a\r\nset-cookie: b\r\nConnection: keep-alive\r\nKeep-Alive: 5\r\n"
            b"Transfer-Encoding: chunked\r\nTrailer: x-t\r\nX-Empty:\r\n\r\n2\r\n{}\r\n0\r\nx-t: 1\r\n\r\n"
        )
        await connection.closed()

    async with ScriptedUpstream(say) as upstream, sender() as client:
        answer = await client.send(request(upstream), inf)
        assert answer.headers == [
            (b"request-id", b"req_1"),
            (b"set-cookie", b"a"),
            (b"set-cookie", b"b"),
            (b"x-empty", b""),
        ]
        assert answer.length is None
        assert await whole(answer) == b"{}"


@both_loops
async def test_the_length_is_told() -> None:
    async with ScriptedUpstream(keep_answering) as upstream, sender() as client:
        answer = await client.send(request(upstream), inf)
        assert answer.length == 2
        assert "200" in repr(answer)
        await whole(answer)


# What is said, how far the exchange then was, and a part of the message.
BROKEN = {
    "nothing": (b"", Stage.HEAD, "closed the connection early"),
    "half a status line": (b"HTTP/1.", Stage.HEAD, "closed the connection early"),
    "half a head": (OK + b"content-type: te", Stage.HEAD, "closed the connection early"),
    "only an interim head": (b"HTTP/1.1 100 Continue\r\n\r\n", Stage.HEAD, "closed the connection early"),
    "a head without its body": (OK + b"content-length: 5\r\n\r\n", Stage.BODY, "closed the connection early"),
    "too short a body": (OK + b"content-length: 5\r\n\r\nhell", Stage.BODY, "closed the connection early"),
    "half a chunk": (CHUNKED + b"5\r\nhel", Stage.BODY, "closed the connection early"),
    "no last chunk": (CHUNKED + b"5\r\nhello\r\n", Stage.BODY, "closed the connection early"),
    "half a last chunk": (CHUNKED + b"5\r\nhello\r\n0\r\n", Stage.BODY, "closed the connection early"),
    "an unknown transfer-encoding": (OK + b"transfer-encoding: gzip\r\n\r\nhello", Stage.BODY, "closed"),
    "garbage": (b"\x16\x03\x01\x02\x00", Stage.HEAD, "not valid HTTP/1.1"),
    "an SSH greeting": (b"SSH-2.0-OpenSSH_9.2\r\n", Stage.HEAD, "not valid HTTP/1.1"),
    "a request": (b"GET / HTTP/1.1\r\n\r\n", Stage.HEAD, "not valid HTTP/1.1"),
    "HTTP/2": (b"\0\0\0\4\0\0\0\0\0", Stage.HEAD, "not valid HTTP/1.1"),
    "a status of no kind": (b"HTTP/1.1 000 Nothing\r\n\r\n", Stage.HEAD, "status 0 unasked"),
    "a status of two digits": (b"HTTP/1.1 20 OK\r\n\r\n", Stage.HEAD, "not valid HTTP/1.1"),
    "another protocol": (
        b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n",
        Stage.HEAD,
        "status 101 unasked",
    ),
    "another protocol without a name": (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", Stage.HEAD, "101"),
    "two lengths": (OK + b"content-length: 1\r\ncontent-length: 2\r\n\r\nab", Stage.HEAD, "not valid HTTP/1.1"),
    "two framings": (
        OK + b"content-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        Stage.HEAD,
        "not valid HTTP/1.1",
    ),
    "a negative length": (OK + b"content-length: -1\r\n\r\n", Stage.HEAD, "not valid HTTP/1.1"),
    "a folded line": (OK + b"x-a: b\r\n c\r\n\r\n", Stage.HEAD, "not valid HTTP/1.1"),
    "a chunk of no size": (CHUNKED + b"xyz\r\n", Stage.BODY, "not valid HTTP/1.1"),
    "a chunk longer than it says": (CHUNKED + b"2\r\nhello\r\n0\r\n\r\n", Stage.BODY, "not valid HTTP/1.1"),
    "an endless line": (OK + b"x-a: " + b"a" * 140_000, Stage.HEAD, "the head does not end"),
    "an endless head": (OK + b"x-a: b\r\n" * 20_000, Stage.HEAD, "the head does not end"),
    "endless interim heads": (b"HTTP/1.1 103 Hints\r\n\r\n" * 7_000, Stage.HEAD, "the head does not end"),
    "endless trailers": (CHUNKED + b"0\r\n" + b"x-a: b\r\n" * 40_000, Stage.BODY, "does not end"),
    "an endless chunk extension": (CHUNKED + b"5;" + b"a" * 300_000, Stage.BODY, "does not end"),
}


@both_loops
@pytest.mark.parametrize("name", BROKEN)
async def test_a_broken_answer_is_an_error_that_says_how_far_it_got(name: str) -> None:
    sent, stage, words = BROKEN[name]

    async def say(connection: Connection) -> None:
        await connection.expect_request()
        # Not at once: the limits count what came before the end. Who is refused does not read on.
        with contextlib.suppress(ConnectionError):
            await connection.send(sent, piece=50_000)

    async with ScriptedUpstream(say, keep_answering) as upstream, sender() as client:
        error = await failure(client, request(upstream))
        assert error.stage is stage
        assert words in str(error)
        assert not error.timed_out
        assert await ask(client, upstream) == b"{}"
        assert len(upstream.connections) == 2


@both_loops
@pytest.mark.parametrize("piece", [1, None])
async def test_what_came_before_a_break_is_still_read(piece: int | None) -> None:
    async def say(connection: Connection) -> None:
        await connection.expect_request()
        await connection.send(CHUNKED + b"5\r\nhello\r\n", piece=piece)
        await connection.send(b"xyz")
        await connection.closed()

    async with ScriptedUpstream(say) as upstream, sender() as client:
        answer = await client.send(request(upstream), inf)
        received = bytearray()
        with pytest.raises(UpstreamError, match=r"not valid HTTP/1\.1"):
            await answer.splice(received.extend, inf)
        assert received == b"hello"


@both_loops
async def test_what_came_in_one_packet_with_garbage_is_still_read() -> None:
    async def say(connection: Connection) -> None:
        await connection.expect_request()
        await connection.send(CHUNKED + b"2\r\nhe\r\n3\r\nllo\r\nxyz")
        await connection.closed()

    async with ScriptedUpstream(say) as upstream, sender() as client:
        answer = await client.send(request(upstream), inf)
        assert await answer.receive(inf) == b"hello"
        with pytest.raises(UpstreamError, match=r"not valid HTTP/1\.1"):
            await answer.receive(inf)


@both_loops
@pytest.mark.parametrize("answer_first", [True, False])
async def test_an_upstream_that_leaves_while_the_request_is_sent_is_an_error_and_no_hang(answer_first: bool) -> None:
    async def leave(connection: Connection) -> None:
        await connection.expect_head()
        if answer_first:
            await connection.send(OK + b"content-length: 5\r\n\r\nhel")
        await connection.half_close()
        # And takes no more of the request.
        await connection.pause()

    async with ScriptedUpstream(leave) as upstream, sender() as client:
        error = await failure(client, request(upstream, b"x" * 32_000_000))
        assert error.stage is (Stage.BODY if answer_first else Stage.SEND)
        upstream.connections[0].release()


@both_loops
async def test_an_answer_that_comes_before_the_request_was_taken_is_read_and_its_connection_closed() -> None:
    async def refuse(connection: Connection) -> None:
        await connection.expect_head()
        await connection.reply(413, body=b"too large")
        await connection.pause()

    async with ScriptedUpstream(refuse, keep_answering) as upstream, sender() as client:
        answer = await client.send(request(upstream, b"x" * 32_000_000), inf)
        assert answer.status == 413
        assert await whole(answer) == b"too large"
        assert await ask(client, upstream) == b"{}"
        assert len(upstream.connections) == 2
        upstream.connections[0].release()


@both_loops
async def test_an_upstream_that_resets_while_the_request_is_sent_is_an_error() -> None:
    async def leave(connection: Connection) -> None:
        await connection.expect_head()
        await connection.reset()

    async with ScriptedUpstream(leave) as upstream, sender() as client:
        error = await failure(client, request(upstream, b"x" * 32_000_000))
        assert error.stage in (Stage.SEND, Stage.HEAD)
        assert "reset" in str(error)


@both_loops
async def test_silence_before_the_head_is_a_timeout_that_closes_the_connection() -> None:
    async def stay_silent(connection: Connection) -> None:
        await connection.expect_request()
        await connection.send(b"HTTP/1.1 200")
        await connection.closed()

    async with ScriptedUpstream(stay_silent) as upstream, sender() as client:
        error = await failure(client, request(upstream, timeouts=Timeouts(first_byte=0.05)))
        assert error.stage is Stage.HEAD
        assert error.timed_out
        await upstream.connections[0]._may_end.wait()


@both_loops
async def test_silence_in_the_body_is_a_timeout_that_closes_the_connection() -> None:
    async def fall_silent(connection: Connection) -> None:
        await connection.expect_request()
        await connection.start()
        await connection.chunk(b"some of it")
        await connection.closed()

    async with ScriptedUpstream(fall_silent) as upstream, sender() as client:
        error = await failure(client, request(upstream, timeouts=Timeouts(idle=0.05)))
        assert error.stage is Stage.BODY
        assert error.timed_out
        assert "silent for 0.05 s" in str(error)
        await upstream.connections[0]._may_end.wait()


@both_loops
async def test_the_readers_own_deadline_breaks_nothing() -> None:
    async def slowly(connection: Connection) -> None:
        await connection.expect_request()
        await connection.start()
        await connection.pause()
        await connection.chunk(b"late")
        await connection.end()
        await keep_answering(connection)

    async with ScriptedUpstream(slowly) as upstream, sender() as client:
        answer = await client.send(request(upstream), inf)
        now = asyncio.get_running_loop().time
        assert await answer.receive(now() + 0.01) is None
        assert await answer.receive(now() - 1) is None
        upstream.connections[0].release()
        assert await answer.receive(inf) == b"late"
        assert await answer.receive(inf) == b""
        assert await ask(client, upstream) == b"{}"
        assert len(upstream.connections) == 1


@both_loops
async def test_an_unread_answer_is_held_back_at_a_bound_and_read_whole_later() -> None:
    size = 40_000_000

    async def pour(connection: Connection) -> None:
        await connection.expect_request()
        await connection.reply(body=b"x" * size)
        await keep_answering(connection)

    async with ScriptedUpstream(pour) as upstream, sender() as client:
        answer = await client.send(request(upstream), inf)
        while not answer._holds_back:  # noqa: ASYNC110 -- nobody tells
            await asyncio.sleep(0)
        for _ in range(50):
            await asyncio.sleep(0)
        assert answer._size < 2_000_000
        assert len(await whole(answer)) == size
        assert await ask(client, upstream) == b"{}"
        assert len(upstream.connections) == 1
