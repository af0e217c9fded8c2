"""Keys, defaults, bounds: one bad value at a time."""

import json
from math import inf

import pytest
from pydantic import ValidationError
from tests.unit.config.helpers import ONE_PROVIDER, problems, problems_with_provider, read, read_with_provider

from cc_relay.config import Config, Provider, json_schema, requires_auth

DEFAULTS: dict[str, object] = {
    "server.listen": "127.0.0.1:8787",
    "server.timeout_ms": 600000,
    "server.max_concurrent": 0,
    "server.max_body_bytes": 33554432,
    "server.enable_http2": False,
    "server.drain_timeout_ms": 30000,
    "server.workers": 1,
    "server.auth.allow_bearer": False,
    "server.auth.allow_subscription": False,
    "routing.strategy": "failover",
    "routing.failover_timeout": 5000,
    "routing.model_mapping": {},
    "routing.default_provider": "",
    "routing.debug": False,
    "routing.max_cost_per_million_tokens": None,
    "routing.affinity.enabled": True,
    "routing.affinity.ttl_ms": 3600000,
    "routing.retry.max_attempts": 4,
    "routing.retry.base_ms": 200,
    "routing.retry.max_ms": 5000,
    "routing.retry.jitter": True,
    "routing.queue.max_wait_ms": 60000,
    "routing.queue.max_size": 1000,
    "routing.queue.ping": True,
    "routing.hold_ms": 1000,
    "health.health_check.enabled": True,
    "health.health_check.interval_ms": 10000,
    "health.circuit_breaker.failure_threshold": 5,
    "health.circuit_breaker.open_duration_ms": 30000,
    "health.circuit_breaker.half_open_probes": 3,
    "logging.level": "info",
    "logging.format": "text",
    "logging.output": "stderr",
    "logging.pretty": True,
    "logging.requests": True,
    "logging.debug_options.log_request_body": False,
    "logging.debug_options.log_response_headers": False,
    "logging.debug_options.log_tls_metrics": False,
    "logging.debug_options.max_body_log_size": 1000,
    "cache": {},
    "state.backend": "memory",
    "ledger.backend": "sqlite:~/.local/share/cc-relay/usage.db",
    "ledger.retention_days": 90,
    "grpc.listen": "127.0.0.1:9090",
    "admin.listen": "127.0.0.1:8788",
    "metrics.enabled": True,
    "metrics.prometheus_endpoint": "/metrics",
    "metrics.prometheus_listen": "",
    "tracing.otlp_endpoint": "",
}
PROVIDER_DEFAULTS: dict[str, object] = {
    "enabled": True,
    "base_url": "",
    "auth_style": "x-api-key",
    "models": (),
    "model_mapping": {},
    "pooling.enabled": True,
    "pooling.strategy": "least_loaded",
    "priority": None,
    "weight": None,
    "price": {},
    "timeouts.connect_ms": 10000,
    "timeouts.first_byte_ms": 300000,
    "timeouts.idle_ms": 300000,
    "surface": "runtime",
    "entra": False,
    "aws_region": "",
    "gcp_project_id": "",
    "azure_resource_name": "",
}


def value_at(value: object, path: str) -> object:
    for name in path.split("."):
        value = getattr(value, name)
    return value


def provider(**settings: object) -> Provider:
    return Provider.model_validate({"name": "a", "type": "anthropic", **settings})


@pytest.mark.parametrize("path", DEFAULTS)
def test_what_is_not_set_has_its_default(path: str) -> None:
    assert value_at(read(ONE_PROVIDER).config, path) == DEFAULTS[path]


@pytest.mark.parametrize("path", PROVIDER_DEFAULTS)
def test_what_a_provider_does_not_set_has_its_default(path: str) -> None:
    assert value_at(provider(), path) == PROVIDER_DEFAULTS[path]


def test_a_key_without_limits_is_normal_and_unlimited() -> None:
    key = provider(keys=["sk-1"]).keys[0]
    assert (key.rpm_limit, key.itpm_limit, key.otpm_limit, key.tpm_limit) == (0, 0, 0, 0)
    assert (key.priority, key.weight) == (1, 1)


@pytest.mark.parametrize("section", [path.split(".")[0] for path in DEFAULTS])
def test_a_section_set_to_nothing_is_as_if_it_were_not_there(section: str) -> None:
    assert read_with_provider(f"{section}:").config == read(ONE_PROVIDER).config


