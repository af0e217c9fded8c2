"""An upstream connection under any bytes, in any cut."""

import asyncio
from itertools import pairwise
from math import inf

from hypothesis import example, given
from hypothesis import strategies as st
from tests.support.transports import FakeTransport
from tests.support.virtual_time import settle, virtual

from cc_relay.errors import Stage, UpstreamError
from cc_relay.exchange import Origin, Timeouts, UpstreamRequest
from cc_relay.net.deadlines import Deadlines
from cc_relay.net.upstream.connection import UpstreamConnection

ORIGIN = Origin("http", "provider.test", 80)
REQUEST = UpstreamRequest(ORIGIN, b"POST", b"/v1/messages", [], b"{}", Timeouts(idle=10))

cuts = st.lists(st.integers(0, 10_000), max_size=8)


def split(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[start:end] for start, end in pairwise(places)]


class Upstream:
    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.released: list[UpstreamConnection] = []
        self.deadlines = Deadlines(loop)
        self.connection = UpstreamConnection(ORIGIN, self.deadlines, loop, self.released.append, [])
        self.transport = FakeTransport(self.connection)

    async def exchange(self, deadline_at: float) -> tuple[int, bytes, UpstreamError | None]:
        """Status (0: none), body, and what it ended with."""
        body = bytearray()
        answer = self.connection.begin(REQUEST)
        try:
            await answer.opened(deadline_at)
            await answer.splice(body.extend, inf)
        except UpstreamError as error:
            return answer.status, bytes(body), error
        else:
            return answer.status, bytes(body), None
        finally:
            answer.close()


status_lines = st.sampled_from(
    [
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.0 200 OK\r\n",
        b"HTTP/1.1 100 Continue\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n",
        b"HTTP/1.1 204 \r\n",
        b"HTTP/1.1 304 \r\n",
        b"HTTP/1.1 529 \r\n",
        b"HTTP/1.1 000 \r\n",
        b"HTTP/2 200\r\n",
        b"",
    ]
)
names = st.sampled_from([b"content-length", b"transfer-encoding", b"connection", b"upgrade", b"x-a"])
values = st.one_of(
    st.sampled_from([b"chunked", b"0", b"5", b"-1", b"close", b"keep-alive", b"upgrade", b"h2c", b""]),
    st.binary(max_size=6),
)
lines = st.one_of(st.tuples(names, values).map(lambda pair: b"%b: %b\r\n" % pair), st.binary(max_size=10))
tails = st.sampled_from([b"\r\n", b"\r\nhello", b"\r\n5\r\nhello\r\n0\r\n\r\n", b"\r\n0\r\nx-t: 1\r\n\r\n", b""])
nearly = st.tuples(status_lines, st.lists(lines, max_size=4).map(b"".join), tails).map(b"".join)
noise = st.lists(st.one_of(nearly, st.binary(max_size=40)), max_size=4).map(b"".join)


@given(noise, cuts, st.sampled_from(["eof", "reset", "silence"]))
@example(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n" * 3, [], "silence")
@example(b"HTTP/1.1 101 S\r\nupgrade: a\r\nconnection: upgrade\r\n\r\n", [], "silence")
@virtual
async def test_any_bytes_end_in_an_answer_or_an_error_in_time(data: bytes, cuts: list[int], end: str) -> None:
    upstream = Upstream()
    loop = asyncio.get_running_loop()
    started_at = loop.time()
    task = asyncio.create_task(upstream.exchange(started_at + 20))
    await settle()
    for piece in split(data, cuts):
        upstream.transport.feed(piece)
    if end == "eof":
        upstream.transport.feed_eof()
    elif end == "reset":
        upstream.transport.reset()
    status, body, error = await task
    assert loop.time() - started_at <= 31
    if error is None:
        assert status >= 200
    else:
        assert body == b"" or error.stage is Stage.BODY
        assert upstream.transport.is_closing()
    # What is kept has nothing left to say.
    if upstream.released and not upstream.transport.is_closing():
        status, body, error = await upstream.exchange(loop.time() + 1)
        assert (status, body) == (0, b"")
        assert error is not None
    upstream.transport.reset()
    await settle()
    assert upstream.deadlines._timer is None


@given(st.lists(st.binary(min_size=1, max_size=60), max_size=6), cuts, st.sampled_from(["chunks", "length", "end"]))
@virtual
async def test_any_body_in_any_framing_and_cut_is_the_same_bytes(
    chunks: list[bytes], cuts: list[int], framing: str
) -> None:
    body = b"".join(chunks)
    parts = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    head = b"HTTP/1.1 103 Hints\r\nlink: a\r\n\r\nHTTP/1.1 200 OK\r\nx-a: b\r\n"
    wire = {
        "chunks": head + b"transfer-encoding: chunked\r\n\r\n" + parts + b"0\r\n\r\n",
        "length": head + b"content-length: %d\r\n\r\n" % len(body) + body,
        "end": head + b"\r\n" + body,
    }[framing]
    upstream = Upstream()
    for _ in range(2):
        task = asyncio.create_task(upstream.exchange(inf))
        await settle()
        for piece in split(wire, cuts):
            upstream.transport.feed(piece)
        if framing == "end":
            upstream.transport.feed_eof()
        assert await task == (200, body, None)
        if framing == "end":
            assert upstream.released == []
            break
    else:
        assert upstream.released == [upstream.connection] * 2
    upstream.transport.reset()
    await settle()


@given(st.lists(st.binary(min_size=1, max_size=60), min_size=1, max_size=6), st.data())
@virtual
async def test_an_answer_cut_short_anywhere_is_an_error_with_every_byte_before_the_cut(
    chunks: list[bytes], data: st.DataObject
) -> None:
    parts = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    wire = head + parts + b"0\r\n\r\n"
    cut = data.draw(st.integers(0, len(wire) - 1))
    upstream = Upstream()
    task = asyncio.create_task(upstream.exchange(inf))
    await settle()
    upstream.transport.feed(wire[:cut])
    upstream.transport.feed_eof()
    status, body, error = await task
    assert error is not None
    assert error.stage is (Stage.BODY if cut >= len(head) else Stage.HEAD)
    assert status == (200 if cut >= len(head) else 0)
    assert b"".join(chunks).startswith(body)
    assert upstream.released == []
    await settle()
