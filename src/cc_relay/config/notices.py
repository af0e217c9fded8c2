"""What a file asks for that this build reads and does not yet do: one line each at start, never silence.

Whoever builds a feature deletes its line here.
"""

from collections.abc import Iterator
from itertools import chain

from cc_relay.config.clouds import SETTING
from cc_relay.config.nodes import Node
from cc_relay.config.provider import Provider
from cc_relay.config.schema import Config

SERVED_TYPES = frozenset(
    {"anthropic", "zai", "minimax", "ollama", "bedrock", "vertex", "azure", "anthropic_compatible"}
)

# A path stands for itself and everything below it; several paths with one sentence are one notice.
NOT_SERVED: dict[str, str] = {
    "server.enable_http2": "server.enable_http2: cleartext HTTP/2 is not served; clients use HTTP/1.1",
    "server.workers": "server.workers: more than one worker is not served yet; one process serves",
    "logging.debug_options.log_tls_metrics": "logging.debug_options.log_tls_metrics: TLS timings are not logged yet",
    "cache": "cache: not used; shared limits and affinity are configured under state",
    "state": "state: shared state is not served yet; every process counts for itself",
    "ledger": "ledger: usage is not recorded yet",
    "grpc": "grpc: the management API is not served yet",
    "metrics": "metrics: metrics are not served yet",
    "tracing": "tracing: spans are not sent yet",
}
# Values that ask for nothing but what happens anyway, in lower case.
NEUTRAL: dict[str, tuple[str, ...]] = {
    "server.enable_http2": ("false",),
    "server.workers": ("1",),
    "logging.debug_options.log_tls_metrics": ("false",),
    "state.backend": ("memory",),
    "ledger.backend": ("off", "false"),
    "metrics.enabled": ("false",),
    "tracing.otlp_endpoint": ("",),
}
# Keys that mean something to these types only.
OWNERS: dict[str, tuple[str, ...]] = {
    "auth_style": ("anthropic_compatible",),
    "aws_region": ("bedrock",),
    "aws_access_key_id": ("bedrock",),
    "aws_secret_access_key": ("bedrock",),
    "aws_session_token": ("bedrock",),
    "aws_profile": ("bedrock",),
    "bearer_token": ("bedrock",),
    "surface": ("bedrock",),
    "aws_workspace_id": ("bedrock",),
    "gcp_project_id": ("vertex",),
    "gcp_region": ("vertex",),
    "credentials_file": ("vertex",),
    "access_token": ("vertex",),
    "azure_resource_name": ("azure",),
    "azure_deployment_id": ("azure",),
    "azure_api_version": ("azure",),
    "entra": ("azure",),
}


def active_providers(config: Config) -> tuple[Provider, ...]:
    """The providers to serve, in the order of the file: enabled, and of a type this build has."""
    return tuple(provider for provider in config.providers if provider.enabled and provider.type in SERVED_TYPES)


def notices_of(root: Node, config: Config) -> tuple[str, ...]:
    """One line for each thing the file sets that has no effect, in the order of the file."""
    looks = (
        _idle_mapping,
        _skipped_providers,
        _misplaced_keys,
        _doubled_keys,
        _unused_keys,
        _mistaken_auth,
        _doubled_paths,
    )
    lines = [*_not_served(root), *chain.from_iterable(look(config) for look in looks)]
    return tuple(dict.fromkeys(lines))


def _not_served(root: Node) -> Iterator[str]:
    for path, value in _settings(root, ""):
        if value in NEUTRAL.get(path, ()):
            continue
        for feature, sentence in NOT_SERVED.items():
            if path == feature or path.startswith((f"{feature}.", f"{feature}[")):
                yield sentence


def _settings(node: Node, path: str) -> Iterator[tuple[str, str]]:
    """Every value the file sets, with its path (indexes left out) and its text; what is switched off has one."""
    enabled = node.child("enabled")
    if enabled is not None and str(enabled.value).lower() in ("false", "no", "off", "0"):
        if path != "providers[]":
            yield f"{path}.enabled", "false"
        return
    for key, entry in node.entries.items():
        if entry.node.value is not None:
            yield from _settings(entry.node, f"{path}.{key}" if path else key)
    for item in node.items:
        yield from _settings(item, f"{path}[]")
    if not isinstance(node.value, dict | list):
        yield path, str(node.value).strip().lower()


def _idle_mapping(config: Config) -> Iterator[str]:
    routing = config.routing
    if routing.strategy != "model_based":
        for name, value in (("model_mapping", routing.model_mapping), ("default_provider", routing.default_provider)):
            if value:
                yield f"routing.{name} has no meaning for strategy {routing.strategy}, only for model_based"


def _skipped_providers(config: Config) -> Iterator[str]:
    for provider in config.providers:
        if provider.enabled and provider.type not in SERVED_TYPES:
            yield f"provider {provider.name} is skipped: type {provider.type} is not served by this build yet"


def _misplaced_keys(config: Config) -> Iterator[str]:
    for provider in config.providers:
        for key, types in OWNERS.items():
            if provider.enabled and key in provider.model_fields_set and provider.type not in types:
                yield f"provider {provider.name}: {key} has no meaning for type {provider.type}"


def _doubled_keys(config: Config) -> Iterator[str]:
    for provider in active_providers(config):
        seen: dict[str, int] = {}
        for index, key in enumerate(provider.keys):
            first = seen.setdefault(key.key.get_secret_value(), index)
            if first != index:
                yield f"provider {provider.name}: keys[{index}] is keys[{first}] again, and counts once"


def _unused_keys(config: Config) -> Iterator[str]:
    # Files of the format this one extends give these types a key that stands for nothing, to hang limits on.
    for provider in active_providers(config):
        setting = SETTING.get(provider.type)
        if setting and provider.keys:
            yield (
                f"provider {provider.name}: type {provider.type} takes no credential from keys, only the limits of"
                f" the first; {setting} is the place of a token"
            )


def _mistaken_auth(config: Config) -> Iterator[str]:
    auth = config.server.auth
    if auth.bearer_secret.get_secret_value() and not auth.allow_bearer:
        yield "server.auth.bearer_secret is not checked while server.auth.allow_bearer is false"
    for provider in active_providers(config):
        if provider.type == "anthropic" and not provider.keys and not auth.allow_subscription:
            yield (
                f"provider {provider.name} has no keys: it serves only clients with a login of their own,"
                " and server.auth.allow_subscription is false"
            )


def _doubled_paths(config: Config) -> Iterator[str]:
    for provider in active_providers(config):
        # Vertex's own address ends in /v1.
        if provider.type != "vertex" and provider.base_url.endswith(("/v1", "/v1/messages")):
            yield f"provider {provider.name}: base_url should end before /v1, because /v1/messages is added to it"
