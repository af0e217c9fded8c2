"""Phase 5: who could answer this, best first."""

from __future__ import annotations

from difflib import get_close_matches
from itertools import chain
from typing import TYPE_CHECKING

from cc_relay.errors import Rejection
from cc_relay.exchange import Considered
from cc_relay.relay.authenticate import LOGIN_PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from cc_relay.exchange import Credential
    from cc_relay.policy.key import Key
    from cc_relay.policy.routing import Ask, Strategy
    from cc_relay.policy.sessions import Home
    from cc_relay.relay.authenticate import Principal
    from cc_relay.relay.snapshot import Lane, Option, Snapshot, Upstream


MOST_REASONS = 4
"""How many ranks of a strategy that goes by the moment are given their reasons while it lasts."""


CROWDED = "no room to settle"
"""Why an option comes after all others for a session that has no cache to lose."""

ELSEWHERE = "not where the session lives"
"""Why an option is none for a request that is bound to its home."""


class Route:
    """The lanes that serve a request as the strategy ranked them, and through them the options, one after the other.

    `session` is what keys are chosen by (None: by the pool's own strategy), `home` where it was served last, excursions
    aside. A session whose cache is warm goes home first, whatever the strategy; one whose cache is lost goes home where
    the strategy spreads over equals, and else by the strategy's order again. One that `settles` has no cache to lose
    and will stay for long: it passes over keys without room, and over providers where the strategy's order is not
    strict. A request that `is_bound` lives on at its home and cannot be answered anywhere else.
    """

    __slots__ = (
        "_crowded",
        "_is_kept",
        "_reasons",
        "ask",
        "home",
        "is_bound",
        "lanes",
        "principal",
        "session",
        "settles",
        "strategy",
    )

    def __init__(
        self,
        lanes: Sequence[Lane],
        strategy: Strategy,
        ask: Ask,
        principal: Principal,
        *,
        session: str | None,
        home: Home | None,
        settles: bool = False,
        is_bound: bool = False,
    ) -> None:
        self.strategy = strategy
        self.ask = ask
        self.principal = principal
        self.session = session
        self.home = home
        self.settles = settles and not ask.warm_at
        self.is_bound = is_bound
        self._reasons: tuple[str, ...] = ()
        self._crowded: list[Option] | tuple[()] = ()
        self._is_kept = is_kept = home is not None and (strategy.is_placing or ask.warm_at != "")
        if len(lanes) > 1:
            if home is not None and (is_kept or is_bound):
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
            own = (option for lane in lanes for option in personal(lane, principal, self._of_lane(lane)))
            return self._at_home(own) if self.is_bound else own
        if self.is_bound:
            return self._at_home(option for lane in lanes for option in self._of_lane(lane))
        if not self.settles:
            return self._of_lane(lanes[0]) if len(lanes) == 1 else chain.from_iterable(map(self._of_lane, lanes))
        if not self.strategy.is_strict:
            return self._roomy_first(chain.from_iterable(map(self._of_lane, lanes)))
        return chain.from_iterable(self._roomy_first(self._of_lane(lane)) for lane in lanes)

    def _roomy_first(self, options: Iterator[Option]) -> Iterator[Option]:
        """Those with room, or where the session is at home; the rest in the same order."""
        now, home = self.ask.now, self.home
        crowded: list[Option] = []
        for option in options:
            if (home is not None and is_at(option, home)) or has_room(option, now):
                yield option
            else:
                crowded.append(option)
        self._crowded = [*self._crowded, *crowded]
        yield from crowded

    def considered(self) -> tuple[Considered, ...]:
        """The candidates in their order, for whoever asks why."""
        found: list[tuple[Option, str]] = []
        crowded: list[tuple[Option, str]] = []
        principal, home = self.principal, self.home if self.is_bound else None
        for number, lane in enumerate(self.lanes):
            reason = self._reason(number, lane)
            options = iter(lane.options.values()) if self.session is None else self._of_lane(lane)
            if principal.login is not None or not principal.may_use_keys:
                options = personal(lane, principal, options)
            for option in options:
                is_elsewhere = home is not None and not is_at(option, home)
                if option in self._crowded:
                    crowded.append((option, CROWDED))
                else:
                    found.append((option, ELSEWHERE if is_elsewhere else reason))
            if self.strategy.is_strict:
                found += crowded
                crowded.clear()
        found += crowded
        return tuple([Considered(rank, option.candidate, why) for rank, (option, why) in enumerate(found, 1)])

    def _reason(self, number: int, lane: Lane) -> str:
        if self._is_kept and self.home is not None and lane.name == self.home.provider:
            return "the session's place"
        if number < len(self._reasons):
            return self._reasons[number]
        return "ranked behind" if self._reasons else self.strategy.reason(lane, self.ask)

    def _of_lane(self, lane: Lane) -> Iterator[Option]:
        options = lane.options
        if len(options) < 2:
            return iter(options.values())
        pool = lane.upstream.pool
        if self.session is None:
            return (options[key.name] for key in pool.rank(self.ask.now, self.ask.dice))
        keys = pool.rank_for(self.session)
        home = self.home
        if home is None or not home.cached or home.provider != lane.name or home.key not in options:
            return (options[key.name] for key in keys)
        return self._home_first(options[home.key], keys, options)

    def _home_first(self, own: Option, keys: Sequence[Key], options: Mapping[str, Option]) -> Iterator[Option]:
        """The session's own key before all others; but a spare is left again when no cache is lost by it."""
        first = keys[0]
        if own.key is None or (not self.ask.warm_at and own.key.tier < first.tier):
            return (options[key.name] for key in keys)
        others = (options[key.name] for key in keys if key is not own.key)
        return chain((own,), others)

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


def has_room(option: Option, now: float) -> bool:
    """Whether a session may settle there."""
    lane, key = option.lane, option.key
    return lane.upstream.breaker.is_closed and (key is None or key.has_room(lane.family, now))


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
