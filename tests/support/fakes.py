"""The life cycle's surroundings, faked to the letter of relay/ports.py; for virtual time."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from itertools import count
from math import inf
from typing import Self

from msgspec import Struct
from tests.support.builders import relay_request
from tests.support.virtual_time import settle

from cc_relay.codec.envelope import envelope
from cc_relay.errors import Rejection, Stage, UpstreamError
from cc_relay.exchange import (
    Candidate,
    Credential,
    Failure,
    FailureKind,
    Headers,
    Origin,
    Peek,
    Price,
    Record,
    RelayRequest,
    Timeouts,
    Translation,
    UpstreamRequest,
    header,
)
from cc_relay.policy.breaker import BreakerState, CircuitBreaker, Transition
from cc_relay.policy.key import Key, KeySettings
from cc_relay.policy.key_pool import KeyPool
from cc_relay.policy.routing import Standing
from cc_relay.providers.base import Provider
from cc_relay.providers.failures import read_anthropic_failure
from cc_relay.relay.front import Front
from cc_relay.relay.ports import CredentialSource, Flow, Inspector, Sink
from cc_relay.relay.shells import Shells
from cc_relay.relay.snapshot import Snapshot, Upstream

OPEN_SECONDS = 30.0
"""How long a breaker stays open before it is tried."""

READ_AHEAD = 1_048_576
"""Bytes of a body that arrive before somebody reads them; the real thing holds the upstream back above it."""

Step = bytes | float | UpstreamError
"""What an upstream's body does next: bytes arrive, so many seconds pass, or it breaks."""

JSON_HEADERS: Headers = [(b"content-type", b"application/json")]
SSE_HEADERS: Headers = [(b"content-type", b"text/event-stream; charset=utf-8")]


class FakeIncoming:
    """An answer that plays its `steps` on virtual time; after them the body is complete.

    Pings of ours, framing and idle timeouts are not its business: an idle timeout is scripted as the error it gives.
    """

    def __init__(
        self, status: int, headers: Headers, steps: Iterable[Step], *, length: int | None = None, after: float = 0.0
    ) -> None:
        self.status = status
        self.headers = headers
        self.named = dict(headers)
        self.length = length
        self.after = after
        self.was_sent = False
        self.closed_at: float | None = None
        self.pauses: list[str] = []
        self._steps = list(steps)
        self._ready_at: float | None = None
        self._may_flow = asyncio.Event()
        self._may_flow.set()

    def __repr__(self) -> str:
        return f"<FakeIncoming {self.status} {len(self._steps)} steps left>"

    @property
    def is_closed(self) -> bool:
        return self.closed_at is not None

    @property
    def is_finished(self) -> bool:
        return not self._steps

    async def receive(self, deadline_at: float) -> bytes | None:
        assert not self.is_closed, "read after it was closed"
        while self._steps:
            step = self._steps[0]
            if isinstance(step, UpstreamError):
                raise step
            if isinstance(step, bytes):
                return self._next(step)
            if not await self._has_passed(step, deadline_at):
                return None
        return b""

    def take_whole(self) -> bytes | None:
        pieces = [step for step in self._steps if isinstance(step, bytes)]
        if len(pieces) < len(self._steps) or sum(map(len, pieces)) > READ_AHEAD:
            return None
        self._steps.clear()
        return b"".join(pieces)

    async def splice(self, sink: Sink, deadline_at: float) -> None:
        while True:
            data = await self.receive(deadline_at)
            if data is None:
                raise UpstreamError("the answer took too long", stage=Stage.BODY, timed_out=True)
            await self._may_flow.wait()
            if not data:
                return
            sink(data)
            await asyncio.sleep(0)

    def pause(self) -> None:
        self.pauses.append("pause")
        self._may_flow.clear()

    def resume(self) -> None:
        self.pauses.append("resume")
        self._may_flow.set()

    def break_off(self, error: UpstreamError) -> None:
        self._steps[:] = [error]

    def close(self) -> None:
        if self.closed_at is None:
            self.closed_at = asyncio.get_running_loop().time()

    def _next(self, step: bytes) -> bytes:
        del self._steps[0]
        self._ready_at = None
        return step

    async def _has_passed(self, seconds: float, deadline_at: float) -> bool:
        loop = asyncio.get_running_loop()
        if self._ready_at is None:
            self._ready_at = loop.time() + seconds
        await wait_until(min(self._ready_at, deadline_at))
        if loop.time() < self._ready_at:
            return False
        self._next(b"")
        return True


