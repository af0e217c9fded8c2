"""What the management API is told of a running relay."""

import asyncio
from datetime import UTC, datetime
from math import inf

from tests.support.fakes import FakeProvider, FakeSender, FakeWatch, upstream, upstream_of
from tests.support.virtual_time import virtual
from tests.unit.runtime.records import attempt, record

from cc_relay.exchange import Attempt, Candidate, Considered, Credential, Declined, Outcome, Refusal, Trace, Usage
from cc_relay.management.ports import Control
from cc_relay.management.views import ProviderView
from cc_relay.policy.lease import Lease
from cc_relay.policy.shortcomings import Shortcoming
from cc_relay.providers.capabilities import THINKING_HISTORY
from cc_relay.relay.shells import Shells
from cc_relay.relay.snapshot import Snapshot, Upstream
from cc_relay.runtime.control import RelayControl, provider_view, request_view
from cc_relay.runtime.ring import Ring

WALL = 1_767_323_045.678
"""2026-01-02 03:04:05.678 UTC, the wall clock while the loop's shows 1000."""

WORK = Candidate("work", Credential("key-1", "sk-never-shown"), "claude-opus-5-5")
SPARE = Candidate("spare", Credential("key-2", "sk-never-shown"), "glm-5")


def control(*upstreams: Upstream, ring: Ring | None = None) -> RelayControl:
    loop = asyncio.get_running_loop()
    shells = Shells(
        sender=FakeSender(),
        record=lambda _: None,
        watch=FakeWatch(),
        loop=loop,
        dice=lambda: 0.5,
        wall_clock=lambda: WALL - 1000.0 + loop.time(),
    )
    snapshot = Snapshot(generation=4, upstreams=upstreams)
    return RelayControl(ring or Ring(), lambda: snapshot, shells, lambda: 7, "127.0.0.1:8787")


def view(one: Upstream, *lacking: Shortcoming) -> ProviderView:
    return provider_view(one, list(lacking), asyncio.get_running_loop().time())


def trace(**changes: object) -> Trace:
    considered = (Considered(1, WORK, "priority 2"), Considered(2, SPARE, "priority 1"))
    plain = {"strategy": "failover", "generation": 3, "affinity": "home", "declined": (), "waited": 0.0}
    return Trace(**{**plain, "candidates": lambda: considered, **changes})


@virtual
async def test_it_fits_the_port() -> None:
    port: Control = control()
    assert port.capacity == Ring().capacity


@virtual
async def test_a_request_is_found_by_its_id_with_the_wall_clocks_time() -> None:
    ring = Ring()
    ring.add(record(id="req_1"))
    ring.add(record(id="req_2", outcome=Outcome.FAILED))
    told = control(ring=ring)

    found = told.find_request("req_1")
    assert found is not None
    assert found.arrived_at == datetime.fromtimestamp(WALL, UTC)
    assert told.find_request("req_3") is None
    assert len(told.recent_requests(1)) == 1


def test_a_record_is_told_from_arrival_to_end() -> None:
    declined = (
        Declined(WORK, Refusal("rate", 1012.0), 1000.001),
        Declined(SPARE, Refusal("cannot carry it: documents", inf), 1000.002),
    )
    failed = Attempt(WORK, Outcome.FAILED, None, "refused", 1000.1, 1000.25, "CONNECT")
    second = Attempt(SPARE, Outcome.DELIVERED, 200, "", 1000.3, 1000.5, None, is_hedge=True)
    shown = request_view(
        record(
            attempts=(failed, second),
            usage=Usage(input=1, output=2, cache_read=3, cache_write_5m=4, cache_write_1h=5),
            first_byte_at=1000.4,
            trace=trace(declined=declined, waited=0.04),
        ),
        WALL - 1000.0,
    )

    assert (shown.duration_ms, shown.first_byte_ms, shown.waited_ms) == (500.0, 400.0, 40.0)
    assert (shown.strategy, shown.affinity, shown.generation) == ("failover", "home", 3)
    assert [(one.rank, one.provider, one.key, one.reason) for one in shown.candidates] == [
        (1, "work", "key-1", "priority 2"),
        (2, "spare", "key-2", "priority 1"),
    ]
    assert [(one.provider, one.reason, one.retry_in_ms, one.at_ms) for one in shown.refusals] == [
        ("work", "rate", 11_999.0, 1.0),
        ("spare", "cannot carry it: documents", None, 2.0),
    ]
    assert [(one.number, one.stage, one.status, one.is_hedge, one.duration_ms) for one in shown.attempts] == [
        (1, "connect", None, False, 150.0),
        (2, None, 200, True, 200.0),
    ]
    assert (shown.usage.input, shown.usage.output, shown.usage.cache_write_1h) == (1, 2, 5)
    assert "never-shown" not in repr(shown)


