"""The way back: each kind of answer, slow readers, breaks, and bugs of ours."""

import asyncio
import logging
import socket

import pytest
from tests.support.loops import both_loops
from tests.support.raw_client import BrokenResponse, RawClient
from tests.wire.downstream.serving import Recorder, forever, serving

from cc_relay.exchange import RelayRequest
from cc_relay.net.downstream import Limits, Responder

TEXT = [(b"content-type", b"text/plain")]


async def answer_as_asked(request: RelayRequest, responder: Responder) -> None:
    """The path names the kind of answer."""
    match request.path:
        case "/whole":
            responder.respond(200, TEXT, b"whole")
        case "/empty":
            responder.respond(200, TEXT, b"")
        case "/none":
            responder.respond(204, [], b"")
        case "/unchanged":
            responder.respond(304, [], b"")
        case "/unknown":
            responder.respond(529, TEXT, b"whole")
        case "/length":
            responder.start(200, TEXT, 5)
            responder.write(b"who")
            responder.write(b"le")
            responder.finish()
        case "/chunks":
            responder.start(200, TEXT, None)
            responder.write(b"who")
            responder.write(b"")
            responder.write(b"le")
            responder.finish()
        case "/no-chunks":
            responder.start(200, TEXT, None)
            responder.finish()


BODIES = {
    "/whole": b"whole",
    "/empty": b"",
    "/none": b"",
    "/unchanged": b"",
    "/unknown": b"whole",
    "/length": b"whole",
    "/chunks": b"whole",
    "/no-chunks": b"",
}


@both_loops
@pytest.mark.parametrize("method", ["POST", "HEAD"])
async def test_the_connection_goes_on_after_each_kind_of_answer(method: str) -> None:
    async with serving(answer_as_asked) as listener, await RawClient.connect(listener.port) as client:
        for path, body in BODIES.items():
            answer = await client.exchange(method, path)
            assert answer.body == (b"" if method == "HEAD" else body)
            assert answer.header(b"connection") is None
            assert answer.header(b"x-request-id")


@both_loops
@pytest.mark.parametrize("path", BODIES)
async def test_an_http_1_0_client_understands_each_kind_of_answer(path: str) -> None:
    async with serving(answer_as_asked) as listener, await RawClient.connect(listener.port) as client:
        await client.send(b"POST %b HTTP/1.0\r\nconnection: keep-alive\r\n\r\n" % path.encode())
        answer = await client.read_response()
        assert answer.body == BODIES[path]
        assert answer.header(b"transfer-encoding") is None
        if path.endswith("chunks"):
            assert answer.header(b"connection") == b"close"
            assert await client.closed() is False


@both_loops
async def test_each_write_is_a_chunk_of_its_own() -> None:
    async with serving(answer_as_asked) as listener, await RawClient.connect(listener.port) as client:
        assert (await client.exchange("POST", "/chunks")).chunks == [b"who", b"le"]


@both_loops
async def test_what_is_written_behind_an_answers_end_goes_nowhere() -> None:
    async def twice(request: RelayRequest, responder: Responder) -> None:
        await answer_as_asked(request, responder)
        responder.write(b"more")
        responder.respond(500, [], b"other")
        responder.start(200, [], 3)
        responder.finish()
        responder.abort()

    async with serving(twice) as listener, await RawClient.connect(listener.port) as client:
        for path, body in BODIES.items():
            assert (await client.exchange("POST", path)).body == body


@both_loops
@pytest.mark.parametrize("version", [b"1.1", b"1.0"])
@pytest.mark.parametrize("length", [None, 1000])
async def test_a_broken_answer_looks_broken(length: int | None, version: bytes) -> None:
    arrived = asyncio.Event()

    async def break_off(request: RelayRequest, responder: Responder) -> None:
        responder.start(200, TEXT, length)
        responder.write(b"some of it")
        await arrived.wait()
        responder.abort()

    async with serving(break_off) as listener, await RawClient.connect(listener.port) as client:
        await client.send(b"POST / HTTP/%b\r\n\r\n" % version)
        response, head = await client.read_head()
        arrived.set()
        with pytest.raises(BrokenResponse):
            await client.read_body(response, head)


@both_loops
async def test_chunks_written_before_a_break_still_arrive() -> None:
    async def break_off(request: RelayRequest, responder: Responder) -> None:
        responder.start(200, TEXT, None)
        for _ in range(100):
            responder.write(b"x" * 1000)
        responder.abort()

    async with serving(break_off) as listener, await RawClient.connect(listener.port) as client:
        await client.send_request("POST", "/")
        with pytest.raises(BrokenResponse) as broken:
            await client.read_response()
        assert broken.value.response is not None
        assert len(broken.value.response.body) == 100_000
        assert not broken.value.was_reset


@both_loops
async def test_an_exchange_that_ends_without_an_answer_closes_the_connection() -> None:
    async def forget(request: RelayRequest, responder: Responder) -> None:
        pass

    async with serving(forget) as listener, await RawClient.connect(listener.port) as client:
        await client.send_request("POST", "/")
        assert await client.read_to_close() == b""


@both_loops
async def test_an_exchange_that_ends_in_the_middle_of_its_answer_breaks_it() -> None:
    async def forget(request: RelayRequest, responder: Responder) -> None:
        responder.start(200, TEXT, None)
        responder.write(b"some of it")

    async with serving(forget) as listener, await RawClient.connect(listener.port) as client:
        await client.send_request("POST", "/")
        with pytest.raises(BrokenResponse):
            await client.read_response()