class FakeSender:
    """Gives one scripted answer for each attempt, in order; `requests` is what it was sent, and when."""

    def __init__(self, *answers: FakeIncoming | UpstreamError) -> None:
        self.answers = list(answers)
        self.requests: list[UpstreamRequest] = []
        self.sent_at: list[float] = []
        self._left = list(answers)

    async def send(self, request: UpstreamRequest, deadline_at: float) -> FakeIncoming:
        assert self._left, f"an attempt nobody expected: {request.origin} {request.target!r}"
        answer = self._left.pop(0)
        self.requests.append(request)
        self.sent_at.append(asyncio.get_running_loop().time())
        del request
        await asyncio.sleep(0)
        if isinstance(answer, UpstreamError):
            raise answer
        answer.was_sent = True
        head_at = asyncio.get_running_loop().time() + answer.after
        try:
            await wait_until(min(head_at, deadline_at))
        except asyncio.CancelledError:
            answer.close()
            raise
        if head_at > deadline_at:
            answer.close()
            raise UpstreamError("no answer in time", stage=Stage.HEAD, timed_out=True)
        return answer

    @property
    def asked(self) -> list[str]:
        """Who was asked, with which key: `a/k1`."""
        return [f"{one.origin.host.removesuffix('.test')}/{key_of(one)}" for one in self.requests]

    @property
    def is_used_up(self) -> bool:
        return not self._left


class FakeDownstream:
    """A client that takes everything at once, and holds the relay to the order of calls."""

    def __init__(self) -> None:
        self.is_started = False
        self.is_gone = False
        self.end = ""
        self.ended_at = inf
        self.status = 0
        self.headers: Headers = []
        self.length: int | None = None
        self.writes: list[tuple[float, bytes]] = []
        self.flow: Flow | None = None

    def __repr__(self) -> str:
        return f"<FakeDownstream {self.status} {self.end or 'open'} {len(self.body)} bytes>"

    @property
    def body(self) -> bytes:
        return b"".join(data for _, data in self.writes)

    def respond(self, status: int, headers: Headers, body: bytes) -> None:
        self._begin(status, headers)
        self.length = len(body)
        self.write(body)
        self._finish("respond")

    def start(self, status: int, headers: Headers, length: int | None) -> None:
        self._begin(status, headers)
        self.length = length

    def write(self, data: bytes) -> None:
        assert self.is_started, "a body before its head"
        assert not self.end, f"bytes after {self.end}"
        if data:
            self.writes.append((asyncio.get_running_loop().time(), data))

    def finish(self) -> None:
        assert self.is_started
        assert self.length in (None, len(self.body)), "the body has another length than its head says"
        self._finish("finish")

    def abort(self) -> None:
        self._finish("abort")

    def regulate(self, flow: Flow) -> None:
        assert self.is_started
        self.flow = flow

    def header(self, name: bytes) -> bytes | None:
        return header(self.headers, name)

    def _begin(self, status: int, headers: Headers) -> None:
        assert not self.is_started, "two answers to one request"
        self.is_started = True
        self.status = status
        self.headers = headers

    def _finish(self, end: str) -> None:
        assert not self.end, f"{end} after {self.end}"
        self.end = end
        self.ended_at = asyncio.get_running_loop().time()
        self.flow = None


