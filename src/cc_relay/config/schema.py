"""The file format as models: every key, its default, its bounds."""

from math import inf

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler, SecretStr, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from cc_relay.config.field_types import (
    AuthStyle,
    Count,
    Dollars,
    Filled,
    FilledSecret,
    Format,
    Kind,
    LedgerBackend,
    Level,
    ListenAddress,
    Milliseconds,
    ModelMapping,
    ModelName,
    ModelPattern,
    Name,
    OptionalListenAddress,
    Pooling,
    Positive,
    Secret,
    StateBackend,
    Strategy,
    Surface,
    Text,
    Url,
    UrlPath,
)

NORMAL_PRIORITY = 1
NORMAL_WEIGHT = 1
_NO_SECRET = SecretStr("")


def _seconds(milliseconds: int) -> float:
    return milliseconds / 1000


def _limit(milliseconds: int) -> float:
    """Seconds; `inf` where the file says 0, which means no limit."""
    return milliseconds / 1000 if milliseconds else inf


class Section(BaseModel):
    """A mapping of known keys. A key set to nothing (null) counts as not set."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, protected_namespaces=())

    @model_validator(mode="before")
    @classmethod
    def _null_is_unset(cls, value: object) -> object:
        if value is None:
            return {}
        if isinstance(value, dict):
            return {key: item for key, item in value.items() if item is not None or key not in cls.model_fields}
        return value


class ServerAuth(Section):
    """Who may use the relay."""

    api_key: Secret = _NO_SECRET
    bearer_secret: Secret = _NO_SECRET
    allow_bearer: bool = False
    allow_subscription: bool = False


class Server(Section):
    """The listener and its limits."""

    listen: ListenAddress = "127.0.0.1:8787"
    timeout_ms: Milliseconds = 600_000
    max_concurrent: Count = 0
    max_body_bytes: Positive = 33_554_432
    enable_http2: bool = False
    drain_timeout_ms: Milliseconds = 30_000
    workers: Positive = 1
    auth: ServerAuth = ServerAuth()

    @property
    def timeout(self) -> float:
        """Seconds a whole request may take; `inf`: no limit."""
        return _limit(self.timeout_ms)

    @property
    def drain_timeout(self) -> float:
        """Seconds open streams may go on after SIGTERM."""
        return _seconds(self.drain_timeout_ms)


class Affinity(Section):
    """Keeping a session on one key."""

    enabled: bool = True
    ttl_ms: Milliseconds = 3_600_000

    @property
    def ttl(self) -> float:
        """Seconds a session is remembered after its last request."""
        return _seconds(self.ttl_ms)


class Retry(Section):
    """Attempts over all candidates, before the commit point only."""

    max_attempts: Positive = 4
    base_ms: Milliseconds = 200
    max_ms: Milliseconds = 5_000
    jitter: bool = True

    @property
    def base(self) -> float:
        """Seconds before the second attempt at the same candidate."""
        return _seconds(self.base_ms)

    @property
    def longest(self) -> float:
        """Seconds no pause between attempts exceeds."""
        return _seconds(self.max_ms)


class Queue(Section):
    """Waiting instead of a 429 while every key is exhausted."""

    max_wait_ms: Milliseconds = 60_000
    max_size: Count = 1_000
    ping: bool = True

    @property
    def max_wait(self) -> float:
        """Seconds a request may wait; 0: it does not."""
        return _seconds(self.max_wait_ms)


class Routing(Section):
    """Which provider gets a request."""

    strategy: Strategy = "failover"
    failover_timeout: Milliseconds = 5_000
    model_mapping: dict[ModelPattern, Filled] = {}
    default_provider: Text = ""
    debug: bool = False
    max_cost_per_million_tokens: Dollars | None = None
    affinity: Affinity = Affinity()
    retry: Retry = Retry()
    queue: Queue = Queue()
    hold_ms: Milliseconds = 1_000

    @property
    def failover_after(self) -> float:
        """Seconds an attempt may take until its first meaningful byte; `inf`: as long as it likes."""
        return _limit(self.failover_timeout)

    @property
    def hold(self) -> float:
        """Seconds a stream's head may be held back for a silent failover."""
        return _seconds(self.hold_ms)


class Key(Section):
    """One upstream key and its limits; 0 is unlimited until learned from response headers."""

    key: FilledSecret
    rpm_limit: Count = 0
    itpm_limit: Count = 0
    otpm_limit: Count = 0
    tpm_limit: Count = 0
    priority: Count = NORMAL_PRIORITY
    weight: Count = NORMAL_WEIGHT

    @model_validator(mode="before")
    @classmethod
    def _plain_text_is_the_key(cls, value: object) -> object:
        return {"key": value} if isinstance(value, str) else value

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        mapping = handler.resolve_ref_schema(handler(core_schema))
        return {"anyOf": [{"type": "string", "minLength": 1}, mapping], "description": mapping.pop("description", "")}


class PoolingSection(Section):
    """How the keys of one provider share the work."""

    enabled: bool = True
    strategy: Pooling = "least_loaded"


class Price(Section):
    """USD per million tokens; None: as in the built-in price list."""

    input: Dollars | None = None
    output: Dollars | None = None
    cache_read: Dollars | None = None
    cache_write_5m: Dollars | None = None
    cache_write_1h: Dollars | None = None


