"""A whole relay in the test's own process."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.builders import messages_body
from tests.support.raw_client import RawClient, Response
from tests.support.scripted import Connection

from cc_relay.config import Config, Loaded
from cc_relay.runtime.options import ServeOptions
from cc_relay.runtime.relay import Relay

UPSTREAM = "http://127.0.0.1:9"
JSON_ANSWER = b'{"type":"message","role":"assistant","content":[],"usage":{"input_tokens":3,"output_tokens":2}}'
HEADERS = [(b"content-type", b"application/json")]


def loaded(
    log: Path, base_url: str = UPSTREAM, *, logs: Mapping[str, object] | None = None, **server: object
) -> Loaded:
    config = {
        "server": {"listen": "127.0.0.1:0", **server},
        "admin": {"listen": "127.0.0.1:0"},
        "logging": {"output": str(log), **(logs or {})},
        "providers": [{"name": "up", "type": "anthropic", "base_url": base_url, "keys": ["sk-never-shown"]}],
    }
    return Loaded(Config.model_validate(config), "test")


@asynccontextmanager
async def started(what: Loaded, options: ServeOptions = ServeOptions()) -> AsyncIterator[Relay]:  # noqa: B008 -- frozen
    relay = Relay(what, options, {})
    await relay.start()
    try:
        yield relay
    finally:
        await relay.stop()


async def ask(relay: Relay, **fields: object) -> Response:
    async with await RawClient.connect(relay.address[1]) as client:
        return await client.exchange("POST", "/v1/messages", HEADERS, messages_body(**fields))


async def answer_json(connection: Connection) -> None:
    await connection.answer(body=JSON_ANSWER)
