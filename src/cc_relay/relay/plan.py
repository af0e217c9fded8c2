"""Phase 5: who could answer this, best first."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from cc_relay.errors import Rejection
from cc_relay.exchange import Considered
from cc_relay.policy.affinity import CACHE_LIFETIME
from cc_relay.relay.authenticate import LOGIN_PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cc_relay.exchange import Credential
    from cc_relay.policy.routing import Ask, Strategy
    from cc_relay.policy.sessions import Home
    from cc_relay.relay.authenticate import Principal
    from cc_relay.relay.snapshot import Lane, Option, Snapshot, Upstream


MOST_REASONS = 4
"""How many ranks of a strategy that goes by the moment are given their reasons while it lasts."""


ELSEWHERE = "not where the session lives"
"""Why an option is none for a request that is bound to its home."""


class Route:
    """The lanes that serve a request as the strategy ranked them, and through them the options, one after the other.

    `session` is what keys are chosen by (None: by the pool's own strategy), `home` where the session was last served.
    A request that `is_bound` lives on at its home and cannot be answered anywhere else.
    """

    __slots__ = ("_reasons", "ask", "home", "is_bound", "lanes", "principal", "session", "strategy")

    def __init__(
        self,
        lanes: Sequence[Lane],
        strategy: Strategy,
        ask: Ask,
        principal: Principal,
        *,
        session: str | None,
        home: Home | None,
        is_bound: bool = False,
    ) -> None:
        self.strategy = strategy
        self.ask = ask
        self.principal = principal
        self.session = session
        self.home = home
        self.is_bound = is_bound
        self._reasons: tuple[str, ...] = ()
        if len(lanes) > 1:
            if home is not None and (strategy.is_placing or is_bound):
                # A place once given is kept, and takes nobody's turn; others follow by priority.
                found = sorted(lanes, key=lambda lane: lane.name != home.provider)
                lanes = found if found[0].name == home.provider else strategy.rank(lanes, ask)
            else:
                lanes = strategy.rank(lanes, ask)
            if not strategy.is_static:
                # By the time somebody asks, what they were ranked by has changed.
                self._reasons = tuple([strategy.reason(lane, ask) for lane in lanes[:MOST_REASONS]])
        self.lanes = lanes

    def __repr__(self) -> str:
        return f"<Route {self.strategy.name} {' > '.join(lane.name for lane in self.lanes)}>"

    def options(self) -> Iterator[Option]:
        """Every option once, best first; the keys of a lane are ranked when it is reached. Hot path."""
        principal, lanes = self.principal, self.lanes
        if principal.login is not None or not principal.may_use_keys:
            options = (option for lane in lanes for option in personal(lane, principal, self._of_lane(lane)))
            return self._at_home(options) if self.is_bound else options
        if self.is_bound:
            return self._at_home(option for lane in lanes for option in self._of_lane(lane))
        if len(lanes) == 1:
            return self._of_lane(lanes[0])
        return (option for lane in lanes for option in self._of_lane(lane))

    def considered(self) -> tuple[Considered, ...]:
        """The candidates in their order, for whoever asks why."""
        found: list[Considered] = []
        principal, home = self.principal, self.home if self.is_bound else None
        for number, lane in enumerate(self.lanes):
            reason = self._reason(number, lane)
            options = iter(lane.options.values()) if self.session is None else self._of_lane(lane)
            if principal.login is not None or not principal.may_use_keys:
                options = personal(lane, principal, options)
            for option in options:
                is_elsewhere = home is not None and not is_at(option, home)
                found.append(Considered(len(found) + 1, option.candidate, ELSEWHERE if is_elsewhere else reason))
        return tuple(found)

    def _reason(self, number: int, lane: Lane) -> str:
        if self.home is not None and self.strategy.is_placing and lane.name == self.home.provider:
            return "the session's place"
        if number < len(self._reasons):
            return self._reasons[number]
        return "ranked behind" if self._reasons else self.strategy.reason(lane, self.ask)

    def _of_lane(self, lane: Lane) -> Iterator[Option]:
        options = lane.options
        if len(options) < 2:
            return iter(options.values())
        pool = lane.upstream.pool
        keys = pool.rank(self.ask.now, self.ask.dice) if self.session is None else pool.rank_for(self.session)
        return (options[key.name] for key in keys)

    def _at_home(self, options: Iterator[Option]) -> Iterator[Option]:
        """The one option that knows what the request refers to: where the session was last served, else the first."""
        home = self.home
        first: Option | None = None
        for option in options:
            if home is None or is_at(option, home):
                yield option
                return
            first = first or option
        if first is not None:
            # A home that was taken from the configuration answers nobody, and who is asked instead may say so best.
            yield first


def is_at(option: Option, home: Home) -> bool:
    """Whether an option is where the session was last served."""
    return option.candidate.provider == home.provider and option.candidate.credential.fingerprint == home.key


def is_excursion(option: Option, route: Route | None, now: float) -> bool:
    """Whether a session was served away from a home whose cache is still alive: next time it goes back there."""
    home = None if route is None else route.home
    return home is not None and not is_at(option, home) and now - home.at < CACHE_LIFETIME


def personal(lane: Lane, principal: Principal, options: Iterator[Option]) -> Iterator[Option]:
    """What of a lane is open to a client who brought a login, or proved nothing else."""
    for credential in usable(lane.upstream, principal):
        if credential.is_client_owned:
            yield lane.option(credential)
        else:
            # The keys, all of them, in the order of their pool.
            yield from options
            return


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
