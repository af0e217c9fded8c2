"""Listen addresses: `host:port`, `:port`, `[::1]:port`."""

import re
from typing import NamedTuple

_ADDRESS = re.compile(
    r"(?:\[(?P<bracketed>[0-9A-Fa-f:.]+(?:%[\w.-]+)?)\]|(?P<host>[\w.-]*)):(?P<port>[0-9]{1,5})\Z", re.ASCII
)
_HIGHEST_PORT = 65535


class Listen(NamedTuple):
    """A host (no brackets; "" means every interface) and a port (0: any free one)."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_listen(text: str) -> Listen:
    """Read an address. Raises ValueError with a message for the person who wrote it."""
    found = _ADDRESS.match(text.strip())
    if found is None:
        hint = f'; did you mean "127.0.0.1:{text}"?' if text.isascii() and text.isdigit() else ""
        raise ValueError(f'must be an address such as "127.0.0.1:8787", ":8787" or "[::1]:8787"{hint}')
    port = int(found["port"])
    if port > _HIGHEST_PORT:
        raise ValueError(f"has port {port}; the highest is {_HIGHEST_PORT}")
    host = found["bracketed"] or found["host"]
    if found["bracketed"] or host.replace(".", "").isdigit():
        _check_ip(host)
    return Listen(host, port)


def is_loopback(listen: str) -> bool:
    """Whether only this machine can reach an address. Raises ValueError as `parse_listen` does."""
    from ipaddress import IPv6Address, ip_address

    host = parse_listen(listen).host.lower().rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ip_address(host)
    except ValueError:
        # A name (or every interface): what it resolves to is not ours to guess.
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address.is_loopback


def _check_ip(host: str) -> None:
    # Imported late: this module is on the light path of the command line.
    from ipaddress import ip_address

    try:
        ip_address(host)
    except ValueError:
        raise ValueError("does not hold a valid IP address") from None
