"""Talk to a simulated provider without a socket."""

import json
from typing import Any

from tests.support.stream_rules import Event, assert_valid_stream

from cc_relay.exchange import Headers, RelayRequest
from cc_relay.sim.engine import Engine
from cc_relay.sim.reply import Reply
from cc_relay.sim.settings import SimSettings

NOON = 1_795_435_200.0
READ = {
    "name": "Read",
    "input_schema": {"type": "object", "properties": {"file_path": {"type": "string"}}, "required": ["file_path"]},
}
GLOB = {
    "name": "Glob",
    "input_schema": {"type": "object", "properties": {"pattern": {"type": "string"}}, "required": ["pattern"]},
}
MODELS = {"anthropic": "claude-sonnet-5-5", "zai": "glm-5.3", "minimax": "MiniMax-M3", "ollama": "gpt-oss:20b"}
DIALECTS = tuple(MODELS)


def messages(**fields: Any) -> dict[str, Any]:
    """A small Messages body."""
    return {
        "model": "claude-sonnet-5-5",
        "max_tokens": 1000,
        "stream": True,
        "messages": [{"role": "user", "content": "hello"}],
    } | fields


def request(
    body: dict[str, Any] | bytes = b"",
    *,
    method: str = "POST",
    path: str = "/v1/messages",
    query: str = "beta=true",
    key: str = "sk-a",
    headers: Headers | None = None,
) -> RelayRequest:
    lines = [(b"x-api-key", key.encode()), (b"anthropic-version", b"2023-06-01"), *(headers or [])]
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return RelayRequest(method, path, query, lines, raw, "req_1", 0.0, dict(lines))


class Simulation:
    """An engine with a clock of its own."""

    def __init__(self, dialect: str = "anthropic", **settings: Any) -> None:
        self.now = NOON
        self.dialect = dialect
        self.engine = Engine(SimSettings(dialect=dialect, **settings))

    def send(self, asked: RelayRequest) -> Reply:
        entry = self.engine.journal.begin(asked, self.now)
        return self.engine.answer(asked, entry, self.now)

    def ask(self, *, key: str = "sk-a", headers: Headers | None = None, **fields: Any) -> Reply:
        """Send a small Messages request for this dialect's first model."""
        return self.send(request(messages(**{"model": MODELS[self.dialect]} | fields), key=key, headers=headers))

    def events(self, **fields: Any) -> list[Event]:
        """The events of a valid stream."""
        reply = self.ask(**fields)
        assert reply.status == 200, reply.frames
        return assert_valid_stream(reply.frames)


def parsed(reply: Reply) -> Any:
    return json.loads(b"".join(reply.frames))


def header(reply: Reply, name: bytes) -> bytes | None:
    return dict(reply.headers).get(name)
