"""Dialing an upstream: from an origin to a connected protocol."""

import asyncio
import socket
import ssl
from collections.abc import Callable, Mapping
from typing import TypeVar, cast

from aiohappyeyeballs import start_connection

from cc_relay.errors import Stage, UpstreamError
from cc_relay.exchange import Origin
from cc_relay.net.upstream.proxy import Proxy, ProxyChoice, parse_address
from cc_relay.net.upstream.tls import ResumingContext, client_context, explain
from cc_relay.net.upstream.tunnel import TunnelError, open_tunnel

P = TypeVar("P", bound=asyncio.Protocol)

_AddressInfo = tuple[int, int, int, str, tuple[str, int] | tuple[str, int, int, int]]

# Seconds. A provider may think for minutes in silence, and a NAT on the way must not forget the connection meanwhile.
# TCP_NODELAY is not among them: both loops set it.
_SOCKET_OPTIONS = (
    (socket.SOL_SOCKET, "SO_KEEPALIVE", 1),
    (socket.IPPROTO_TCP, "TCP_KEEPIDLE", 60),
    (socket.IPPROTO_TCP, "TCP_KEEPINTVL", 60),
    (socket.IPPROTO_TCP, "TCP_KEEPCNT", 5),
)

# How long a closed TLS connection waits for the other side's goodbye; HTTP/1.1 loses nothing without it.
_TLS_GOODBYE = 2.0


