"""The calls a client can make of upstreams: what each asks, of whom, and what counts as its answer."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Protocol

from msgspec.structs import replace

from cc_relay.codec.messages import is_stateful, max_tokens, peek
from cc_relay.codec.observer import read_message
from cc_relay.codec.session_hash import session_of
from cc_relay.codec.token_count import read_token_count
from cc_relay.errors import Rejection
from cc_relay.exchange import Usage
from cc_relay.policy.routing import Ask
from cc_relay.policy.routing.failover import Failover
from cc_relay.relay.plan import Route, no_credential, personal, unknown_model

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cc_relay.exchange import Candidate, RelayRequest, UpstreamRequest
    from cc_relay.policy.sessions import Home
    from cc_relay.relay.authenticate import Principal
    from cc_relay.relay.shells import Shells
    from cc_relay.relay.snapshot import Option, Snapshot

RESULTS_URL = re.compile(rb'("results_url"\s*:\s*")https?://[^/"]+')

CREATING = frozenset({"/v1/messages/batches", "/v1/files", "/v1/skills"})
"""A POST here makes something new, so it must not be sent twice."""

BYTES_PER_TOKEN = 4
"""A guess that is good enough to reserve with; the true count corrects it."""

WHOLE_TOKENS_PER_SECOND = 50
"""What a slow model writes. An answer that is asked for whole shows nothing before its last token, so that its first
byte may be later than a stream's by the time its tokens take."""

COUNTING = "count_tokens"
SIDE = "side"
"""Families of limits: Anthropic counts these apart from messages (API docs, rate limits page)."""

IN_ORDER = Failover()


class Call(Protocol):
    """One thing asked of upstreams.

    `session` is what the client named, `lineage` what stands for it in routing. `is_repeatable` allows a second try at
    the same upstream; `asks_every_key` goes on to a provider's other keys when one does not know what is asked for.
    `grace` is seconds that an attempt may take beyond the failover timeout.
    """

    @property
    def model(self) -> str: ...
    @property
    def session(self) -> str | None: ...
    @property
    def lineage(self) -> str | None: ...
    @property
    def may_stream(self) -> bool: ...
    @property
    def grace(self) -> float: ...
    @property
    def is_repeatable(self) -> bool: ...
    @property
    def asks_every_key(self) -> bool: ...
    @property
    def warms_cache(self) -> bool:
        """Whether the answer leaves the session's prompt in a cache, where the next request had better go."""

    @property
    def is_main(self) -> bool:
        """Whether this is a main agent's request, which goes before those of its sub-agents."""

    def plan(self) -> Route:
        """Rank who could answer. Raises Rejection where nobody can."""

    def options(self, route: Route) -> Iterator[Option]:
        """Those of a route that can take this call at all. Raises Rejection where there are none."""

    def objection(self, option: Option) -> str | None:
        """Why this option cannot take the request, where that is known without asking; None where it can."""

    def prepare(self, option: Option, candidate: Candidate) -> UpstreamRequest:
        """Write the request for one option, as its `candidate` has it now. Raises Rejection where its provider cannot
        carry it.
        """

    def read(self, body: bytes) -> Usage | None:
        """A whole answer's usage, None where the body is something else."""

    def amend(self, body: bytes) -> bytes:
        """A whole answer's body as it is delivered."""


class MakeCall(Protocol):
    def __call__(self, request: RelayRequest, snapshot: Snapshot, principal: Principal, shells: Shells, /) -> Call:
        """Read a request. Raises Rejection where it cannot be understood."""


class MessagesCall:
    """`POST /v1/messages`."""

    __slots__ = ("_home", "_peeked", "_principal", "_request", "_shells", "_snapshot", "lineage", "model", "session")

    is_repeatable = True
    asks_every_key = False
    warms_cache = True
    family: str | None = None

    def __init__(self, request: RelayRequest, snapshot: Snapshot, principal: Principal, shells: Shells) -> None:
        """Phase 3, peek. Raises Rejection 400."""
        named = request.named
        peeked, body = peek(request.body, named.get(b"x-claude-code-session-id"))
        if body is not request.body:
            request = replace(request, body=body)
        self._request = request
        self._peeked = peeked
        self._snapshot = snapshot
        self._principal = principal
        self._shells = shells
        self.model = peeked.model
        self.session = lineage = peeked.session
        if not snapshot.keeps_sessions:
            lineage = None
        elif lineage is None:
            lineage = session_of(peeked.fields)
        self.lineage = lineage

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.model}>"

    @property
    def may_stream(self) -> bool:
        return self._peeked.stream

    @property
    def grace(self) -> float:
        return 0.0 if self._peeked.stream else max_tokens(self._peeked.fields) / WHOLE_TOKENS_PER_SECOND

    @property
    def is_main(self) -> bool:
        named = self._request.named
        kind = named.get(b"x-claude-code-request-class")
        return kind == b"main" if kind is not None else b"x-claude-code-agent-id" not in named

    def plan(self) -> Route:
        """Phase 5. Raises Rejection 404. Hot path."""
        lanes = self._snapshot.lanes(self.model, self.family)
        if not lanes:
            raise unknown_model(self._snapshot, self.model)
        shells, peeked, lineage = self._shells, self._peeked, self.lineage
        now = shells.clock()
        home: Home | None = None if lineage is None else shells.sessions.recall(lineage, now)
        size = peeked.size // BYTES_PER_TOKEN if self.family is None else 0
        cached, warm_at = 0, ""
        if home is not None and home.cached and home.is_warm(self.model, now):
            cached, warm_at = min(home.cached, size), home.provider
        return Route(
            lanes,
            self._snapshot.strategy,
            Ask(self.model, size, self._expected_output(), cached, warm_at, now, shells.dice),
            self._principal,
            session=lineage,
            home=home,
            # What names no session is one only for as long as it repeats itself.
            settles=lineage is not None and self.session is not None,
            is_bound=is_stateful(peeked.fields, self._request.named),
        )

    def _expected_output(self) -> int:
        """Tokens of an answer as they have been lately, but no more than were asked for."""
        typical, most = int(self._shells.typical_output), max_tokens(self._peeked.fields)
        return most if 0 < most < typical else typical

    def options(self, route: Route) -> Iterator[Option]:
        return route.options()

    def objection(self, option: Option) -> str | None:
        return option.provider.lacks(self._peeked)

    def prepare(self, option: Option, candidate: Candidate) -> UpstreamRequest:
        return option.provider.prepare_messages(self._request, self._peeked, candidate)

    def read(self, body: bytes) -> Usage | None:
        return read_message(body)

    def amend(self, body: bytes) -> bytes:
        return body


