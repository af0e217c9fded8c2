"""The frozen values that cross rooms."""

from collections.abc import Callable
from enum import Enum
from math import inf
from typing import Protocol

from msgspec import Raw, Struct

Headers = list[tuple[bytes, bytes]]
"""Header lines in wire order; names in lower case, values without surrounding white space."""


def header(headers: Headers, name: bytes) -> bytes | None:
    """The first value of `name` (lower case), or None."""
    for key, value in headers:
        if key == name:
            return value
    return None


class RelayRequest(Struct, frozen=True):
    """One request as the client sent it, body complete.

    `path` has no query; `query` has no `?`. `id` is the `x-request-id` every answer carries.
    `arrived_at` is the loop's clock when the head was complete. `named` is `headers` as a dictionary, the last line of
    a name winning: made once, since several phases look something up.
    """

    method: str
    path: str
    query: str
    headers: Headers
    body: bytes
    id: str
    arrived_at: float
    named: dict[bytes, bytes]

    def header(self, name: bytes) -> bytes | None:
        """The (last) value of `name` (lower case), or None."""
        return self.named.get(name)


class Peek(Struct, frozen=True):
    """What the relay reads from a Messages body without rewriting it.

    `fields` maps each top-level key to its value's own bytes (slices that keep the body alive).
    `repeats_keys` says that the body names a top-level key twice, so it must not travel as it came:
    relay and upstream might each believe another value.
    `session` is None where the request names none.
    """

    model: str
    stream: bool
    session: str | None
    size: int
    fields: dict[str, Raw]
    repeats_keys: bool


class Origin(Struct, frozen=True):
    """Where connections go: what the pool is keyed by. `host` is without brackets; `authority` is the Host header."""

    scheme: str
    host: str
    port: int

    @property
    def is_tls(self) -> bool:
        return self.scheme == "https"

    @property
    def authority(self) -> bytes:
        host = f"[{self.host}]" if ":" in self.host else self.host
        default = 443 if self.is_tls else 80
        return (host if self.port == default else f"{host}:{self.port}").encode("ascii")

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority.decode()}"


class Timeouts(Struct, frozen=True):
    """Seconds an upstream may take to connect, to its first byte, and between two reads; `inf` is none."""

    connect: float = 10.0
    first_byte: float = 300.0
    idle: float = 300.0


class Translation(Protocol):
    """One answer on its way from an upstream's own wire format to Anthropic's: bytes in, bytes out."""

    @property
    def media_type(self) -> bytes:
        """What the translated body is: `text/event-stream` or `application/json`."""

    def receive_data(self, data: bytes) -> bytes:
        """The next bytes of the upstream's body; returns what they complete, maybe nothing. Hot path.

        Raises ValueError, with a sentence, where they cannot be what they claim to be.
        """

    def receive_eof(self) -> bytes:
        """The upstream's body has ended; returns what is left to say: an error event where a stream broke off."""


Seal = Callable[[float], Headers]
"""Makes the header lines that depend on the moment of sending (a signature), given wall-clock seconds."""


class UpstreamRequest(Struct, frozen=True):
    """One request ready for the wire. `headers` lack `host` and `content-length`, which `net` writes.

    `seal` adds header lines when the request goes out. `translate` begins the translation of an answer that is no
    error; None: the upstream speaks as Anthropic does.
    """

    origin: Origin
    method: bytes
    target: bytes
    headers: Headers
    body: bytes
    timeouts: Timeouts
    seal: Seal | None = None
    translate: Callable[[], Translation] | None = None


class AwsKeys(Struct, frozen=True):
    """What AWS requests are signed with; `session_token` is "" for keys that last."""

    access_key_id: str
    secret_access_key: str
    session_token: str = ""

    def __repr__(self) -> str:
        return "<AwsKeys>"


class Credential(Struct, frozen=True):
    """What proves us (or, passed through, the client) to one upstream.

    `fingerprint` is the key's public name; `secret` never reaches a log. `is_client_owned` marks a client's own
    login on its way to the host it belongs to. `aws` signs instead of `secret`; `quota_project` is the Google Cloud
    project that pays. One that is valid for a while ends at `expires_at`, in wall-clock seconds.
    """

    fingerprint: str
    secret: str
    is_client_owned: bool = False
    aws: AwsKeys | None = None
    quota_project: str = ""
    expires_at: float = inf

    def __repr__(self) -> str:
        return f"<Credential {self.fingerprint}>"


class Candidate(Struct, frozen=True):
    """One (upstream, key, model) a plan offers. `model` is the upstream's own name for what was asked.

    `lacking` are the capabilities (`providers.capabilities`) that this upstream refused of late with this model:
    the request is prepared without them.
    """

    provider: str
    credential: Credential
    model: str
    lacking: frozenset[str] = frozenset()


