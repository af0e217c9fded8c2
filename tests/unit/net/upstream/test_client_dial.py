"""What a client does with a connection that was dialed for it."""

import asyncio
from collections.abc import Callable
from math import inf

import pytest
from tests.support.transports import FakeTransport
from tests.support.virtual_time import virtual

from cc_relay.errors import Stage, UpstreamError
from cc_relay.exchange import Origin, Timeouts, UpstreamRequest
from cc_relay.net.upstream.client import UpstreamClient
from cc_relay.net.upstream.connection import UpstreamConnection

ORIGIN = Origin("http", "provider.test", 80)


class DeadOnArrival:
    """Dials connections whose other side speaks before it is asked, or leaves, in the very turn they are made."""

    def __init__(self, surprise: bytes) -> None:
        self.timeouts: list[float] = []
        self._surprise = surprise

    async def dial(
        self,
        origin: Origin,
        protocol_factory: Callable[[], UpstreamConnection],
        *,
        timeout: float,  # noqa: ASYNC109 -- the real one's
    ) -> UpstreamConnection:
        self.timeouts.append(timeout)
        connection = protocol_factory()
        transport = FakeTransport(connection)
        transport.feed(self._surprise)
        transport.feed_eof()
        await asyncio.sleep(0)
        assert not transport.written
        return connection


@virtual
@pytest.mark.parametrize("surprise", [b"", b"HTTP/1.1 408 Request Timeout\r\n\r\n"])
async def test_a_connection_that_is_dead_on_arrival_is_a_failure_before_anything_was_sent(surprise: bytes) -> None:
    loop = asyncio.get_running_loop()
    client = UpstreamClient(loop, {})
    dialer = DeadOnArrival(surprise)
    client._dialer = dialer  # type: ignore[assignment]  # a fake of the one method it needs
    request = UpstreamRequest(ORIGIN, b"POST", b"/", [], b"{}", Timeouts(connect=10))
    for deadline_at in (inf, loop.time() + 3):
        with pytest.raises(UpstreamError, match="closed the connection at once") as caught:
            await client.send(request, deadline_at)
        assert caught.value.stage is Stage.CONNECT
    assert dialer.timeouts == [10, 3]
