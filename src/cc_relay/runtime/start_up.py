"""The first lines a person reads: what listens, where requests go, what to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cc_relay.config import Listen, is_loopback

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cc_relay.config import Loaded
    from cc_relay.relay.snapshot import Snapshot

EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 -- read, not bound

PLACEHOLDER = "cc-relay-placeholder"
"""What Claude Code sends where the relay asks for nothing: with it, it asks its user for no login."""


def start_up_lines(
    loaded: Loaded, snapshot: Snapshot, address: tuple[str, int], *, admin: str, admin_problem: str = ""
) -> Iterator[str]:
    """One sentence a line; never a secret. `admin` is the admin port's URL, "" where a problem leaves it closed."""
    host, port = address
    url = f"http://{Listen(EVERYWHERE.get(host, host), port)}"
    is_local = is_loopback(str(Listen(host, port)))
    reach = ", and on every other address of this machine" if host in EVERYWHERE else ""
    yield f"cc-relay listens on {url}{reach} (configuration: {described(loaded.source)})"
    for upstream in snapshot.upstreams:
        provider = upstream.provider
        origin = loaded.origins.get(provider.name, "no key")
        yield f"  {provider.name} ({provider.type}) at {provider.base_url}: {origin}"
    for notice in loaded.notices:
        yield f"  note: {notice}"
    yield f"Admin port: {admin}" if admin else f"No admin port: {admin_problem}; set admin.listen to a free address."
    yield access_line(snapshot, is_local=is_local)
    yield f"Next: export ANTHROPIC_BASE_URL={url}{token_hint(snapshot)} and start `claude`;"
    yield "      `cc-relay config cc init` sets that for good."


def described(source: str) -> str:
    return "found in the environment; `cc-relay config init` writes a file" if source == "environment" else source


def access_line(snapshot: Snapshot, *, is_local: bool) -> str:
    """What clients must send; `is_local` says that only this machine reaches the relay."""
    access = snapshot.access
    if wants_own_key(snapshot):
        return f"Clients must send the relay's key{' or a Claude login' if access.allows_subscription else ''}."
    if access.allows_bearer:
        return "Clients must send a bearer token; any will do (server.auth.bearer_secret is not set)."
    if wants_login(snapshot):
        return "Clients must send a Claude login of their own, which passes through."
    return f"{'Clients on this machine' if is_local else 'All who can reach it'} need no credential."


def token_hint(snapshot: Snapshot) -> str:
    """What to export beside the address; a name that a shell takes as it is stands for a secret."""
    if wants_own_key(snapshot):
        return " ANTHROPIC_AUTH_TOKEN=YOUR_RELAY_KEY"
    if snapshot.access.allows_subscription and not snapshot.access.allows_bearer:
        # A token here would stand before the login that is to pass through.
        return ""
    return f" ANTHROPIC_AUTH_TOKEN={PLACEHOLDER}"


def wants_own_key(snapshot: Snapshot) -> bool:
    access = snapshot.access
    return bool(access.api_key or (access.allows_bearer and access.bearer_secret))


def wants_login(snapshot: Snapshot) -> bool:
    """Whether no provider has a key, so that only a client's own login leads anywhere."""
    return not any(upstream.credentials for upstream in snapshot.upstreams)
