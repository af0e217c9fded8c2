"""The hot functions alone: nanoseconds a call. `python -m bench micro`."""

import hashlib
import sys
import timeit
from collections.abc import Callable
from dataclasses import dataclass

from bench import messages

REPEATS = 5
SECONDS = 0.2
"""Roughly how long one repeat takes."""


@dataclass(frozen=True)
class Case:
    """One hot function with its argument bound. `calls` is how many units of work one call does.

    `bar` bounds the nanoseconds, or, where it is measured `beside` something else, how often those of that.
    """

    title: str
    call: Callable[[], object]
    calls: int = 1
    bar: float | None = None
    beside: Callable[[], object] | None = None


def cases() -> list[Case]:
    """Imports here, so that a function that moved fails this command and no other."""
    from cc_relay.codec.messages import peek
    from cc_relay.codec.observer import StreamObserver, read_message
    from cc_relay.exchange import Candidate, Credential, RelayRequest
    from cc_relay.providers.anthropic import Anthropic
    from cc_relay.providers.base import ProviderSettings

    small = messages.request_body(messages.STREAM_MODEL, 1024)
    large = messages.request_body(messages.STREAM_MODEL, 200 * 1024)
    session = dict(messages.HEADERS)["X-Claude-Code-Session-Id"].encode()

    observer = StreamObserver()
    for event in messages.OPENING:
        observer.receive_data(event)

    def observe_stream() -> None:
        watcher = StreamObserver()
        for event in messages.EVENTS:
            watcher.receive_data(event)

    headers = [(name.lower().encode(), value.encode()) for name, value in messages.HEADERS]
    headers += [(b"host", b"127.0.0.1:8787"), (b"content-length", b"1024")]
    request = RelayRequest("POST", "/v1/messages", "beta=true", headers, small, "req_bench", 0.0, dict(headers))
    provider = Anthropic(ProviderSettings("mock", "anthropic", "http://127.0.0.1:1", messages.MODELS))
    candidate = Candidate("mock", Credential("fingerprint", messages.UPSTREAM_KEY), messages.STREAM_MODEL)
    peeked, _ = peek(small, session)

    return [
        *routing_cases(),
        Case("peek, 1 KB", lambda: peek(small, session)),
        Case("peek, 200 KB", lambda: peek(large, session)),
        Case("observer, one delta", lambda: observer.receive_data(messages.DELTA)),
        Case(f"observer, one event of a whole stream of {len(messages.EVENTS)}", observe_stream, len(messages.EVENTS)),
        Case("observer, a whole stream in one read", lambda: StreamObserver().receive_data(messages.STREAM_BODY)),
        Case("usage of a JSON answer, 1 KB", lambda: read_message(messages.ANSWER)),
        Case(f"prepare, {len(headers)} headers", lambda: provider.prepare_messages(request, peeked, candidate)),
        *bedrock_cases(large),
    ]


def bedrock_cases(body: bytes) -> list[Case]:
    """What only Bedrock costs: a signature for each request, binary frames around each event."""
    from cc_relay.codec.event_stream import EventStreamDecoder
    from cc_relay.exchange import AwsKeys, Origin
    from cc_relay.providers.bedrock.stream import StreamTranslation
    from cc_relay.providers.sigv4 import Signer

    frame = messages.frame(messages.DELTA_DATA)
    decoder = EventStreamDecoder()
    translation = StreamTranslation("mock", "req_bench")
    keys = AwsKeys("AKIDEXAMPLE", "a-secret-of-the-benchmark")
    signer = Signer("us-east-1", "bedrock")
    origin = Origin("https", "bedrock-runtime.us-east-1.amazonaws.com", 443)
    target = b"/model/us.anthropic.claude-sonnet-4-5-20250929-v1:0/invoke-with-response-stream"
    headers = [(b"accept", b"application/json"), (b"content-type", b"application/json")]

    def sign() -> object:
        return signer.seal(keys, b"POST", origin, target, headers, body)(1_767_323_045.0)

    return [
        Case(f"frames, one of {len(frame)} bytes a read", lambda: decoder.receive_data(frame), bar=3000),
        Case("frames, one of 100 in a read", lambda: decoder.receive_data(frame * 100), 100, bar=3000),
        Case("bedrock, one delta from frame to event", lambda: translation.receive_data(frame)),
        Case("sign, 200 KB, beside its SHA-256", sign, bar=1.3, beside=lambda: hashlib.sha256(body).digest()),
    ]