def test_a_single_key_set_to_nothing_keeps_its_default() -> None:
    assert read_with_provider("server: {listen: ~, auth: }").config.server.listen == "127.0.0.1:8787"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("servr: {}", "1:1: servr: unknown key; did you mean server?"),
        ("server: {listn: x}", "1:10: server.listn: unknown key; did you mean listen?"),
        ("timeout_ms: 5", "1:1: timeout_ms: unknown key; did you mean server.timeout_ms?"),
        ("strategy: shuffle", "1:1: strategy: unknown key; did you mean routing.strategy?"),
        ("server: {zzz: x}", "1:10: server.zzz: unknown key"),
        ("server: 5", "1:9: server: must be a mapping of keys"),
        ("server: []", "1:9: server: must be a mapping of keys"),
        ("server: {listen: 8787}", "1:18: server.listen: must be text (put it in quotes)"),
        ("server: {timeout_ms: soon}", "1:22: server.timeout_ms: must be a whole number"),
        ("server: {timeout_ms: 1.5}", "1:22: server.timeout_ms: must be a whole number"),
        ("server: {timeout_ms: true}", "1:22: server.timeout_ms: must be a number"),
        ("server: {timeout_ms: -1}", "1:22: server.timeout_ms: must be at least 0"),
        ("server: {timeout_ms: 1e300}", "1:22: server.timeout_ms: is too large"),
        ("server: {timeout_ms: 9999999999999999999}", "1:22: server.timeout_ms: is too large"),
        ("server: {timeout_ms: []}", "1:22: server.timeout_ms: must be a whole number"),
        ("server: {workers: 0}", "1:19: server.workers: must be at least 1"),
        ("server: {max_concurrent: -5}", "1:26: server.max_concurrent: must be at least 0"),
        ("server: {enable_http2: maybe}", "1:24: server.enable_http2: must be true or false"),
        ("server: {enable_http2: []}", "1:24: server.enable_http2: must be true or false"),
        ("server: {listen: 'a:99999'}", "1:18: server.listen: has port 99999; the highest is 65535"),
        (
            "server: {auth: {api_key: 'two words'}}",
            "1:26: server.auth.api_key: must be printable ASCII without spaces (it is sent as a header)",
        ),
        (
            "routing: {max_cost_per_million_tokens: .nan}",
            "1:40: routing.max_cost_per_million_tokens: must be a finite number",
        ),
        ("routing: {max_cost_per_million_tokens: -1}", "1:40: routing.max_cost_per_million_tokens: must be at least 0"),
        ("routing: {model_mapping: {'a*b': a}}", '1:27: routing.model_mapping."a*b": * may stand at the end only'),
        ("logging: {level: loud}", "1:18: logging.level: must be one of debug, info, warn or error"),
        ("logging: {level: inf}", "1:18: logging.level: must be one of debug, info, warn or error; did you mean info?"),
        ("logging: {output: ''}", "1:19: logging.output: must not be empty"),
        ("cache: 5", "1:8: cache: must be a mapping of keys"),
        ("state: {backend: memcached}", "1:18: state.backend: must be memory or a redis:// address"),
        ("ledger: {backend: mysql}", '1:19: ledger.backend: must be "sqlite:PATH", a postgresql:// address, or "off"'),
        (
            "metrics: {prometheus_endpoint: metrics}",
            "1:32: metrics.prometheus_endpoint: must be a path that begins with /",
        ),
        ("providers: {a: {type: zai}}", "1:12: providers: must be a list"),
    ],
)
def test_a_bad_value_has_its_place_and_a_sentence(text: str, problem: str) -> None:
    found = problems(text) if text.startswith("providers") else problems_with_provider(text)
    assert found == [problem]


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ("keys: [{rpm_limit: 5}]", "providers[0].keys[0].key: is required"),
        ("keys: [5]", "providers[0].keys[0]: must be a mapping of keys"),
        ("keys: ['']", "providers[0].keys[0].key: is empty"),
        ("keys: [{key: a, weight: -1}]", "providers[0].keys[0].weight: must be at least 0"),
        ("keys: [{key: a, rpm_limt: 1}]", "providers[0].keys[0].rpm_limt: unknown key; did you mean rpm_limit?"),
        ("keys: sk-1", "providers[0].keys: must be a list"),
        ("models: [4.6]", "providers[0].models[0]: must be text (put it in quotes)"),
        ("models: ['claude-*']", "providers[0].models[0]: must be one model's name, without *"),
        ("model_mapping: {a: }", "providers[0].model_mapping.a: must be text (put it in quotes)"),
        ("model_mapping: {a: ''}", "providers[0].model_mapping.a: must not be empty"),
        ("model_mapping: {a: 'b*'}", "providers[0].model_mapping.a: must be one model's name, without *"),
        ("model_mapping: {'*a': b}", 'providers[0].model_mapping."*a": * may stand at the end only'),
        ("priority: -1", "providers[0].priority: must be at least 0"),
        ("auth_style: basic", "providers[0].auth_style: must be one of x-api-key or bearer"),
        ("price: {m: {inpt: 1}}", "providers[0].price.m.inpt: unknown key; did you mean input?"),
        ("price: {m: {input: -1}}", "providers[0].price.m.input: must be at least 0"),
        ("price: {claude-4.5: {input: x}}", 'providers[0].price."claude-4.5".input: must be a number'),
        ("timeouts: {conect_ms: 1}", "providers[0].timeouts.conect_ms: unknown key; did you mean connect_ms?"),
        ("pooling: {strategy: least-busy-of-all}", "providers[0].pooling.strategy: must be one of"),
        ("surface: moon", "providers[0].surface: must be one of runtime, mantle or platform"),
    ],
)
def test_a_bad_value_of_a_provider_has_its_path(settings: str, problem: str) -> None:
    [found] = problems(f"providers: [{{name: a, type: anthropic, {settings}}}]")
    assert found.split(": ", 1)[1].startswith(problem)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("providers: [{type: zai, keys: [a]}]", "1:13: providers[0].name: is required"),
        ("providers: [{name: a}]", "1:13: providers[0].type: is required"),
        ("providers: [{name: ' ', type: ollama}]", "1:20: providers[0].name: must be 1 to 64 printable ASCII"),
        ("providers: [{name: a, type: anthropc}]", "1:29: providers[0].type: must be one of anthropic, zai"),
        ("providers: [5]", "1:13: providers[0]: must be a mapping of keys"),
    ],
)
def test_a_provider_has_a_name_and_a_known_type(text: str, problem: str) -> None:
    [found] = problems(text)
    assert found.startswith(problem)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("api.example.com", "must be a URL that begins with http:// or https://"),
        ("ftp://example.com", "must be a URL that begins with http:// or https://"),
        ("https://", "must be a URL that begins with http:// or https://"),
        ("https://exa mple.com", "must be a URL that begins with http:// or https://"),
        ("https://example.com:0", "must be a URL that begins with http:// or https://"),
        ("https://example.com:99999", "must be a URL such as"),
        ("https://[::1", "must be a URL such as"),
        ("https://user:hunter2@example.com", "must not hold credentials; put them under keys"),
        ("https://example.com/?key=hunter2", "must not hold a query or a fragment"),
        ("https://example.com/#x", "must not hold a query or a fragment"),
    ],
)
def test_a_base_url_is_a_plain_address(url: str, problem: str) -> None:
    [found] = problems(f"providers: [{{name: a, type: anthropic, base_url: '{url}'}}]")
    assert f"providers[0].base_url: {problem}" in found
    assert "hunter2" not in found