class FakeProvider:
    """Speaks Anthropic at https://NAME.test.

    The `x-kind` header of an error answer says how it is to be taken, `x-lacks` which capability it refuses; what a
    request goes without is in its own `x-lacking`. `adapts` False sends the same whatever is lacking.
    """

    type = "anthropic"

    def __init__(
        self,
        name: str,
        *,
        models: tuple[str, ...] = (),
        mapping: dict[str, str] | None = None,
        accepts_client_login: bool = False,
        can_count: bool = True,
        has_side_endpoints: bool = True,
        declines: bool = False,
        gap: str | None = None,
        families: Mapping[str, str] | None = None,
        is_claude: bool = True,
        adapts: bool = True,
        translate: Callable[[], Translation] | None = None,
    ) -> None:
        self.name = name
        self.base_url = f"https://{name}.test"
        self.origin = Origin("https", f"{name}.test", 443)
        self.accepts_client_login = accepts_client_login
        self.models = models
        self._mapping = mapping
        self._can_count = can_count
        self._has_side_endpoints = has_side_endpoints
        self._declines = declines
        self._gap = gap
        self._families = families or {}
        self._is_claude = is_claude
        self._adapts = adapts
        self._translate = translate

    def upstream_model(self, model: str) -> str | None:
        if self._mapping is not None and model in self._mapping:
            return self._mapping[model]
        return model if not self.models or model in self.models else None

    def limit_family(self, model: str) -> str:
        return self._families.get(model, "")

    def is_claude(self, model: str) -> bool:
        return self._is_claude

    def lacks(self, peek: Peek) -> str | None:
        return self._gap

    def prepare_messages(self, request: RelayRequest, peek: Peek, candidate: Candidate) -> UpstreamRequest:
        if self._declines:
            raise Rejection(413, "request_too_large", f"{self.name} takes less.", reason="body_too_large")
        return self._prepare(b"/v1/messages", request, candidate)

    def prepare_count(self, request: RelayRequest, peek: Peek, candidate: Candidate) -> UpstreamRequest | None:
        return self._prepare(b"/v1/messages/count_tokens", request, candidate) if self._can_count else None

    def prepare_probe(self, candidate: Candidate) -> UpstreamRequest:
        return self._prepare(b"/v1/models", relay_request(body=b""), candidate)

    def prepare_passthrough(self, request: RelayRequest, candidate: Candidate) -> UpstreamRequest | None:
        return self._prepare(request.path.encode(), request, candidate) if self._has_side_endpoints else None

    def read_failure(self, status: int, headers: Headers, body: bytes) -> Failure:
        kind = header(headers, b"x-kind")
        if kind is None:
            return read_anthropic_failure(self.name, status, headers, body)
        lacks = header(headers, b"x-lacks") or b""
        return Failure(FailureKind(kind.decode()), status, "api_error", "as scripted", body, lacks=lacks.decode())

    def _prepare(self, target: bytes, request: RelayRequest, candidate: Candidate) -> UpstreamRequest:
        headers = [(b"x-api-key", candidate.credential.secret.encode()), (b"x-model", candidate.model.encode())]
        if candidate.lacking and self._adapts:
            headers.append((b"x-lacking", ",".join(sorted(candidate.lacking)).encode()))
        return UpstreamRequest(
            self.origin, request.method.encode(), target, headers, request.body, Timeouts(), translate=self._translate
        )


