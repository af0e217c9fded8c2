"""A head that was seen before means what it meant the first time, and nothing else is taken for it."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st
from tests.support.transports import FakeTransport
from tests.support.virtual_time import settle, virtual

from cc_relay.exchange import RelayRequest
from cc_relay.net.deadlines import Deadlines
from cc_relay.net.downstream import Limits, Responder
from cc_relay.net.downstream.connection import Connection
from cc_relay.net.downstream.roster import Roster

Said = tuple[str, str, str, frozenset[tuple[bytes, bytes]], bytes]


def said(request: RelayRequest) -> Said:
    """What a request asks for; the line of the length is the transport's business."""
    lines = frozenset(line for line in request.headers if line[0] != b"content-length")
    return request.method, request.path, request.query, lines, request.body


class Client:
    """One connection of a listener; its requests are answered at once."""

    def __init__(self, roster: Roster) -> None:
        loop = asyncio.get_running_loop()
        self.got: list[Said] = []
        self.connection = Connection(self._serve, Limits(body_size=500), Deadlines(loop), roster, loop)
        self.transport = FakeTransport(self.connection)

    async def _serve(self, request: RelayRequest, responder: Responder) -> None:
        self.got.append(said(request))
        responder.respond(200, [], b"")

    async def ask(self, data: bytes, cuts: list[int]) -> None:
        start = 0
        for cut in [*sorted(cut % (len(data) + 1) for cut in cuts), len(data)]:
            self.transport.feed(data[start:cut])
            start = cut
        await settle()


async def heard(requests: list[bytes], cuts: list[int], *, is_kept: bool) -> tuple[list[Said], bytes]:
    """What a server understands, over one kept connection or over a fresh one for each request."""
    got: list[Said] = []
    written = b""
    roster = Roster()
    clients = [Client(roster)] * len(requests) if is_kept else [Client(Roster()) for _ in requests]
    for client, request in zip(clients, requests, strict=True):
        await client.ask(request, cuts)
    for client in dict.fromkeys(clients):
        got += client.got
        written += bytes(client.transport.take())
        client.transport.close()
    await settle()
    return got, written


bodies = st.one_of(
    st.binary(max_size=40),
    # A body that looks like a request, or like the end of a head.
    st.sampled_from([b"POST / HTTP/1.1\r\nhost: a\r\n", b"\r\n\r\n", b"content-length: 3\r\n\r\n", b"x" * 501]),
)
heads = st.sampled_from(
    [
        b"POST /v1/messages?beta=true HTTP/1.1\r\nhost: a\r\nx-a: 1\r\ncontent-length: %d\r\n\r\n",
        b"POST /v1/messages?beta=true HTTP/1.1\r\nHost: a\r\nContent-Length:%d\r\nX-A: 1\r\n\r\n",
        b"POST /v1/messages HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\nx-tag: 1\r\nx-tag: 2\r\n\r\n",
        b"POST /v1/messages HTTP/1.1\r\nhost: a\r\ncontent-length: 0%d\r\nexpect: 100-continue\r\n\r\n",
    ]
)
requests = st.lists(st.tuples(heads, bodies).map(lambda pair: pair[0] % len(pair[1]) + pair[1]), min_size=1, max_size=6)


@given(requests=requests, cuts=st.lists(st.integers(0, 300), max_size=3))
@virtual
async def test_a_repeated_head_is_understood_as_a_parser_would(requests: list[bytes], cuts: list[int]) -> None:
    fresh, _ = await heard(requests, cuts, is_kept=False)
    kept, _ = await heard(requests, cuts, is_kept=True)
    # A refused body ends the kept connection, and what follows on it; up to there both agree.
    assert kept == fresh[: len(kept)]
    if not any(b"x" * 501 in request for request in requests):
        assert len(kept) == len(fresh) == len(requests)


@given(requests=requests)
@virtual
async def test_requests_in_one_packet_are_told_apart(requests: list[bytes]) -> None:
    client = Client(Roster())
    await client.ask(requests[0], [])
    client.got.clear()
    whole = [request for request in requests if b"x" * 501 not in request]
    if client.transport.is_lost or b"x" * 501 in requests[0]:
        client.transport.close()
        await settle()
        return
    await client.ask(b"".join(whole), [])
    got = client.got
    client.transport.close()
    await settle()
    fresh, _ = await heard(whole, [], is_kept=False)
    assert got == fresh


@virtual
async def test_a_head_that_came_before_is_not_parsed_again() -> None:
    client = Client(Roster())
    head = b"POST /v1/messages HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n\r\n"
    await client.ask(head % 2 + b"{}", [])
    parser = client.connection._parser
    client.connection._parser = None  # type: ignore[assignment]  # whoever asks the parser now fails
    await client.ask(head % 3 + b"[1]", [])
    await client.ask(head % 4 + b"null", [60])
    client.connection._parser = parser
    client.transport.close()
    await settle()
    assert [body for *_, body in client.got] == [b"{}", b"[1]", b"null"]


@virtual
async def test_a_length_above_the_limit_is_refused_by_heart_too() -> None:
    client = Client(Roster())
    head = b"POST /v1/messages HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n\r\n"
    await client.ask(head % 2 + b"{}", [])
    await client.ask(head % 501 + b"x" * 501, [])
    assert b" 413 " in bytes(client.transport.take())
    client.transport.close()
    await settle()
    assert len(client.got) == 1
