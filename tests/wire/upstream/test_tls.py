"""Dialing over TLS: whom it trusts, what it says when it does not, whether it resumes."""

import asyncio
import ssl
from datetime import timedelta
from pathlib import Path

import pytest
from tests.support.certificates import Authority, Leaf
from tests.support.echo import EchoServer, Line
from tests.support.loops import Run, on_both_loops

from cc_relay.errors import Stage, UpstreamError
from cc_relay.exchange import Origin
from cc_relay.net.upstream.dial import Dialer


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def leaf(authority: Authority) -> Leaf:
    return authority.issue("localhost", "127.0.0.1")


def https(port: int, host: str = "localhost") -> Origin:
    return Origin("https", host, port)


def dialer(trusted: Path | None = None) -> Dialer:
    environ = {} if trusted is None else {"SSL_CERT_FILE": str(trusted)}
    return Dialer(asyncio.get_running_loop(), environ=environ)


async def failure(origin: Origin, trusted: Path | None = None, *, within: float = 5.0) -> UpstreamError:
    with pytest.raises(UpstreamError) as caught:
        await dialer(trusted).dial(origin, Line, timeout=within)
    assert caught.value.stage is Stage.CONNECT
    return caught.value


async def exchange(dialer: Dialer, origin: Origin) -> bool:
    """Dial, ask, remember, hang up; whether the session was resumed."""
    line = await dialer.dial(origin, Line, timeout=5)
    assert await line.ask(b"hello") == b"HELLO"
    dialer.remember(origin, line.transport)
    is_resumed: bool = line.transport.get_extra_info("ssl_object").session_reused
    await line.hang_up()
    return is_resumed


@on_both_loops
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_ssl_cert_file_names_whom_to_trust(run: Run, authority: Authority, leaf: Leaf, host: str) -> None:
    async def main() -> None:
        async with EchoServer(tls=leaf.server_context()) as server:
            line = await dialer(authority.certificate).dial(https(server.port, host), Line, timeout=5)
            assert line.made == 1
            assert await line.ask(b"hello") == b"HELLO"
            await line.hang_up()

    run(main())


@on_both_loops
def test_a_server_certificate_can_be_trusted_without_its_authority(run: Run, leaf: Leaf) -> None:
    async def main() -> None:
        async with EchoServer(tls=leaf.server_context()) as server:
            assert not await exchange(dialer(leaf.certificate), https(server.port))

    run(main())


@on_both_loops
def test_openssl_itself_follows_the_ssl_cert_file_of_the_process(
    run: Run, authority: Authority, leaf: Leaf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate))

    async def main() -> None:
        async with EchoServer(tls=leaf.server_context()) as server:
            assert not await exchange(dialer(), https(server.port))

    run(main())


@on_both_loops
def test_http_1_1_is_agreed_on(run: Run, authority: Authority, leaf: Leaf) -> None:
    async def main() -> None:
        tls = leaf.server_context()
        tls.set_alpn_protocols(["h2", "http/1.1"])
        async with EchoServer(tls=tls) as server:
            line = await dialer(authority.certificate).dial(https(server.port), Line, timeout=5)
            assert line.transport.get_extra_info("ssl_object").selected_alpn_protocol() == "http/1.1"
            await line.hang_up()

    run(main())


@on_both_loops
def test_an_unknown_authority_is_refused_with_the_way_to_trust_it(run: Run, leaf: Leaf) -> None:
    async def main() -> None:
        async with EchoServer(tls=leaf.server_context()) as server:
            error = await failure(https(server.port))
            assert "set SSL_CERT_FILE" in str(error)
            assert isinstance(error.__cause__, ssl.SSLCertVerificationError)

    run(main())


@on_both_loops
def test_a_certificate_for_another_name_is_refused(run: Run, authority: Authority) -> None:
    async def main() -> None:
        async with EchoServer(tls=authority.issue("other.test").server_context()) as server:
            error = await failure(https(server.port), authority.certificate)
            assert "not valid for 'localhost'" in str(error)
            assert "base_url" in str(error)

    run(main())


@on_both_loops
def test_an_expired_certificate_is_refused(run: Run, authority: Authority) -> None:
    async def main() -> None:
        expired = authority.issue("localhost", lasts=timedelta(hours=-1))
        async with EchoServer(tls=expired.server_context()) as server:
            error = await failure(https(server.port), authority.certificate)
            assert "expired" in str(error)
            assert "clock" in str(error)

    run(main())


@on_both_loops
def test_a_server_without_tls_is_told_apart(run: Run) -> None:
    async def main() -> None:
        async with EchoServer(answer=b"HTTP/1.1 400 Bad Request\r\n\r\n") as server:
            assert "does not speak TLS" in str(await failure(https(server.port)))

    run(main())


