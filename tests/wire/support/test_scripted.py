"""The scripted upstream: does what the script says, and fails the test for what it does not say."""

import functools

import pytest
from tests.support.loops import both_loops
from tests.support.raw_client import BrokenResponse, RawClient
from tests.support.scripted import Connection, ScriptedUpstream, ScriptError, keep_answering


@both_loops
async def test_a_request_is_read_and_answered() -> None:
    script = functools.partial(Connection.answer, body=b'{"ok":true}')
    async with ScriptedUpstream(script) as upstream, await RawClient.connect(upstream.port) as client:
        response = await client.exchange("POST", "/v1/messages?beta=true", [(b"X-Thing", b" a ")], b'{"a":1}')

    [request] = upstream.requests
    assert (response.status, response.json()) == (200, {"ok": True})
    assert (request.method, request.target, request.json()) == ("POST", "/v1/messages?beta=true", {"a": 1})
    assert request.header(b"x-thing") == b"a"
    assert b"X-Thing:  a \r\n" in request.raw_head


@both_loops
async def test_a_chunked_request_is_joined() -> None:
    async with ScriptedUpstream(Connection.answer) as upstream, await RawClient.connect(upstream.port) as client:
        await client.send(
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", piece=1
        )
        await client.read_response()

    assert upstream.requests[0].body == b"abcde"


@both_loops
async def test_connections_take_the_scripts_in_turn() -> None:
    async with ScriptedUpstream() as upstream:
        upstream.script(lambda c: c.answer(status=529), lambda c: c.answer(status=200))
        upstream.otherwise(keep_answering)
        statuses = []
        for _ in range(3):
            async with await RawClient.connect(upstream.port) as client:
                statuses.append((await client.exchange("GET", "/")).status)

    assert statuses == [529, 200, 200]


@both_loops
async def test_a_connection_is_kept_for_several_requests() -> None:
    async with ScriptedUpstream(keep_answering) as upstream, await RawClient.connect(upstream.port) as client:
        for _ in range(3):
            await client.exchange("GET", "/")

    assert len(upstream.connections[0].requests) == 3


@both_loops
async def test_events_arrive_as_one_chunk_each() -> None:
    async def stream(connection: Connection) -> None:
        await connection.expect_request()
        await connection.sse([b"event: a\n\n", b"event: b\n\n"])

    async with ScriptedUpstream(stream) as upstream, await RawClient.connect(upstream.port) as client:
        response = await client.exchange("GET", "/")

    assert response.chunks == [b"event: a\n\n", b"event: b\n\n"]


@both_loops
async def test_a_pause_lasts_until_it_is_released() -> None:
    async def hesitate(connection: Connection) -> None:
        await connection.expect_request()
        await connection.start()
        await connection.chunk(b"before")
        await connection.pause()
        await connection.chunk(b"after")
        await connection.end()

    async with ScriptedUpstream(hesitate) as upstream, await RawClient.connect(upstream.port) as client:
        await client.send_request("GET", "/")
        response, head = await client.read_head()
        assert await client.read_chunk() == b"before"
        connection = await upstream.connection()
        await connection.paused()
        connection.release()

        assert await client.read_body(response, head) == b"after"


@both_loops
async def test_a_reset_is_a_reset() -> None:
    async def reset(connection: Connection) -> None:
        await connection.expect_request()
        await connection.sse([b"one"], end=False)
        await connection.pause()
        await connection.reset()

    async with ScriptedUpstream(reset) as upstream, await RawClient.connect(upstream.port) as client:
        await client.send_request("GET", "/")
        await client.read_head()
        await client.read_chunk()
        upstream.connections[0].release()

        assert await client.closed()


@both_loops
async def test_a_close_is_no_reset() -> None:
    async def close(connection: Connection) -> None:
        await connection.expect_request()
        await connection.sse([b"one"], end=False)

    async with ScriptedUpstream(close) as upstream, await RawClient.connect(upstream.port) as client:
        await client.send_request("GET", "/")
        with pytest.raises(BrokenResponse) as broken:
            await client.read_response()

    assert not broken.value.was_reset
    assert broken.value.response is not None
    assert broken.value.response.body == b"one"


@both_loops
async def test_after_a_half_close_the_script_still_reads() -> None:
    heard = []

    async def half_close(connection: Connection) -> None:
        await connection.half_close()
        heard.append(await connection.closed())

    async with ScriptedUpstream(half_close) as upstream, await RawClient.connect(upstream.port) as client:
        assert await client.read_to_close() == b""
        await client.send(b"still here")
        client.half_close()

    assert heard == [b"still here"]


@both_loops
async def test_the_peers_end_is_observed() -> None:
    endings = []

    async def watch(connection: Connection) -> None:
        await connection.closed()
        endings.append(connection.was_reset)

    async with ScriptedUpstream(watch, watch) as upstream:
        (await RawClient.connect(upstream.port)).close()
        client = await RawClient.connect(upstream.port)
        await upstream.connection(1)
        client.reset()

    assert sorted(endings) == [False, True]


@both_loops
async def test_an_unfinished_script_fails_the_test(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.support.scripted.GRACE", 0.01)
    with pytest.raises(ScriptError, match=r"unfinished: script 0: .*Connection.pause"):
        async with ScriptedUpstream(Connection.pause) as upstream, await RawClient.connect(upstream.port):
            await (await upstream.connection()).paused()


@both_loops
async def test_a_held_connection_needs_no_end() -> None:
    async with ScriptedUpstream(Connection.hold) as upstream:
        client = await RawClient.connect(upstream.port)
        await upstream.connection()
    client.close()


@both_loops
async def test_a_script_that_was_never_asked_for_fails_the_test() -> None:
    with pytest.raises(ScriptError, match="never asked for"):
        async with ScriptedUpstream(Connection.answer):
            pass


@both_loops
async def test_an_unexpected_connection_fails_the_test_and_is_reset() -> None:
    with pytest.raises(ScriptError, match="connection 0 came without a script"):
        async with ScriptedUpstream() as upstream, await RawClient.connect(upstream.port) as client:
            assert await client.closed()


@both_loops
async def test_a_failing_script_fails_the_test_and_names_its_cause() -> None:
    async def connect_and_leave() -> None:
        async with ScriptedUpstream(Connection.expect_request) as upstream:
            (await RawClient.connect(upstream.port)).close()
            await upstream.connection()

    with pytest.raises(ScriptError, match="script 0 failed") as caught:
        await connect_and_leave()
    assert "expected" in str(caught.value.__cause__)


@both_loops
async def test_the_tests_own_failure_comes_first_and_the_scripts_are_noted() -> None:
    async def fail() -> None:
        async with ScriptedUpstream() as upstream, await RawClient.connect(upstream.port) as client:
            await client.closed()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as caught:
        await fail()
    assert "without a script" in "".join(caught.value.__notes__)
