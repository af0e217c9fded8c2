"""What a file asks for and does not get is told, once; what it does not ask for is not."""

import pytest
from tests.unit.config.helpers import ONE_PROVIDER, read, read_with_provider

from cc_relay.config import Config, Provider, active_providers
from cc_relay.config.explain import section_at
from cc_relay.config.notices import NEUTRAL, NOT_SERVED, OWNERS


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("server: {enable_http2: true}", "server.enable_http2"),
        ("server: {workers: 4}", "server.workers"),
        ("routing: {model_mapping: {claude: a}}", "routing.model_mapping has no meaning for strategy failover"),
        (
            "routing: {strategy: shuffle, default_provider: a}",
            "routing.default_provider has no meaning for strategy shu",
        ),
        ("logging: {debug_options: {log_tls_metrics: true}}", "logging.debug_options.log_tls_metrics"),
        ("cache: {mode: single}", "cache"),
        ("state: {backend: 'redis://h'}", "state"),
        ("ledger: {retention_days: 5}", "ledger"),
        ("grpc: {listen: ':9090'}", "grpc"),
        ("metrics: {enabled: true}", "metrics"),
        ("tracing: {otlp_endpoint: 'http://h'}", "tracing"),
        ("server: {auth: {bearer_secret: x}}", "server.auth.bearer_secret is not checked"),
    ],
)
def test_a_setting_without_effect_is_told_once(text: str, start: str) -> None:
    [notice] = read_with_provider(text).notices
    assert notice.startswith(start)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "server: {enable_http2: false, workers: 1, max_concurrent: 5}",
        "routing: {strategy: Failover, hold_ms: 5, retry: {max_attempts: 2}, failover_timeout: 1}",
        "routing: {affinity: {ttl_ms: 5}, queue: {max_wait_ms: 5, max_size: 5}, hedge: {enabled: true, factor: 2}}",
        "routing: {max_cost_per_million_tokens: 5, model_mapping: {}, default_provider: ''}",
        "routing: {strategy: model-based, model_mapping: {claude: a}, default_provider: a}",
        "health: {health_check: {interval_ms: 5}, circuit_breaker: {failure_threshold: 5}}",
        "admin: {token: x, listen: ':8788'}",
        "logging: {level: debug, debug_options: {log_request_body: true, log_tls_metrics: false}}",
        "cache: {}",
        "state: {backend: memory}\nledger: {backend: off}\nmetrics: {enabled: false}\ntracing: {otlp_endpoint: ''}",
    ],
)
def test_what_happens_anyway_is_not_told(text: str) -> None:
    assert read_with_provider(text).notices == ()


@pytest.mark.parametrize(
    ("settings", "start"),
    [
        ("keys: [a, b, {key: a, rpm_limit: 5}]", "provider a: keys[2] is keys[0] again, and counts once"),
        ("keys: [a], aws_region: x", "provider a: aws_region has no meaning for type anthropic"),
        ("keys: [a], base_url: 'https://h/v1/'", "provider a: base_url should end before /v1"),
        ("models: [m]", "provider a has no keys"),
    ],
)
def test_a_setting_of_a_provider_without_effect_is_told_once(settings: str, start: str) -> None:
    text = f"providers: [{{name: a, type: anthropic, {settings}}}]"
    [notice] = read(text).notices
    assert notice.startswith(start)
    off = "{name: b, type: ollama}, {name: a, enabled: false, type: anthropic,"
    assert read(text.replace("{name: a, type: anthropic,", off)).notices == ()


def test_limits_prices_and_pooling_are_served() -> None:
    settings = "pooling: {strategy: random}, price: {m: {input: 1}}, keys: [{key: a, rpm_limit: 5, tpm_limit: 5}]"
    assert read(f"providers: [{{name: a, type: zai, {settings}}}]").notices == ()


@pytest.mark.parametrize(
    ("settings", "setting"),
    [
        ("type: bedrock, aws_region: us-east-1", "bearer_token"),
        ("type: vertex, gcp_project_id: p, gcp_region: us-east5", "access_token"),
    ],
)
def test_a_key_that_only_carries_limits_is_told(settings: str, setting: str) -> None:
    [notice] = read(f"providers: [{{name: a, {settings}, keys: [{{key: internal, rpm_limit: 5}}]}}]").notices
    assert notice.startswith("provider a: type ")
    assert notice.endswith(f"only the limits of the first; {setting} is the place of a token")


def test_an_address_of_vertex_may_end_as_its_own_do() -> None:
    text = "providers: [{name: a, type: vertex, gcp_project_id: p, base_url: 'https://us-east5-aiplatform.test/v1'}]"
    assert read(text).notices == ()


def test_every_key_that_stands_there_again_is_told() -> None:
    notices = read("providers: [{name: a, type: zai, keys: [x, y, {key: x, weight: 2}, x, y]}]").notices
    assert [notice.partition(" is ")[0] for notice in notices] == [f"provider a: keys[{index}]" for index in (2, 3, 4)]


def test_a_pass_through_provider_is_fine_where_subscriptions_are_allowed() -> None:
    text = "server: {auth: {allow_subscription: true}}\nproviders: [{name: a, type: anthropic}]"
    assert read(text).notices == ()


def test_a_provider_of_a_later_type_is_skipped_and_told() -> None:
    loaded = read(
        "providers: [{name: a, type: openai_compatible, base_url: 'https://h'},"
        " {name: b, type: ollama}, {name: c, type: zai, enabled: no}]"
    )
    assert loaded.notices == ("provider a is skipped: type openai_compatible is not served by this build yet",)
    assert [provider.name for provider in active_providers(loaded.config)] == ["b"]


@pytest.mark.parametrize("path", [*NOT_SERVED, *NEUTRAL])
def test_every_path_of_the_tables_is_a_key_of_the_format(path: str) -> None:
    *sections, name = path.replace("[]", ".0").split(".")
    section = section_at(tuple(int(part) if part == "0" else part for part in sections))
    assert section is not None
    assert name in section.model_fields


def test_the_keys_with_owners_are_keys_of_a_provider() -> None:
    assert set(OWNERS) < set(Provider.model_fields)
    assert section_at(()) is Config
    assert read(ONE_PROVIDER).notices == ()