def routing_cases() -> list[Case]:
    """Plan, reserve and release as the life cycle does them: one provider with one key, and four with five each."""
    from cc_relay.config import Config
    from cc_relay.exchange import Usage
    from cc_relay.policy.routing import Ask
    from cc_relay.relay.authenticate import ANONYMOUS
    from cc_relay.relay.plan import Route
    from cc_relay.relay.reserve import Reserved, reserve
    from cc_relay.runtime.assemble import assemble

    usage = Usage(input=1000, output=300)

    def case(providers: int, keys: int, strategy: str) -> Case:
        listed = [
            {
                "name": f"p{number}",
                "type": "anthropic",
                "keys": [
                    {"key": f"sk-{number}-{key}", "rpm_limit": 10**9, "itpm_limit": 10**12, "otpm_limit": 10**12}
                    for key in range(keys)
                ],
            }
            for number in range(providers)
        ]
        config = {"providers": listed, "routing": {"strategy": strategy}}
        snapshot = assemble(Config.model_validate(config))
        lanes = snapshot.lanes("claude-opus-5-5")
        clock = iter(range(10**9))

        def plan_reserve_release() -> None:
            now = next(clock) / 1000.0
            ask = Ask("claude-opus-5-5", 1000, 500, 0, "", now, lambda: 0.5)
            route = Route(lanes, snapshot.strategy, ask, ANONYMOUS, session="s", home=None, settles=True)
            reserved = reserve(next(iter(route.options())), 1000, 500, now)
            assert isinstance(reserved, Reserved)
            reserved.succeed(usage, "s", now)

        return Case(f"plan + reserve + release, {providers * keys} candidates, {strategy}", plan_reserve_release)

    return [case(1, 1, "failover"), case(4, 5, "failover"), case(4, 5, "round_robin"), case(4, 5, "latency_based")]


def nanoseconds(*calls: Callable[[], object]) -> list[float]:
    """What each costs: the best of a few repeats, since noise only ever adds, in turn, since it comes and goes."""
    timers = [(timer, enough(timer)) for timer in map(timeit.Timer, calls)]
    rounds = [[timer.timeit(number) / number * 1e9 for timer, number in timers] for _ in range(REPEATS)]
    return [min(repeats) for repeats in zip(*rounds, strict=True)]


def enough(timer: timeit.Timer) -> int:
    """How many calls make a repeat."""
    number, seconds = timer.autorange()
    return max(1, round(number * SECONDS / seconds))


def line(case: Case) -> str:
    """The figures of one case, and whether they keep to its bar."""
    total, *beside = nanoseconds(case.call, *([case.beside] if case.beside is not None else []))
    spent = total / case.calls
    figures = f"{spent:>12,.0f} ns"
    judged, unit = spent, " ns"
    for other in beside:
        judged, unit = spent / other, "x"
        figures += f"  {judged:.2f}x"
    if case.bar is None:
        return figures
    return f"{figures}  (bar {case.bar:,g}{unit}: {'kept' if judged <= case.bar else 'MISS'})"


def main(arguments: list[str]) -> int:
    """Print one line a case; `arguments` are words that a title must hold to be run."""
    chosen = [case for case in cases() if all(word in case.title for word in arguments)]
    if not chosen:
        print(f"bench micro: no case holds {' '.join(arguments)}", file=sys.stderr)
        return 1
    width = max(len(case.title) for case in chosen)
    for case in chosen:
        print(f"{case.title:<{width}}{line(case)}", flush=True)
    return 0
