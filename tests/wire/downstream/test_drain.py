"""Stopping: nobody new, what is in work ends, and not later than told."""

import asyncio

import pytest
from tests.support.loops import both_loops
from tests.support.raw_client import BrokenResponse, RawClient, request
from tests.wire.downstream.serving import Recorder, describe, forever, serving

from cc_relay.exchange import RelayRequest
from cc_relay.net.downstream import Limits, Responder, listen

LONG = 30.0


class Gate:
    """Serves streams whose end the test decides."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.open = asyncio.Event()

    async def stream(self, _: RelayRequest, responder: Responder) -> None:
        responder.start(200, [], None)
        responder.write(b"begun")
        self.begun.set()
        await self.open.wait()
        responder.write(b", ended")
        responder.finish()

    async def whole(self, _: RelayRequest, responder: Responder) -> None:
        self.begun.set()
        await self.open.wait()
        responder.respond(200, [], b"ended")


async def draining(task: "asyncio.Task[int]") -> None:
    """Let a drain that was started get to its waiting."""
    await asyncio.sleep(0)
    assert not task.done()


@both_loops
async def test_idle_connections_are_closed_at_once_and_nobody_new_is_accepted() -> None:
    async with (
        serving(describe) as listener,
        await RawClient.connect(listener.port) as used,
        await RawClient.connect(listener.port) as unused,
    ):
        await used.exchange("GET", "/")
        async with asyncio.timeout(5):
            assert await listener.drain(LONG) == 0
        assert await used.closed() is False
        assert await unused.closed() is False
        with pytest.raises(ConnectionRefusedError):
            await RawClient.connect(listener.port)


@both_loops
async def test_an_exchange_in_work_ends_and_says_close() -> None:
    gate = Gate()
    async with serving(gate.whole) as listener, await RawClient.connect(listener.port) as client:
        await client.send_request("POST", "/")
        await gate.begun.wait()
        task = asyncio.create_task(listener.drain(LONG))
        await draining(task)
        gate.open.set()
        answer = await client.read_response()
        assert answer.body == b"ended"
        assert answer.header(b"connection") == b"close"
        async with asyncio.timeout(5):
            assert await task == 0


@both_loops
async def test_a_stream_that_began_before_the_drain_ends_whole_and_ends_the_drain() -> None:
    gate = Gate()
    async with serving(gate.stream) as listener, await RawClient.connect(listener.port) as client:
        await client.send_request("POST", "/")
        response, head = await client.read_head()
        task = asyncio.create_task(listener.drain(LONG))
        await draining(task)
        gate.open.set()
        assert await client.read_body(response, head) == b"begun, ended"
        async with asyncio.timeout(5):
            assert await task == 0
        assert await client.closed() is False


@both_loops
async def test_a_request_in_the_middle_of_its_body_may_finish() -> None:
    async with serving(describe) as listener, await RawClient.connect(listener.port) as client:
        await client.send(request("POST", "/", [(b"expect", b"100-continue"), (b"content-length", b"2")]))
        assert (await client.read_response()).status == 100
        task = asyncio.create_task(listener.drain(LONG))
        await draining(task)
        await client.send(b"{}")
        answer = await client.read_response()
        assert answer.json()["body"] == "{}"  # type: ignore[index]
        assert answer.header(b"connection") == b"close"
        async with asyncio.timeout(5):
            assert await task == 0


@both_loops
async def test_requests_that_wait_behind_the_one_in_work_are_not_begun() -> None:
    gate = Gate()
    serve = Recorder(gate.stream)
    async with serving(serve) as listener, await RawClient.connect(listener.port) as client:
        await client.send(request("POST", "/first") + request("POST", "/second"))
        response, head = await client.read_head()
        task = asyncio.create_task(listener.drain(LONG))
        await draining(task)
        gate.open.set()
        assert await client.read_body(response, head) == b"begun, ended"
        assert await client.read_to_close() == b""
        async with asyncio.timeout(5):
            assert await task == 0
        assert [received.path for received in serve.requests] == ["/first"]


@both_loops
async def test_what_takes_too_long_is_cancelled_and_counted() -> None:
    gate = Gate()
    serve = Recorder(gate.stream)
    async with serving(serve) as listener, await RawClient.connect(listener.port) as client:
        await client.send_request("POST", "/")
        response, head = await client.read_head()
        assert await listener.drain(0.05) == 1
        with pytest.raises(BrokenResponse):
            await client.read_body(response, head)
        assert serve.cancelled == 1


@both_loops
async def test_a_cancelled_exchange_may_still_say_goodbye() -> None:
    async def polite(_: RelayRequest, responder: Responder) -> None:
        responder.start(200, [], None)
        try:
            await asyncio.Event().wait()
        finally:
            responder.write(b"event: error\n\n")
            responder.finish()

    async with serving(polite) as listener, await RawClient.connect(listener.port) as client:
        await client.send_request("POST", "/")
        response, head = await client.read_head()
        assert await listener.drain(0) == 1
        assert await client.read_body(response, head) == b"event: error\n\n"


@both_loops
async def test_a_client_that_takes_nothing_does_not_hold_up_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cc_relay.net.downstream.listener.GOODBYE", 0.1)

    async def pour(received: RelayRequest, responder: Responder) -> None:
        responder.start(200, [], None)
        responder.write(b"x" * 10_000_000)
        await forever(received, responder)

    async with serving(pour) as listener, await RawClient.connect(listener.port) as client:
        await client.send_request("POST", "/")
        await client.read_head()
        async with asyncio.timeout(5):
            assert await listener.drain(0.05) == 1
        assert len(listener._roster) == 0


@both_loops
async def test_a_client_that_never_finishes_its_request_does_not_hold_up_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("cc_relay.net.downstream.listener.GOODBYE", 0.1)
    async with serving(describe) as listener, await RawClient.connect(listener.port) as client:
        await client.send(request("POST", "/", [(b"expect", b"100-continue"), (b"content-length", b"2")]))
        assert (await client.read_response()).status == 100
        async with asyncio.timeout(5):
            assert await listener.drain(0.05) == 0
        assert len(listener._roster) == 0


@both_loops
async def test_two_listeners_on_one_port_are_an_error() -> None:
    async with serving(describe) as listener:
        with pytest.raises(OSError, match="address already in use"):
            await listen(describe, "127.0.0.1", listener.port, limits=Limits())


@both_loops
async def test_a_listener_says_where_it_listens_and_who_is_there() -> None:
    async with serving(describe) as listener, await RawClient.connect(listener.port) as client:
        await client.exchange("GET", "/")
        assert listener.host == "127.0.0.1"
        assert repr(listener) == f"<Listener 127.0.0.1:{listener.port} 1 connections>"
        await listener.close()
        assert repr(listener) == f"<Listener 127.0.0.1:{listener.port} 0 connections>"
