"""A client of a scripted upstream, and what it sends."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from math import inf

import pytest
from tests.support.scripted import ScriptedUpstream

from cc_relay.errors import UpstreamError
from cc_relay.exchange import Headers, Origin, Timeouts, UpstreamRequest
from cc_relay.net.upstream.answer import Answer
from cc_relay.net.upstream.client import UpstreamClient

PATIENT = Timeouts(connect=10.0, first_byte=10.0, idle=10.0)


def request(
    upstream: ScriptedUpstream,
    body: bytes = b"{}",
    *,
    method: bytes = b"POST",
    target: bytes = b"/v1/messages",
    headers: Headers | None = None,
    timeouts: Timeouts = PATIENT,
) -> UpstreamRequest:
    origin = Origin("http", "127.0.0.1", upstream.port)
    return UpstreamRequest(origin, method, target, headers or [], body, timeouts)


@asynccontextmanager
async def sender() -> AsyncIterator[UpstreamClient]:
    """A client whose unused connections are closed at the end."""
    client = UpstreamClient(asyncio.get_running_loop(), {})
    try:
        yield client
    finally:
        client.close()
        # Closing takes a turn of the loop.
        await asyncio.sleep(0)


async def whole(answer: Answer) -> bytes:
    """The body of an answer to its end."""
    pieces = []
    while piece := await answer.receive(inf):
        pieces.append(piece)
    return b"".join(pieces)


async def ask(client: UpstreamClient, upstream: ScriptedUpstream, body: bytes = b"{}") -> bytes:
    """Send, and read the whole body."""
    return await whole(await client.send(request(upstream, body), inf))


async def failure(client: UpstreamClient, asked: UpstreamRequest, deadline_at: float = inf) -> UpstreamError:
    """The error of an exchange that must fail: before its head, or in its body."""

    async def exchange() -> None:
        answer = await client.send(asked, deadline_at)
        try:
            await whole(answer)
        finally:
            answer.close()

    with pytest.raises(UpstreamError) as caught:
        await exchange()
    return caught.value
