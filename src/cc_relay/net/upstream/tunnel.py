"""A tunnel through an HTTP proxy: the CONNECT request and its answer."""

import re
import socket
from asyncio import AbstractEventLoop

from cc_relay.exchange import Origin
from cc_relay.net.upstream.proxy import Proxy

HEAD_LIMIT = 16 * 1024

_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-9]\d\d)(?: ([ -~]*))?\r\n")


class TunnelError(Exception):
    """The proxy opened no tunnel; the message is the reason, in words for a person."""


async def open_tunnel(loop: AbstractEventLoop, sock: socket.socket, origin: Origin, proxy: Proxy) -> None:
    """Ask `proxy`, at the other end of `sock`, for a tunnel to `origin`; afterwards `sock` speaks to the origin.

    Works on the socket, before any transport: the TLS handshake then starts as on a direct connection, and no byte
    can fall between two protocols. `sock` stays the caller's to close. Raises TunnelError when the proxy refuses or
    talks nonsense, OSError when the connection breaks. Source: RFC 9110, section 9.3.6.
    """
    await loop.sock_sendall(sock, connect_request(origin, proxy))
    check_answer(await _read_head(loop, sock), proxy)


def connect_request(origin: Origin, proxy: Proxy) -> bytes:
    """The request's head. Unlike a Host header, the target always names its port."""
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    target = f"{host}:{origin.port}".encode("ascii")
    lines = [b"CONNECT " + target + b" HTTP/1.1", b"host: " + target]
    if proxy.authorization is not None:
        lines.append(b"proxy-authorization: " + proxy.authorization)
    return b"\r\n".join([*lines, b"", b""])


def check_answer(head: bytes, proxy: Proxy) -> None:
    """Return when the answer's head says that the tunnel is open; raise TunnelError when it does not."""
    match = _STATUS_LINE.match(head)
    if match is None:
        raise TunnelError("the proxy does not answer in HTTP; check its address and port")
    status, phrase = int(match[1]), (match[2] or b"").decode("ascii").strip()
    if status == 407:
        raise TunnelError(_needs_credentials(proxy))
    if not 200 <= status < 300:
        raise TunnelError(f"the proxy refused with {status} {phrase}".rstrip())
    # The client speaks first in TLS, so whatever follows the head already is not the origin's.
    if not head.endswith(b"\r\n\r\n") or head.count(b"\r\n\r\n") != 1:
        raise TunnelError("the proxy sent data of its own into the tunnel")


def _needs_credentials(proxy: Proxy) -> str:
    if proxy.authorization is not None:
        return "the proxy refused the credentials in its URL (407)"
    return "the proxy wants credentials (407); write them into its URL: http://user:password@host:port"


async def _read_head(loop: AbstractEventLoop, sock: socket.socket) -> bytes:
    """All bytes received until the head was complete; garbage is returned as soon as it cannot become a head."""
    head = b""
    while b"\r\n\r\n" not in head and head[:7] == b"HTTP/1."[: len(head)]:
        if len(head) >= HEAD_LIMIT:
            raise TunnelError(f"the proxy's answer has a head of more than {HEAD_LIMIT} bytes")
        received = await loop.sock_recv(sock, HEAD_LIMIT - len(head))
        if not received:
            raise TunnelError("the proxy closed the connection before it answered")
        head += received
    return head
