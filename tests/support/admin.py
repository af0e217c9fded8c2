"""The management API over fakes: a relay that remembers what it is told, and one ASGI request without a socket."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import unquote

from msgspec.structs import replace
from starlette.types import ASGIApp, Message

from cc_relay.exchange import Outcome
from cc_relay.management.views import (
    AttemptView,
    CandidateView,
    KeyView,
    LimitView,
    Overview,
    ProviderView,
    RefusalView,
    RequestView,
    UsageView,
)

LOCAL = (b"host", b"127.0.0.1:8788")

REQUEST = RequestView(
    id="req_1",
    method="POST",
    path="/v1/messages",
    model="claude-opus-5-5",
    principal="relay-key",
    session="6f2b1c7e",
    status=200,
    outcome=Outcome.DELIVERED,
    reason="",
    arrived_at=datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC),
    duration_ms=3210.0,
    first_byte_ms=812.0,
    waited_ms=40.0,
    bytes_out=12_345,
    usage=UsageView(input=7, output=345, cache_read=10_300, cache_write_5m=20, cache_write_1h=1),
    strategy="failover",
    affinity="moved",
    generation=3,
    candidates=[
        CandidateView(rank=1, provider="work", model="claude-opus-5-5", key="key-0a1b", reason="priority 2"),
        CandidateView(rank=2, provider="spare", model="glm-5", key="key-2c3d", reason="priority 1"),
    ],
    refusals=[
        RefusalView(
            provider="work", key="key-9f9f", model="claude-opus-5-5", reason="rpm", retry_in_ms=12_000.0, at_ms=1.0
        ),
    ],
    attempts=[
        AttemptView(
            number=1,
            provider="work",
            model="claude-opus-5-5",
            key="key-0a1b",
            outcome=Outcome.FAILED,
            status=529,
            stage="head",
            reason="overloaded",
            started_ms=2.0,
            duration_ms=90.0,
            is_hedge=False,
        ),
        AttemptView(
            number=2,
            provider="spare",
            model="glm-5",
            key="key-2c3d",
            outcome=Outcome.DELIVERED,
            status=200,
            stage=None,
            reason="",
            started_ms=95.0,
            duration_ms=3115.0,
            is_hedge=True,
        ),
    ],
)

OVERVIEW = Overview(
    listen="127.0.0.1:8787",
    generation=3,
    uptime_s=60.0,
    in_flight=2,
    waiting=1,
    providers=[
        ProviderView(
            name="work",
            type="anthropic",
            base_url="https://api.anthropic.com",
            state="OPEN",
            reason="every key is open",
            retry_in_ms=12_000.0,
            in_flight=1,
            keys=[
                KeyView(
                    id="key-0a1b",
                    state="OPEN",
                    reason="rate limit",
                    retry_in_ms=12_000.0,
                    in_flight=1,
                    limits=[LimitView(family="", kind="rpm", limit=50.0, level=0.5)],
                    coolings=[],
                )
            ],
        )
    ],
)


class FakeControl:
    """A relay that remembers `requests`, oldest first."""

    capacity = 512

    def __init__(self, requests: Sequence[RequestView] = (REQUEST,)) -> None:
        self._requests = list(requests)

    def find_request(self, id: str) -> RequestView | None:  # noqa: A002 -- the port's name
        return next((view for view in reversed(self._requests) if view.id == id), None)

    def recent_requests(self, limit: int) -> list[RequestView]:
        return self._requests[::-1][:limit]

    def overview(self) -> Overview:
        return OVERVIEW


def numbered(count: int) -> list[RequestView]:
    """`req_1` to `req_COUNT`."""
    return [replace(REQUEST, id=f"req_{number}") for number in range(1, count + 1)]


@dataclass
class AsgiResponse:
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    def json(self) -> object:
        return json.loads(self.body)


async def get(
    app: ASGIApp, target: str, headers: Sequence[tuple[bytes, bytes]] = (LOCAL,), method: str = "GET"
) -> AsgiResponse:
    """One request, its answer as the server would have sent it; what the application raises after it is dropped."""
    path, _, query = target.partition("?")
    scope = {
        "type": "http",
        "method": method,
        "path": unquote(path),
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": query.encode(),
        "headers": list(headers),
        "scheme": "http",
    }
    response = AsgiResponse()

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            response.status = message["status"]
            response.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            response.body += message["body"]

    try:
        await app(scope, receive, send)
    except Exception:
        # As under uvicorn: a bug is answered, then raised.
        if response.status != 500:
            raise
    return response
