"""The raw client: strict about framing, slow when it is not reading."""

import contextlib

import pytest
from tests.support.http1 import MalformedMessage
from tests.support.loops import both_loops
from tests.support.raw_client import BrokenResponse, RawClient
from tests.support.scripted import Connection, Script, ScriptedUpstream


def sending(data: bytes) -> Script:
    async def send(connection: Connection) -> None:
        await connection.send(data)

    return send


@pytest.mark.parametrize(
    "wire",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\nhello",
    ],
    ids=["length", "chunks", "to the end"],
)
@both_loops
async def test_each_framing_gives_the_body(wire: bytes) -> None:
    async with ScriptedUpstream(sending(wire)) as server, await RawClient.connect(server.port) as client:
        response = await client.read_response()

        assert response.body == b"hello"
        assert bytes(client.received) == wire


@both_loops
async def test_pipelined_responses_are_told_apart() -> None:
    wire = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 Gone quiet\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx"
    async with ScriptedUpstream(sending(wire)) as server, await RawClient.connect(server.port) as client:
        responses = [await client.read_response() for _ in range(3)]

    assert [(response.status, response.body) for response in responses] == [(100, b""), (204, b""), (200, b"x")]
    assert responses[1].reason == "Gone quiet"


@both_loops
async def test_the_answer_to_a_head_request_has_no_body() -> None:
    wire = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n"
    async with ScriptedUpstream(sending(wire)) as server, await RawClient.connect(server.port) as client:
        assert (await client.read_response("HEAD")).body == b""


@pytest.mark.parametrize(
    "wire",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nfive\r\nhello\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhello\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"GARBAGE 1 2\r\n\r\n",
    ],
    ids=["two lengths", "two framings", "chunk size", "chunk end", "header", "status line"],
)
@both_loops
async def test_wrong_framing_is_refused(wire: bytes) -> None:
    async with ScriptedUpstream(sending(wire)) as server, await RawClient.connect(server.port) as client:
        with pytest.raises(MalformedMessage):
            await client.read_response()


@both_loops
async def test_a_body_cut_short_keeps_what_came() -> None:
    wire = b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nhello"
    async with ScriptedUpstream(sending(wire)) as server, await RawClient.connect(server.port) as client:
        with pytest.raises(BrokenResponse) as broken:
            await client.read_response()

    assert broken.value.response is not None
    assert broken.value.response.body == b"hello"


@both_loops
async def test_a_client_that_does_not_read_holds_the_sender_back() -> None:
    sent = []

    async def flood(connection: Connection) -> None:
        with contextlib.suppress(ConnectionError):
            await connection.send(bytes(64 << 20))
            sent.append("everything")

    async with ScriptedUpstream(flood) as server:
        client = await RawClient.connect(server.port, receive_buffer=4096)
        await client.readexactly(1)
        client.reset()

    assert sent == []
