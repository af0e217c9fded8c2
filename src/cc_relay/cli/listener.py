"""The address the relay listens at, as a client on this machine sees it."""

from cc_relay.config import Listen, parse_listen

_EVERY_ADDRESS = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  read, not bound


def reachable(listen: str) -> Listen:
    """Where a client connects to reach `listen`. Raises ValueError as `parse_listen` does."""
    host, port = parse_listen(listen)
    return Listen(_EVERY_ADDRESS.get(host, host), port)


def url(listen: str) -> str:
    """The base URL for clients of `listen`. Raises ValueError as `parse_listen` does."""
    return f"http://{reachable(listen)}"
