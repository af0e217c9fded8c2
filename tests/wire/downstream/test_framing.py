"""Bytes that could mean two things, or nothing: refused, and nothing after them is taken for a request."""

import asyncio

import pytest
from tests.support.loops import both_loops
from tests.support.raw_client import RawClient, request
from tests.wire.downstream.serving import Recorder, error_type, serving

from cc_relay.exchange import RelayRequest
from cc_relay.net.downstream import Responder

START = b"POST /first HTTP/1.1\r\nhost: relay.test\r\n"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nhost: relay.test\r\n\r\n"
CHUNKED = START + b"transfer-encoding: chunked\r\n\r\n"

CORPUS = {
    "content-length, then transfer-encoding": START
    + b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "transfer-encoding, then content-length": START
    + b"transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n",
    "two content-lengths": START + b"content-length: 1\r\ncontent-length: 2\r\n\r\nab",
    "the same content-length twice": START + b"content-length: 2\r\ncontent-length: 2\r\n\r\nab",
    "a list of content-lengths": START + b"content-length: 2, 2\r\n\r\nab",
    "an empty content-length": START + b"content-length:\r\n\r\n",
    "a negative content-length": START + b"content-length: -1\r\n\r\n",
    "a signed content-length": START + b"content-length: +2\r\n\r\nab",
    "a hexadecimal content-length": START + b"content-length: 0x2\r\n\r\nab",
    "a content-length with a blank": START + b"content-length: 1 2\r\n\r\nab",
    "a content-length with an underscore": START + b"content-length: 1_0\r\n\r\nab",
    "a content-length in words": START + b"content-length: two\r\n\r\nab",
    "a content-length beyond 64 bits": START + b"content-length: 18446744073709551618\r\n\r\nab",
    "a folded content-length": START + b"content-length: 1\r\n 0\r\n\r\n0123456789",
    "a blank before the colon": START + b"content-length : 2\r\n\r\nab",
    "a blank before transfer-encoding's colon": START + b"transfer-encoding : chunked\r\n\r\n0\r\n\r\n",
    "an unknown transfer-encoding": START + b"transfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
    "identity": START + b"transfer-encoding: identity\r\n\r\n",
    "chunked is not last": START + b"transfer-encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "chunked is not the last line": START + b"transfer-encoding: chunked\r\ntransfer-encoding: gzip\r\n\r\n0\r\n\r\n",
    "chunked twice": START + b"transfer-encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "a control character before chunked": START + b"transfer-encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "a folded line": START + b"x-a: b\r\n transfer-encoding: chunked\r\n\r\n",
    "a folded transfer-encoding": START + b"transfer-encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "a blank before the first header": b"POST /first HTTP/1.1\r\n host: relay.test\r\n\r\n",
    "a bare LF after the request line": b"POST /first HTTP/1.1\nhost: relay.test\r\n\r\n",
    "a bare LF after a header": b"POST /first HTTP/1.1\r\nhost: relay.test\nx-a: b\r\n\r\n",
    "a bare LF at the head's end": b"POST /first HTTP/1.1\r\nhost: relay.test\r\n\n",
    "bare LFs only": b"POST /first HTTP/1.1\nhost: relay.test\n\n",
    "a bare CR in a header": b"POST /first HTTP/1.1\r\nhost: relay.test\rx-a: b\r\n\r\n",
    "a doubled CR": b"POST /first HTTP/1.1\r\nhost: relay.test\r\r\n\r\n",
    "a NUL in a value": b"POST /first HTTP/1.1\r\nhost: relay\0test\r\n\r\n",
    "a NUL in a name": b"POST /first HTTP/1.1\r\nho\0st: relay.test\r\n\r\n",
    "no colon": b"POST /first HTTP/1.1\r\nhost\r\n\r\n",
    "no name": b"POST /first HTTP/1.1\r\n: relay.test\r\n\r\n",
    "a blank in the target": b"POST /fir st HTTP/1.1\r\n\r\n",
    "an unknown version": b"POST /first HTTP/1.7\r\n\r\n",
    "an unknown method": b"STEAL /first HTTP/1.1\r\n\r\n",
    "a method in lower case": b"post /first HTTP/1.1\r\n\r\n",
    "HTTP/2's preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "a negative chunk": CHUNKED + b"-1\r\n\r\n",
    "a chunk's size with 0x": CHUNKED + b"0x1\r\na\r\n0\r\n\r\n",
    "a chunk beyond 64 bits": CHUNKED + b"10000000000000001\r\na\r\n0\r\n\r\n",
    "a blank behind a chunk's size": CHUNKED + b"1 \r\na\r\n0\r\n\r\n",
    "a chunk without a size": CHUNKED + b"\r\na\r\n0\r\n\r\n",
    "a chunk longer than it says": CHUNKED + b"1\r\nab\r\n0\r\n\r\n",
    "bare LFs between chunks": CHUNKED + b"1\na\n0\n\n",
    "a bare LF behind a chunk": CHUNKED + b"1\r\na\n0\r\n\r\n",
    "a bare LF in a chunk's extension": CHUNKED + b"1;a\nb\r\na\r\n0\r\n\r\n",
    "a content-length among the trailers": CHUNKED + b"1\r\na\r\n0\r\ncontent-length: 5\r\n\r\n",
}


