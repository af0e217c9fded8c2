"""A client connection under any bytes, in any cut."""

import asyncio
import re

from hypothesis import example, given
from hypothesis import strategies as st
from tests.support import http1
from tests.support.transports import FakeTransport
from tests.support.virtual_time import settle, virtual

from cc_relay.exchange import RelayRequest
from cc_relay.net.deadlines import Deadlines
from cc_relay.net.downstream import Limits, Responder
from cc_relay.net.downstream.connection import Connection
from cc_relay.net.downstream.roster import Roster

LIMITS = Limits(head_size=2_000, body_size=2_000)


class Served:
    """One connection whose exchanges are answered in the next turn of the loop; what it got, what it said."""

    def __init__(self, limits: Limits = LIMITS) -> None:
        loop = asyncio.get_running_loop()
        self.requests: list[RelayRequest] = []
        self.roster = Roster()
        self.deadlines = Deadlines(loop)
        self.connection = Connection(self._serve, limits, self.deadlines, self.roster, loop)
        self.transport = FakeTransport(self.connection)

    async def _serve(self, request: RelayRequest, responder: Responder) -> None:
        self.requests.append(request)
        await asyncio.sleep(0)
        if len(self.requests) % 2:
            responder.respond(200, [], request.body)
        else:
            responder.start(200, [], None)
            responder.write(request.body)
            responder.finish()

    async def feed(self, data: bytes, cuts: list[int]) -> None:
        start = 0
        for cut in [*sorted(cut % (len(data) + 1) for cut in cuts), len(data)]:
            if cut > start:
                self.transport.feed(data[start:cut])
                if cut % 2:
                    await settle()
                start = cut
        await settle()

    async def end(self) -> None:
        """Wait for every limit; then everything must be gone."""
        await asyncio.sleep(2000)
        assert self.transport.is_lost
        assert len(self.roster) == 0
        assert self.deadlines._timer is None


cuts = st.lists(st.integers(0, 10_000), max_size=8)

names = st.sampled_from(
    [b"host", b"content-length", b"transfer-encoding", b"connection", b"expect", b"upgrade", b"x-request-id", b"x-a"]
)
values = st.one_of(
    st.sampled_from([b"chunked", b"0", b"5", b"-1", b"close", b"keep-alive", b"upgrade", b"100-continue", b"h2c", b""]),
    st.binary(max_size=6),
)
lines = st.one_of(st.tuples(names, values).map(lambda pair: b"%b: %b\r\n" % pair), st.binary(max_size=10))
starts = st.sampled_from(
    [b"POST / HTTP/1.1\r\n", b"GET /a HTTP/1.0\r\n", b"HEAD / HTTP/1.1\r\n", b"CONNECT a:1 HTTP/1.1\r\n", b"PRI *", b""]
)
tails = st.sampled_from([b"\r\n", b"\r\nhello", b"\r\n5\r\nhello\r\n0\r\n\r\n", b"\r\n0\r\nx-t: 1\r\n\r\n", b""])
nearly = st.tuples(starts, st.lists(lines, max_size=4).map(b"".join), tails).map(b"".join)
noise = st.lists(st.one_of(nearly, st.binary(max_size=40)), max_size=4).map(b"".join)


@given(noise, cuts)
@example(b"GET / HTTP/1.1\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n" * 2, [])
@example(b"CONNECT a:1 HTTP/1.1\r\n\r\n", [])
@virtual
async def test_any_bytes_end_in_answers_and_a_close_and_nothing_is_raised(data: bytes, cuts: list[int]) -> None:
    served = Served()
    await served.feed(data, cuts)
    await served.end()
    answers = await read_all(bytes(served.transport.written), served.requests)
    # Every request was answered; one more answer may be a refusal, the last.
    assert [status for status in answers if status != 100][: len(served.requests)] == [200] * len(served.requests)
    assert [status for status in answers if status != 100][len(served.requests) :] in ([], [400], [408], [413], [431])


requests = st.lists(
    st.tuples(
        st.sampled_from([b"POST", b"GET", b"HEAD", b"PUT"]),
        st.from_regex(re.compile(rb"/[a-z0-9/?=&%]{0,20}"), fullmatch=True),
        st.one_of(st.none(), st.lists(st.binary(min_size=1, max_size=50), max_size=5)),
        st.booleans(),
    ),
    min_size=1,
    max_size=12,
)


@given(requests, cuts, st.integers(1, 3))
@virtual
async def test_any_requests_in_any_cut_arrive_whole_in_order_and_are_answered_in_order(
    story: list[tuple[bytes, bytes, list[bytes] | None, bool]], cuts: list[int], pipelined: int
) -> None:
    served = Served(Limits(pipelined=pipelined))
    wire = []
    for method, target, chunks, is_chunked in story:
        head = b"%b %b HTTP/1.1\r\nhost: relay.test\r\n" % (method, target)
        body = b"".join(chunks or [])
        if chunks is None:
            wire.append(head + b"\r\n")
        elif is_chunked:
            parts = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
            wire.append(head + b"transfer-encoding: chunked\r\n\r\n" + parts + b"0\r\n\r\n")
        else:
            wire.append(head + b"content-length: %d\r\n\r\n" % len(body) + body)
    await served.feed(b"".join(wire), cuts)
    expected = [(method.decode(), target, b"".join(chunks or [])) for method, target, chunks, _ in story]
    assert [(request.method, _target(request), request.body) for request in served.requests] == [
        (method, _split(target), body) for method, target, body in expected
    ]
    assert await read_all(bytes(served.transport.written), served.requests) == [200] * len(story)
    await served.end()


def _target(request: RelayRequest) -> tuple[str, str]:
    return request.path, request.query


def _split(target: bytes) -> tuple[str, str]:
    path, _, query = target.decode().partition("?")
    return path, query


async def read_all(data: bytes, requests: list[RelayRequest]) -> list[int]:
    """The statuses of every answer in `data`, which must be nothing but whole answers."""
    reader = asyncio.StreamReader(limit=1 << 20)
    reader.feed_data(data)
    reader.feed_eof()
    statuses: list[int] = []
    served = iter(requests)
    while not reader.at_eof():
        head = await http1.read_head(reader)
        status = int(head.first_line[1])
        statuses.append(status)
        if status == 100:
            continue
        request = next(served, None)
        if request is None or request.method != "HEAD":
            chunks: list[bytes] = []
            await http1.read_body(reader, head, chunks, to_end=True)
            if status == 200 and request is not None:
                assert b"".join(chunks) == request.body
    return statuses
