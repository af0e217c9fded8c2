"""The admin port on real sockets: opened, asked, closed."""

import asyncio
import errno
import logging
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from msgspec.json import decode
from starlette.types import ASGIApp, Receive, Scope, Send
from tests.support.admin import REQUEST, FakeControl
from tests.support.loops import both_loops
from tests.support.raw_client import BrokenResponse, RawClient, Response

from cc_relay.cli.app import run
from cc_relay.management import server
from cc_relay.management.app import build_app
from cc_relay.management.server import AdminServer
from cc_relay.management.views import RequestView

LOCAL = (b"host", b"localhost")
STATUS = "/api/v1/status"


@asynccontextmanager
async def opened(token: str = "", app: ASGIApp | None = None) -> AsyncIterator[AdminServer]:
    admin = AdminServer()
    await admin.start(app or build_app(FakeControl(), token), "127.0.0.1", 0)
    try:
        yield admin
    finally:
        await admin.stop()


async def ask(admin: AdminServer, target: str, *headers: tuple[bytes, bytes]) -> Response:
    async with await RawClient.connect(admin.address[1]) as client:
        return await client.exchange("GET", target, headers)


async def long(_scope: Scope, _receive: Receive, send: Send) -> None:
    """An application whose one chunk fills every buffer on its way."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": bytes(16 << 20)})


async def stuck(_scope: Scope, _receive: Receive, send: Send) -> None:
    """An application that begins an answer and never ends it."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"so far", "more_body": True})
    await asyncio.Event().wait()


@both_loops
async def test_a_request_is_explained_over_the_wire() -> None:
    async with opened() as admin, await RawClient.connect(admin.address[1]) as client:
        answer = await client.exchange("GET", "/api/v1/requests/req_1", [LOCAL])
        again = await client.exchange("GET", "/api/v1/requests/req_2", [LOCAL])

    assert decode(answer.body, type=RequestView) == REQUEST
    assert again.status == 404
    assert not {b"server", b"access-control-allow-origin"} & {name for name, _ in answer.headers}


@both_loops
async def test_with_a_token_only_the_token_opens() -> None:
    async with opened(token="t0ken") as admin:
        assert (await ask(admin, STATUS)).status == 401
        assert (await ask(admin, STATUS, (b"Authorization", b"Bearer other"))).header(b"www-authenticate")
        assert (await ask(admin, STATUS, (b"Authorization", b"Bearer t0ken"))).status == 200


@both_loops
async def test_without_a_token_another_name_for_this_machine_is_refused() -> None:
    async with opened() as admin:
        assert (await ask(admin, STATUS, (b"Host", b"evil.example"))).status == 403
        assert (await ask(admin, STATUS, (b"Host", b"127.0.0.1:%d" % admin.address[1]))).status == 200


@both_loops
async def test_a_port_that_is_taken_is_said_to_be() -> None:
    async with opened() as admin:
        port = admin.address[1]
        second = AdminServer()
        with pytest.raises(OSError, match=f"admin port cannot listen on 127.0.0.1:{port}: ") as taken:
            await second.start(build_app(FakeControl(), ""), "127.0.0.1", port)
        assert taken.value.errno == errno.EADDRINUSE
        with pytest.raises(RuntimeError):
            _ = second.address
        await second.stop()


@both_loops
async def test_a_stopped_port_can_be_opened_again() -> None:
    async with opened() as admin:
        port = admin.address[1]
        await ask(admin, "/health", LOCAL)
    with pytest.raises(ConnectionRefusedError):
        await RawClient.connect(port)
    again = AdminServer()
    await again.start(build_app(FakeControl(), ""), "127.0.0.1", port)
    assert (await ask(again, "/health", LOCAL)).status == 200
    await again.stop()


@both_loops
async def test_stopping_does_not_wait_for_idle_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "GRACE", 3600.0)
    async with opened() as admin:
        port = admin.address[1]
        async with (
            await RawClient.connect(port) as idle,
            await RawClient.connect(port) as half,
            await RawClient.connect(port) as silent,
        ):
            await idle.exchange("GET", "/health", [LOCAL])
            await half.send(b"GET /health HTTP/1.1\r\nhost: local")
            # Left alone, they would be closed after five seconds at the earliest.
            async with asyncio.timeout(2.0):
                await admin.stop()
                await admin.stop()
            for client in (idle, half, silent):
                await client.closed()


