"""A client connection and the clock, on virtual time."""

import asyncio

import pytest
from tests.support.transports import FakeTransport
from tests.support.virtual_time import settle, virtual

from cc_relay.exchange import RelayRequest
from cc_relay.net.deadlines import Deadlines
from cc_relay.net.downstream import Limits, Responder
from cc_relay.net.downstream.connection import Connection
from cc_relay.net.downstream.roster import Roster

REQUEST = b"POST / HTTP/1.1\r\ncontent-length: 2\r\n\r\n{}"
TIMES = Limits(head_time=30.0, body_silence=60.0, idle=620.0, linger=2.0)


class Exchanges:
    """Hands its responders to the test; an exchange ends when the test asks for the next one."""

    def __init__(self) -> None:
        self.responders: list[Responder] = []
        self.over = asyncio.Event()

    async def __call__(self, _: RelayRequest, responder: Responder) -> None:
        self.responders.append(responder)
        over = self.over = asyncio.Event()
        await over.wait()

    async def next(self) -> Responder:
        self.over.set()
        await settle()
        return self.responders.pop(0)


class Client:
    """One connection, its other side, and its exchanges."""

    def __init__(self, limits: Limits = TIMES, *, takes: bool = True) -> None:
        loop = asyncio.get_running_loop()
        self.exchanges = Exchanges()
        self.roster = Roster()
        self.connection = Connection(self.exchanges, limits, Deadlines(loop), self.roster, loop)
        self.transport = FakeTransport(self.connection, takes=takes)

    async def seconds(self, count: float) -> None:
        """Let that much time pass."""
        await asyncio.sleep(count)
        await settle()

    async def ask(self) -> Responder:
        self.transport.feed(REQUEST)
        return await self.exchanges.next()

    async def end(self) -> None:
        self.transport.reset()
        await settle()
        self.exchanges.over.set()
        await settle()
        assert len(self.roster) == 0


@virtual
async def test_a_dribbled_head_has_as_long_as_a_silent_one() -> None:
    client = Client()
    for byte in b"GET / HTTP/1.1\r\nx-a: aaaaaaaaaaaaaaaaaa":
        client.transport.feed(bytes([byte]))
        await client.seconds(1)
    assert client.transport.written.startswith(b"HTTP/1.1 408 ")
    await client.end()


@virtual
async def test_the_clock_of_a_head_starts_with_its_first_byte() -> None:
    client = Client()
    await client.seconds(29)
    client.transport.feed(b"GET / HT")
    await client.seconds(29)
    assert client.transport.written == b""
    await client.seconds(1.1)
    assert client.transport.written.startswith(b"HTTP/1.1 408 ")
    await client.end()


@virtual
async def test_a_body_may_take_long_as_long_as_it_goes_on() -> None:
    client = Client()
    client.transport.feed(b"POST / HTTP/1.1\r\ncontent-length: 100\r\n\r\n")
    for _ in range(99):
        await client.seconds(59)
        client.transport.feed(b"x")
    assert client.transport.written == b""
    await client.seconds(60.1)
    assert client.transport.written.startswith(b"HTTP/1.1 408 ")
    await client.end()


@virtual
async def test_a_refused_client_is_cut_when_it_does_not_leave_in_time() -> None:
    client = Client()
    client.transport.feed(b"\0")
    assert client.transport.has_written_eof
    await client.seconds(1.9)
    assert not client.transport.is_lost
    await client.seconds(0.2)
    assert client.transport.was_aborted
    await client.end()


@virtual
async def test_a_connection_may_stay_unused_for_ten_minutes() -> None:
    client = Client()
    (await client.ask()).respond(200, [], b"{}")
    await client.seconds(619)
    assert not client.transport.is_lost
    (await client.ask()).respond(200, [], b"{}")
    await client.seconds(619)
    assert not client.transport.is_lost
    await client.seconds(1.1)
    assert client.transport.is_lost
    assert not client.transport.was_aborted
    await client.end()


@virtual
async def test_an_answer_may_take_for_ever() -> None:
    client = Client()
    responder = await client.ask()
    await client.seconds(100_000)
    responder.start(200, [], None)
    await client.seconds(100_000)
    responder.finish()
    assert client.transport.written.endswith(b"\r\n\r\n0\r\n\r\n")
    await client.end()


