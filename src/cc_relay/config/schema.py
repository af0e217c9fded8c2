"""The file format as models: every key, its default, its bounds."""

from pydantic import Field

from cc_relay.config.field_types import (
    Count,
    Dollars,
    Factor,
    Filled,
    Format,
    LedgerBackend,
    Level,
    ListenAddress,
    Milliseconds,
    ModelPattern,
    OptionalListenAddress,
    Positive,
    Secret,
    Share,
    StateBackend,
    Strategy,
    Text,
    Url,
    UrlPath,
)
from cc_relay.config.provider import Provider
from cc_relay.config.section import NO_SECRET, Section, limit, seconds


class ServerAuth(Section):
    """Who may use the relay."""

    api_key: Secret = NO_SECRET
    bearer_secret: Secret = NO_SECRET
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
        return limit(self.timeout_ms)

    @property
    def drain_timeout(self) -> float:
        """Seconds open streams may go on after SIGTERM."""
        return seconds(self.drain_timeout_ms)


class Affinity(Section):
    """Keeping a session on one key."""

    enabled: bool = True
    ttl_ms: Milliseconds = 3_600_000

    @property
    def ttl(self) -> float:
        """Seconds a session is remembered after its last request."""
        return seconds(self.ttl_ms)


class Retry(Section):
    """Attempts over all candidates, before the commit point only."""

    max_attempts: Positive = 4
    base_ms: Milliseconds = 200
    max_ms: Milliseconds = 5_000
    jitter: bool = True

    @property
    def base(self) -> float:
        """Seconds before the second attempt at the same candidate."""
        return seconds(self.base_ms)

    @property
    def longest(self) -> float:
        """Seconds no pause between attempts exceeds."""
        return seconds(self.max_ms)


class Queue(Section):
    """Waiting instead of a 429 while every key is exhausted."""

    max_wait_ms: Milliseconds = 60_000
    max_size: Count = 1_000
    ping: bool = True

    @property
    def max_wait(self) -> float:
        """Seconds a request may wait; 0: it does not."""
        return seconds(self.max_wait_ms)


class Hedge(Section):
    """A second attempt beside one whose first token is late."""

    enabled: bool = False
    factor: Factor = 1.5
    budget: Share = 0.05


class Routing(Section):
    """Which provider gets a request."""

    strategy: Strategy = "failover"
    failover_timeout: Milliseconds = 5_000
    model_mapping: dict[ModelPattern, Filled] = Field(default_factory=dict)
    default_provider: Text = ""
    debug: bool = False
    max_cost_per_million_tokens: Dollars | None = None
    affinity: Affinity = Affinity()
    retry: Retry = Retry()
    queue: Queue = Queue()
    hedge: Hedge = Hedge()
    hold_ms: Milliseconds = 1_000

    @property
    def failover_after(self) -> float:
        """Seconds an attempt may take until its first meaningful byte; `inf`: as long as it likes."""
        return limit(self.failover_timeout)

    @property
    def hold(self) -> float:
        """Seconds a stream's head may be held back for a silent failover."""
        return seconds(self.hold_ms)


class HealthCheck(Section):
    """Probes of providers that are not in use."""

    enabled: bool = True
    interval_ms: Positive = 10_000

    @property
    def interval(self) -> float:
        """Seconds between two probes."""
        return seconds(self.interval_ms)


class CircuitBreaker(Section):
    """When a provider is left alone, and how it comes back."""

    failure_threshold: Positive = 5
    open_duration_ms: Positive = 30_000
    half_open_probes: Positive = 3

    @property
    def open_duration(self) -> float:
        """Seconds a breaker stays open."""
        return seconds(self.open_duration_ms)


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
    token: Secret = NO_SECRET


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
    cache: dict[str, object] = Field(default_factory=dict)
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
