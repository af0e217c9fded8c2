"""A whole relay before simulated providers of every kind; each way in is a row of a table."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

from tests.support.raw_client import BrokenResponse, RawClient, Response
from tests.support.stream_rules import Event, assemble, read_events

from cc_relay.config import Config, Loaded
from cc_relay.runtime.options import ServeOptions
from cc_relay.runtime.relay import Relay
from cc_relay.sim.clouds.bedrock_models import ACCOUNT
from cc_relay.sim.faults import FaultRule
from cc_relay.sim.journal import Entry
from cc_relay.sim.server import Simulator
from cc_relay.sim.settings import EXAMPLE_KEYS, SimSettings

Json = dict[str, Any]
"""Decoded JSON; tests look into it freely."""

MODEL = "claude-sonnet-5-5"
PROJECT = "sim-project-4711"
KEY = "upstream-secret-key"
ENTRA_SECRET = "entra-client-secret"
ENTRA = {"AZURE_TENANT_ID": "tenant-1", "AZURE_CLIENT_ID": "app-1", "AZURE_CLIENT_SECRET": ENTRA_SECRET}
AWS_KEYS = {
    "aws_access_key_id": EXAMPLE_KEYS.access_key_id,
    "aws_secret_access_key": EXAMPLE_KEYS.secret_access_key,
}
SECRETS = (KEY, ENTRA_SECRET, EXAMPLE_KEYS.secret_access_key, ACCOUNT, PROJECT)
"""What no client and no log may ever see; the ids of accounts and projects among them."""

CLIENT_HEADERS = [(b"content-type", b"application/json"), (b"anthropic-version", b"2023-06-01")]


@dataclass(frozen=True)
class Way:
    """One way to reach one kind of provider.

    `entry` are its settings in the relay's configuration but for name and base URL, which is the simulator's with
    `path`. `environ` is what the relay finds in its environment, given the simulator's URL.
    """

    dialect: str
    entry: Json
    path: str = ""
    sim: Json = field(default_factory=dict)
    environ: Callable[[str], dict[str, str]] = lambda _: {}
    is_claude: bool = True


def _key(type_: str, **more: object) -> Json:
    return {"type": type_, "keys": [KEY], **more}


BEDROCK = {"type": "bedrock", "aws_region": "us-east-1"}
VERTEX = {"type": "vertex", "gcp_project_id": PROJECT, "gcp_region": "us-east5"}
KEYED = {"keys": (KEY,)}
DEPLOYED = {"models": ("claude-opus-4-7", "claude-sonnet-4-5", "claude-haiku-4-5")}
"""Older models, which somebody has to have deployed in Foundry."""

WAYS: dict[str, Way] = {
    "anthropic": Way("anthropic", _key("anthropic"), sim=KEYED),
    "anthropic_compatible": Way("anthropic", _key("anthropic_compatible"), sim=KEYED),
    "bedrock": Way("bedrock", BEDROCK | AWS_KEYS),
    "bedrock-by-token": Way("bedrock", BEDROCK | {"bearer_token": KEY}, sim=KEYED),
    "mantle": Way("mantle", BEDROCK | AWS_KEYS | {"surface": "mantle"}, path="/anthropic"),
    "platform": Way("platform", BEDROCK | AWS_KEYS | {"surface": "platform", "aws_workspace_id": "wrkspc_1"}),
    "vertex": Way("vertex", VERTEX | {"access_token": KEY}, path="/v1", sim=KEYED | {"project": PROJECT}),
    "vertex-by-machine": Way(
        "vertex",
        VERTEX,
        path="/v1",
        sim={"project": PROJECT},
        environ=lambda url: {"GCE_METADATA_HOST": urlsplit(url).netloc},
    ),
    "azure": Way("azure", _key("azure"), path="/anthropic", sim=KEYED | DEPLOYED),
    "azure-by-entra": Way(
        "azure",
        {"type": "azure", "entra": True},
        path="/anthropic",
        sim={"tenant": "tenant-1", "client_id": "app-1", "client_secret": ENTRA_SECRET} | DEPLOYED,
        environ=lambda url: ENTRA | {"AZURE_AUTHORITY_HOST": url},
    ),
    "zai": Way("zai", _key("zai"), sim=KEYED, is_claude=False),
    "minimax": Way("minimax", _key("minimax", model_mapping={MODEL: "MiniMax-M3"}), sim=KEYED, is_claude=False),
    "ollama": Way("ollama", {"type": "ollama", "model_mapping": {MODEL: "qwen3-coder:30b"}}, is_claude=False),
}

CLAUDES = tuple(name for name, way in WAYS.items() if way.is_claude)
CLOUDS = tuple(name for name, way in WAYS.items() if way.entry["type"] in ("bedrock", "vertex", "azure"))


def other_than(way: str) -> str:
    """A Claude by another way, to fail over to."""
    return "platform" if way == "anthropic" else "anthropic"


@dataclass
class Answer:
    """What a client got: `events` of a stream, the `message` of a whole answer. `is_cut`: it ended within its body."""

    response: Response
    is_cut: bool = False

    @property
    def status(self) -> int:
        return self.response.status

    @property
    def by(self) -> str:
        return (self.response.header(b"x-cc-relay-provider") or b"").decode()

    @property
    def id(self) -> str:
        return (self.response.header(b"x-request-id") or b"").decode()

    @property
    def message(self) -> Json:
        return json.loads(self.response.body)

    @property
    def error(self) -> Json:
        body = self.message
        assert body["type"] == "error", body
        return body["error"]

    @property
    def events(self) -> list[Event]:
        return read_events([self.response.body])

    @property
    def content(self) -> list[Json]:
        """The blocks of the answer, streamed or whole."""
        is_stream = (self.response.header(b"content-type") or b"").startswith(b"text/event-stream")
        return assemble(self.events) if is_stream else self.message["content"]


class Stage:
    """A running relay; `sims` are its providers by name, the first the one to be tried first."""

    def __init__(self, relay: Relay) -> None:
        self.relay = relay
        self.sims: dict[str, Simulator] = {}
        self.log = ""
        """All that was logged; complete, and here, once the relay has stopped."""
        self._said: list[bytes] = []

    @property
    def first(self) -> Simulator:
        return next(iter(self.sims.values()))

    async def renewed(self) -> None:
        """Every credential that does not last is there. Raises CredentialError."""
        for upstream in self.relay.snapshot.upstreams:
            if upstream.source is not None and upstream.source.current is None:
                await upstream.source.renew(None, asyncio.get_running_loop().time() + 10.0)

    def charged(self, name: str = "") -> int:
        """How many failures in a row count against a provider, whatever became of its keys."""
        wanted = name or next(iter(self.sims))
        [breaker] = [one.breaker for one in self.relay.snapshot.upstreams if one.provider.name == wanted]
        assert breaker.is_closed
        return breaker.failures

    def fault(self, fault: str, *, at: str = "", **rule: object) -> None:
        """The first provider, or `at`, misbehaves from now on."""
        sim = self.sims[at] if at else self.first
        sim.engine.faults.add(FaultRule(fault=fault, **rule))  # type: ignore[arg-type]

    def seen(self, name: str = "") -> list[Entry]:
        """The requests that reached a provider, those for credentials aside."""
        sim = self.sims[name] if name else self.first
        return [entry for entry in sim.journal.entries if not entry.is_secret and entry.note != "hello"]

    def sent(self, name: str = "") -> list[Json]:
        """Their bodies."""
        return [json.loads(entry.request.body) for entry in self.seen(name)]

    async def ask(
        self,
        *,
        path: str = "/v1/messages",
        headers: Mapping[str, str] | None = None,
        session: str = "",
        **fields: object,
    ) -> Answer:
        """A request with `fields` over a short one; None leaves one out."""
        lines = CLIENT_HEADERS + [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
        if session:
            lines.append((b"x-claude-code-session-id", session.encode()))
        is_cut = False
        async with await RawClient.connect(self.relay.address[1]) as client:
            try:
                response = await client.exchange("POST", path, lines, body_of(**fields))
            except BrokenResponse as broken:
                if broken.response is None:
                    raise
                response, is_cut = broken.response, True
        self._said += response.raw_head, response.body
        return Answer(response, is_cut)

    async def admin(self, path: str) -> Json:
        where = urlsplit(self.relay.admin.where)
        async with await RawClient.connect(where.port or 0) as client:
            response = await client.exchange("GET", path, [(b"host", b"localhost")])
        assert response.status == 200, response.body
        self._said.append(response.body)
        return json.loads(response.body)

    async def told(self, answer: Answer) -> Json:
        """What the relay tells of the request that got this answer."""
        return await self.admin(f"/api/v1/requests/{answer.id}")

    async def settled(self) -> Json:
        """What the relay tells of the newest request, once there is one that has ended."""
        async with asyncio.timeout(10):
            while not (told := (await self.admin("/api/v1/requests?limit=1"))["requests"]):
                pass
        return told[0]

    async def provider(self, name: str) -> Json:
        """A provider as `cc-relay status` shows it."""
        [found] = [one for one in (await self.admin("/api/v1/status"))["providers"] if one["name"] == name]
        return found

    def check(self) -> None:
        """Everything reserved was given back, and nothing secret was said to anybody."""
        for upstream in self.relay.snapshot.upstreams:
            assert upstream.standing.in_flight == 0
            assert [key.in_flight for key in upstream.pool.keys] == [0] * len(upstream.pool.keys)
        issued = [secret for sim in self.sims.values() for secret in issued_by(sim)]
        for text in (b"\n".join(self._said).decode("utf-8", "replace"), self.log):
            assert_discreet(text, (*SECRETS, *issued))


def issued_by(sim: Simulator) -> list[str]:
    """Every token and key that a provider handed out."""
    tokens = sim.engine.tokens
    keys = [keys for keys, _ in tokens._keys.values()]
    return [*tokens._tokens, *(part for one in keys for part in (one.secret_access_key, one.session_token))]


def assert_discreet(text: str, secrets: Iterable[str] = SECRETS) -> None:
    for secret in secrets:
        at = text.find(secret)
        assert at < 0, f"{secret} was told: {text[max(0, at - 200) : at + 100]!r}"


def body_of(**fields: object) -> bytes:
    body = {"model": MODEL, "max_tokens": 1000, "messages": [{"role": "user", "content": "go"}], **fields}
    return json.dumps({name: value for name, value in body.items() if value is not None}).encode()


def user(content: object) -> Json:
    return {"role": "user", "content": content}


def assistant(content: object) -> Json:
    return {"role": "assistant", "content": content}


@asynccontextmanager
async def staged(
    *ways: str,
    sim: Mapping[str, Json] | Json | None = None,
    entry: Mapping[str, object] | None = None,
    environ: Mapping[str, str] | None = None,
    prepare: Callable[[str], object] = lambda _: None,
    is_ready: bool = True,
    **sections: object,
) -> AsyncIterator[Stage]:
    """A relay before one simulator for each way, tried in this order; the first is changed by `sim` and `entry`.

    The providers bear the names of their ways. `prepare` is given the first simulator's URL; `is_ready` waits until
    each has its credential. Behind it nothing is held, and nothing secret was told.
    """
    async with AsyncExitStack() as exits:
        sims: dict[str, Simulator] = {}
        providers: list[Json] = []
        found = dict(environ or {})
        for number, name in enumerate(ways):
            way = WAYS[name]
            simulator = Simulator(SimSettings(dialect=way.dialect, **way.sim | (sim or {} if number == 0 else {})))
            await simulator.start()
            exits.push_async_callback(simulator.close)
            sims[name] = simulator
            settings = way.entry | dict(entry or {}) if number == 0 else way.entry
            base_url = simulator.url + way.path
            providers.append({"name": name, "base_url": base_url, "priority": 10 - number, **settings})
            found = way.environ(simulator.url) | found
            if number == 0:
                prepare(simulator.url)
        stage = await exits.enter_async_context(staged_before(*providers, environ=found, **sections))
        stage.sims = sims
        if is_ready:
            await stage.renewed()
        yield stage


@asynccontextmanager
async def staged_before(
    *providers: Json, environ: Mapping[str, str] | None = None, **sections: object
) -> AsyncIterator[Stage]:
    """A relay before these providers, whoever plays them. Behind it nothing is held, and nothing secret was told."""
    with TemporaryDirectory(prefix="cc-relay-staged-") as directory:
        log = Path(directory) / "relay.log"
        config: Json = {
            "server": {"listen": "127.0.0.1:0"},
            "admin": {"listen": "127.0.0.1:0"},
            "routing": {
                "debug": True,
                "failover_timeout": 2000,
                "queue": {"max_wait_ms": 0},
                "retry": {"base_ms": 1, "max_ms": 1},
            },
            "health": {"health_check": {"enabled": False}},
            "logging": {"level": "debug", "format": "json", "output": str(log)},
            "providers": list(providers),
        }
        relay = Relay(Loaded(Config.model_validate(config | sections), "test"), ServeOptions(), dict(environ or {}))
        await relay.start()
        stage = Stage(relay)
        try:
            yield stage
        finally:
            await relay.stop()
            stage.log = log.read_text()
        stage.check()
