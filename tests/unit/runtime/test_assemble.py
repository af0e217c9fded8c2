"""From configuration to a snapshot: order, keys, times, and what is refused."""

from math import inf
from typing import get_args

import pytest

from cc_relay.config import Config
from cc_relay.config.field_types import StrategyName
from cc_relay.exchange import Refusal
from cc_relay.policy.breaker import BreakerState
from cc_relay.policy.key_pool import KeyPool
from cc_relay.policy.lease import Lease
from cc_relay.policy.routing import Ask
from cc_relay.relay.snapshot import Snapshot, Upstream
from cc_relay.runtime.assemble import assemble, name_of
from cc_relay.runtime.fleet import Fleet

NOW = 1000.0
MODEL = "claude-opus-5-5"
KEYED = {"name": "a", "type": "anthropic", "keys": ["sk-1"]}


def assembled(*providers: dict[str, object], **sections: object) -> Snapshot:
    return assemble(Config.model_validate({"providers": list(providers) or [KEYED], **sections}))


def reassembled(fleet: Fleet, *providers: dict[str, object], **sections: object) -> Snapshot:
    """As a reload does it."""
    return assemble(Config.model_validate({"providers": list(providers), **sections}), 2, fleet)


def the(snapshot: Snapshot) -> Upstream:
    (upstream,) = snapshot.upstreams
    return upstream


def names(snapshot: Snapshot) -> list[str]:
    return [upstream.provider.name for upstream in snapshot.upstreams]


def secrets(snapshot: Snapshot) -> list[str]:
    return [one.secret for one in the(snapshot).credentials]


def test_providers_stand_in_order_of_priority_and_ties_in_order_of_the_file() -> None:
    first, second, third, fourth = ({**KEYED, "name": name} for name in "abcd")

    assert names(assembled(first, {**second, "priority": 7}, third, {**fourth, "priority": 7})) == ["b", "d", "a", "c"]


def test_a_providers_priority_falls_back_to_its_first_keys() -> None:
    dear = {**KEYED, "name": "dear", "keys": [{"key": "sk-1", "priority": 5}, {"key": "sk-2", "priority": 9}]}
    own = {**KEYED, "name": "own", "priority": 6}

    assert names(assembled(dear, own)) == ["own", "dear"]


def test_keys_stand_in_the_order_of_the_file_and_the_pool_offers_them_by_priority() -> None:
    keys = [{"key": "low", "priority": 0}, "first", {"key": "high", "priority": 2}, "second"]
    upstream = the(assembled({**KEYED, "keys": keys, "pooling": {"strategy": "round_robin"}}))

    assert [one.secret for one in upstream.credentials] == ["low", "first", "high", "second"]
    by_name = {one.fingerprint: one.secret for one in upstream.credentials}
    offered = [by_name[key.name] for key in upstream.pool.rank(NOW, lambda: 0.5)]
    assert (offered[0], set(offered[1:3]), offered[3]) == ("high", {"first", "second"}, "low")


def test_a_key_that_stands_twice_in_the_file_is_one_with_the_first_ones_limits() -> None:
    keys = [{"key": "k", "rpm_limit": 7}, "other", {"key": "k", "rpm_limit": 70}]
    upstream = the(assembled({**KEYED, "keys": keys}))

    assert [one.secret for one in upstream.credentials] == ["k", "other"]
    assert [key.settings.rpm for key in upstream.pool.keys] == [7, 0]


def test_without_pooling_the_first_key_of_the_file_is_the_only_one() -> None:
    upstream = the(assembled({**KEYED, "keys": ["one", {"key": "two", "priority": 9}], "pooling": {"enabled": False}}))

    assert [one.secret for one in upstream.credentials] == ["one"]
    assert [key.name for key in upstream.pool.keys] == [name_of("one")]


