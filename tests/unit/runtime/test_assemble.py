"""From configuration to a snapshot: order, keys, times, and what is refused."""

from math import inf

import pytest

from cc_relay.config import Config
from cc_relay.relay.snapshot import Snapshot
from cc_relay.runtime.assemble import assemble, credential

KEYED = {"name": "a", "type": "anthropic", "keys": ["sk-1"]}


def assembled(*providers: dict[str, object], **sections: object) -> Snapshot:
    return assemble(Config.model_validate({"providers": list(providers) or [KEYED], **sections}))


def names(snapshot: Snapshot) -> list[str]:
    return [upstream.provider.name for upstream in snapshot.upstreams]


def secrets(snapshot: Snapshot) -> list[str]:
    (upstream,) = snapshot.upstreams
    return [one.secret for one in upstream.credentials]


def test_providers_stand_in_order_of_priority_and_ties_in_order_of_the_file() -> None:
    first, second, third, fourth = ({**KEYED, "name": name} for name in "abcd")

    assert names(assembled(first, {**second, "priority": 7}, third, {**fourth, "priority": 7})) == ["b", "d", "a", "c"]


def test_a_providers_priority_falls_back_to_its_first_keys() -> None:
    dear = {**KEYED, "name": "dear", "keys": [{"key": "sk-1", "priority": 5}, {"key": "sk-2", "priority": 9}]}
    own = {**KEYED, "name": "own", "priority": 6}

    assert names(assembled(dear, own)) == ["own", "dear"]


def test_keys_stand_in_order_of_priority_and_ties_in_order_of_the_file() -> None:
    keys = [{"key": "low", "priority": 0}, "first", {"key": "high", "priority": 2}, "second"]

    assert secrets(assembled({**KEYED, "keys": keys})) == ["high", "first", "second", "low"]


def test_what_is_switched_off_or_not_served_is_left_out() -> None:
    off = {**KEYED, "name": "off", "enabled": False}
    later = {"name": "later", "type": "bedrock", "aws_region": "us-east-1"}

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
    one = credential(secret)

    assert secret not in one.fingerprint.removeprefix("key-")
    assert secret not in repr(one).removeprefix("<Credential key-")
    assert one.fingerprint == credential(secret).fingerprint
    assert one.fingerprint != credential(secret + "x").fingerprint


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