@both_loops
async def test_an_answer_that_nobody_reads_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "GRACE", 0.01)
    async with opened(app=long) as admin, await RawClient.connect(admin.address[1], receive_buffer=4096) as client:
        await client.send_request("GET", "/")
        await client.read_head()
        await admin.stop()
        with pytest.raises((BrokenResponse, ConnectionError)):
            await client.read_chunk()


@both_loops
async def test_an_answer_that_does_not_end_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "GRACE", 0.01)
    async with opened(app=stuck) as admin, await RawClient.connect(admin.address[1]) as client:
        await client.send_request("GET", "/")
        await client.read_head()
        assert await client.read_chunk() == b"so far"
        await admin.stop()
        with pytest.raises(BrokenResponse):
            await client.read_chunk()


@both_loops
async def test_a_client_that_asks_nothing_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "FIRST_REQUEST", 0.01)
    async with opened() as admin, await RawClient.connect(admin.address[1]) as client:
        await client.send(b"GET /health HTT")
        await client.closed()
        assert not client.received


@both_loops
async def test_a_client_that_comes_while_the_port_closes_is_closed_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "FIRST_REQUEST", 3600.0)
    for turns in range(8):
        async with opened() as admin, await RawClient.connect(admin.address[1]) as client:
            for _ in range(turns):
                await asyncio.sleep(0)
            await admin.stop()
            await client.closed()


@both_loops
async def test_too_many_clients_are_closed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "MOST_CONNECTIONS", 1)
    async with opened() as admin, await RawClient.connect(admin.address[1]) as first:
        await first.exchange("GET", "/health", [LOCAL])
        async with await RawClient.connect(admin.address[1]) as second:
            await second.closed()
            assert not second.received
        assert (await first.exchange("GET", "/health", [LOCAL])).status == 200


@both_loops
async def test_malformed_requests_are_answered_and_not_printed(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # As in a process of its own: where nobody handles a warning, the standard library prints it.
    for logger in (logging.getLogger(), logging.getLogger("uvicorn")):
        monkeypatch.setattr(logger, "handlers", [])
    async with opened() as admin:
        for nonsense in (b"\x16\x03\x01\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\n" + b"a" * 70_000):
            async with await RawClient.connect(admin.address[1]) as client:
                await client.send(nonsense)
                assert (await client.read_response()).status == 400
        upgrade = [LOCAL, (b"connection", b"upgrade"), (b"upgrade", b"websocket")]
        assert (await ask(admin, "/health", *upgrade)).status == 200

    assert capfd.readouterr() == ("", "")


@both_loops
async def test_signals_stay_with_whoever_has_them() -> None:
    before = signal.getsignal(signal.SIGTERM)
    async with opened():
        assert signal.getsignal(signal.SIGTERM) is before


@both_loops
async def test_an_ipv6_address_can_be_listened_on() -> None:
    if not _has_ipv6():
        pytest.skip("this machine has no ::1")
    admin = AdminServer()
    await admin.start(build_app(FakeControl(), ""), "::1", 0)
    async with await RawClient.connect(admin.address[1], admin.address[0]) as client:
        assert (await client.exchange("GET", "/health", [LOCAL])).status == 200
    await admin.stop()


@both_loops
async def test_the_command_explains_what_the_port_tells(capsys: pytest.CaptureFixture[str]) -> None:
    def explain(request_id: str, *options: str) -> int:
        return run(["explain", request_id, "--admin", f"127.0.0.1:{port}", *options])

    async with opened(token="t0ken") as admin:
        port = admin.address[1]
        assert await asyncio.to_thread(explain, "req_1", "--token", "t0ken") == 0
        assert "work      key-0a1b" in capsys.readouterr().out
        assert await asyncio.to_thread(explain, "req_2", "--token", "t0ken") == 1
        assert 'No request with the id "req_2" is remembered' in capsys.readouterr().err
        assert await asyncio.to_thread(explain, "req_1") == 1
        assert "needs the admin token" in capsys.readouterr().err
    assert await asyncio.to_thread(explain, "req_1", "--token", "t0ken") == 3
    assert "nothing listens there" in capsys.readouterr().err


def _has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False
