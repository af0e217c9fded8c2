"""Generated traffic, sent straight at a simulated provider."""

from cc_relay.sim.demo import demo_settings
from cc_relay.sim.faults import FaultRule
from cc_relay.sim.server import Simulator
from cc_relay.sim.settings import SimSettings
from cc_relay.sim.traffic import KINDS, burst, flow


async def started(**settings):
    simulator = Simulator(SimSettings(**settings))
    await simulator.start()
    return simulator


async def test_a_burst_is_answered_in_every_kind():
    simulator = await started()
    results = await burst(simulator.url, 80)
    await simulator.close()
    assert [result for result in results if result.error] == []
    assert {result.kind for result in results} == {kind.name for kind in KINDS}
    assert all(result.output_tokens for result in results if result.kind != "count")
    assert all(0 < result.first_byte_ms <= result.total_ms for result in results)


async def test_sessions_read_their_prefix_from_the_cache():
    # Forty prefixes would exceed the limit many times over; what is read from the cache is free.
    simulator = await started(itpm=40_000)
    results = await burst(simulator.url, 40)
    await simulator.close()
    assert [result for result in results if result.error] == []


async def test_what_a_client_would_see_is_told():
    for fault, error in {"529": "status 529", "reset": "no answer", "reset-mid": "broken off"}.items():
        simulator = await started(faults=(FaultRule(fault=fault),))
        results = await burst(simulator.url, 8)
        await simulator.close()
        assert {result.error for result in results if result.kind != "count"} == {error}


async def test_nobody_there_is_a_result_and_no_exception():
    simulator = await started()
    await simulator.close()
    (result,) = await burst("http://127.0.0.1:9", 1)
    assert (result.status, result.error) == (0, "no answer")


async def test_the_flow_goes_on_until_it_is_left():
    simulator = await started()
    results = []
    stream = flow(simulator.url, rate=200)
    async for result in stream:
        results.append(result)
        if len(results) == 10:
            break
    await stream.aclose()
    # Behind this one in the queue, so that no connection is half accepted when the listener closes.
    await burst(simulator.url, 1)
    await simulator.idle()
    await simulator.close()
    assert len(results) == 10


async def test_the_demo_provider_is_unwell_now_and_then():
    settings = demo_settings()
    assert set(settings) == {"anthropic", "zai"}
    simulator = await started(faults=settings["anthropic"].faults)
    results = await burst(simulator.url, 60)
    await simulator.close()
    assert 0 < len([result for result in results if result.error]) < 30