class FakeWatch:
    """Remembers what happened to providers and keys: `a open`, `a/key-k1 throttle 7`."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def breaker_moved(self, provider: str, transition: Transition) -> None:
        self.heard.append(f"{provider} {transition.became.value}")

    def key_out(self, candidate: Candidate, failure: Failure, seconds: float) -> None:
        name = candidate.credential.fingerprint
        self.heard.append(f"{candidate.provider}/{name} {failure.kind.value} {seconds:g}")

    def key_back(self, candidate: Candidate, reason: str) -> None:
        self.heard.append(f"{candidate.provider}/{candidate.credential.fingerprint} back from {reason}")


class Rig:
    """A front with everything around it faked. After each exchange the laws that hold for all of them are checked."""

    def __init__(
        self,
        *answers: FakeIncoming | UpstreamError,
        upstreams: Iterable[Upstream] | None = None,
        dice: Callable[[], float] = lambda: 0.5,
        inspector: Inspector | None = None,
        sender: FakeSender | None = None,
        **settings: object,
    ) -> None:
        self.sender = sender or FakeSender(*answers)
        self.records: list[Record] = []
        self.watch = FakeWatch()
        self.in_work = 0
        self._ids = (f"req_{number}" for number in count(1))
        self.loop = asyncio.get_running_loop()
        self.shells = Shells(
            sender=self.sender,
            record=self.records.append,
            watch=self.watch,
            loop=self.loop,
            dice=dice,
            inspector=inspector,
        )
        listed = tuple(upstreams) if upstreams is not None else (upstream("a"), upstream("b"))
        # Every request of the builders begins alike, and so would be one session's.
        settings = {"keeps_sessions": False, **settings}
        self.front = Front(Snapshot(generation=1, upstreams=listed, **settings), self.shells)

    @property
    def record(self) -> Record:
        """What the one exchange left."""
        (record,) = self.records
        return record

    async def serve(self, request: RelayRequest | None = None, **changes: object) -> FakeDownstream:
        """One exchange, to its end."""
        async with self.begin(request, **changes) as exchange:
            await exchange.ended()
        return exchange.downstream

    def begin(self, request: RelayRequest | None = None, **changes: object) -> "Exchange":
        """One exchange, to interfere with; `async with`."""
        request = request or relay_request(**{"arrived_at": self.loop.time(), "id": next(self._ids), **changes})
        downstream = FakeDownstream()
        return Exchange(self, request.id, self.front.serve(request, downstream), downstream)

    def check(self, downstream: FakeDownstream) -> None:
        """What holds after every exchange, however it ended; the upstream's side once no other is in work."""
        assert downstream.is_gone or downstream.end, "the client waits for ever"
        assert self.shells.admission.in_flight <= self.in_work, "a place was not given back"
        if self.in_work:
            return
        for answer in self.sender.answers:
            if isinstance(answer, FakeIncoming) and answer.was_sent:
                assert answer.is_closed, f"{answer} was not let go"
        assert len(self.shells.waiting) == 0, "somebody still stands in line"
        snapshot = self.front.snapshot
        lanes = snapshot.lanes("claude-sonnet-5-5")
        wanted = [option for lane in lanes for option in lane.options.values() if self.shells.waiting.wants(option)]
        assert not wanted, f"nobody waits for {wanted} any more"
        for one in snapshot.upstreams:
            check_leases(one, self.loop.time())


def check_leases(of: Upstream, now: float) -> None:
    """What was reserved of an upstream that nobody uses any more was given back."""
    name = of.provider.name
    assert of.standing.in_flight == 0, f"{name} has {of.standing.in_flight} in flight"
    for key in of.pool.keys:
        assert key.in_flight == 0, f"{name}/{key.name} has {key.in_flight} in flight"
        assert all(limits.leases == 0 for limits in key.families.values()), f"{name}/{key.name} has open leases"
    assert not of.breaker.retry_at(now) > now or of.breaker.state(now) is BreakerState.OPEN, f"{name} misses a probe"


class Exchange:
    """An exchange in work. Leave it with `ended`, `cut`, `client_leaves` or `relay_stops`."""

    def __init__(self, rig: Rig, id_: str, serving: Awaitable[None], downstream: FakeDownstream) -> None:
        self.rig = rig
        self.id = id_
        self.downstream = downstream
        self._serving = serving

    async def __aenter__(self) -> Self:
        self.task = asyncio.get_running_loop().create_task(self._run())
        return self

    async def __aexit__(self, kind: object, *_: object) -> None:
        if kind is not None:
            self.task.cancel()
            return
        assert self.task.done(), "the exchange still runs"
        assert [record.id for record in self.rig.records].count(self.id) == 1, "an exchange settles once"
        self.rig.check(self.downstream)

    async def ended(self) -> None:
        await self.task

    async def cut(self) -> None:
        """Wait for the end of an exchange that somebody cancels."""
        await asyncio.wait([self.task])
        assert self.task.cancelled()

    async def client_leaves(self) -> None:
        self.downstream.is_gone = True
        await self.relay_stops()

    async def relay_stops(self) -> None:
        self.task.cancel()
        await settle()

    async def _run(self) -> None:
        self.rig.in_work += 1
        try:
            await self._serving
        finally:
            self.rig.in_work -= 1


