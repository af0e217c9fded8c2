"""Generated traffic: the mix of requests Claude Code makes, sent at a relay, and what came of each."""

import asyncio
import re
from collections.abc import AsyncIterator
from random import Random
from uuid import UUID

import msgspec
from msgspec import Struct

from cc_relay.sim.client import Received, send
from cc_relay.sim.words import Book

MODEL = "claude-sonnet-5-5"
OUTPUT_TOKENS = re.compile(rb'"output_tokens":\s*(\d+)')
AT_ONCE = 8
SESSIONS = 4
Json = dict[str, object]
MARK: Json = {"cache_control": {"type": "ephemeral"}}


class TrafficResult(Struct, frozen=True):
    """What came of one request. `status` 0: no answer.

    `provider` and `attempts` are None where the relay does not tell. `error` is a short word for what went wrong as
    a client sees it; None where all is well.
    """

    kind: str
    provider: str | None
    status: int
    first_byte_ms: float
    total_ms: float
    output_tokens: int
    attempts: int | None
    error: str | None


class Kind(Struct, frozen=True):
    """One kind of request: where it goes, how it steers the simulation, how often it comes."""

    name: str
    weight: int
    words: str = ""
    path: str = "/v1/messages?beta=true"
    has_tools: bool = True
    stream: bool = True


KINDS = (
    Kind("text", 5, "text=40"),
    Kind("long text", 2, "text=160"),
    Kind("tools", 4, "tools=2"),
    Kind("tool results", 3),
    Kind("thinking", 2, "thinking=40+text=30"),
    Kind("title", 1, "text=6", has_tools=False),
    Kind("json", 1, "text=20", stream=False),
    Kind("count", 1, path="/v1/messages/count_tokens?beta=true", stream=False),
)


class Traffic:
    """Requests to send, one after another, in a few sessions; the same seed makes the same ones."""

    def __init__(self, url: str, *, key: str = "sim-client", seed: int = 1) -> None:
        self._url = url.rstrip("/")
        self._key = key
        self._dice = Random(seed)  # noqa: S311 -- traffic, not secrets
        # The prefix is long enough for the prompt cache and the same in every request of a session.
        self._prefix = Book(seed).excerpt(2500, self._dice)
        self._sessions = [str(UUID(int=self._dice.getrandbits(128), version=4)) for _ in range(SESSIONS)]

    def __repr__(self) -> str:
        return f"<Traffic to {self._url}>"

    async def one(self) -> TrafficResult:
        """Send the next request. Never raises for what the other side does."""
        kind = self._dice.choices(KINDS, [kind.weight for kind in KINDS])[0]
        session = self._dice.choice(self._sessions)
        body = msgspec.json.encode(self._body(kind, session))
        return read_result(kind, await send("POST", self._url + kind.path, self._headers(session), body))

    def _headers(self, session: str) -> dict[str, str]:
        return {
            "accept": "application/json",
            "content-type": "application/json",
            "user-agent": "cc-relay-demo",
            "x-claude-code-session-id": session,
            "anthropic-beta": "claude-code-20250219,interleaved-thinking-2025-05-14",
            "anthropic-version": "2023-06-01",
            "x-api-key": self._key,
            "x-app": "cli",
        }

    def _body(self, kind: Kind, session: str) -> Json:
        number = self._dice.randrange(10_000)
        prompt = f"Step {number}: look at the file and say what it does." + (
            f" [sim {kind.words}]" if kind.words else ""
        )
        body: Json = {
            "model": MODEL,
            "messages": _messages(kind, prompt),
            "system": [
                {"type": "text", "text": "You are a simulated coding session."},
                {"type": "text", "text": self._prefix, **MARK},
            ],
            "metadata": {"user_id": msgspec.json.encode({"session_id": session}).decode()},
        }
        if kind.has_tools:
            body["tools"] = TOOLS
        if kind.path.startswith("/v1/messages?"):
            body |= {"max_tokens": 32_000, "stream": kind.stream}
        if kind.name == "thinking":
            body["thinking"] = {"type": "adaptive", "display": "summarized"}
        return body