def test_a_base_url_loses_its_trailing_slash() -> None:
    assert provider(base_url="https://example.com/anthropic/").base_url == "https://example.com/anthropic"


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("failover", "failover"),
        ("Round-Robin", "round_robin"),
        ("weighted-round-robin", "weighted_round_robin"),
        ("simple-shuffle", "shuffle"),
        ("simple_shuffle", "shuffle"),
        ("least-busy", "least_loaded"),
        ("least_loaded", "least_loaded"),
        ("weighted-failover", "weighted_failover"),
        ("model-based", "model_based"),
        ("cost_based", "cost_based"),
        ("latency-based", "latency_based"),
    ],
)
def test_a_strategy_has_one_name_whatever_its_spelling(written: str, name: str) -> None:
    assert read_with_provider(f"routing: {{strategy: {written}}}").config.routing.strategy == name


@pytest.mark.parametrize(("written", "name"), [("Warning", "warn"), ("WARN", "warn"), ("debug", "debug")])
def test_a_level_has_one_name_whatever_its_spelling(written: str, name: str) -> None:
    assert read_with_provider(f"logging: {{level: {written}, format: console}}").config.logging.level == name


def test_a_type_may_be_spelt_with_dashes() -> None:
    assert provider(type="Anthropic-Compatible", base_url="http://x").type == "anthropic_compatible"


def test_a_key_may_be_plain_text_and_loses_the_space_around_it() -> None:
    keys = provider(keys=["sk-1", {"key": " sk-2\n", "priority": 2}]).keys
    assert [(key.key.get_secret_value(), key.priority) for key in keys] == [("sk-1", 1), ("sk-2", 2)]


