"""Rate limits on a clock of the test's own, credentials, and the headers that tell of both."""

import pytest
from tests.unit.sim.simulation import NOON, Simulation, header, parsed

from cc_relay.sim.limits import Allowance, KeyLimits, Limits


def test_a_limit_of_requests_refuses_the_next_and_says_when():
    simulation = Simulation(rpm=2)
    assert [simulation.ask().status for _ in range(3)] == [200, 200, 429]
    refused = simulation.ask()
    assert parsed(refused)["error"]["type"] == "rate_limit_error"
    assert header(refused, b"retry-after") == b"30"


def test_a_spent_limit_refills_steadily():
    simulation = Simulation(rpm=2)
    for _ in range(3):
        simulation.ask()
    simulation.now += 29.0
    assert simulation.ask().status == 429
    simulation.now += 1.0
    assert simulation.ask().status == 200


def test_each_key_has_its_own_limits():
    simulation = Simulation(rpm=1)
    assert [simulation.ask(key=key).status for key in ("sk-a", "sk-b", "sk-a")] == [200, 200, 429]


def test_output_is_charged_when_it_is_known():
    simulation = Simulation(otpm=100, text_tokens=130)
    assert [simulation.ask().status for _ in range(2)] == [200, 429]
    assert header(simulation.ask(), b"retry-after") == b"19"


def test_headers_name_limit_remaining_and_reset():
    reply = Simulation(rpm=60, itpm=10_000, otpm=5_000).ask()
    assert header(reply, b"anthropic-ratelimit-requests-limit") == b"60"
    assert header(reply, b"anthropic-ratelimit-requests-remaining") == b"59"
    assert header(reply, b"anthropic-ratelimit-requests-reset") == b"2026-11-23T12:00:01Z"
    assert header(reply, b"anthropic-ratelimit-output-tokens-limit") == b"5000"
    assert header(reply, b"anthropic-ratelimit-tokens-limit") == b"5000"
    assert header(reply, b"anthropic-ratelimit-input-tokens-remaining") == b"10000"


def test_without_limits_there_are_no_headers():
    assert not [name for name, _ in Simulation().ask().headers if name.startswith(b"anthropic-ratelimit")]


def test_other_dialects_refuse_without_headers():
    simulation = Simulation("zai", rpm=1)
    simulation.ask()
    refused = simulation.ask()
    assert parsed(refused)["error"]["type"] == "1302"
    assert header(refused, b"retry-after") is None


def test_what_is_read_from_the_cache_is_not_charged():
    long = [{"type": "text", "text": "word " * 2000, "cache_control": {"type": "ephemeral"}}]
    simulation = Simulation(itpm=4000)
    assert [simulation.ask(system=long).status for _ in range(4)] == [200] * 4


def test_a_clock_that_steps_back_refills_nothing():
    allowance = Allowance(60, NOON)
    allowance.charge(60, NOON)
    assert allowance.level(NOON - 100) == 0
    assert allowance.level(NOON + 1) == pytest.approx(1)


def test_a_request_larger_than_the_limit_waits_for_a_full_allowance():
    limits = KeyLimits(Limits(input_tokens=100), NOON)
    assert limits.try_admit(500, NOON) is None
    assert limits.try_admit(500, NOON) == ("input-tokens", pytest.approx(300))


def test_a_key_may_come_as_bearer():
    simulation = Simulation(keys=("sk-a",))
    assert simulation.ask(key="", headers=[(b"authorization", b"Bearer sk-a")]).status == 200
    assert simulation.ask(key="", headers=[(b"authorization", b"Bearer sk-b")]).status == 401


def test_a_wrong_key_is_refused():
    reply = Simulation(keys=("sk-a",)).ask(key="sk-b")
    assert (reply.status, parsed(reply)["error"]["type"]) == (401, "authentication_error")


def test_a_login_needs_its_beta_and_gets_its_unified_headers():
    simulation = Simulation()
    assert simulation.ask(key="sk-ant-oat01-x").status == 401
    reply = simulation.ask(key="sk-ant-oat01-x", headers=[(b"anthropic-beta", b"a,oauth-2025-04-20")])
    assert reply.status == 200
    assert header(reply, b"anthropic-ratelimit-unified-status") == b"allowed"