def _tool(name: str, field: str) -> Json:
    properties = {field: {"type": "string"}}
    return {"name": name, "input_schema": {"type": "object", "properties": properties, "required": [field]}}


TOOLS = [_tool("Read", "file_path"), _tool("Bash", "command"), _tool("Grep", "pattern")]


def _messages(kind: Kind, prompt: str) -> list[Json]:
    turn: Json = {"role": "user", "content": [{"type": "text", "text": prompt, **MARK}]}
    if kind.name != "tool results":
        return [turn]
    calls = [
        {"type": "tool_use", "id": f"toolu_{number}", "name": "Read", "input": {"file_path": f"/src/{number}.py"}}
        for number in range(2)
    ]
    results = [{"type": "tool_result", "tool_use_id": call["id"], "content": "def f(): ..."} for call in calls]
    return [turn, {"role": "assistant", "content": calls}, {"role": "user", "content": results}]


def read_result(kind: Kind, received: Received) -> TrafficResult:
    """Judge one answer as a client would."""
    counted = OUTPUT_TOKENS.findall(received.body)
    attempts = received.headers.get("x-cc-relay-attempts", "")
    return TrafficResult(
        kind=kind.name,
        provider=received.headers.get("x-cc-relay-provider"),
        status=received.status,
        first_byte_ms=received.first_byte * 1000,
        total_ms=received.total * 1000,
        output_tokens=int(counted[-1]) if counted else 0,
        attempts=int(attempts) if attempts.isdecimal() else None,
        error=_error(kind, received),
    )


def _error(kind: Kind, received: Received) -> str | None:
    if received.status == 0:
        return "no answer"
    if received.status != 200:
        return f"status {received.status}"
    if kind.stream and b"event: error" in received.body:
        return "error event"
    if not received.is_complete or (kind.stream and b"event: message_stop" not in received.body):
        return "broken off"
    return None


async def burst(url: str, count: int, *, key: str = "sim-client", seed: int = 1) -> list[TrafficResult]:
    """Send `count` requests, a few at a time; return when all are answered."""
    traffic = Traffic(url, key=key, seed=seed)
    gate = asyncio.Semaphore(AT_ONCE)

    async def guarded() -> TrafficResult:
        async with gate:
            return await traffic.one()

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(guarded()) for _ in range(count)]
    return [task.result() for task in tasks]


async def flow(url: str, *, rate: float = 2.0, key: str = "sim-client", seed: int = 1) -> AsyncIterator[TrafficResult]:
    """Send about `rate` requests a second for ever, several open at once; yield each as it ends."""
    traffic = Traffic(url, key=key, seed=seed)
    pauses = Random(seed)  # noqa: S311 -- pacing, not secrets
    open_now: set[asyncio.Task[TrafficResult]] = set()
    try:
        loop = asyncio.get_running_loop()
        next_at = loop.time()
        while True:
            if loop.time() >= next_at and len(open_now) < AT_ONCE:
                # A generator cannot hold a task group open while it yields; its end cancels what is under way.
                open_now.add(loop.create_task(traffic.one()))
                next_at = loop.time() + pauses.expovariate(rate)
            if not open_now:
                # A timer may fire a little early.
                await asyncio.sleep(max(0.0, next_at - loop.time()))
                continue
            # With every place taken only an end makes room; before that there is nothing to do.
            pause = max(0.0, next_at - loop.time()) if len(open_now) < AT_ONCE else None
            ended, open_now = await asyncio.wait(open_now, timeout=pause, return_when=asyncio.FIRST_COMPLETED)
            for task in ended:
                yield task.result()
    finally:
        for task in open_now:
            task.cancel()
        await asyncio.gather(*open_now, return_exceptions=True)
