"""Which HTTP proxy, if any, the environment names for an origin."""

from base64 import b64encode
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import unquote, urlsplit

from msgspec import Struct

from cc_relay.exchange import Origin

VARIABLES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")
"""Where a proxy is named; the first that is not empty counts."""

ALWAYS_DIRECT = ("localhost", "127.0.0.0/8", "::1")
"""This machine's own services are never a proxy's business."""


class Proxy(Struct, frozen=True):
    """An HTTP proxy that opens tunnels. `authorization` is the header's value, None without credentials."""

    host: str
    port: int
    authorization: bytes | None = None

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def __repr__(self) -> str:
        return f"<Proxy {self}{' with credentials' if self.authorization else ''}>"


class Exemption(Struct, frozen=True):
    """One entry of NO_PROXY: a name with everything below it, or a network; on one port, or on every (None)."""

    suffix: str
    network: IPv4Network | IPv6Network | None
    port: int | None

    def covers(self, host: str, address: IPv4Address | IPv6Address | None, port: int) -> bool:
        if self.port not in (None, port):
            return False
        if self.network is not None:
            return address is not None and address in self.network
        return host == self.suffix or host.endswith(f".{self.suffix}")


class ProxyChoice:
    """The proxy settings of one environment.

    Raises ValueError, naming the variable, when it holds a proxy that cannot be used.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        variable = next((name for name in VARIABLES if environ.get(name, "").strip()), None)
        self._proxy = None if variable is None else parse_proxy(variable, environ[variable].strip())
        listed = (environ.get("NO_PROXY") or environ.get("no_proxy") or "").replace(",", " ").split()
        if "*" in listed:
            self._proxy = None
        self._exemptions = [parse_exemption(entry) for entry in (*ALWAYS_DIRECT, *listed)]

    def choose(self, origin: Origin) -> Proxy | None:
        """The proxy to reach `origin` through; None for a direct connection. Cleartext origins are always direct."""
        if self._proxy is None or not origin.is_tls or self._is_exempt(origin):
            return None
        return self._proxy

    def _is_exempt(self, origin: Origin) -> bool:
        host = origin.host.lower().rstrip(".")
        address = parse_address(host)
        return any(exemption.covers(host, address, origin.port) for exemption in self._exemptions)


def parse_proxy(variable: str, url: str) -> Proxy:
    """Read a proxy's URL; `http://` may be left out. Raises ValueError, which never repeats the URL's password."""
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        host, port = parts.hostname, parts.port
    except ValueError:
        # Not chained: urllib's message can quote a piece of the password.
        raise ValueError(f"{variable} is not a proxy URL; write http://host:port") from None
    if parts.scheme != "http":
        raise ValueError(
            f"{variable} names a proxy of the kind {parts.scheme}://; only http:// proxies can be used. "
            f"Write http://host:port, or unset {variable}"
        )
    if not host:
        raise ValueError(f"{variable} names no host; write http://host:port")
    return Proxy(host, 80 if port is None else port, _basic(parts.username, parts.password))


def parse_exemption(entry: str) -> Exemption:
    """Read one entry of NO_PROXY: `name`, `.name`, `*.name`, an address or a CIDR network; `:port` may follow."""
    host, port = entry.lower(), None
    before, colon, after = host.rpartition(":")
    # A bare IPv6 address has colons of its own; one with a port needs brackets.
    if colon and after.isdecimal() and (":" not in before or before.endswith("]")):
        host, port = before, int(after)
    host = host.strip("[]")
    try:
        return Exemption("", ip_network(host, strict=False), port)
    except ValueError:
        return Exemption(host.removeprefix("*").strip("."), None, port)


def parse_address(host: str) -> IPv4Address | IPv6Address | None:
    """The address an IP literal stands for, None when `host` is a name."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def _basic(user: str | None, password: str | None) -> bytes | None:
    if user is None:
        return None
    return b"Basic " + b64encode(f"{unquote(user)}:{unquote(password or '')}".encode())
