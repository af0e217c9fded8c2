"""The first lines a person reads: what listens, where requests go, what to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cc_relay.config import Loaded
    from cc_relay.relay.snapshot import Snapshot

EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 -- read, not bound


def start_up_lines(loaded: Loaded, snapshot: Snapshot, address: tuple[str, int]) -> Iterator[str]:
    """One sentence a line; never a secret."""
    url = f"http://{reachable(address[0])}:{address[1]}"
    yield f"cc-relay listens on {url} (configuration: {described(loaded.source)})"
    for upstream in snapshot.upstreams:
        provider = upstream.provider
        origin = loaded.origins.get(provider.name, "no key")
        yield f"  {provider.name} ({provider.type}) at {provider.base_url}: {origin}"
    for notice in loaded.notices:
        yield f"  note: {notice}"
    yield access_line(snapshot)
    yield f"Next: export ANTHROPIC_BASE_URL={url}{token_hint(snapshot)} and start `claude`;"
    yield "      `cc-relay config cc init` sets that for good."


def described(source: str) -> str:
    return "found in the environment; `cc-relay config init` writes a file" if source == "environment" else source


def access_line(snapshot: Snapshot) -> str:
    access = snapshot.access
    if access.api_key or (access.allows_bearer and access.bearer_secret):
        return "Clients must send the relay's key."
    if access.allows_bearer:
        return "Clients must send a bearer token; any will do (server.auth.bearer_secret is not set)."
    return "Clients on this machine need no credential."


def token_hint(snapshot: Snapshot) -> str:
    if snapshot.access.api_key or snapshot.access.allows_bearer:
        return " ANTHROPIC_AUTH_TOKEN=<the relay's key>"
    if snapshot.access.allows_subscription:
        return ""
    return " ANTHROPIC_AUTH_TOKEN=cc-relay-placeholder"


def reachable(host: str) -> str:
    host = EVERYWHERE.get(host, host)
    return f"[{host}]" if ":" in host else host
