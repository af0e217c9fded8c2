"""`cc-relay serve` as a process of one test's own, in front of an upstream that the test plays itself."""

import asyncio
import json
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.support.builders import messages_body, sse_stream
from tests.support.e2e_process import Running
from tests.support.e2e_stage import COMMAND, environ
from tests.support.raw_client import RawClient, Response
from tests.support.scripted import Connection

HEADERS = [(b"content-type", b"application/json")]
JSON_ANSWER = b'{"type":"message","role":"assistant","content":[],"usage":{"input_tokens":3,"output_tokens":2}}'
STREAM = sse_stream()
WITHOUT_UVLOOP = (
    "import sys; sys.modules['uvloop'] = None; sys.argv[0] = 'cc-relay'; from cc_relay.cli import main; main()"
)


def configuration(
    base_url: str, *, keys: Sequence[str] = ("sk-up",), **sections: Mapping[str, object]
) -> dict[str, object]:
    """One provider of type anthropic; `sections` are added, `server` and `admin` to listeners on any free port."""
    server = {"listen": "127.0.0.1:0", **sections.pop("server", {})}
    admin = {"listen": "127.0.0.1:0", **sections.pop("admin", {})}
    up = {"name": "up", "type": "anthropic", "base_url": base_url, "keys": list(keys)}
    return {"server": server, "admin": admin, "providers": [up], **sections}


class Serve(Running):
    """The installed command, both of its outputs read as one."""

    def __init__(
        self,
        directory: Path,
        config: Mapping[str, object],
        *options: str,
        command: Sequence[str] = (str(COMMAND),),
        variables: Mapping[str, str] | None = None,
    ) -> None:
        path = directory / "relay.yaml"
        path.write_text(json.dumps(config))  # JSON is YAML
        arguments = [*command, "serve", "--config", str(path), *options]
        super().__init__(arguments, environ={**environ(directory), **(variables or {})}, directory=directory)
        self.port = urlsplit(self.address()).port or 0

    @classmethod
    async def start(cls, *arguments: Any, **named: Any) -> "Serve":  # as __init__ takes them
        """The same, from a running loop."""
        return await asyncio.to_thread(lambda: cls(*arguments, **named))

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    async def says(self, words: str) -> str:
        """Wait until a line holds these words."""
        return await asyncio.to_thread(self.wait_for, lambda line: words in line)

    async def exit_code(self, seconds: float = 10.0) -> int:
        """Wait for the end. Raises subprocess.TimeoutExpired."""
        return await asyncio.to_thread(self.end, seconds)

    @property
    def output(self) -> str:
        return "".join(self.lines)

    async def ask(self, headers: Sequence[tuple[bytes, bytes]] = (), **fields: object) -> Response:
        """One Messages request on a connection of its own."""
        async with await RawClient.connect(self.port) as client:
            return await client.exchange("POST", "/v1/messages", [*HEADERS, *headers], messages_body(**fields))

    async def begin_stream(self) -> tuple[RawClient, bytes]:
        """A client whose stream has begun; what has come of its body."""
        client = await RawClient.connect(self.port)
        await client.send_request("POST", "/v1/messages", HEADERS, messages_body(stream=True))
        response, _ = await client.read_head()
        assert response.status == 200
        return client, await client.read_chunk()


without_uvloop = (sys.executable, "-c", WITHOUT_UVLOOP)
"""The command where uvloop cannot be imported."""


async def answer_json(connection: Connection) -> None:
    await connection.answer(body=JSON_ANSWER)


async def stream_whole(connection: Connection) -> None:
    await connection.expect_request()
    await connection.sse(STREAM)


async def stream_in_two(connection: Connection) -> None:
    """A stream that pauses after its first content until it is released."""
    await connection.expect_request()
    await connection.start()
    await connection.chunk(b"".join(STREAM[:4]))
    await connection.pause()
    await connection.chunk(b"".join(STREAM[4:]))
    await connection.end()


async def stream_for_ever(connection: Connection) -> None:
    await connection.expect_request()
    await connection.start()
    await connection.chunk(b"".join(STREAM[:4]))
    await connection.hold()


def silent(asked: asyncio.Event) -> Callable[[Connection], Any]:
    """A script that takes a request, tells so, and never answers."""

    async def script(connection: Connection) -> None:
        await connection.expect_request()
        asked.set()
        await connection.hold()

    return script


async def read_to_end(client: RawClient) -> bytes:
    """The chunks up to the last. Raises BrokenResponse where there is none."""
    body = b""
    while chunk := await client.read_chunk():
        body += chunk
    return body