class ProviderTimeouts(Section):
    """How long an upstream may take; 0 is no limit."""

    connect_ms: Milliseconds = 10_000
    first_byte_ms: Milliseconds = 300_000
    idle_ms: Milliseconds = 300_000

    @property
    def connect(self) -> float:
        """Seconds to a connection; `inf`: no limit."""
        return _limit(self.connect_ms)

    @property
    def first_byte(self) -> float:
        """Seconds to the answer's first byte; `inf`: no limit."""
        return _limit(self.first_byte_ms)

    @property
    def idle(self) -> float:
        """Seconds between two reads; `inf`: no limit."""
        return _limit(self.idle_ms)


class Provider(Section):
    """One upstream service."""

    name: Name
    type: Kind
    enabled: bool = True
    base_url: Url = ""
    auth_style: AuthStyle = "x-api-key"
    models: tuple[ModelName, ...] = ()
    model_mapping: ModelMapping = {}
    pooling: PoolingSection = PoolingSection()
    priority: Count | None = None
    weight: Count | None = None
    price: dict[Filled, Price] = {}
    timeouts: ProviderTimeouts = ProviderTimeouts()
    keys: tuple[Key, ...] = ()

    aws_region: Text = ""
    aws_access_key_id: Text = ""
    aws_secret_access_key: Secret = _NO_SECRET
    aws_session_token: Secret = _NO_SECRET
    aws_profile: Text = ""
    bearer_token: Secret = _NO_SECRET
    surface: Surface = "runtime"

    gcp_project_id: Text = ""
    gcp_region: Text = ""
    credentials_file: Text = ""
    access_token: Secret = _NO_SECRET

    azure_resource_name: Text = ""
    azure_deployment_id: Text = ""
    azure_api_version: Text = ""
    entra: bool = False

    @property
    def effective_priority(self) -> int:
        """The provider's own priority, else its first key's, else the normal one; higher goes first."""
        if self.priority is not None:
            return self.priority
        return self.keys[0].priority if self.keys else NORMAL_PRIORITY

    @property
    def effective_weight(self) -> int:
        """The provider's own weight, else its first key's, else the normal one."""
        if self.weight is not None:
            return self.weight
        return self.keys[0].weight if self.keys else NORMAL_WEIGHT


class HealthCheck(Section):
    """Probes of providers that are not in use."""

    enabled: bool = True
    interval_ms: Positive = 10_000

    @property
    def interval(self) -> float:
        """Seconds between two probes."""
        return _seconds(self.interval_ms)


class CircuitBreaker(Section):
    """When a provider is left alone, and how it comes back."""

    failure_threshold: Positive = 5
    open_duration_ms: Positive = 30_000
    half_open_probes: Positive = 3

    @property
    def open_duration(self) -> float:
        """Seconds a breaker stays open."""
        return _seconds(self.open_duration_ms)


class Health(Section):
    """Judging providers."""

    health_check: HealthCheck = HealthCheck()
    circuit_breaker: CircuitBreaker = CircuitBreaker()


class DebugOptions(Section):
    """What is logged beyond the ordinary, at level debug."""

    log_request_body: bool = False
    log_response_headers: bool = False
    log_tls_metrics: bool = False
    max_body_log_size: Count = 1_000


class Logging(Section):
    """The relay's own log."""

    level: Level = "info"
    format: Format = "text"
    output: Filled = "stderr"
    pretty: bool = True
    requests: bool = True
    debug_options: DebugOptions = DebugOptions()


class State(Section):
    """Where limits, breakers and affinity live."""

    backend: StateBackend = "memory"


class Ledger(Section):
    """Where usage is kept; `retention_days` 0 keeps it for good."""

    backend: LedgerBackend = "sqlite:~/.local/share/cc-relay/usage.db"
    retention_days: Count = 90


class Grpc(Section):
    """The management API."""

    listen: ListenAddress = "127.0.0.1:9090"


class Admin(Section):
    """REST, metrics and the web dashboard."""

    listen: ListenAddress = "127.0.0.1:8788"
    token: Secret = _NO_SECRET


class Metrics(Section):
    """Prometheus; `prometheus_listen` "" serves it on the admin port."""

    enabled: bool = True
    prometheus_endpoint: UrlPath = "/metrics"
    prometheus_listen: OptionalListenAddress = ""


class Tracing(Section):
    """OpenTelemetry spans; "" sends none."""

    otlp_endpoint: Url = ""


class Config(Section):
    """A whole configuration. Times are milliseconds, as written; the properties give seconds."""

    server: Server = Server()
    routing: Routing = Routing()
    providers: tuple[Provider, ...] = Field((), json_schema_extra={"minItems": 1})
    health: Health = Health()
    logging: Logging = Logging()
    cache: dict[str, object] = {}
    state: State = State()
    ledger: Ledger = Ledger()
    grpc: Grpc = Grpc()
    admin: Admin = Admin()
    metrics: Metrics = Metrics()
    tracing: Tracing = Tracing()


def requires_auth(config: Config) -> bool:
    """Whether a client must prove itself to the relay: a relay key, or a bearer secret that is switched on.

    A client's own login passing through is no such proof: it is the upstream that checks it.
    """
    auth = config.server.auth
    return bool(auth.api_key.get_secret_value() or (auth.allow_bearer and auth.bearer_secret.get_secret_value()))


def json_schema() -> dict[str, object]:
    """The format as JSON Schema (draft 2020-12), for editors."""
    schema: dict[str, object] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Config.model_json_schema(),
        "title": "cc-relay configuration",
        "required": ["providers"],
    }
    return schema