class Chance(Struct, frozen=True):
    """Dice that fall as told."""

    value: float

    def __call__(self) -> float:
        return self.value


def upstream(
    name: str,
    *keys: str,
    pooling: str = "round_robin",
    limits: dict[str, float] | None = None,
    threshold: int = 5,
    probes: int = 1,
    price: Price | None = None,
    source: CredentialSource | None = None,
    **traits: object,
) -> Upstream:
    """A provider with these keys, one of its own where none is named, and nothing behind it yet: one for each test.

    Each key has the same `limits`; with a `source`, its credential of the moment goes in their place. `traits` are
    FakeProvider's.
    """
    return upstream_of(
        FakeProvider(name, **traits),
        tuple(Credential(f"key-{key}", key) for key in keys or (f"{name}-key",)),
        pooling=pooling,
        limits=limits,
        threshold=threshold,
        probes=probes,
        price_of=lambda _: price,
        source=source,
    )


def upstream_of(
    provider: Provider,
    credentials: tuple[Credential, ...] = (),
    *,
    pooling: str = "round_robin",
    limits: dict[str, float] | None = None,
    threshold: int = 5,
    probes: int = 1,
    **more: object,
) -> Upstream:
    """A provider with these credentials; `more` are Upstream's fields."""
    settings = [KeySettings(one.fingerprint, **(limits or {})) for one in credentials]
    breaker = CircuitBreaker(threshold=threshold, open_for=OPEN_SECONDS, probes=probes)
    return Upstream(provider, credentials, KeyPool(settings, strategy=pooling), breaker, Standing(), **more)


def key(of: Upstream, name: str) -> Key:
    """The live key of that name."""
    (found,) = [one for one in of.pool.keys if one.name == f"key-{name}"]
    return found


def answer(
    *steps: Step, status: int = 200, headers: Headers = JSON_HEADERS, after: float = 0.0, length: int | None = None
) -> FakeIncoming:
    """A whole answer, JSON unless told otherwise; its head comes `after` so many seconds."""
    return FakeIncoming(status, list(headers), steps, after=after, length=length)


def stream(*steps: Step, after: float = 0.0, length: int | None = None, headers: Headers = SSE_HEADERS) -> FakeIncoming:
    return FakeIncoming(200, list(headers), steps, after=after, length=length)


def failure(
    status: int, error_type: str = "api_error", *, kind: FailureKind | None = None, **more: str
) -> FakeIncoming:
    """An error answer in Anthropic's envelope; `more` are header lines (`retry_after="7"`)."""
    headers = [(name.replace("_", "-").encode(), value.encode()) for name, value in more.items()]
    if kind is not None:
        headers.append((b"x-kind", kind.value.encode()))
    body = envelope(error_type, f"the upstream's own {status}", "req_upstream")
    return FakeIncoming(status, [*JSON_HEADERS, *headers], [body])


def unreachable() -> UpstreamError:
    return UpstreamError("connection refused", stage=Stage.CONNECT)


def broken(stage: Stage = Stage.BODY, *, timed_out: bool = False) -> UpstreamError:
    return UpstreamError("reset by peer", stage=stage, timed_out=timed_out)


def key_of(request: UpstreamRequest) -> str:
    return (header(request.headers, b"x-api-key") or b"").decode()


def of_session(name: str, **more: str) -> Headers:
    """The header lines of a client that names its session; `more` are others (`x_claude_code_agent_id="7"`)."""
    lines = {"x-claude-code-session-id": name, **{key.replace("_", "-"): value for key, value in more.items()}}
    return [(key.encode(), value.encode()) for key, value in lines.items()]


async def wait_until(instant: float) -> None:
    """Sleep until the loop's clock shows `instant`; for ever at infinity."""
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    timer = None if instant == inf else loop.call_at(instant, _wake, future)
    try:
        await future
    finally:
        if timer is not None:
            timer.cancel()


def _wake(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)
