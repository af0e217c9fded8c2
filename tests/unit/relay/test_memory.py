"""A stream may run for an hour; the prompt that asked for it does not stay in memory meanwhile."""

import asyncio
import gc
from collections.abc import Iterator
from math import inf

import pytest
from tests.support.builders import messages_body, sse_stream
from tests.support.fakes import FakeIncoming, FakeSender, Rig, Step, failure, stream, unreachable, upstream, upstream_of
from tests.support.virtual_time import virtual

from cc_relay.errors import UpstreamError
from cc_relay.exchange import UpstreamRequest
from cc_relay.providers.base import ProviderSettings
from cc_relay.providers.registry import build

FRAMES = sse_stream()
ENDLESS: list[Step] = [*FRAMES[:5], inf]


class Body(bytes):
    """Bytes that tell when they go: they take no weak reference."""

    gone = False

    def __del__(self) -> None:
        type(self).gone = True


def body_class() -> type[Body]:
    """A class of its own for each test, so that no other's end is taken for it."""
    return type("Body", (Body,), {})


class ForgetfulSender(FakeSender):
    """Keeps nothing of what it sends, as a socket does."""

    async def send(self, request: UpstreamRequest, deadline_at: float) -> FakeIncoming:
        try:
            return await super().send(request, deadline_at)
        finally:
            self.requests.clear()


@pytest.fixture(autouse=True)
def _no_collector() -> Iterator[None]:
    """Memory that only the collector frees is memory that is held."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize(
    "before",
    [
        pytest.param(list, id="at once"),
        pytest.param(lambda: [unreachable()], id="after a dial failure"),
        pytest.param(lambda: [failure(529, "overloaded_error")], id="after an error answer"),
        pytest.param(lambda: [stream(FRAMES[0])], id="after a broken stream"),
        pytest.param(lambda: [unreachable(), failure(500)], id="after a second round"),
    ],
)
@virtual
async def test_while_a_stream_is_pumped_nothing_holds_the_requests_body(before: object) -> None:
    failures: list[FakeIncoming | UpstreamError] = before()  # type: ignore[operator]  # fakes are built in their loop
    rig = Rig(sender=ForgetfulSender(*failures, stream(*ENDLESS)))
    watched = body_class()
    body = watched(messages_body(stream=True))
    async with rig.begin(body=body) as exchange:
        del body
        await asyncio.sleep(10.0)
        assert exchange.downstream.is_started
        assert watched.gone
        await exchange.client_leaves()


@virtual
async def test_a_real_providers_request_is_let_go_too() -> None:
    real = build(ProviderSettings(name="p", type="anthropic", base_url=""))
    rig = Rig(sender=ForgetfulSender(stream(*ENDLESS)), upstreams=[upstream_of(real, upstream("p").credentials)])
    watched = body_class()
    body = watched(messages_body(stream=True))
    async with rig.begin(body=body) as exchange:
        del body
        await asyncio.sleep(10.0)
        assert watched.gone
        await exchange.client_leaves()


@virtual
async def test_a_settled_exchange_leaves_only_its_record() -> None:
    rig = Rig(sender=ForgetfulSender(failure(500), stream(*FRAMES)))
    watched = body_class()
    body = watched(messages_body(stream=True))
    exchange = rig.begin(body=body)
    del body
    async with exchange:
        await exchange.ended()
    assert watched.gone