def test_a_pool_gets_the_strategy_and_each_key_its_limits() -> None:
    key = {"key": "k", "rpm_limit": 1, "itpm_limit": 2, "otpm_limit": 3, "tpm_limit": 4, "priority": 5, "weight": 6}
    pool = the(assembled({**KEYED, "keys": [key], "pooling": {"strategy": "weighted"}})).pool

    assert pool.strategy == "weighted"
    assert pool.keys[0].settings.limits == (1, 2, 3, 4)
    assert (pool.keys[0].settings.priority, pool.keys[0].settings.weight) == (5, 6)


def test_a_breaker_goes_by_the_configured_threshold_time_and_probes() -> None:
    section = {"failure_threshold": 2, "open_duration_ms": 4000, "half_open_probes": 1}
    breaker = the(assembled(KEYED, health={"circuit_breaker": section})).breaker

    assert breaker.record_failure(0, None, "x", NOW) is None
    assert breaker.record_failure(0, None, "x", NOW) is not None
    assert (breaker.retry_at(NOW), breaker.state(NOW + 4.0)) == (NOW + 4.0, BreakerState.HALF_OPEN)
    grant = breaker.try_acquire(NOW + 4.0)
    assert grant is not None
    assert breaker.record_success(grant, None, NOW + 4.0) is not None


@pytest.mark.parametrize("strategy", get_args(StrategyName))
def test_every_strategy_of_the_format_can_be_assembled(strategy: str) -> None:
    assert assembled(routing={"strategy": strategy}).strategy.name == strategy


def test_a_strategy_by_model_gets_its_mapping() -> None:
    routing = {"strategy": "model_based", "model_mapping": {"claude-haiku": "b"}, "default_provider": "a"}
    snapshot = assembled({**KEYED, "name": "b"}, KEYED, {**KEYED, "name": "c"}, routing=routing)
    ask = Ask("claude-haiku-5-5", 10, 10, 0, "", NOW, lambda: 0.5)

    assert [lane.name for lane in snapshot.strategy.rank(snapshot.lanes("claude-haiku-5-5"), ask)] == ["b", "a", "c"]


def test_a_provider_keeps_its_priority_and_weight() -> None:
    upstream = the(assembled({**KEYED, "priority": 3, "weight": 4}))

    assert (upstream.priority, upstream.weight) == (3, 4)


def test_queue_affinity_and_hedging_are_taken_over() -> None:
    snapshot = assembled(
        routing={
            "affinity": {"enabled": False},
            "queue": {"max_wait_ms": 2500, "ping": False},
            "hedge": {"enabled": True, "factor": 2, "budget": 0.5},
        }
    )

    assert snapshot.keeps_sessions is False
    assert (snapshot.queueing.max_wait, snapshot.queueing.pings) == (2.5, False)
    assert snapshot.hedging is not None
    assert snapshot.hedging.factor == 2


def test_nothing_is_hedged_unless_it_is_asked_for() -> None:
    assert assembled().hedging is None


def test_what_costs_too_much_is_left_out_and_an_unknown_price_is_not() -> None:
    dear = {**KEYED, "name": "dear", "price": {MODEL: {"input": 1, "output": 31}}}
    cheap = {**KEYED, "name": "cheap", "price": {MODEL: {"input": 1, "output": 30}}}
    unknown = {"name": "unknown", "type": "anthropic_compatible", "base_url": "http://127.0.0.1:9", "keys": ["k"]}
    unknown["model_mapping"] = {"*": "a-model-nobody-knows"}
    snapshot = assembled(dear, cheap, unknown, routing={"max_cost_per_million_tokens": 30})

    assert [lane.name for lane in snapshot.lanes(MODEL)] == ["cheap", "unknown"]


# -- reload ----------------------------------------------------------------------------------------------------------


