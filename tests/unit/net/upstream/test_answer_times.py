"""An answer and the clock, on virtual time."""

import asyncio
from math import inf

import pytest
from tests.support.transports import FakeTransport
from tests.support.virtual_time import settle, virtual

from cc_relay.errors import Stage, UpstreamError
from cc_relay.exchange import Origin, Timeouts, UpstreamRequest
from cc_relay.net.deadlines import Deadlines
from cc_relay.net.upstream.answer import BUFFER_SIZE, Answer
from cc_relay.net.upstream.connection import UpstreamConnection

ORIGIN = Origin("http", "provider.test", 80)
HEAD = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
LAST = b"0\r\n\r\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


class Upstream:
    """A connection and its other side."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.released: list[UpstreamConnection] = []
        self.connection = UpstreamConnection(ORIGIN, Deadlines(loop), loop, self.released.append, [])
        self.transport = FakeTransport(self.connection)
        self.say = self.transport.feed

    def begin(self, *, idle: float = 300.0) -> Answer:
        timeouts = Timeouts(idle=idle)
        return self.connection.begin(UpstreamRequest(ORIGIN, b"POST", b"/", [], b"{}", timeouts))

    async def end(self) -> None:
        self.transport.reset()
        await settle()
        assert self.connection._deadlines._timer is None


def after(seconds: float) -> float:
    return asyncio.get_running_loop().time() + seconds


@virtual
async def test_the_head_may_take_until_its_deadline_and_no_longer() -> None:
    upstream = Upstream()
    answer = upstream.begin()
    at = after(300)
    with pytest.raises(UpstreamError, match="no answer in time") as caught:
        await answer.opened(at)
    assert caught.value.timed_out
    assert at <= after(0) <= at + 0.1
    await upstream.end()


@virtual
async def test_interim_heads_and_half_heads_do_not_move_the_heads_deadline() -> None:
    upstream = Upstream()
    answer = upstream.begin()
    loop = asyncio.get_running_loop()
    for second in range(10):
        loop.call_later(second, upstream.say, b"HTTP/1.1 103 Early Hints\r\n\r\n")
    loop.call_later(11, upstream.say, b"HTTP/1.1 200")
    with pytest.raises(UpstreamError, match="no answer in time"):
        await answer.opened(after(12))
    await upstream.end()


@virtual
async def test_a_body_may_take_for_ever_as_long_as_bytes_come() -> None:
    upstream = Upstream()
    answer = upstream.begin(idle=300)
    upstream.say(HEAD)
    await answer.opened(inf)
    received: list[bytes] = []
    task = asyncio.create_task(answer.splice(received.append, inf))
    for _ in range(100):
        await asyncio.sleep(299)
        upstream.say(chunk(b"x"))
    upstream.say(LAST)
    await task
    assert received == [b"x"] * 100
    assert upstream.released == [upstream.connection]
    await upstream.end()


@virtual
async def test_silence_is_charged_from_the_last_byte() -> None:
    upstream = Upstream()
    answer = upstream.begin(idle=300)
    upstream.say(HEAD)
    asyncio.get_running_loop().call_later(200, upstream.say, chunk(b"x"))
    silent_at = after(500)
    with pytest.raises(UpstreamError, match="silent for 300 s") as caught:
        await answer.splice(lambda _: None, inf)
    assert caught.value.stage is Stage.BODY
    assert caught.value.timed_out
    assert silent_at <= after(0) <= silent_at + 0.1
    assert upstream.transport.was_aborted
    await settle()


@virtual
async def test_silence_that_is_the_clients_is_not_charged() -> None:
    upstream = Upstream()
    answer = upstream.begin(idle=300)
    upstream.say(HEAD + chunk(b"x"))
    task = asyncio.create_task(answer.splice(lambda _: None, inf))
    await settle()
    answer.pause()
    assert not upstream.transport.is_reading
    await asyncio.sleep(5000)
    assert not task.done()
    answer.resume()
    assert upstream.transport.is_reading
    await asyncio.sleep(299)
    assert not task.done()
    with pytest.raises(UpstreamError, match="silent"):
        await task
    await settle()


@virtual
async def test_silence_of_an_answer_held_back_for_its_own_reader_is_not_charged() -> None:
    upstream = Upstream()
    answer = upstream.begin(idle=300)
    upstream.say(HEAD + chunk(b"x" * (BUFFER_SIZE + 1)))
    assert not upstream.transport.is_reading
    await asyncio.sleep(5000)
    assert len(await answer.receive(inf) or b"") == BUFFER_SIZE + 1
    assert upstream.transport.is_reading
    asyncio.get_running_loop().call_later(299, upstream.say, chunk(b"y"))
    assert await answer.receive(inf) == b"y"
    await upstream.end()


@virtual
async def test_the_whole_answers_deadline_counts_while_bytes_come_and_while_paused() -> None:
    for paused in (False, True):
        upstream = Upstream()
        answer = upstream.begin(idle=300)
        upstream.say(HEAD)
        if paused:
            answer.pause()
        at = after(600)
        with pytest.raises(UpstreamError, match="took too long") as caught:
            await _while_bytes_come(upstream, answer, at, come=not paused)
        assert caught.value.timed_out
        assert at <= after(0) <= at + 0.1
        answer.close()
        assert upstream.transport.was_aborted
        await settle()


async def _while_bytes_come(upstream: Upstream, answer: Answer, at: float, *, come: bool) -> None:
    if come:
        for seconds in range(0, 600, 100):
            asyncio.get_running_loop().call_later(seconds, upstream.say, chunk(b"x"))
    await answer.splice(lambda _: None, at)


@virtual
async def test_the_readers_deadline_gives_nothing_and_takes_nothing() -> None:
    upstream = Upstream()
    answer = upstream.begin(idle=300)
    upstream.say(HEAD)
    for _ in range(5):
        at = after(15)
        assert await answer.receive(at) is None
        assert at <= after(0) <= at + 0.1
    upstream.say(chunk(b"x"))
    assert await answer.receive(after(15)) == b"x"
    upstream.say(LAST)
    assert await answer.receive(after(15)) == b""
    assert upstream.released == [upstream.connection]
    await upstream.end()


@virtual
async def test_a_reader_that_asks_in_steps_still_hears_of_silence() -> None:
    upstream = Upstream()
    answer = upstream.begin(idle=40)
    upstream.say(HEAD)

    async def in_steps() -> None:
        while await answer.receive(after(15)) is None:
            pass

    silent_at = after(40)
    with pytest.raises(UpstreamError, match="silent for 40 s"):
        await in_steps()
    assert silent_at <= after(0) <= silent_at + 0.1
    await settle()


@virtual
async def test_pausing_an_answer_that_ended_never_pauses_the_next() -> None:
    upstream = Upstream()
    first = upstream.begin()
    upstream.say(HEAD + chunk(b"x"))
    first.pause()
    upstream.transport.is_reading = False
    upstream.say(LAST)
    assert upstream.transport.is_reading
    second = upstream.begin()
    first.pause()
    first.close()
    assert upstream.transport.is_reading
    upstream.say(HEAD + chunk(b"y") + LAST)
    assert await first.receive(inf) == b"x"
    assert await second.receive(inf) == b"y"
    await upstream.end()


@virtual
async def test_an_unused_connection_that_reaches_its_deadline_is_closed() -> None:
    upstream = Upstream()
    upstream.connection.expect_by(after(55))
    await asyncio.sleep(54)
    assert upstream.connection.is_usable
    await asyncio.sleep(2)
    assert not upstream.connection.is_usable
    assert not upstream.transport.was_aborted


@virtual
async def test_a_sink_that_fails_breaks_the_exchange_and_not_the_reader() -> None:
    upstream = Upstream()
    answer = upstream.begin()
    upstream.say(HEAD)

    def fail(_: bytes) -> None:
        raise ZeroDivisionError

    task = asyncio.create_task(answer.splice(fail, inf))
    await settle()
    # As a loop's transport does: what data_received raises is the connection's end.
    with pytest.raises(ZeroDivisionError):
        upstream.say(chunk(b"x"))
    upstream.transport.reset()
    with pytest.raises(UpstreamError):
        await task


@virtual
async def test_repr_says_how_far_an_answer_is() -> None:
    upstream = Upstream()
    assert repr(upstream.connection) == "<UpstreamConnection http://provider.test idle>"
    answer = upstream.begin()
    assert repr(answer) == "<Answer no head yet arriving>"
    upstream.say(HEAD)
    assert repr(upstream.connection) == "<UpstreamConnection http://provider.test <Answer 200 arriving>>"
    upstream.say(LAST)
    assert repr(answer) == "<Answer 200 ended>"
    broken = upstream.begin()
    upstream.say(b"\0")
    assert repr(broken) == "<Answer no head yet broken>"
    await settle()
