"""One thing is broken, many clients ask at once, and none of them notices: a real relay before simulated providers."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from tests.support.builders import messages_body
from tests.support.raw_client import RawClient

from cc_relay.config import Config, Loaded
from cc_relay.runtime.options import ServeOptions
from cc_relay.runtime.relay import Relay
from cc_relay.sim.faults import FaultRule
from cc_relay.sim.server import Simulator
from cc_relay.sim.settings import SimSettings

BEFORE_CONTENT = [
    "500", "529", "503", "502-html", "html", "reset", "reset-head", "stall", "stall-head", "empty", "error-in-band",
    "429", "quota", "plan", "401", "403",
]  # fmt: skip
"""What a first provider does to each and every request."""

CLIENTS, REQUESTS = 8, 5


@asynccontextmanager
async def staged(
    *settings: SimSettings, keys: tuple[int, ...] = (1, 1), is_first_gone: bool = False
) -> AsyncIterator[Relay]:
    """A relay whose providers are these simulators, the first with the highest priority.

    Behind it everything that was reserved has been given back.
    """
    simulators = [Simulator(one) for one in settings]
    for simulator in simulators:
        await simulator.start()
    providers = [
        {
            "name": f"p{number}",
            "type": "anthropic",
            "base_url": simulator.url,
            "priority": 10 - number,
            "keys": [f"sk-{number}-{key}" for key in range(keys[number])],
        }
        for number, simulator in enumerate(simulators)
    ]
    config = {
        "server": {"listen": "127.0.0.1:0"},
        "admin": {"listen": "127.0.0.1:0"},
        "routing": {"debug": True, "failover_timeout": 300},
        "logging": {"requests": False, "level": "error", "output": "/dev/null"},
        "providers": providers,
    }
    if is_first_gone:
        await simulators[0].close()
    relay = Relay(Loaded(Config.model_validate(config), "test"), ServeOptions(), {})
    await relay.start()
    try:
        yield relay
        for upstream in relay.snapshot.upstreams:
            assert upstream.standing.in_flight == 0
            assert [key.in_flight for key in upstream.pool.keys] == [0] * len(upstream.pool.keys)
    finally:
        await relay.stop()
        for simulator in simulators:
            await simulator.close()


async def flood(relay: Relay, *, stream: bool) -> Counter[tuple[int, bytes]]:
    """Every client asks a few times, one after the other; returns statuses with who answered."""
    seen: Counter[tuple[int, bytes]] = Counter()

    async def client(number: int) -> None:
        headers = [(b"content-type", b"application/json"), (b"x-claude-code-session-id", b"session-%d" % number)]
        async with await RawClient.connect(relay.address[1]) as connection:
            for _ in range(REQUESTS):
                body = messages_body(stream=stream, max_tokens=8)
                response = await connection.exchange("POST", "/v1/messages", headers, body)
                if stream:
                    assert response.body.rstrip().endswith(b'data: {"type":"message_stop"}'), response.body[-300:]
                    assert response.body.count(b"event: message_start") == 1
                seen[response.status, response.header(b"x-cc-relay-provider") or b""] += 1

    async with asyncio.TaskGroup() as tasks:
        for number in range(CLIENTS):
            tasks.create_task(client(number))
    return seen


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("fault", BEFORE_CONTENT)
async def test_no_client_notices_a_provider_that_fails_every_request(fault: str, stream: bool) -> None:
    broken = SimSettings(faults=(FaultRule(fault=fault, probability=1.0, retry_after=600),))
    async with staged(broken, SimSettings()) as relay:
        seen = await flood(relay, stream=stream)
    assert seen == {(200, b"p1"): CLIENTS * REQUESTS}


@pytest.mark.parametrize("stream", [True, False])
async def test_no_client_notices_a_provider_that_refuses_connections(stream: bool) -> None:
    async with staged(SimSettings(), SimSettings(), is_first_gone=True) as relay:
        seen = await flood(relay, stream=stream)
    assert seen == {(200, b"p1"): CLIENTS * REQUESTS}


@pytest.mark.parametrize("stream", [True, False])
async def test_no_client_notices_a_key_that_is_exhausted(stream: bool) -> None:
    """Six keys of seven requests a minute each: forty requests fit, whoever they belong to."""
    async with staged(SimSettings(rpm=7), keys=(6,)) as relay:
        seen = await flood(relay, stream=stream)
    assert seen == {(200, b"p0"): CLIENTS * REQUESTS}


async def test_limits_told_in_headers_spare_the_clients_every_429() -> None:
    """The configuration says nothing of limits; the answers do, and nobody is sent where nothing is left."""
    async with staged(SimSettings(rpm=600), keys=(2,)) as relay:
        seen = await flood(relay, stream=False)
        keys = relay.snapshot.upstreams[0].pool.keys
        learned = [kind for key in keys for _, kind, limit, _ in key.utilisation(0.0) if limit == 600.0]
    assert seen == {(200, b"p0"): CLIENTS * REQUESTS}
    assert learned == ["requests"] * len(keys)