@both_loops
@pytest.mark.parametrize("piece", [None, 3])
@pytest.mark.parametrize("name", CORPUS)
async def test_ambiguous_bytes_are_refused_and_nothing_behind_them_is_a_request(name: str, piece: int | None) -> None:
    serve = Recorder()
    async with serving(serve) as listener, await RawClient.connect(listener.port) as client:
        await client.send(CORPUS[name] + SMUGGLED, piece=piece)
        answer = await client.read_response()
        assert answer.status == 400
        assert error_type(answer.json()) == "invalid_request_error"
        assert answer.header(b"x-cc-relay-error") == b"bad_http"
        assert answer.header(b"connection") == b"close"
        assert answer.header(b"x-request-id") == answer.json()["request_id"].encode()  # type: ignore[index]
        assert await client.read_to_close() == b""
        assert serve.requests == []


@both_loops
async def test_bytes_sent_later_on_a_refused_connection_are_no_request() -> None:
    serve = Recorder()
    async with serving(serve) as listener, await RawClient.connect(listener.port) as client:
        await client.send(CORPUS["no colon"])
        assert (await client.read_response()).status == 400
        await client.send(SMUGGLED)
        assert await client.read_to_close() == b""
        assert serve.requests == []


@both_loops
async def test_a_content_length_that_fits_no_limit_is_too_large() -> None:
    serve = Recorder()
    async with serving(serve) as listener, await RawClient.connect(listener.port) as client:
        await client.send(START + b"content-length: 18446744073709551615\r\n\r\n" + SMUGGLED)
        assert (await client.read_response()).status == 413
        assert await client.read_to_close() == b""
        assert serve.requests == []


@both_loops
async def test_a_request_with_garbage_behind_it_is_answered_and_closed() -> None:
    serve = Recorder()
    async with serving(serve) as listener, await RawClient.connect(listener.port) as client:
        await client.send(request("POST", "/first", body=b"{}") + b"\0garbage\r\n\r\n" + SMUGGLED)
        answer = await client.read_response()
        assert answer.status == 200
        assert answer.header(b"connection") == b"close"
        assert await client.read_to_close() == b""
        assert [received.path for received in serve.requests] == ["/first"]


@both_loops
async def test_garbage_behind_an_answered_request_is_refused() -> None:
    async with serving(Recorder()) as listener, await RawClient.connect(listener.port) as client:
        assert (await client.exchange("POST", "/first", [(b"x-request-id", b"mine")], b"{}")).status == 200
        await client.send(b"\0garbage\r\n\r\n")
        answer = await client.read_response()
        assert answer.status == 400
        assert await client.closed() is False


@both_loops
async def test_data_behind_connection_close_is_no_request() -> None:
    serve = Recorder()
    async with serving(serve) as listener, await RawClient.connect(listener.port) as client:
        await client.send(request("GET", "/first", [(b"connection", b"close")]) + SMUGGLED)
        assert (await client.read_response()).status == 200
        assert await client.read_to_close() == b""
        assert [received.path for received in serve.requests] == ["/first"]


@both_loops
async def test_a_refused_client_does_not_hurt_another_one() -> None:
    gate = asyncio.Event()

    async def when_open(received: RelayRequest, responder: Responder) -> None:
        await gate.wait()
        responder.respond(200, [], b"unharmed")

    serve = Recorder(when_open)
    async with (
        serving(serve) as listener,
        await RawClient.connect(listener.port) as good,
        await RawClient.connect(listener.port) as bad,
    ):
        await good.send_request("POST", "/", body=b"{}")
        await serve.until(lambda: len(serve.requests) == 1)
        await bad.send(CORPUS["two content-lengths"])
        assert (await bad.read_response()).status == 400
        gate.set()
        assert (await good.read_response()).body == b"unharmed"