@pytest.mark.parametrize(
    ("settings", "priority"),
    [
        ({}, 1),
        ({"keys": [{"key": "a", "priority": 3}]}, 3),
        ({"keys": [{"key": "a", "priority": 3}], "priority": 0}, 0),
    ],
)
def test_priority_and_weight_fall_back_to_the_first_key(settings: dict[str, object], priority: int) -> None:
    assert provider(**settings).effective_priority == priority
    renamed = json.loads(json.dumps(settings).replace("priority", "weight"))
    assert provider(**renamed).effective_weight == priority


def test_milliseconds_are_seconds_in_the_properties() -> None:
    config = read(ONE_PROVIDER).config
    assert (config.server.timeout, config.server.drain_timeout) == (600, 30)
    assert (config.routing.failover_after, config.routing.hold) == (5, 1)
    assert (config.routing.retry.base, config.routing.retry.longest) == (0.2, 5)
    assert (config.routing.queue.max_wait, config.routing.affinity.ttl) == (60, 3600)
    assert (config.health.health_check.interval, config.health.circuit_breaker.open_duration) == (10, 30)
    timeouts = config.providers[0].timeouts
    assert (timeouts.connect, timeouts.first_byte, timeouts.idle) == (10, 300, 300)


def test_no_limit_is_infinite() -> None:
    config = read_with_provider("server: {timeout_ms: 0}\nrouting: {failover_timeout: 0}").config
    assert (config.server.timeout, config.routing.failover_after) == (inf, inf)


def test_the_cache_section_takes_anything() -> None:
    assert read_with_provider("cache: {mode: single, olric: {peers: [a, 1, ~]}}").config.cache["mode"] == "single"


@pytest.mark.parametrize("backend", ["off", "false", "'sqlite:/tmp/x.db'", "'postgresql://u:hunter2@h/db'"])
def test_a_ledger_may_be_off_or_elsewhere(backend: str) -> None:
    config = read_with_provider(f"ledger: {{backend: {backend}}}\nstate: {{backend: 'redis://:hunter2@h'}}").config
    assert config.ledger.backend.startswith(("off", "sqlite:", "postgresql:"))
    assert "hunter2" not in repr(config)


def test_a_configuration_is_frozen() -> None:
    config = read(ONE_PROVIDER).config
    with pytest.raises(ValidationError, match="frozen"):
        config.server.listen = ":1"  # type: ignore[misc]  # frozen is what is tested


@pytest.mark.parametrize(
    ("auth", "required"),
    [
        ("{}", False),
        ("{api_key: k}", True),
        ("{bearer_secret: s, allow_bearer: true}", True),
        ("{bearer_secret: s}", False),
        ("{allow_bearer: true}", False),
        ("{allow_subscription: true}", False),
    ],
)
def test_auth_is_required_where_the_relay_checks_a_credential(auth: str, required: bool) -> None:
    assert requires_auth(read_with_provider(f"server: {{auth: {auth}}}").config) is required


@pytest.mark.parametrize(
    "text",
    [
        "providers: [{name: a, type: anthropic, keys: [{key: 'hunter2 x'}], hunter: 1}]",
        "server: {auth: {api_key: 'hunter2 x'}}",
        "providers: [{name: a, type: bedrock, aws_secret_access_key: [hunter2]}]",
        "providers: [{name: a, type: anthropic, keys: [{key: [hunter2]}, {key: hunter2, weight: hunter2x}]}]",
        "state: {backend: 'mem://:hunter2@x'}\nledger: {backend: 'my:hunter2@x'}",
        "tracing: {otlp_endpoint: 'https://:hunter2@x'}",
        "providers: [{name: a, type: anthropic, keys: [sk-hunter2: ]}]",
    ],
)
def test_a_secret_is_never_part_of_a_problem(text: str) -> None:
    assert "hunter2" not in "\n".join(problems(text))


def test_the_json_schema_describes_every_key_and_forbids_others() -> None:
    schema = json_schema()
    assert schema["additionalProperties"] is False
    assert schema["required"] == ["providers"]
    assert set(schema["properties"]) == set(Config.model_fields)  # type: ignore[call-overload]  # a JSON object
    definitions: dict[str, dict[str, object]] = schema["$defs"]  # type: ignore[assignment]  # a JSON object
    described = definitions["Provider"]["properties"]
    assert set(described) == set(Provider.model_fields)  # type: ignore[call-overload]  # a JSON object
    assert {"zai", "anthropic-compatible"} <= set(described["type"]["enum"])  # type: ignore[index]  # a JSON object
    assert described["priority"]["anyOf"][0]["minimum"] == 0  # type: ignore[index]  # a JSON object
    assert [kind["type"] for kind in definitions["Key"]["anyOf"]] == ["string", "object"]  # type: ignore[attr-defined]
    json.dumps(schema)