def test_a_reload_keeps_levels_breakers_measurements_and_turns() -> None:
    fleet = Fleet()
    routing = {"strategy": "round_robin", "hedge": {"enabled": True}}
    limited = {**KEYED, "keys": [{"key": "sk-1", "rpm_limit": 1}]}
    first = reassembled(fleet, limited, {**KEYED, "name": "b"}, routing=routing)
    used = first.upstreams[0]
    lease = reserved(used.pool)
    for _ in range(5):
        used.breaker.record_failure(0, None, "down", NOW)

    second = reassembled(fleet, {**limited, "priority": 4}, {**KEYED, "name": "b"}, routing=routing)
    upstream = second.upstreams[0]
    assert isinstance(upstream.pool.reserve(upstream.pool.keys[0], "", 1, 1, NOW), Refusal)
    assert upstream.pool.keys[0] is lease.key
    assert upstream.breaker.state(NOW) is BreakerState.OPEN
    assert upstream.standing is used.standing
    assert second.strategy is first.strategy
    assert second.hedging is not None
    assert first.hedging is not None
    assert second.hedging.budget is first.hedging.budget
    assert (second.generation, upstream.priority) == (2, 4)


def test_a_reload_takes_other_settings_of_a_breaker_that_is_open() -> None:
    fleet = Fleet()
    breaker = the(reassembled(fleet, KEYED)).breaker
    for _ in range(5):
        breaker.record_failure(0, None, "down", NOW)

    upstream = the(reassembled(fleet, KEYED, health={"circuit_breaker": {"open_duration_ms": 1000}}))
    assert upstream.breaker.retry_at(NOW) == NOW + 1.0


def test_a_key_with_other_limits_is_another_key() -> None:
    fleet = Fleet()
    reserved(the(reassembled(fleet, {**KEYED, "keys": [{"key": "k", "rpm_limit": 1}]})).pool)

    reserved(the(reassembled(fleet, {**KEYED, "keys": [{"key": "k", "rpm_limit": 2}]})).pool)


def test_what_is_gone_is_forgotten_and_comes_back_new() -> None:
    fleet = Fleet()
    gone = the(reassembled(fleet, KEYED))
    gone.breaker.record_failure(0, None, "down", NOW)
    reassembled(fleet, {**KEYED, "name": "other"})

    back = the(reassembled(fleet, KEYED))
    assert repr(fleet) == "<Fleet a>"
    assert (back.breaker is gone.breaker, back.standing is gone.standing) == (False, False)
    assert back.pool.keys[0] is not gone.pool.keys[0]


def test_a_reload_that_fails_changes_nothing() -> None:
    fleet = Fleet()
    before = the(reassembled(fleet, {**KEYED, "keys": [{"key": "sk-1", "weight": 3}]}))
    broken = {"name": "llm", "type": "anthropic_compatible"}

    with pytest.raises(ValueError, match="llm"):
        reassembled(fleet, {**KEYED, "keys": [{"key": "sk-1", "weight": 1}]}, broken)
    assert before.pool.keys[0].settings.weight == 3
    assert repr(fleet) == "<Fleet a>"


def reserved(pool: KeyPool) -> Lease:
    lease = pool.reserve(pool.keys[0], "", 1, 1, NOW)
    assert isinstance(lease, Lease)
    return lease


def test_what_is_switched_off_or_not_served_is_left_out() -> None:
    off = {**KEYED, "name": "off", "enabled": False}
    later = {"name": "later", "type": "openai_compatible", "base_url": "http://127.0.0.1:9"}

    assert names(assembled(KEYED, off, later)) == ["a"]


@pytest.mark.parametrize(
    ("type", "more", "kept"),
    [
        ("ollama", {}, ["no-key"]),
        ("anthropic_compatible", {"base_url": "http://127.0.0.1:8000"}, ["no-key"]),
        ("anthropic", {}, []),
        ("zai", {}, []),
    ],
)
def test_only_local_servers_are_asked_without_a_key(type: str, more: dict[str, str], kept: list[str]) -> None:  # noqa: A002
    (upstream,) = assembled({"name": "a", "type": type, **more}).upstreams

    assert [one.fingerprint for one in upstream.credentials] == kept
    assert [one.secret for one in upstream.credentials] == ["" for _ in kept]


def test_a_keyed_local_server_uses_its_keys_alone() -> None:
    assert secrets(assembled({"name": "a", "type": "ollama", "keys": ["k"]})) == ["k"]


