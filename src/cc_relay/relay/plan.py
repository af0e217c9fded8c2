"""Phase 5: who could answer this, best first."""

from collections.abc import Iterator
from difflib import get_close_matches

from cc_relay.errors import Rejection
from cc_relay.exchange import Credential
from cc_relay.relay.authenticate import LOGIN_PREFIX, Principal
from cc_relay.relay.snapshot import Option, Snapshot, Upstream


class Turns:
    """Whose key is next: one counter for each provider, which outlives reloads."""

    def __init__(self) -> None:
        self._turns: dict[str, int] = {}

    def rotate(self, name: str, options: tuple[Option, ...]) -> tuple[Option, ...]:
        """A provider's options, beginning with the key whose turn it is."""
        if len(options) < 2:
            return options
        turn = self._turns.get(name, 0) % len(options)
        self._turns[name] = turn + 1
        return options[turn:] + options[:turn]


def plan(snapshot: Snapshot, principal: Principal, model: str, turns: Turns) -> list[Option]:
    """The candidates in the order to try them: providers by priority, their keys in turn. Hot path.

    Raises Rejection: 404 where no provider serves the model, 401 where none may be used for this client.
    """
    planned: list[Option] = []
    is_served = False
    for upstream in snapshot.upstreams:
        options = upstream.options(model)
        if options is None:
            continue
        is_served = True
        if principal.login is not None or not principal.may_use_keys:
            options = tuple(personal(upstream, principal, model, options))
        planned += turns.rotate(upstream.provider.name, options)
    if not is_served:
        raise unknown_model(snapshot, model)
    if not planned:
        raise no_credential()
    return planned


def personal(upstream: Upstream, principal: Principal, model: str, options: tuple[Option, ...]) -> Iterator[Option]:
    """What of an upstream is open to a client who brought a login, or proved nothing else."""
    for credential in usable(upstream, principal):
        if credential.is_client_owned:
            name = upstream.provider.upstream_model(model)
            if name is not None:
                yield upstream.option(name, credential)
        else:
            yield from (option for option in options if option.candidate.credential is credential)


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