@on_both_loops
def test_a_server_that_hangs_up_in_the_handshake_is_reported(run: Run) -> None:
    def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async def main() -> None:
        server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
        async with server:
            error = await failure(https(server.sockets[0].getsockname()[1]))
            assert "closed while waiting for the TLS handshake" in str(error)
            assert not error.timed_out

    run(main())


@on_both_loops
def test_a_server_that_never_shakes_hands_times_out(run: Run) -> None:
    async def main() -> None:
        async with EchoServer(answer=b"") as server:
            error = await failure(https(server.port), within=0.5)
            assert error.timed_out
            assert "timed out while waiting for the TLS handshake" in str(error)
            await server.is_idle.wait()

    run(main())


@on_both_loops
@pytest.mark.parametrize(("text", "said"), [(None, "No such file"), ("no certificate", "no PEM certificate")])
def test_a_useless_ssl_cert_file_is_reported_not_passed_over(
    run: Run, tmp_path: Path, text: str | None, said: str
) -> None:
    file = tmp_path / "trusted.pem"
    if text is not None:
        file.write_text(text)

    async def main() -> None:
        error = await failure(https(1), file)
        assert f"SSL_CERT_FILE names {file}" in str(error)
        assert said in str(error)

    run(main())


@on_both_loops
def test_a_cleartext_origin_needs_no_tls_context(run: Run, tmp_path: Path) -> None:
    async def main() -> None:
        async with EchoServer() as server:
            plain = dialer(tmp_path / "missing.pem")
            origin = Origin("http", "127.0.0.1", server.port)
            line = await plain.dial(origin, Line, timeout=5)
            plain.remember(origin, line.transport)
            await line.hang_up()

    run(main())


@on_both_loops
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_the_second_connection_resumes_the_session_of_the_first(
    run: Run, authority: Authority, leaf: Leaf, version: ssl.TLSVersion
) -> None:
    async def main() -> None:
        tls = leaf.server_context()
        tls.maximum_version = version
        async with EchoServer(tls=tls) as server:
            resuming = dialer(authority.certificate)
            resumed = [await exchange(resuming, https(server.port)) for _ in range(3)]
            assert resumed == [False, True, True]

    run(main())


@on_both_loops
def test_a_session_is_for_its_own_origin_only(run: Run, authority: Authority, leaf: Leaf) -> None:
    async def main() -> None:
        tls = leaf.server_context()
        async with EchoServer(tls=tls) as one, EchoServer(tls=tls) as other:
            resuming = dialer(authority.certificate)
            assert not await exchange(resuming, https(one.port))
            assert not await exchange(resuming, https(other.port))

    run(main())


@on_both_loops
def test_a_failed_handshake_forgets_the_session(run: Run, authority: Authority, leaf: Leaf) -> None:
    async def main() -> None:
        tls, resuming = leaf.server_context(), dialer(authority.certificate)
        async with EchoServer(tls=tls) as server:
            origin = https(server.port)
            await exchange(resuming, origin)
        async with EchoServer(answer=b"HTTP/1.1 400 Bad Request\r\n\r\n", port=server.port):
            with pytest.raises(UpstreamError):
                await resuming.dial(origin, Line, timeout=5)
        async with EchoServer(tls=tls, port=server.port):
            assert not await exchange(resuming, origin)
            assert await exchange(resuming, origin)

    run(main())


@on_both_loops
def test_a_dial_cancelled_in_the_handshake_hangs_up(run: Run) -> None:
    async def main() -> None:
        async with EchoServer(answer=b"") as server:
            dialing = asyncio.ensure_future(dialer().dial(https(server.port), Line, timeout=5))
            await server.accepted.wait()
            dialing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await dialing
            await server.is_idle.wait()

    run(main())


@on_both_loops
def test_a_dial_cancelled_at_any_moment_leaves_nothing_open(run: Run, authority: Authority, leaf: Leaf) -> None:
    async def main() -> None:
        async with EchoServer(tls=leaf.server_context()) as server:
            impatient = dialer(authority.certificate)
            await exchange(impatient, https(server.port))
            for turns in range(40):
                dialing = asyncio.ensure_future(impatient.dial(https(server.port, "127.0.0.1"), Line, timeout=5))
                for _ in range(turns):
                    await asyncio.sleep(0)
                if dialing.done():
                    await (await dialing).hang_up()
                    break
                dialing.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await dialing
            # Connections are accepted in order: once this one is over, so are all before it.
            await exchange(impatient, https(server.port))
            await server.is_idle.wait()

    run(main())