class CountCall(MessagesCall):
    """`POST /v1/messages/count_tokens`; providers that cannot count are no candidates."""

    __slots__ = ()

    warms_cache = False
    family = COUNTING

    def options(self, route: Route) -> Iterator[Option]:
        """Raises Rejection 501 where nobody can count."""
        options = list(route.options())
        able = [option for option in options if self._prepared(option, option.candidate) is not None]
        if options and not able:
            message = "No provider that serves this model can count tokens; the client's own estimate has to do."
            raise Rejection(501, "not_supported", message, reason="count_not_supported", should_retry=False)
        return iter(able)

    def prepare(self, option: Option, candidate: Candidate) -> UpstreamRequest:
        return prepared(self._prepared(option, candidate))

    def read(self, body: bytes) -> Usage | None:
        return read_token_count(body)

    def _prepared(self, option: Option, candidate: Candidate) -> UpstreamRequest | None:
        return option.provider.prepare_count(self._request, self._peeked, candidate)


class SideCall:
    """Batches, files and skills: carried as they are to the Anthropic-operated upstream that owns the id.

    New things are made by the first key of the first such upstream, always the same; an id is looked for at each.
    """

    __slots__ = ("_principal", "_request", "_shells", "_snapshot", "is_repeatable")

    model = ""
    session = None
    lineage = None
    may_stream = True
    grace = 0.0
    asks_every_key = True
    warms_cache = False
    is_main = True

    def __init__(self, request: RelayRequest, snapshot: Snapshot, principal: Principal, shells: Shells) -> None:
        self._request = request
        self._snapshot = snapshot
        self._principal = principal
        self._shells = shells
        self.is_repeatable = request.method != "POST"

    def __repr__(self) -> str:
        return f"<SideCall {self._request.method} {self._request.path}>"

    def plan(self) -> Route:
        lanes = [upstream.lane("", SIDE) for upstream in self._snapshot.upstreams]
        ask = Ask("", 0, 0, 0, "", self._shells.clock(), self._shells.dice)
        return Route(lanes, IN_ORDER, ask, self._principal, session=None, home=None)

    def options(self, route: Route) -> Iterator[Option]:
        """Raises Rejection where no provider has such an endpoint."""
        keys = ((lane, iter(lane.options.values())) for lane in route.lanes)
        options = [one for lane, its in keys for one in personal(lane, self._principal, its)]
        able = [option for option in options if self._prepared(option, option.candidate) is not None]
        if not able:
            has_credential = any(option.provider.type == "anthropic" for option in options)
            raise not_carried(self._snapshot, self._request, has_credential=has_credential)
        creates = self._request.method == "POST" and self._request.path in CREATING
        return iter(able[:1] if creates else able)

    def objection(self, option: Option) -> str | None:
        return None

    def prepare(self, option: Option, candidate: Candidate) -> UpstreamRequest:
        return prepared(self._prepared(option, candidate))

    def read(self, body: bytes) -> Usage | None:
        return Usage()

    def amend(self, body: bytes) -> bytes:
        """Make an absolute `results_url` lead to the relay, by the name the client knows it by."""
        host = self._request.header(b"host")
        if host is None or not is_batch(self._request.path):
            return body
        return RESULTS_URL.sub(rb"\1http://" + host.replace(b"\\", b""), body)

    def _prepared(self, option: Option, candidate: Candidate) -> UpstreamRequest | None:
        return option.provider.prepare_passthrough(self._request, candidate)


def prepared(request: UpstreamRequest | None) -> UpstreamRequest:
    """The request a plan promised: what cannot be written was no option."""
    assert request is not None
    return request


def is_batch(path: str) -> bool:
    """Whether the answer is a batch, or a list of them; results are somebody's own words and stay as they are."""
    return path.startswith("/v1/messages/batches") and not path.endswith("/results")


def not_carried(snapshot: Snapshot, request: RelayRequest, *, has_credential: bool) -> Rejection:
    if has_credential:
        message = f"{request.method} {request.path[:200]} is not served by this relay."
        return Rejection(501, "not_supported", message, reason="not_supported", should_retry=False)
    if any(upstream.provider.type == "anthropic" for upstream in snapshot.upstreams):
        return no_credential()
    message = f"{request.path[:200]} needs a provider of type anthropic; this relay has none."
    return Rejection(501, "not_supported", message, reason="no_anthropic_provider", should_retry=False)
