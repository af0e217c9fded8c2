"""What every provider is to the relay: it translates and decides nothing."""

from typing import Protocol

from msgspec import Struct

from cc_relay.exchange import Candidate, Failure, Headers, Origin, Peek, RelayRequest, Timeouts, UpstreamRequest


class ProviderSettings(Struct, frozen=True):
    """What configuration says of one provider, as plain values.

    `base_url` is without a trailing slash. `models` empty means: whatever `model_mapping` or the type knows.
    `auth_style` is "x-api-key" or "bearer": how the key travels. The rest is for clouds: `region` of AWS or Google
    Cloud, `project` of Google Cloud, `resource` and `deployment` of Azure, Bedrock's `surface`, and
    the `workspace` that pays on Claude Platform on AWS.
    """

    name: str
    type: str
    base_url: str
    models: tuple[str, ...] = ()
    model_mapping: dict[str, str] = {}
    timeouts: Timeouts = Timeouts()
    auth_style: str = "x-api-key"
    region: str = ""
    project: str = ""
    resource: str = ""
    deployment: str = ""
    surface: str = "runtime"
    workspace: str = ""


class Provider(Protocol):
    """One configured upstream. Pure: no loop, no clock, no log."""

    @property
    def name(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def base_url(self) -> str:
        """Where its endpoints hang, without a trailing slash."""

    @property
    def origin(self) -> Origin: ...
    @property
    def accepts_client_login(self) -> bool:
        """Whether a client's own Anthropic login may travel here: Anthropic's own host over TLS, and no other."""

    @property
    def models(self) -> tuple[str, ...]:
        """The model names a client may ask for, for listings; the open-ended ones are not listed."""

    def upstream_model(self, model: str) -> str | None:
        """This upstream's name for `model`; None where it does not serve it."""

    def limit_family(self, model: str) -> str:
        """Which of a key's pools of requests and tokens `model` (this upstream's name) draws from; "" where it has one
        for all. Hot path."""

    def is_claude(self, model: str) -> bool:
        """Whether `model` (this upstream's name) is a Claude, which reads Claude's own thinking."""

    def lacks(self, peek: Peek) -> str | None:
        """In a word or two what a Messages request needs and this upstream cannot do; None where it can do it all.

        "documents", "images", "web_search_20250305", "container", … Costs a search of the messages where the upstream
        is not Claude, so ask when the answer matters.
        """

    def prepare_messages(self, request: RelayRequest, peek: Peek, candidate: Candidate) -> UpstreamRequest:
        """The upstream request for one Messages call. Raises Rejection where the request cannot be carried."""

    def prepare_count(self, request: RelayRequest, peek: Peek, candidate: Candidate) -> UpstreamRequest | None:
        """The upstream request for count_tokens; None where this upstream has no such call."""

    def prepare_probe(self, candidate: Candidate) -> UpstreamRequest:
        """The cheapest call that proves host and credential."""

    def prepare_passthrough(self, request: RelayRequest, candidate: Candidate) -> UpstreamRequest | None:
        """The same request to Anthropic-operated side endpoints (batches, files, skills); None where there are none."""

    def read_failure(self, status: int, headers: Headers, body: bytes) -> Failure:
        """Understand an error answer: status >= 400, or an error body that came with a 200."""