class Dialer:
    """Opens connections to upstreams, directly or through the proxy that `environ` names.

    `happy_eyeballs_delay` is how long one address may take before the next is tried beside it (RFC 8305).
    Raises ValueError when `environ` names a proxy that cannot be used.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, *, environ: Mapping[str, str], happy_eyeballs_delay: float = 0.25
    ) -> None:
        self._loop = loop
        self._environ = environ
        self._happy_eyeballs_delay = happy_eyeballs_delay
        self._proxies = ProxyChoice(environ)
        self._tls: ResumingContext | None = None

    async def dial(
        self,
        origin: Origin,
        protocol_factory: Callable[[], P],
        *,
        timeout: float,  # noqa: ASYNC109 - the message says what it was waiting for
    ) -> P:
        """Return a new protocol, connected to `origin`; its `connection_made` was called once, after TLS.

        `timeout` covers everything: name, connection, tunnel, TLS; `inf` is none. Raises UpstreamError (stage CONNECT)
        with a message that says what to do. Cancelled or failed, it leaves nothing open.
        """
        route = _Route(origin, self._proxies.choose(origin))
        try:
            async with asyncio.timeout(timeout):
                return await self._dial(route, protocol_factory, handshake_timeout=max(timeout, 1.0))
        except (OSError, TunnelError) as error:
            message = f"cannot connect to {route}: {_reason(error, route)}"
            raise UpstreamError(message, stage=Stage.CONNECT, timed_out=isinstance(error, TimeoutError)) from error

    def remember(self, origin: Origin, transport: asyncio.BaseTransport) -> None:
        """Keep the transport's TLS session, so that the next dial to `origin` need not see and check its certificates
        again (and, before TLS 1.3, saves a round trip).

        Call it when an exchange on the connection is over, as often as you like; cleartext transports are ignored.
        """
        connection = transport.get_extra_info("ssl_object")
        if self._tls is not None and connection is not None:
            self._tls.remember(origin, connection)

    async def _dial(self, route: "_Route", protocol_factory: Callable[[], P], *, handshake_timeout: float) -> P:
        _check_name(route.origin.host)
        context = self._context() if route.origin.is_tls else None
        sock = await self._connect(route)
        try:
            if route.proxy is not None:
                route.step = "waiting for the proxy's answer"
                await open_tunnel(self._loop, sock, route.origin, route.proxy)
            protocol = protocol_factory()
        except BaseException:
            sock.close()
            raise
        # From here on nothing fails before the loop took the socket: the name is fine, the protocol made.
        route.step = "waiting for the TLS handshake"
        await self._hand_over(sock, route.origin, protocol, context, handshake_timeout)
        return protocol

    async def _connect(self, route: "_Route") -> socket.socket:
        host, port = route.peer
        route.step = f"looking up {host}"
        addresses = _literal(host, port) or await self._look_up(host, port)
        route.step = "connecting"
        try:
            sock = await start_connection(addresses, happy_eyeballs_delay=self._happy_eyeballs_delay, loop=self._loop)
        except RuntimeError as error:
            # uvloop's word for a descriptor it cannot connect; aiohappyeyeballs passes it on.
            raise OSError(str(error)) from error
        for level, name, value in _SOCKET_OPTIONS:
            if hasattr(socket, name):
                sock.setsockopt(level, getattr(socket, name), value)
        return sock

    async def _look_up(self, host: str, port: int) -> list[_AddressInfo]:
        found = await self._loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
        # The type of an address of a family this Python was built without is (int, bytes).
        return cast("list[_AddressInfo]", found)

    async def _hand_over(
        self,
        sock: socket.socket,
        origin: Origin,
        protocol: asyncio.Protocol,
        context: ResumingContext | None,
        handshake_timeout: float,
    ) -> None:
        """Give `sock` to the loop and wait until `protocol` is connected; whatever happens, the loop closes it."""
        if context is None:
            await self._loop.create_connection(lambda: protocol, sock=sock)
            return
        with context.resuming(origin):
            await self._loop.create_connection(
                lambda: protocol,
                sock=sock,
                ssl=context,
                server_hostname=origin.host,
                ssl_handshake_timeout=handshake_timeout,
                ssl_shutdown_timeout=_TLS_GOODBYE,
            )

    def _context(self) -> ResumingContext:
        if self._tls is None:
            self._tls = client_context(self._environ)
        return self._tls


class _Route:
    """Where one dial goes, by which way, and how far it got."""

    def __init__(self, origin: Origin, proxy: Proxy | None) -> None:
        self.origin = origin
        self.proxy = proxy
        self.step = "starting"

    @property
    def peer(self) -> tuple[str, int]:
        """Whom the socket is connected to."""
        first = self.proxy or self.origin
        return first.host, first.port

    def __str__(self) -> str:
        return str(self.origin) if self.proxy is None else f"{self.origin} through the proxy {self.proxy}"


def _literal(host: str, port: int) -> list[_AddressInfo] | None:
    """What a look-up would say of an IP address; None for a name (and for an address with a zone)."""
    address = parse_address(host)
    if address is None or "%" in host:
        return None
    if address.version == 4:
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (host, port))]
    return [(socket.AF_INET6, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (host, port, 0, 0))]


def _check_name(host: str) -> None:
    """Raise OSError for what no loop could look up or name in TLS; they fail on it half-way, each in its own manner."""
    try:
        is_fine = host.encode("idna") != b"" and host.isprintable() and " " not in host
    except UnicodeError:
        is_fine = False
    if not is_fine:
        raise OSError(f"{host!r} is not a host name")


# The first that fits; ConnectionError stands for resets, aborts and broken pipes.
_REASONS: tuple[tuple[type[OSError], str], ...] = (
    (socket.gaierror, "the name {host} could not be resolved ({detail}); check its spelling and this machine's DNS"),
    (ConnectionRefusedError, "connection refused; nothing listens there, or a firewall forbids it"),
    (ConnectionError, "the connection was closed while {step}"),
)


def _reason(error: OSError | TunnelError, route: _Route) -> str:
    if isinstance(error, TimeoutError):
        return f"timed out while {route.step}"
    if isinstance(error, ssl.SSLError):
        return explain(error)
    detail = getattr(error, "strerror", None) or str(error)
    words = next((words for kind, words in _REASONS if isinstance(error, kind)), "{detail}")
    return words.format(host=route.peer[0], detail=detail, step=route.step)
