"""The happy path: the client gets the upstream's own bytes, and the books get the rest."""

import pytest
from tests.support.builders import event, messages_body, sse_stream
from tests.support.fakes import Rig, answer, stream, upstream
from tests.support.virtual_time import STARTED_AT, settle, virtual

from cc_relay.exchange import Headers, Outcome, UpstreamRequest

MESSAGE = (
    b'{ "id":"msg_1", "type":"message","role":"assistant","model":"claude-sonnet-5-5","content":[],'
    b'"stop_reason":"end_turn","usage":{"input_tokens":3,"output_tokens":5},"new_field":{"a":1.0}}'
)


@virtual
async def test_a_whole_answer_arrives_byte_for_byte_and_with_its_length() -> None:
    downstream = await Rig(answer(MESSAGE[:10], 1.0, MESSAGE[10:])).serve()
    assert (downstream.status, downstream.end) == (200, "respond")
    assert downstream.body == MESSAGE


@virtual
async def test_a_stream_arrives_byte_for_byte_and_is_finished() -> None:
    frames = sse_stream(thinking="hm", tools=[("Bash", {"command": "ls"})])
    downstream = await Rig(stream(*frames)).serve(body=messages_body(stream=True))
    assert (downstream.status, downstream.end) == (200, "finish")
    assert downstream.body == b"".join(frames)


@virtual
async def test_later_bytes_of_a_stream_leave_as_they_arrive() -> None:
    frames = sse_stream()
    steps = [step for frame in frames for step in (frame, 0.5)]
    downstream = await Rig(stream(*steps)).serve(body=messages_body(stream=True))
    # Three frames were held together; the rest came one by one.
    assert [data for _, data in downstream.writes] == [b"".join(frames[:3]), *frames[3:]]
    assert [at - STARTED_AT for at, _ in downstream.writes][:3] == [1.0, 1.5, 2.0]


@virtual
async def test_unknown_events_comments_and_carriage_returns_pass_untouched() -> None:
    frames = sse_stream()
    odd = [b": hello\r\n\r\n", frames[0], event("message_mystery", x=1), *frames[1:], b": bye\n\n", b"data: tail\n\n"]
    raw = b"".join(odd).replace(b"\n", b"\r\n")
    downstream = await Rig(stream(raw)).serve(body=messages_body(stream=True))
    assert (downstream.body, downstream.end) == (raw, "finish")


@virtual
async def test_a_streams_usage_and_bytes_are_in_the_record() -> None:
    frames = sse_stream(input_tokens=25, output_tokens=15, cache_read=7)
    rig = Rig(stream(*frames))
    await rig.serve(body=messages_body(stream=True))
    usage = rig.record.usage
    assert (usage.input, usage.output, usage.cache_read, usage.is_complete) == (25, 15, 7, True)
    assert rig.record.bytes_out == len(b"".join(frames))


@virtual
async def test_a_whole_answers_usage_and_bytes_are_in_the_record() -> None:
    rig = Rig(answer(MESSAGE))
    await rig.serve()
    usage = rig.record.usage
    assert (usage.input, usage.output, usage.stop_reason) == (3, 5, "end_turn")
    assert rig.record.bytes_out == len(MESSAGE)


@virtual
async def test_the_record_tells_who_asked_for_what_and_who_answered_when() -> None:
    rig = Rig(answer(MESSAGE, after=2.0), upstreams=[upstream("a", "k1", mapping={"claude-sonnet-5-5": "big"})])
    await rig.serve(headers=[(b"x-claude-code-session-id", b"session-1")], id="req_7")
    record = rig.record
    assert (record.id, record.method, record.path) == ("req_7", "POST", "/v1/messages")
    assert (record.model, record.session, record.principal) == ("claude-sonnet-5-5", "session-1", "anonymous")
    assert (record.status, record.outcome, record.reason) == (200, Outcome.DELIVERED, "")
    assert (record.arrived_at, record.first_byte_at, record.ended_at) == (1000.0, 1002.0, 1002.0)
    (attempt,) = record.attempts
    assert (attempt.candidate.provider, attempt.candidate.model) == ("a", "big")
    assert (attempt.outcome, attempt.status, attempt.started_at, attempt.ended_at) == (
        Outcome.DELIVERED,
        200,
        1000.0,
        1002.0,
    )


@virtual
async def test_an_upstreams_headers_travel_on_but_for_those_of_its_own_connection() -> None:
    headers: Headers = [
        (b"content-type", b"application/json"),
        (b"request-id", b"req_upstream"),
        (b"x-request-id", b"theirs"),
        (b"x-new", b"1"),
        (b"set-cookie", b"a=b"),
        (b"set-cookie", b"c=d"),
        (b"anthropic-ratelimit-requests-remaining", b"9"),
        (b"anthropic-ratelimit-unified-status", b"allowed"),
        (b"strict-transport-security", b"max-age=1"),
    ]
    downstream = await Rig(answer(MESSAGE, headers=headers)).serve()
    assert downstream.headers == [headers[0], headers[1], headers[3], headers[6]]


