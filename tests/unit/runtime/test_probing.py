"""Health checks: who is asked, with what, and what an answer changes."""

import asyncio
import logging

import pytest
from tests.support.fakes import (
    FakeIncoming,
    FakeProvider,
    FakeSender,
    FakeWatch,
    answer,
    failure,
    unreachable,
    upstream,
    upstream_of,
)
from tests.support.virtual_time import settle, virtual

from cc_relay.errors import UpstreamError
from cc_relay.exchange import Candidate, Credential, UpstreamRequest
from cc_relay.policy.breaker import BreakerState
from cc_relay.relay.snapshot import Snapshot, Upstream
from cc_relay.runtime.probing import PROBE_SECONDS, Prober

INTERVAL = 10.0


class Check:
    """A prober over these upstreams, whose sender answers as told."""

    def __init__(self, *answers: FakeIncoming | UpstreamError, upstreams: tuple[Upstream, ...]) -> None:
        self.loop = asyncio.get_running_loop()
        self.sender = FakeSender(*answers)
        self.watch = FakeWatch()
        self.snapshot = Snapshot(generation=1, upstreams=upstreams)
        self.prober = Prober(lambda: self.snapshot, self.sender, self.watch, self.loop.time)


def opened(one: Upstream) -> Upstream:
    now = asyncio.get_running_loop().time()
    while one.breaker.is_closed:
        one.breaker.record_failure(0, None, "down", now)
    return one


def state(one: Upstream) -> BreakerState:
    return one.breaker.state(asyncio.get_running_loop().time())


@virtual
async def test_who_is_open_is_asked_with_the_cheapest_call_and_nobody_else_is() -> None:
    down, well = opened(upstream("down", "k1")), upstream("well")
    check = Check(answer(b"{}"), upstreams=(down, well))
    await check.prober.look()

    assert check.sender.asked == ["down/k1"]
    assert check.sender.requests[0].target == b"/v1/models"
    assert state(down) is BreakerState.HALF_OPEN
    assert check.watch.heard == ["down half_open"]


@virtual
async def test_who_is_tried_already_is_not_asked() -> None:
    down = opened(upstream("down"))
    check = Check(answer(b"{}"), upstreams=(down,))
    await check.prober.look()
    await check.prober.look()

    assert check.watch.heard == ["down half_open"]


@pytest.mark.parametrize("status", [500, 502, 503, 504, 529])
@virtual
async def test_a_service_that_is_down_stays_open(status: int) -> None:
    down = opened(upstream("down"))
    check = Check(failure(status), upstreams=(down,))
    await check.prober.look()

    assert (state(down), check.watch.heard) == (BreakerState.OPEN, [])


@pytest.mark.parametrize("status", [200, 401, 403, 404, 429])
@virtual
async def test_any_other_answer_shows_that_it_is_back(status: int) -> None:
    down = opened(upstream("down"))
    check = Check(failure(status), upstreams=(down,))
    await check.prober.look()

    assert state(down) is BreakerState.HALF_OPEN


@virtual
async def test_an_answer_is_let_go_and_a_connection_that_fails_is_no_answer() -> None:
    one, other = opened(upstream("one")), opened(upstream("other"))
    told = answer(b"{}")
    await Check(told, unreachable(), upstreams=(one, other)).prober.look()

    assert told.is_closed
    assert (state(one), state(other)) == (BreakerState.HALF_OPEN, BreakerState.OPEN)


@virtual
async def test_a_silent_service_is_given_up() -> None:
    down = opened(upstream("down"))
    check = Check(answer(after=PROBE_SECONDS * 2), upstreams=(down,))
    began = check.loop.time()
    await check.prober.look()

    assert check.loop.time() == began + PROBE_SECONDS
    assert state(down) is BreakerState.OPEN


@virtual
async def test_clients_own_logins_are_not_used() -> None:
    check = Check(upstreams=(opened(upstream_of(FakeProvider("login"))),))
    await check.prober.look()

    assert check.sender.asked == []


@virtual
async def test_a_key_that_is_out_is_not_the_one_to_ask_with() -> None:
    down = opened(upstream("down", "k1", "k2"))
    now = asyncio.get_running_loop().time()
    down.pool.refuse(down.pool.keys[0], now)
    check = Check(answer(b"{}"), upstreams=(down,))
    await check.prober.look()

    assert check.sender.asked == ["down/k2"]


@virtual
async def test_where_every_key_is_out_the_first_has_to_do() -> None:
    down = opened(upstream("down", "k1"))
    down.pool.refuse(down.pool.keys[0], asyncio.get_running_loop().time())
    check = Check(answer(b"{}"), upstreams=(down,))
    await check.prober.look()

    assert check.sender.asked == ["down/k1"]


@virtual
async def test_it_looks_at_the_configuration_of_the_moment_every_interval() -> None:
    first, second = opened(upstream("first")), opened(upstream("second"))
    check = Check(unreachable(), unreachable(), upstreams=(first,))
    check.prober.start(INTERVAL)
    await asyncio.sleep(INTERVAL)
    await settle()
    check.snapshot = Snapshot(generation=2, upstreams=(second,))
    await asyncio.sleep(INTERVAL)
    await settle()
    await check.prober.stop()

    assert [one.partition("/")[0] for one in check.sender.asked] == ["first", "second"]
    assert check.sender.sent_at[1] - check.sender.sent_at[0] == INTERVAL


@virtual
async def test_stopping_gives_up_what_is_under_way() -> None:
    told = answer(after=5.0)
    check = Check(told, upstreams=(opened(upstream("down")),))
    check.prober.start(INTERVAL)
    await asyncio.sleep(INTERVAL + 1.0)
    await check.prober.stop()
    await check.prober.stop()

    assert check.sender.is_used_up
    assert told.is_closed


@virtual
async def test_a_prober_that_never_started_stops() -> None:
    await Check(upstreams=()).prober.stop()


class Broken(FakeProvider):
    """A provider with a bug."""

    def prepare_probe(self, candidate: Candidate) -> UpstreamRequest:
        raise RuntimeError("a bug of ours")


@virtual
async def test_a_bug_in_one_check_does_not_end_the_others(caplog: pytest.LogCaptureFixture) -> None:
    broken = upstream_of(Broken("broken"), (Credential("key-k", "k"),))
    check = Check(answer(b"{}"), upstreams=(opened(broken), opened(upstream("down", "k1"))))
    with caplog.at_level(logging.ERROR, "cc_relay.health"):
        await check.prober.look()

    assert check.sender.asked == ["down/k1"]
    assert [line.getMessage() for line in caplog.records] == [
        "the health check of broken failed because of a bug of ours"
    ]


class Source:
    """Has a credential, or none at the moment."""

    def __init__(self, secret: str) -> None:
        self.current = Credential("cloud", secret) if secret else None

    async def renew(self, stale: Credential | None, deadline_at: float) -> Credential:
        raise AssertionError("a health check waits for no credential")


@pytest.mark.parametrize(("secret", "asked"), [("fresh", ["down/fresh"]), ("", [])])
@virtual
async def test_a_cloud_is_asked_with_the_credential_of_the_moment(secret: str, asked: list[str]) -> None:
    down = opened(upstream("down", source=Source(secret)))
    check = Check(*[answer(b"{}")] * len(asked), upstreams=(down,))
    await check.prober.look()

    assert check.sender.asked == asked
    assert state(down) is (BreakerState.HALF_OPEN if asked else BreakerState.OPEN)
