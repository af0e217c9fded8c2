"""Keeps tests off the network: loopback at most, and in pure rooms no sockets at all."""

import ipaddress
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from socket import AF_INET, AF_INET6

import uvloop


class Reach(Enum):
    """How far a test's sockets may go. The socket pairs that event loops wake themselves with are always fine."""

    NOWHERE = "nowhere"
    LOOPBACK = "loopback"
    ANYWHERE = "anywhere"


class SocketRefused(AssertionError):
    """The test reached for a socket or an address it may not use."""


_reach = Reach.ANYWHERE
_refused: list[str] = []
_older: frozenset[threading.Thread] = frozenset()


@contextmanager
def limited_to(reach: Reach) -> Iterator[list[str]]:
    """Limit sockets inside the block; yields the list of what was refused, which grows meanwhile.

    Other threads that ran before are limited like all, but what they are refused is not in the list: a library that
    was left hanging by an earlier test is none of this one's.
    """
    global _reach, _refused, _older
    before = _reach, _refused, _older
    _reach, _refused = reach, []
    _older = frozenset(threading.enumerate()) - {threading.current_thread()}
    try:
        yield _refused
    finally:
        _reach, _refused, _older = before


def install() -> None:
    """Watch every socket of the process, for good; `limited_to` says what is allowed when."""
    sys.addaudithook(_audit)
    _watch_uvloop()


def is_loopback(host: object) -> bool:
    """Whether `host`, a name or an address as str or bytes (None is a wildcard), stays on this machine."""
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
    if not isinstance(name, str):
        return False
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name.partition("%")[0]).is_loopback
    except ValueError:
        return False


def _audit(event: str, arguments: tuple[object, ...]) -> None:
    # Called for every import and open of the process: the common case must be one comparison.
    if _reach is Reach.ANYWHERE or not event.startswith("socket."):
        return
    if event == "socket.__new__":
        if _reach is Reach.NOWHERE and arguments[1] in (AF_INET, AF_INET6):
            _refuse("an internet socket")
    elif event in ("socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg"):
        match arguments[1]:
            case (host, *_):
                _check(event, host)
            case str() | bytes() as path if _reach is Reach.NOWHERE:
                _refuse(f"{event} {path!r}")
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        _check(event, arguments[0])


def _check(what: str, host: object) -> None:
    if _reach is Reach.NOWHERE or (_reach is Reach.LOOPBACK and not is_loopback(host)):
        _refuse(f"{what} {host!r}")


def _refuse(what: str) -> None:
    if threading.current_thread() not in _older:
        _refused.append(what)
    raise SocketRefused(f"{what}: this test may reach {_reach.value}")


def _watch_uvloop() -> None:
    """libuv opens its sockets without telling Python's audit hooks."""

    def watch(name: str, host_at: int) -> None:
        original = getattr(uvloop.Loop, name)

        def watched(self: uvloop.Loop, *args: object, **kwargs: object) -> object:
            host = kwargs.get("host", args[host_at] if len(args) > host_at else None)
            # Without a host it was given a socket, or a path, that Python's own hooks saw.
            if _reach is not Reach.ANYWHERE and host is not None:
                for one in host if isinstance(host, (list, tuple)) else [host]:
                    _check(f"uvloop's {name}", one)
            return original(self, *args, **kwargs)

        setattr(uvloop.Loop, name, watched)

    watch("create_connection", 1)
    watch("create_server", 1)
    watch("getaddrinfo", 0)