@virtual
async def test_no_debug_headers_unless_asked_for() -> None:
    downstream = await Rig(answer(MESSAGE)).serve()
    assert not [name for name, _ in downstream.headers if name.startswith(b"x-cc-relay")]


@pytest.mark.parametrize("is_stream", [True, False])
@virtual
async def test_debug_headers_tell_where_an_answer_came_from(is_stream: bool) -> None:
    given = stream(*sse_stream()) if is_stream else answer(MESSAGE)
    rig = Rig(given, upstreams=[upstream("häuser", "k1", mapping={})], shows_debug_headers=True)
    downstream = await rig.serve(body=messages_body(stream=is_stream))
    assert {name: value for name, value in downstream.headers if name.startswith(b"x-cc-relay")} == {
        b"x-cc-relay-strategy": b"failover",
        b"x-cc-relay-provider": b"h?user",
        b"x-cc-relay-model": b"claude-sonnet-5-5",
        b"x-cc-relay-key-id": b"key-k1",
        b"x-cc-relay-attempts": b"1",
        b"x-cc-relay-health": b"closed",
        b"x-cc-relay-affinity": b"none",
    }


@virtual
async def test_an_answer_above_the_bound_is_committed_before_it_is_whole() -> None:
    large = b"x" * 1_048_577
    rig = Rig(answer(large, 60.0, b"the end", length=len(large) + 7))
    downstream = await rig.serve()
    assert (downstream.length, downstream.end) == (len(large) + 7, "finish")
    assert downstream.body == large + b"the end"
    assert downstream.writes[0][0] == STARTED_AT


@virtual
async def test_a_body_of_exactly_the_bound_is_still_awaited_whole() -> None:
    padded = MESSAGE.ljust(1_048_576)
    downstream = await Rig(answer(padded, 1.0)).serve()
    assert (downstream.end, len(downstream.body)) == ("respond", 1_048_576)


@virtual
async def test_an_encoded_body_passes_unread() -> None:
    headers: Headers = [(b"content-type", b"text/event-stream"), (b"content-encoding", b"gzip")]
    rig = Rig(answer(b"\x1f\x8bwhatever", 100.0, b"more", headers=headers))
    downstream = await rig.serve(body=messages_body(stream=True))
    assert (downstream.body, downstream.end) == (b"\x1f\x8bwhatevermore", "finish")
    assert downstream.header(b"content-encoding") == b"gzip"
    assert rig.record.outcome is Outcome.DELIVERED


@virtual
async def test_the_clients_pace_reaches_the_upstream() -> None:
    given = stream(*sse_stream()[:3], 1.0, *sse_stream()[3:])
    async with Rig(given).begin(body=messages_body(stream=True)) as exchange:
        await settle()
        assert exchange.downstream.flow is not None
        exchange.downstream.flow.pause()
        exchange.rig.loop.call_later(30.0, exchange.downstream.flow.resume)
        await exchange.ended()
    assert given.pauses == ["pause", "resume"]
    assert exchange.downstream.ended_at == STARTED_AT + 30.0


class Inspection:
    def __init__(self) -> None:
        self.seen: list[object] = []

    def see_request(self, request: object) -> None:
        self.seen.append(request)

    def see_answer(self, request_id: str, status: int, headers: Headers) -> None:
        self.seen.append((request_id, status))


@virtual
async def test_who_debugs_sees_request_and_answer() -> None:
    inspection = Inspection()
    rig = Rig(answer(MESSAGE), inspector=inspection)
    await rig.serve(id="req_7")
    assert len(inspection.seen) == 2
    assert inspection.seen[1] == ("req_7", 200)


@virtual
async def test_two_requests_share_nothing_but_the_upstreams() -> None:
    rig = Rig(answer(MESSAGE), answer(MESSAGE))
    for id_ in ("req_1", "req_2"):
        await rig.serve(id=id_)
    assert [record.id for record in rig.records] == ["req_1", "req_2"]
    assert all(isinstance(request, UpstreamRequest) for request in rig.sender.requests)


@virtual
async def test_content_types_are_read_in_any_case() -> None:
    headers: Headers = [(b"content-type", b"Text/Event-Stream")]
    downstream = await Rig(stream(*sse_stream(), headers=headers)).serve(body=messages_body(stream=True))
    assert downstream.end == "finish"


@virtual
async def test_a_watched_stream_is_framed_so_that_a_ping_fits_in() -> None:
    raw = b"".join(sse_stream())
    given = stream(raw[:-20], 16.0, raw[-20:], length=len(raw))
    downstream = await Rig(given).serve(body=messages_body(stream=True))
    assert downstream.length is None
