"""Law 3: what is reserved is given back, whatever upstreams do, whoever waits, races or leaves, and whenever."""

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct
from tests.support.builders import PING, event, messages_body, sse_stream
from tests.support.fakes import (
    FakeIncoming,
    FakeSender,
    Rig,
    answer,
    broken,
    failure,
    of_session,
    stream,
    unreachable,
    upstream,
)
from tests.support.virtual_time import STARTED_AT, virtual

from cc_relay.errors import Stage, UpstreamError
from cc_relay.exchange import FailureKind, UpstreamRequest
from cc_relay.policy.hedge import HedgeBudget
from cc_relay.policy.latency import LEAST_OBSERVATIONS
from cc_relay.policy.routing import STRATEGIES, StrategySettings
from cc_relay.relay.reserve import refusal_of
from cc_relay.relay.snapshot import Hedging, Queueing, Retry, Upstream

FRAMES = sse_stream()
MESSAGE = b'{"type":"message","content":[],"usage":{"input_tokens":900,"output_tokens":70}}'
OVERLOADED = event("error", error={"type": "overloaded_error", "message": "Overloaded"})
MODEL = "claude-sonnet-5-5"

DELAYS = st.sampled_from([0.0, 0.0, 0.0, 0.3, 2.0, 7.0, 20.0])
SAID = st.sampled_from(["0", "1", "7", "30", "70", "31536000", "soon"])
LIMITS = st.sampled_from(
    [
        {},
        {"rpm": 2.0},
        {"itpm": 50.0},
        {"otpm": 600.0},
        {"rpm": 600.0, "tpm": 3000.0},
        {"rpm": 0.0, "itpm": -1.0},
    ]
)
STEPS = st.lists(st.sampled_from([*FRAMES, PING, OVERLOADED, MESSAGE]) | DELAYS, max_size=6)


@st.composite
def answers(draw: st.DrawFn) -> FakeIncoming | UpstreamError:
    """Anything an upstream may do, mostly its work."""
    match draw(st.sampled_from(["stream", "stream", "whole", "cut", "break", "dial", "failure", "limits", "odd"])):
        case "stream":
            return stream(*FRAMES[:4], draw(DELAYS), *FRAMES[4:], after=draw(DELAYS))
        case "whole":
            return answer(MESSAGE, after=draw(DELAYS))
        case "cut":
            return stream(*FRAMES[: draw(st.integers(0, 6))], draw(DELAYS), broken(), after=draw(DELAYS))
        case "break":
            return broken(draw(st.sampled_from(Stage)), timed_out=draw(st.booleans()))
        case "dial":
            return unreachable()
        case "failure":
            kind = draw(st.sampled_from([*FailureKind, FailureKind.THROTTLE, FailureKind.TRANSIENT]))
            return failure(draw(st.sampled_from([400, 429, 500])), kind=kind, retry_after=draw(SAID))
        case "limits":
            said = {f"anthropic_ratelimit_{kind}": draw(SAID) for kind in ("requests_limit", "requests_remaining")}
            return failure(draw(st.sampled_from([429, 500])), **said)
        case _:
            return stream(*draw(STEPS), after=draw(DELAYS))


class GenerousSender(FakeSender):
    """Plays its script, and serves whoever comes after its end."""

    async def send(self, request: UpstreamRequest, deadline_at: float) -> FakeIncoming:
        if self.is_used_up:
            given = stream(*FRAMES) if b'"stream": true' in request.body else answer(MESSAGE)
            self.answers.append(given)
            self._left.append(given)
        return await super().send(request, deadline_at)


class Visit(Struct, frozen=True):
    """One client: when it comes, what it wants, and when it leaves (None: it stays to the end)."""

    comes: float
    session: str
    is_stream: bool
    is_bound: bool
    leaves: float | None
    turns: int
    is_gone: bool


VISITS = st.builds(
    Visit,
    comes=DELAYS,
    session=st.sampled_from("xyz"),
    is_stream=st.booleans(),
    is_bound=st.sampled_from([False, False, False, True]),
    leaves=st.none() | st.sampled_from([0.0, 0.3, 1.0, 2.0, 7.0, 15.0, 30.0, 60.0]),
    turns=st.integers(0, 12),
    is_gone=st.booleans(),
)


@st.composite
def providers(draw: st.DrawFn) -> list[Upstream]:
    found = []
    for name in "abc"[: draw(st.integers(1, 3))]:
        keys = [f"k{number}" for number in range(draw(st.integers(1, 3)))]
        one = upstream(
            name,
            *keys,
            limits=draw(LIMITS),
            pooling=draw(st.sampled_from(["least_loaded", "round_robin", "random", "weighted"])),
            threshold=draw(st.integers(1, 4)),
            probes=draw(st.integers(1, 2)),
            gap=draw(st.sampled_from([None, None, None, "cannot see"])),
            declines=draw(st.sampled_from([False, False, False, True])),
        )
        for _ in range(LEAST_OBSERVATIONS):
            one.standing.latency.observe(0.5, STARTED_AT)
        found.append(one)
    return found


async def visit(rig: Rig, one: Visit) -> None:
    await asyncio.sleep(one.comes)
    body = messages_body(model=MODEL, stream=one.is_stream, container="c1" if one.is_bound else None)
    async with rig.begin(body=body, headers=of_session(one.session)) as exchange:
        if one.leaves is None:
            await exchange.ended()
            return
        await asyncio.wait([exchange.task], timeout=one.leaves)
        for _ in range(one.turns):
            await asyncio.sleep(0)
        if not exchange.task.done():
            await (exchange.client_leaves() if one.is_gone else exchange.relay_stops())


@settings(max_examples=300)
@given(
    script=st.lists(answers(), max_size=12),
    upstreams=providers(),
    visits=st.lists(VISITS, min_size=1, max_size=6),
    strategy=st.sampled_from(sorted(STRATEGIES)),
    max_wait=st.sampled_from([0.0, 5.0, 60.0]),
    is_hedging=st.booleans(),
    keeps_sessions=st.booleans(),
    jitter=st.floats(0, 1, exclude_max=True),
)
@virtual
async def test_leases_in_are_leases_out(
    script: list[FakeIncoming | UpstreamError],
    upstreams: list[Upstream],
    visits: list[Visit],
    strategy: str,
    max_wait: float,
    is_hedging: bool,
    keeps_sessions: bool,
    jitter: float,
) -> None:
    """The rig checks behind each exchange that nothing is in flight, no probe missing, nobody left in line."""
    rig = Rig(
        sender=GenerousSender(*script),
        upstreams=upstreams,
        strategy=STRATEGIES[strategy](StrategySettings()),
        keeps_sessions=keeps_sessions,
        queueing=Queueing(max_wait=max_wait),
        hedging=Hedging(2.0, HedgeBudget(1.0)) if is_hedging else None,
        retry=Retry(max_attempts=4),
        dice=lambda: jitter,
        timeout=3600.0,
    )
    async with asyncio.TaskGroup() as tasks:
        for one in visits:
            tasks.create_task(visit(rig, one))
    assert rig.shells.admission.in_flight == 0
    assert sorted(record.id for record in rig.records) == sorted(f"req_{number + 1}" for number in range(len(visits)))
    for record in rig.records:
        assert len(record.attempts) <= 4
    await asyncio.sleep(7 * 3600.0)
    for lane in rig.front.snapshot.lanes(MODEL):
        for option in lane.options.values():
            assert refusal_of(option, 10, 10, rig.loop.time()) is None, f"{option.candidate} is stuck"
