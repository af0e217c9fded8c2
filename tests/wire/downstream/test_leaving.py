"""A client that goes away is seen at once, and its exchange is cancelled."""

import asyncio
from collections.abc import Callable

import pytest
from tests.support.loops import both_loops
from tests.support.raw_client import RawClient, request
from tests.wire.downstream.serving import Recorder, forever, serving

from cc_relay.exchange import RelayRequest
from cc_relay.net.downstream import Limits, Listener, Responder


async def empty(listener: Listener) -> None:
    """Wait until nobody is connected."""
    assert await listener._roster.wait_empty(5.0)


LEAVINGS: dict[str, Callable[[RawClient], None]] = {
    "half-close": RawClient.half_close,
    "close": RawClient.close,
    "reset": RawClient.reset,
}
leaving = pytest.mark.parametrize("leave", LEAVINGS.values(), ids=LEAVINGS)


@both_loops
@leaving
async def test_a_client_that_leaves_before_the_answer_cancels_its_exchange(leave: Callable[[RawClient], None]) -> None:
    serve = Recorder(forever)
    async with serving(serve) as listener, await RawClient.connect(listener.port) as client:
        await client.send_request("POST", "/", body=b"{}")
        await serve.until(lambda: len(serve.requests) == 1)
        leave(client)
        await serve.until(lambda: serve.cancelled == 1)
        assert serve.responders[0].is_gone
        assert listener.exchanges == 0
        await empty(listener)


@both_loops
@leaving
@pytest.mark.parametrize("length", [None, 1_000_000])
async def test_a_client_that_leaves_in_the_middle_of_the_answer_cancels_its_exchange(
    leave: Callable[[RawClient], None], length: int | None
) -> None:
    async def stream(received: RelayRequest, responder: Responder) -> None:
        responder.start(200, [], length)
        responder.write(b"begun")
        await forever(received, responder)

    serve = Recorder(stream)
    async with serving(serve) as listener, await RawClient.connect(listener.port) as client:
        await client.send_request("POST", "/", body=b"{}")
        await client.read_head()
        leave(client)
        await serve.until(lambda: serve.cancelled == 1)
        assert serve.responders[0].is_gone
        serve.responders[0].write(b"to nobody")
        serve.responders[0].finish()
        await empty(listener)


@both_loops
async def test_a_client_that_reads_nothing_and_leaves_is_seen_too() -> None:
    async def stream(received: RelayRequest, responder: Responder) -> None:
        responder.start(200, [], None)
        responder.write(b"x" * 10_000_000)
        await forever(received, responder)

    serve = Recorder(stream)
    async with serving(serve) as listener, await RawClient.connect(listener.port) as client:
        await client.send_request("POST", "/", body=b"{}")
        await client.read_head()
        client.close()
        await serve.until(lambda: serve.cancelled == 1)
        await empty(listener)


@both_loops
async def test_a_client_that_closes_its_side_and_reads_nothing_is_not_kept_for_ever() -> None:
    async def stream(received: RelayRequest, responder: Responder) -> None:
        responder.start(200, [], None)
        responder.write(b"x" * 10_000_000)
        await forever(received, responder)

    serve = Recorder(stream)
    limits = Limits(body_silence=0.1)
    async with serving(serve, limits) as listener, await RawClient.connect(listener.port) as client:
        await client.send_request("POST", "/", body=b"{}")
        await client.read_head()
        client.half_close()
        await serve.until(lambda: serve.cancelled == 1)
        await empty(listener)


@both_loops
@leaving
async def test_a_client_that_leaves_in_the_middle_of_its_request_leaves_nothing_behind(
    leave: Callable[[RawClient], None],
) -> None:
    serve = Recorder()
    async with serving(serve) as listener, await RawClient.connect(listener.port) as client:
        await client.send(request("POST", "/", [(b"content-length", b"100")]) + b"half")
        leave(client)
        await empty(listener)
        assert serve.requests == []


@both_loops
@leaving
async def test_a_client_that_leaves_while_requests_wait_cancels_the_one_in_work_and_none_is_begun(
    leave: Callable[[RawClient], None],
) -> None:
    serve = Recorder(forever)
    async with serving(serve) as listener, await RawClient.connect(listener.port) as client:
        await client.send(b"".join(request("GET", f"/{number}") for number in range(4)))
        await serve.until(lambda: len(serve.requests) == 1)
        leave(client)
        await serve.until(lambda: serve.cancelled == 1)
        await empty(listener)
        assert [received.path for received in serve.requests] == ["/0"]


@both_loops
@leaving
async def test_a_client_that_asks_and_leaves_in_one_breath_leaves_nothing_behind(
    leave: Callable[[RawClient], None],
) -> None:
    serve = Recorder(forever)
    async with serving(serve) as listener:
        for _ in range(20):
            client = await RawClient.connect(listener.port)
            await client.send_request("POST", "/", body=b"{}")
            leave(client)
            client.close()
        async with await RawClient.connect(listener.port):
            await serve.until(lambda: serve.cancelled == len(serve.requests))


@both_loops
async def test_the_exchange_that_ended_before_its_client_left_may_finish_what_it_does() -> None:
    settled = asyncio.Event()
    gate = asyncio.Event()

    async def settle_later(received: RelayRequest, responder: Responder) -> None:
        responder.respond(200, [], b"answer")
        await gate.wait()
        settled.set()

    async with serving(settle_later) as listener, await RawClient.connect(listener.port) as client:
        assert (await client.exchange("POST", "/")).body == b"answer"
        client.reset()
        await empty(listener)
        gate.set()
        async with asyncio.timeout(5):
            await settled.wait()