def test_what_was_never_planned_has_no_candidates() -> None:
    shown = request_view(record(attempts=(), trace=None, outcome=Outcome.REJECTED, status=401), 0.0)

    assert (shown.strategy, shown.affinity, shown.generation, shown.candidates) == ("", "none", 0, [])
    assert shown.first_byte_ms is None


def test_an_affinity_nobody_knows_is_none() -> None:
    assert request_view(record(attempts=(attempt(),), trace=trace(affinity="elsewhere")), 0.0).affinity == "none"


@virtual
async def test_the_overview_counts_and_lists() -> None:
    told = control(upstream("a"), upstream("b"))
    await asyncio.sleep(90)
    overview = told.overview()

    assert (overview.listen, overview.generation, overview.uptime_s) == ("127.0.0.1:8787", 4, 90.0)
    assert (overview.in_flight, overview.waiting) == (7, 0)
    assert [(one.name, one.state, one.reason, one.retry_in_ms) for one in overview.providers] == [
        ("a", "CLOSED", "", None),
        ("b", "CLOSED", "", None),
    ]


@virtual
async def test_an_open_breaker_is_told_with_its_reason_and_time() -> None:
    one = upstream("a", threshold=1)
    one.breaker.record_failure(0, None, "529 overloaded_error", asyncio.get_running_loop().time())
    await asyncio.sleep(10)
    assert (view(one).state, view(one).reason, view(one).retry_in_ms) == ("OPEN", "529 overloaded_error", 20_000.0)
    await asyncio.sleep(20)
    assert (view(one).state, view(one).retry_in_ms) == ("HALF_OPEN", 0.0)


@virtual
async def test_a_provider_whose_keys_are_all_out_is_open_until_the_first_is_back() -> None:
    one = upstream("a", "k1", "k2")
    now = asyncio.get_running_loop().time()
    first, second = one.pool.keys
    one.pool.cool(first, "", 7.0, now, lambda: 0.5)
    assert view(one).state == "CLOSED"
    one.pool.refuse(second, now)

    shown = view(one)
    assert (shown.state, shown.reason, shown.retry_in_ms) == ("OPEN", "every key is out: throttled", 7000.0)
    assert [(key.state, key.reason, key.retry_in_ms) for key in shown.keys] == [
        ("OPEN", "throttled", 7000.0),
        ("OPEN", "credential", 60_000.0),
    ]


@virtual
async def test_a_provider_for_clients_own_logins_has_no_keys_and_is_closed() -> None:
    shown = view(upstream_of(FakeProvider("login")))

    assert (shown.state, shown.keys) == ("CLOSED", [])


@virtual
async def test_a_family_that_waits_leaves_its_key_closed() -> None:
    one = upstream("a", "k1")
    one.pool.cool(one.pool.keys[0], "sonnet", 7.0, asyncio.get_running_loop().time(), lambda: 0.5)

    shown = view(one)
    assert (shown.state, shown.keys[0].state) == ("CLOSED", "CLOSED")
    assert [(cooling.family, cooling.retry_in_ms) for cooling in shown.keys[0].coolings] == [("sonnet", 7000.0)]


@virtual
async def test_a_keys_limits_are_named_as_in_the_configuration() -> None:
    one = upstream("a", "k1", limits={"rpm": 10, "itpm": 1000, "otpm": 100, "tpm": 2000})
    lease = one.pool.reserve(one.pool.keys[0], "sonnet", 50, 20, asyncio.get_running_loop().time())
    assert isinstance(lease, Lease)

    (key,) = view(one).keys
    assert [(one.family, one.kind, one.limit, one.level) for one in key.limits] == [
        ("sonnet", "rpm", 10, 9),
        ("sonnet", "itpm", 1000, 950),
        ("sonnet", "otpm", 100, 80),
        ("sonnet", "tpm", 2000, 1930),
    ]
    assert (key.in_flight, key.state, key.retry_in_ms) == (1, "CLOSED", None)


@virtual
async def test_what_a_provider_refused_is_shown_but_nothing_of_single_conversations() -> None:
    shown = view(
        upstream("a"),
        Shortcoming("a", "claude-opus-4-8", "beta:x-2026-01-01", 1060.0),
        Shortcoming("a", "session-1", THINKING_HISTORY, 1060.0),
        Shortcoming("b", "claude-opus-4-8", "beta:y-2026-01-01", 1060.0),
    )
    (one,) = shown.shortcomings
    assert (one.model, one.capability, one.retry_in_ms) == ("claude-opus-4-8", "beta:x-2026-01-01", 60_000.0)