@both_loops
async def test_a_bug_is_a_500_and_a_log_line_and_hurts_nobody_else(caplog: pytest.LogCaptureFixture) -> None:
    async def fail(request: RelayRequest, responder: Responder) -> None:
        if request.path == "/bug":
            raise ZeroDivisionError
        responder.respond(200, TEXT, b"unharmed")

    async with (
        serving(fail) as listener,
        await RawClient.connect(listener.port) as client,
        await RawClient.connect(listener.port) as other,
    ):
        with caplog.at_level(logging.ERROR):
            answer = await client.exchange("POST", "/bug", [(b"x-request-id", b"mine")])
        assert answer.status == 500
        assert answer.json()["error"]["type"] == "api_error"  # type: ignore[index]
        assert answer.json()["request_id"] == "mine"  # type: ignore[index]
        assert "request mine" in caplog.text
        assert (await other.exchange("POST", "/")).body == b"unharmed"
        assert (await client.exchange("POST", "/")).body == b"unharmed"


@both_loops
async def test_a_bug_in_the_middle_of_an_answer_breaks_it(caplog: pytest.LogCaptureFixture) -> None:
    async def fail(request: RelayRequest, responder: Responder) -> None:
        responder.start(200, TEXT, None)
        responder.write(b"some of it")
        raise ZeroDivisionError

    async with serving(fail) as listener, await RawClient.connect(listener.port) as client:
        await client.send_request("POST", "/")
        with pytest.raises(BrokenResponse):
            await client.read_response()
        assert "bug of ours" in caplog.text


@both_loops
async def test_an_exchange_that_never_answers_blocks_only_its_own_connection() -> None:
    async def serve(request: RelayRequest, responder: Responder) -> None:
        if request.path == "/never":
            await forever(request, responder)
        responder.respond(200, TEXT, b"unharmed")

    async with (
        serving(serve) as listener,
        await RawClient.connect(listener.port) as stuck,
        await RawClient.connect(listener.port) as other,
    ):
        await stuck.send_request("POST", "/never")
        assert (await other.exchange("POST", "/")).body == b"unharmed"
        assert listener.exchanges == 1


class Flow:
    """A source that a slow client holds back."""

    def __init__(self) -> None:
        self.flows = asyncio.Event()
        self.flows.set()
        self.stalled = asyncio.Event()
        self.pauses = 0

    def pause(self) -> None:
        self.flows.clear()
        self.stalled.set()
        self.pauses += 1

    def resume(self) -> None:
        self.flows.set()


@both_loops
@pytest.mark.parametrize("length", [None, 20_000_000])
async def test_a_slow_reader_holds_the_flow_back_at_the_bound_and_loses_nothing(length: int | None) -> None:
    limits = Limits(unsent=100_000)
    flow = Flow()
    unsent = 0

    async def pour(request: RelayRequest, responder: Responder) -> None:
        nonlocal unsent
        responder.regulate(flow)
        responder.start(200, TEXT, length)
        for number in range(2000):
            await flow.flows.wait()
            responder.write(bytes([number % 256]) * 10_000)
            unsent = max(unsent, responder._transport.get_write_buffer_size())
        responder.finish()

    async with (
        serving(pour, limits) as listener,
        await RawClient.connect(listener.port, receive_buffer=8192) as client,
    ):
        await client.send_request("POST", "/")
        async with asyncio.timeout(10):
            await flow.stalled.wait()
        answer = await client.read_response()
        assert answer.body == b"".join(bytes([number % 256]) * 10_000 for number in range(2000))
        assert flow.pauses > 1
        assert flow.flows.is_set()
        assert unsent < 120_000


@both_loops
async def test_a_flow_that_starts_while_the_client_is_behind_is_held_back_at_once() -> None:
    flow = Flow()

    async def pour(request: RelayRequest, responder: Responder) -> None:
        responder.start(200, TEXT, None)
        responder.write(b"x" * 10_000_000)
        await asyncio.sleep(0)
        responder.regulate(flow)
        await flow.flows.wait()
        responder.finish()

    async with serving(pour) as listener, await RawClient.connect(listener.port) as client:
        await client.send_request("POST", "/")
        assert len((await client.read_response()).body) == 10_000_000
        assert flow.pauses == 1


@both_loops
async def test_a_client_that_asks_and_asks_and_never_reads_gets_no_more_answers() -> None:
    async def generous(request: RelayRequest, responder: Responder) -> None:
        responder.respond(200, TEXT, b"x" * 1_000_000)

    serve = Recorder(generous)
    async with (
        serving(serve, Limits(pipelined=4)) as listener,
        await RawClient.connect(listener.port, receive_buffer=8192) as client,
    ):
        client._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)
        asking = asyncio.create_task(client.send(b"GET / HTTP/1.1\r\n\r\n" * 50))
        await serve.until(lambda: len(serve.requests) > 2)
        for _ in range(100):
            await asyncio.sleep(0)
        # What the sockets' buffers hold is the kernel's.
        assert len(serve.requests) < 20
        for _ in range(50):
            assert len((await client.read_response()).body) == 1_000_000
        await asking
