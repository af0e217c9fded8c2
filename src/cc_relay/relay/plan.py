"""Phase 5: who could answer this, best first."""

from collections.abc import Iterator
from difflib import get_close_matches

from msgspec import Struct

from cc_relay.errors import Rejection
from cc_relay.exchange import Candidate, Credential
from cc_relay.providers.base import Provider
from cc_relay.relay.authenticate import LOGIN_PREFIX, Principal
from cc_relay.relay.snapshot import Snapshot, Upstream


class Option(Struct, frozen=True):
    """A candidate and the provider that speaks for it."""

    candidate: Candidate
    provider: Provider


class Turns:
    """Whose key is next: one counter for each provider, which outlives reloads."""

    def __init__(self) -> None:
        self._turns: dict[str, int] = {}

    def rotate(self, name: str, credentials: tuple[Credential, ...]) -> tuple[Credential, ...]:
        """A provider's keys, beginning with the one whose turn it is."""
        if len(credentials) < 2:
            return credentials
        turn = self._turns.get(name, 0) % len(credentials)
        self._turns[name] = turn + 1
        return credentials[turn:] + credentials[:turn]


def plan(snapshot: Snapshot, principal: Principal, model: str, turns: Turns) -> list[Option]:
    """The candidates in the order to try them: providers by priority, their keys in turn.

    Raises Rejection: 404 where no provider serves the model, 401 where none may be used for this client.
    """
    options: list[Option] = []
    is_served = False
    for upstream in snapshot.upstreams:
        provider = upstream.provider
        name = provider.upstream_model(model)
        if name is None:
            continue
        is_served = True
        options += [
            Option(Candidate(provider.name, credential, name), provider)
            for credential in turns.rotate(provider.name, usable(upstream, principal))
        ]
    if not is_served:
        raise unknown_model(snapshot, model)
    if not options:
        raise no_credential()
    return options


def usable(upstream: Upstream, principal: Principal) -> tuple[Credential, ...]:
    """The credentials this client may use at this upstream.

    A login passes through to Anthropic's own host and to no other; where a subscription does, no key of ours is
    tried behind its back, as that would bill somebody else.
    """
    login = principal.login
    if login is not None and upstream.provider.accepts_client_login:
        is_subscription = login.secret.encode("latin-1").startswith(LOGIN_PREFIX)
        if is_subscription or not upstream.credentials:
            return (login,)
    return upstream.credentials if principal.may_use_keys else ()


def served_models(snapshot: Snapshot) -> Iterator[str]:
    """Every model a client may ask for, once, in provider order."""
    seen: set[str] = set()
    for upstream in snapshot.upstreams:
        for model in upstream.provider.models:
            if model not in seen:
                seen.add(model)
                yield model


def no_credential() -> Rejection:
    return Rejection(
        401,
        "authentication_error",
        "No provider of this relay can be used with the credential you sent. Log in to Claude Code, or configure a "
        "provider key.",
        reason="no_usable_credential",
        should_retry=False,
    )


def unknown_model(snapshot: Snapshot, model: str) -> Rejection:
    close = get_close_matches(model, list(served_models(snapshot)), n=3, cutoff=0.4)
    hint = f" Did you mean {', '.join(close)}?" if close else " See GET /v1/models for what is served."
    message = f"No provider of this relay serves the model {model[:200]!r}.{hint}"
    return Rejection(404, "not_found_error", message, reason="unknown_model", should_retry=False)
