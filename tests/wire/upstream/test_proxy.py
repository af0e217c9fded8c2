"""Dialing through an HTTP proxy."""

import asyncio
from base64 import b64encode
from pathlib import Path

import pytest
from tests.support.certificates import Authority, Leaf
from tests.support.connect_proxy import ConnectProxy
from tests.support.echo import EchoServer, Line, closed_port
from tests.support.loops import Run, on_both_loops

from cc_relay.errors import Stage, UpstreamError
from cc_relay.exchange import Origin
from cc_relay.net.upstream.dial import Dialer

# A name that only the proxy can reach.
API = Origin("https", "api.relay.test", 443)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def leaf(authority: Authority) -> Leaf:
    return authority.issue(API.host, "localhost")


def dialer(proxy_url: str, trusted: Path | None = None, **environ: str) -> Dialer:
    if trusted is not None:
        environ["SSL_CERT_FILE"] = str(trusted)
    return Dialer(asyncio.get_running_loop(), environ={"HTTPS_PROXY": proxy_url, **environ})


async def failure(proxy_url: str, *, within: float = 5.0) -> UpstreamError:
    with pytest.raises(UpstreamError) as caught:
        await dialer(proxy_url).dial(API, Line, timeout=within)
    assert caught.value.stage is Stage.CONNECT
    assert "https://api.relay.test through the proxy 127.0.0.1:" in str(caught.value)
    return caught.value


@on_both_loops
def test_an_https_origin_is_reached_through_the_proxy(run: Run, authority: Authority, leaf: Leaf) -> None:
    async def main() -> None:
        async with (
            EchoServer(tls=leaf.server_context()) as server,
            ConnectProxy(forward_to=server.port) as proxy,
        ):
            line = await dialer(proxy.url, authority.certificate).dial(API, Line, timeout=5)
            assert line.made == 1
            assert line.transport.get_extra_info("ssl_object").server_hostname == API.host
            assert await line.ask(b"hello" * 50_000) == b"HELLO" * 50_000
            assert proxy.targets == ["api.relay.test:443"]
            await line.hang_up()

    run(main())


@on_both_loops
def test_a_session_resumes_through_the_proxy(run: Run, authority: Authority, leaf: Leaf) -> None:
    async def main() -> None:
        async with (
            EchoServer(tls=leaf.server_context()) as server,
            ConnectProxy(forward_to=server.port) as proxy,
        ):
            resuming = dialer(proxy.url, authority.certificate)
            resumed = []
            for _ in range(2):
                line = await resuming.dial(API, Line, timeout=5)
                await line.ask(b"hello")
                resuming.remember(API, line.transport)
                resumed.append(line.transport.get_extra_info("ssl_object").session_reused)
                await line.hang_up()
            assert resumed == [False, True]

    run(main())


@on_both_loops
def test_a_failed_handshake_through_the_proxy_leaves_nothing_open(run: Run, leaf: Leaf) -> None:
    async def main() -> None:
        async with (
            EchoServer(tls=leaf.server_context()) as server,
            ConnectProxy(forward_to=server.port) as proxy,
        ):
            assert "certificate is not accepted" in str(await failure(proxy.url))
            await proxy.left.wait()

    run(main())


@on_both_loops
def test_credentials_in_the_url_go_to_the_proxy_and_not_into_messages(run: Run) -> None:
    async def main() -> None:
        async with ConnectProxy(answer=b"HTTP/1.1 407 No\r\n\r\n") as proxy:
            error = await failure(f"http://me:p%40ss@127.0.0.1:{proxy.port}")
            assert b"\r\nproxy-authorization: Basic " + b64encode(b"me:p@ss") + b"\r\n" in proxy.heads[0]
            assert "refused the credentials" in str(error)
            assert "p@ss" not in str(error)
            assert "p%40ss" not in str(error)

    run(main())


@on_both_loops
@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic\r\n\r\n", "user:password@"),
        (b"HTTP/1.1 403 Forbidden\r\ncontent-length: 3\r\n\r\nno!", "the proxy refused with 403 Forbidden"),
        (b"HTTP/1.0 502\r\n\r\n", "the proxy refused with 502"),
        (b"SSH-2.0-OpenSSH_9.9\r\n", "does not answer in HTTP"),
        (b"HTTP/1.1 twohundred\r\n\r\n", "does not answer in HTTP"),
        (b"HTTP/1.1 200 OK\r\n" + b"x-more: and more\r\n" * 2000, "a head of more than 16384 bytes"),
        (b"HTTP/1.1 200 OK\r\n\r\n<html>", "data of its own"),
    ],
)
def test_a_proxy_that_opens_no_tunnel_is_quoted_and_left(run: Run, answer: bytes, said: str) -> None:
    async def main() -> None:
        async with ConnectProxy(answer=answer) as proxy:
            error = await failure(proxy.url)
            assert said in str(error)
            assert not error.timed_out
            await proxy.left.wait()

    run(main())


@on_both_loops
@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\n"])
def test_a_proxy_that_hangs_up_is_reported(run: Run, answer: bytes) -> None:
    async def main() -> None:
        async with ConnectProxy(answer=answer, hangs_up=True) as proxy:
            assert "closed the connection before it answered" in str(await failure(proxy.url))

    run(main())


@on_both_loops
@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\n"])
def test_a_proxy_that_does_not_finish_its_answer_times_out(run: Run, answer: bytes) -> None:
    async def main() -> None:
        async with ConnectProxy(answer=answer) as proxy:
            error = await failure(proxy.url, within=0.5)
            assert error.timed_out
            assert "timed out while waiting for the proxy's answer" in str(error)
            await proxy.left.wait()

    run(main())


@on_both_loops
def test_a_proxy_that_is_not_there_is_named(run: Run) -> None:
    async def main() -> None:
        assert "connection refused" in str(await failure(f"http://127.0.0.1:{closed_port()}"))

    run(main())


@on_both_loops
def test_a_dial_cancelled_at_the_proxy_hangs_up(run: Run) -> None:
    async def main() -> None:
        async with ConnectProxy(answer=b"") as proxy:
            dialing = asyncio.ensure_future(dialer(proxy.url).dial(API, Line, timeout=5))
            await proxy.asked.wait()
            dialing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await dialing
            await proxy.left.wait()

    run(main())


@on_both_loops
def test_an_exempt_origin_is_dialed_directly(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        cleartext = EchoServer(answer=b"HTTP/1.1 400 Bad Request\r\n\r\n")
        async with cleartext as server, ConnectProxy(answer=b"HTTP/1.1 403 No\r\n\r\n") as proxy:
            loop = asyncio.get_running_loop()
            look_up = loop.getaddrinfo

            async def getaddrinfo(_: str, port: int, **options: int) -> object:
                return await look_up("127.0.0.1", port, **options)

            monkeypatch.setattr(loop, "getaddrinfo", getaddrinfo)
            direct = dialer(proxy.url, NO_PROXY="relay.test")
            with pytest.raises(UpstreamError, match=r"api\.relay\.test:\d+: it does not speak TLS"):
                await direct.dial(Origin("https", API.host, server.port), Line, timeout=5)
            assert not proxy.heads

    run(main())


@on_both_loops
def test_cleartext_origins_never_go_through_the_proxy(run: Run) -> None:
    async def main() -> None:
        async with EchoServer() as server, ConnectProxy(answer=b"") as proxy:
            line = await dialer(proxy.url).dial(Origin("http", "127.0.0.1", server.port), Line, timeout=5)
            assert await line.ask(b"hello") == b"HELLO"
            await line.hang_up()
            assert not proxy.heads

    run(main())