BEHIND = {
    "garbage": [b"\0garbage"],
    "half a head": [b"GET /half HT"],
    "half a head, then garbage": [b"GET /half HT", b"\0garbage"],
    "half a body": [b"POST / HTTP/1.1\r\ncontent-length: 9\r\n\r\nx"],
    "half a body, then garbage": [b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx", b"\0garbage"],
}


@virtual
@pytest.mark.parametrize("name", BEHIND)
async def test_what_comes_behind_a_request_in_work_never_cuts_its_answer(name: str) -> None:
    client = Client()
    responder = await client.ask()
    responder.start(200, [], None)
    for data in BEHIND[name]:
        client.transport.feed(data)
    await client.seconds(1000)
    assert not client.transport.is_closing()
    responder.finish()
    await settle()
    assert client.transport.written.endswith(b"0\r\n\r\n")
    assert client.transport.is_lost
    assert not client.transport.was_aborted
    await client.end()


@virtual
async def test_the_request_behind_a_long_answer_is_served_when_its_turn_comes() -> None:
    client = Client()
    responder = await client.ask()
    client.transport.feed(REQUEST)
    await client.seconds(1000)
    assert client.exchanges.responders == []
    responder.respond(200, [], b"first")
    (await client.exchanges.next()).respond(200, [], b"second")
    assert client.transport.written.endswith(b"second")
    await client.end()


@virtual
async def test_a_slow_client_gets_the_end_of_an_answer_that_ends_the_connection() -> None:
    client = Client(takes=False)
    client.transport.feed(b"GET / HTTP/1.0\r\n\r\n")
    (await client.exchanges.next()).respond(200, [], b"x" * 1_000_000)
    await client.seconds(50)
    assert client.transport.take().endswith(b"x" * 1_000_000)
    await client.end()


@virtual
async def test_a_client_that_takes_nothing_of_a_last_answer_is_cut_in_the_end() -> None:
    client = Client(takes=False)
    client.transport.feed(b"GET / HTTP/1.0\r\n\r\n")
    (await client.exchanges.next()).respond(200, [], b"x" * 1_000_000)
    await client.seconds(61)
    assert client.transport.was_aborted
    await client.end()


@virtual
async def test_a_client_that_asks_on_without_reading_is_cut_in_the_end() -> None:
    client = Client(takes=False)
    (await client.ask()).respond(200, [], b"x" * 1_000_000)
    client.transport.feed(REQUEST)
    await settle()
    assert client.exchanges.responders == []
    await client.seconds(620 + 61)
    assert client.transport.was_aborted
    assert client.exchanges.responders == []
    await client.end()


@virtual
async def test_a_client_that_reads_on_gets_its_next_answers() -> None:
    client = Client(Limits(pipelined=2), takes=False)
    (await client.ask()).respond(200, [], b"x" * 1_000_000)
    client.transport.feed(REQUEST + REQUEST)
    await settle()
    assert not client.transport.is_reading
    client.transport.takes = True
    client.transport.take()
    assert client.transport.is_reading
    for answer in (b"second", b"third"):
        (await client.exchanges.next()).respond(200, [], answer)
        assert client.transport.written.endswith(answer)
    await client.end()


@virtual
async def test_repr_says_what_a_connection_does() -> None:
    client = Client()
    assert repr(client.connection) == "<Connection idle>"
    client.transport.feed(b"POST / HTTP/1.1\r\nx-request-id: mine\r\n\r\n")
    responder = await client.exchanges.next()
    assert repr(client.connection) == "<Connection <Responder mine new>>"
    responder.start(200, [], None)
    assert repr(responder) == "<Responder mine started>"
    responder.finish()
    assert repr(responder) == "<Responder mine finished>"
    gone = await client.ask()
    await client.end()
    assert repr(gone).endswith(" gone>")


@virtual
async def test_the_next_exchange_begins_when_the_one_before_has_done_everything() -> None:
    client = Client()
    (await client.ask()).respond(200, [], b"first")
    client.transport.feed(REQUEST)
    await client.seconds(100)
    assert client.exchanges.responders == []
    (await client.exchanges.next()).respond(200, [], b"second")
    assert client.transport.written.endswith(b"second")
    await client.end()


@virtual
async def test_an_exchange_whose_client_left_in_the_same_turn_still_begins_so_that_it_can_settle() -> None:
    client = Client()
    client.transport.feed(REQUEST)
    client.transport.feed_eof()
    assert (await client.exchanges.next()).is_gone
    await client.end()


@virtual
async def test_what_waits_behind_a_last_answer_is_not_begun_when_that_is_taken_late() -> None:
    client = Client(takes=False)
    responder = await client.ask()
    client.transport.feed(REQUEST)
    client.connection.stop()
    responder.respond(200, [], b"x" * 1_000_000)
    client.exchanges.over.set()
    await settle()
    assert client.transport.take().endswith(b"x" * 1_000_000)
    await settle()
    assert client.exchanges.responders == []
    await client.end()
