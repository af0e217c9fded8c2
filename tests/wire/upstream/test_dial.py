"""Dialing over TCP: which address, how long, what is said when it fails, what is left behind."""

import asyncio
import socket

import pytest
from tests.support.echo import EchoServer, Line, closed_port, unanswering_port
from tests.support.loops import Run, on_both_loops
from tests.support.sockets import Reach, limited_to

from cc_relay.errors import Stage, UpstreamError
from cc_relay.exchange import Origin
from cc_relay.net.upstream.dial import Dialer


def http(port: int, host: str = "127.0.0.1") -> Origin:
    return Origin("http", host, port)


def dialer(**environ: str) -> Dialer:
    return Dialer(asyncio.get_running_loop(), environ=environ, happy_eyeballs_delay=0.01)


async def failure(origin: Origin, *, within: float = 5.0, **environ: str) -> UpstreamError:
    with pytest.raises(UpstreamError) as caught:
        await dialer(**environ).dial(origin, Line, timeout=within)
    assert caught.value.stage is Stage.CONNECT
    assert caught.value.__cause__ is not None
    return caught.value


def resolve(monkeypatch: pytest.MonkeyPatch, name: str, *addresses: tuple[str, int]) -> None:
    """Let `name` stand for `addresses`, in that order."""
    loop = asyncio.get_running_loop()
    look_up = loop.getaddrinfo

    async def getaddrinfo(host: str, port: int, **options: int) -> list[tuple[object, ...]]:
        if host != name:  # uvloop looks up every address it connects to
            return list(await look_up(host, port, **options))
        return [
            (socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port))
            for host, port in addresses
        ]

    monkeypatch.setattr(loop, "getaddrinfo", getaddrinfo)


@on_both_loops
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_dialed_protocol_is_connected_once_and_talks(run: Run, host: str) -> None:
    async def main() -> None:
        async with EchoServer() as server:
            line = await dialer().dial(http(server.port, host), Line, timeout=5)
            assert line.made == 1
            assert await line.ask(b"hello") == b"HELLO"
            await line.hang_up()

    run(main())


@on_both_loops
def test_an_infinite_timeout_is_none(run: Run) -> None:
    async def main() -> None:
        async with EchoServer() as server:
            line = await dialer().dial(http(server.port), Line, timeout=float("inf"))
            await line.hang_up()

    run(main())


@on_both_loops
def test_small_writes_leave_at_once_and_silence_keeps_the_connection(run: Run) -> None:
    async def main() -> None:
        async with EchoServer() as server:
            line = await dialer().dial(http(server.port), Line, timeout=5)
            sock = line.transport.get_extra_info("socket")
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            await line.hang_up()

    run(main())


@on_both_loops
def test_a_refused_connection_says_so(run: Run) -> None:
    async def main() -> None:
        error = await failure(http(closed_port()))
        assert "connection refused" in str(error)
        assert not error.timed_out

    run(main())


@on_both_loops
def test_an_unknown_name_is_reported_with_its_spelling(run: Run) -> None:
    async def main() -> None:
        with limited_to(Reach.ANYWHERE):
            error = await failure(http(80, "api.example.invalid"))
        assert "api.example.invalid could not be resolved" in str(error)

    run(main())


@on_both_loops
@pytest.mark.parametrize("host", ["", "a b", "a..b", "a\r\nb", "a\0b", "x" * 64])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_what_is_no_host_name_is_reported_before_anything_is_opened(run: Run, host: str, scheme: str) -> None:
    async def main() -> None:
        error = await failure(Origin(scheme, host, 1), HTTPS_PROXY=f"http://127.0.0.1:{closed_port()}")
        assert "is not a host name" in str(error)

    run(main())


@on_both_loops
def test_a_connection_nobody_accepts_times_out(run: Run) -> None:
    async def main() -> None:
        with unanswering_port() as port:
            error = await failure(http(port), within=0.02)
        assert error.timed_out
        assert "timed out while connecting" in str(error)

    run(main())


@on_both_loops
def test_a_dead_ipv6_address_falls_back_to_ipv4(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        async with EchoServer() as server:
            resolve(monkeypatch, "both.test", ("::1", server.port), ("127.0.0.1", server.port))
            line = await dialer().dial(http(server.port, "both.test"), Line, timeout=5)
            assert await line.ask(b"hello") == b"HELLO"
            await line.hang_up()

    run(main())


@on_both_loops
def test_an_address_that_does_not_answer_is_overtaken_by_the_next(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        with unanswering_port() as dead:
            async with EchoServer() as server:
                resolve(monkeypatch, "two.test", ("127.0.0.1", dead), ("127.0.0.1", server.port))
                line = await dialer().dial(http(80, "two.test"), Line, timeout=5)
                assert await line.ask(b"hello") == b"HELLO"
                await line.hang_up()

    run(main())


@on_both_loops
def test_every_address_refusing_is_one_refusal(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        resolve(monkeypatch, "two.test", ("127.0.0.1", closed_port()), ("127.0.0.1", closed_port()))
        assert "connection refused" in str(await failure(http(80, "two.test")))

    run(main())


@on_both_loops
def test_a_cancelled_connection_attempt_leaves_nothing_open(run: Run) -> None:
    async def main() -> None:
        with unanswering_port() as port:
            dialing = asyncio.ensure_future(dialer().dial(http(port), Line, timeout=5))
            await asyncio.sleep(0)
            dialing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await dialing

    run(main())


@on_both_loops
def test_a_factory_that_raises_leaves_nothing_open(run: Run) -> None:
    def factory() -> Line:
        raise LookupError

    async def main() -> None:
        async with EchoServer() as server:
            with pytest.raises(LookupError):
                await dialer().dial(http(server.port), factory, timeout=5)

    run(main())