def test_model_names_are_mapped() -> None:
    (upstream,) = assembled({**KEYED, "models": ["big"], "model_mapping": {"small": "tiny", "c*": "other"}}).upstreams
    asked = ["big", "small", "claude", "unknown"]

    assert [upstream.provider.upstream_model(model) for model in asked] == ["big", "tiny", "other", None]


def test_a_base_url_is_the_types_unless_it_is_told() -> None:
    told = {**KEYED, "name": "b", "base_url": "https://llm.example/anthropic"}

    assert [upstream.provider.base_url for upstream in assembled(KEYED, told).upstreams] == [
        "https://api.anthropic.com",
        "https://llm.example/anthropic",
    ]


def test_milliseconds_of_the_file_become_seconds() -> None:
    snapshot = assembled(
        server={"timeout_ms": 1500, "max_concurrent": 3},
        routing={
            "failover_timeout": 250,
            "hold_ms": 20,
            "debug": True,
            "retry": {"max_attempts": 2, "base_ms": 5, "max_ms": 70, "jitter": False},
        },
    )

    assert (snapshot.timeout, snapshot.failover_timeout, snapshot.hold) == (1.5, 0.25, 0.02)
    assert (snapshot.retry.base, snapshot.retry.ceiling) == (0.005, 0.07)
    assert (snapshot.retry.max_attempts, snapshot.retry.has_jitter) == (2, False)
    assert (snapshot.max_concurrent, snapshot.shows_debug_headers) == (3, True)


def test_a_time_of_zero_is_no_limit_but_a_hold_of_zero_is_none() -> None:
    snapshot = assembled(server={"timeout_ms": 0}, routing={"failover_timeout": 0, "hold_ms": 0})

    assert (snapshot.timeout, snapshot.failover_timeout, snapshot.hold) == (inf, inf, 0.0)


def test_a_providers_own_timeouts_travel_with_its_requests() -> None:
    timeouts = {"connect_ms": 40, "first_byte_ms": 0, "idle_ms": 7000}
    (upstream,) = assembled({**KEYED, "timeouts": timeouts}).upstreams
    from cc_relay.exchange import Candidate, Timeouts

    request = upstream.provider.prepare_probe(Candidate("a", upstream.credentials[0], "m"))
    assert request.timeouts == Timeouts(connect=0.04, first_byte=inf, idle=7.0)


def test_access_is_taken_over_as_bytes() -> None:
    auth = {"api_key": "k", "bearer_secret": "s", "allow_bearer": True, "allow_subscription": True}
    access = assembled(server={"auth": auth}).access

    assert (access.api_key, access.bearer_secret) == (b"k", b"s")
    assert (access.allows_bearer, access.allows_subscription) == (True, True)


def test_access_is_open_where_nothing_is_asked_for() -> None:
    assert assembled().access.is_open


@pytest.mark.parametrize("secret", ["sk-ant-api03-abcdefgh", "k", "0123456789"])
def test_a_fingerprint_never_shows_its_key(secret: str) -> None:
    (one,) = the(assembled({**KEYED, "keys": [secret]})).credentials

    assert secret not in one.fingerprint.removeprefix("key-")
    assert secret not in repr(one).removeprefix("<Credential key-")
    assert one.fingerprint == name_of(secret) != name_of(secret + "x")


@pytest.mark.parametrize(
    ("provider", "said"),
    [
        ({"type": "anthropic_compatible"}, "provider 'llm' of type anthropic_compatible needs a base_url"),
        (
            {"type": "anthropic", "base_url": "http://no$host"},
            "provider 'llm': base_url 'http://no$host' names no valid host",
        ),
    ],
)
def test_a_provider_that_cannot_be_built_is_named(provider: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match="llm") as refusal:
        assembled(KEYED, {"name": "llm", "keys": ["sk-secret"], **provider})
    assert str(refusal.value) == said
    assert "sk-secret" not in str(refusal.value)