class FailureKind(Enum):
    """The classes of failure, by what may be done about them.

    TRANSIENT       the upstream is unwell: try another, once more here
    THROTTLE        this key is out of breath until `retry_after`
    PLAN            quota, budget or balance is spent: never again here until its reset
    CREDENTIAL      our own key was refused
    UNKNOWN_MODEL   this upstream does not have the model: another may
    CLIENT          the request itself is at fault: nobody can help
    CAPABILITY      this upstream cannot do something the request asks for
    """

    TRANSIENT = "transient"
    THROTTLE = "throttle"
    PLAN = "plan"
    CREDENTIAL = "credential"
    UNKNOWN_MODEL = "unknown_model"
    CLIENT = "client"
    CAPABILITY = "capability"


class Failure(Struct, frozen=True):
    """An upstream's error, understood.

    `status` and `error_type` are what the client should see (Anthropic's words); `body` is the envelope to relay,
    the upstream's own bytes wherever it already speaks Anthropic. `retry_after` is seconds, None where unsaid.
    `lacks` names the capability that was refused (`providers.capabilities`), where a request without it may do.
    """

    kind: FailureKind
    status: int
    error_type: str
    message: str
    body: bytes
    retry_after: float | None = None
    lacks: str = ""

    @property
    def is_remedy(self) -> bool:
        """Whether `message` is a sentence of the relay's own about a credential of its own, fit for logs and clients.

        An upstream's own words about a key are neither: some quote it.
        """
        return self.kind is FailureKind.CREDENTIAL and self.status == 502


class Usage(Struct, frozen=True):
    """LLM tokens of one exchange; the input counts are disjoint.

    `cache_write_5m` and `cache_write_1h` split what was written to the prompt cache. `is_complete` is False when the
    stream ended before its final count.
    """

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0
    model: str = ""
    stop_reason: str = ""
    is_complete: bool = False

    @property
    def total_input(self) -> int:
        return self.input + self.cache_read + self.cache_write_5m + self.cache_write_1h


class Price(Struct, frozen=True):
    """USD per million tokens of each kind.

    A prompt of more than `long_above` input tokens (0: no such bound) is priced by `long`, all of it.
    """

    input: float
    output: float
    cache_read: float
    cache_write_5m: float
    cache_write_1h: float
    long_above: int = 0
    long: "Price | None" = None


class Refusal(Struct, frozen=True):
    """A no of a key or a breaker, and the loop's time at which it may be a yes; `inf` when waiting does not help."""

    reason: str
    retry_at: float


class Outcome(Enum):
    """How an exchange, or one attempt of it, ended.

    FAILED (before the commit point) and BROKEN (after it) are charged to the upstream, REJECTED to the request, GONE
    (the client left) and DRAINED (the relay stopped) to nobody.
    """

    DELIVERED = "delivered"
    REJECTED = "rejected"
    FAILED = "failed"
    BROKEN = "broken"
    GONE = "gone"
    DRAINED = "drained"


class Attempt(Struct, frozen=True):
    """One try at one candidate: what came of it, in seconds on the loop's clock.

    `stage` is how far it got where no answer came. `is_hedge` marks a second try that ran beside the first.
    """

    candidate: Candidate
    outcome: Outcome
    status: int | None
    reason: str
    started_at: float
    ended_at: float
    stage: str | None = None
    is_hedge: bool = False


class Considered(Struct, frozen=True):
    """A candidate of a plan: its rank (from 1) and why it has it."""

    rank: int
    candidate: Candidate
    reason: str


class Declined(Struct, frozen=True):
    """A candidate passed over at `at`: its key or breaker refused, or its provider cannot carry the request."""

    candidate: Candidate
    refusal: Refusal
    at: float


class Trace(Struct, frozen=True):
    """Why an exchange went where it went. `candidates` works the ranking out when somebody asks.

    `affinity` is `home` (where the session's cache is), `moved`, `placed` (a first place) or `none`; `waited` is
    seconds spent waiting for a key.
    """

    strategy: str
    generation: int
    affinity: str
    candidates: Callable[[], tuple[Considered, ...]]
    declined: tuple[Declined, ...]
    waited: float


class Record(Struct, frozen=True):
    """What is left of an exchange once it is settled: the access line, the ledger row.

    `status` is what the client saw (499 when it left before an answer). `first_byte_at` is None where none came.
    `trace` is None where nothing was planned. Nothing here holds the request's headers or body.
    """

    id: str
    method: str
    path: str
    arrived_at: float
    model: str
    principal: str
    session: str | None
    status: int
    outcome: Outcome
    reason: str
    attempts: tuple[Attempt, ...]
    usage: Usage
    bytes_out: int
    first_byte_at: float | None
    ended_at: float
    trace: Trace | None = None
