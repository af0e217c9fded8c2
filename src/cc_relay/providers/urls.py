"""From a configured base URL to the origin and the request targets behind it."""

import re
from ipaddress import IPv6Address
from urllib.parse import urlsplit

from msgspec import Struct

from cc_relay.exchange import Origin

_PORTS = {"https": 443, "http": 80}
_HOST = re.compile(r"[a-z0-9_](?:[a-z0-9._-]*[a-z0-9_.])?")


class Endpoint(Struct, frozen=True):
    """Where a provider lives: its origin, and what comes before `/v1/…` in every path ("" or "/anthropic")."""

    origin: Origin
    prefix: str

    def target(self, path: str, query: str = "") -> bytes:
        """The request target of `path` (which begins with a slash); `query` is without its `?`."""
        target = f"{self.prefix}{path}?{query}" if query else f"{self.prefix}{path}"
        return target.encode("latin-1")  # the listener decoded the client's bytes so


def parse_base_url(url: str) -> Endpoint:
    """Read a base URL; a trailing slash, `/v1` or `/v1/messages` is forgiven.

    Raises ValueError for what is no plain http(s) origin with a path: user names, queries, odd hosts.
    """
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise ValueError(f"base_url {url!r} holds characters that belong in no URL")
    parts = urlsplit(url)
    if parts.scheme not in _PORTS:
        raise ValueError(f"base_url {url!r} must begin with https:// or http://")
    if "@" in parts.netloc:
        raise ValueError("base_url must not hold a user name or password; put the credential under `keys`")
    if parts.query or parts.fragment:
        raise ValueError(f"base_url {url!r} must not hold a query or a fragment")
    host = (parts.hostname or "").lower()
    if not _is_host(host):
        raise ValueError(f"base_url {url!r} names no valid host")
    port = _PORTS[parts.scheme] if parts.port is None else parts.port
    prefix = parts.path.rstrip("/").removesuffix("/v1/messages").removesuffix("/v1").rstrip("/")
    return Endpoint(Origin(parts.scheme, host, port), prefix)


def _is_host(host: str) -> bool:
    if ":" not in host:
        return _HOST.fullmatch(host) is not None
    try:
        IPv6Address(host)
    except ValueError:
        return False
    return "%" not in host
