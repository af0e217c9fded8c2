"""The calls a client can make of upstreams: what each asks, of whom, and what counts as its answer."""

import re
from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from cc_relay.codec.messages import peek
from cc_relay.codec.observer import read_message
from cc_relay.codec.token_count import read_token_count
from cc_relay.errors import Rejection
from cc_relay.exchange import Peek, RelayRequest, UpstreamRequest, Usage
from cc_relay.relay.authenticate import Principal
from cc_relay.relay.plan import Turns, no_credential, plan, usable
from cc_relay.relay.snapshot import Option, Snapshot

RESULTS_URL = re.compile(rb'("results_url"\s*:\s*")https?://[^/"]+')

CREATING = frozenset({"/v1/messages/batches", "/v1/files", "/v1/skills"})
"""A POST here makes something new, so it must not be sent twice."""


class Call(Struct, frozen=True):
    """One thing asked of upstreams.

    `plan` tells who could answer, best first (Rejection where nobody can); `prepare` writes the request for one of
    them (Rejection where its provider cannot carry it); `read` gives a whole answer's usage, None where the body is
    something else. `is_repeatable` allows a second try at the same upstream;
    `asks_every_key` goes on to a provider's other keys when one does not know what is asked for. `amend` changes a
    whole answer's body before it is delivered.
    """

    plan: Callable[[], list[Option]]
    prepare: Callable[[Option], UpstreamRequest]
    read: Callable[[bytes], Usage | None]
    may_stream: bool = False
    model: str = ""
    session: str | None = None
    is_repeatable: bool = True
    asks_every_key: bool = False
    amend: Callable[[bytes], bytes] | None = None


MakeCall = Callable[[RelayRequest, Snapshot, Principal, Turns], Call]
"""Reads a request. Raises Rejection where it cannot be understood."""


def messages_call(request: RelayRequest, snapshot: Snapshot, principal: Principal, turns: Turns) -> Call:
    """`POST /v1/messages`."""
    request, peeked = read_body(request)

    def prepare(option: Option) -> UpstreamRequest:
        return option.provider.prepare_messages(request, peeked, option.candidate)

    return Call(
        plan=lambda: plan(snapshot, principal, peeked.model, turns),
        prepare=prepare,
        read=read_message,
        may_stream=peeked.stream,
        model=peeked.model,
        session=peeked.session,
    )


def count_call(request: RelayRequest, snapshot: Snapshot, principal: Principal, turns: Turns) -> Call:
    """`POST /v1/messages/count_tokens`; providers that cannot count are no candidates. Raises Rejection 501."""
    request, peeked = read_body(request)

    def countable() -> list[Option]:
        options = plan(snapshot, principal, peeked.model, turns)
        able = [one for one in options if one.provider.prepare_count(request, peeked, one.candidate) is not None]
        if not able:
            message = "No provider that serves this model can count tokens; the client's own estimate has to do."
            raise Rejection(501, "not_supported", message, reason="count_not_supported", should_retry=False)
        return able

    return Call(
        plan=countable,
        prepare=lambda option: prepared(option.provider.prepare_count(request, peeked, option.candidate)),
        read=read_token_count,
        model=peeked.model,
        session=peeked.session,
    )


def side_call(request: RelayRequest, snapshot: Snapshot, principal: Principal, turns: Turns) -> Call:
    """Batches, files and skills: carried as they are to the Anthropic-operated upstream that owns the id.

    New things are made by the first key of the first such upstream, always the same; an id is looked for at each.
    """
    del turns  # whose turn it is must not decide where an id is looked for
    creates = request.method == "POST" and request.path in CREATING
    host = request.header(b"host")

    def owners() -> list[Option]:
        usables = [(one, credential) for one in snapshot.upstreams for credential in usable(one, principal)]
        options = [one.option("", credential) for one, credential in usables]
        able = [one for one in options if one.provider.prepare_passthrough(request, one.candidate) is not None]
        if not able:
            has_credential = any(one.provider.type == "anthropic" for one in options)
            raise not_carried(snapshot, request, has_credential=has_credential)
        return able[:1] if creates else able

    return Call(
        plan=owners,
        prepare=lambda option: prepared(option.provider.prepare_passthrough(request, option.candidate)),
        read=lambda _: Usage(),
        may_stream=True,
        is_repeatable=request.method != "POST",
        asks_every_key=True,
        amend=None if host is None or not is_batch(request.path) else point_here(host),
    )


def prepared(request: UpstreamRequest | None) -> UpstreamRequest:
    """The request a plan promised: what cannot be written was no option."""
    assert request is not None
    return request


def read_body(request: RelayRequest) -> tuple[RelayRequest, Peek]:
    """Phase 3, peek. Raises Rejection 400."""
    peeked, body = peek(request.body, request.header(b"x-claude-code-session-id"))
    if body is not request.body:
        request = replace(request, body=body)
    return request, peeked


def is_batch(path: str) -> bool:
    """Whether the answer is a batch, or a list of them; results are somebody's own words and stay as they are."""
    return path.startswith("/v1/messages/batches") and not path.endswith("/results")


def point_here(host: bytes) -> Callable[[bytes], bytes]:
    """Makes an absolute `results_url` lead to the relay, whose name the client knows as `host`."""
    here = rb"\1http://" + host.replace(b"\\", b"")
    return lambda body: RESULTS_URL.sub(here, body)


def not_carried(snapshot: Snapshot, request: RelayRequest, *, has_credential: bool) -> Rejection:
    if has_credential:
        message = f"{request.method} {request.path[:200]} is not served by this relay."
        return Rejection(501, "not_supported", message, reason="not_supported", should_retry=False)
    if any(upstream.provider.type == "anthropic" for upstream in snapshot.upstreams):
        return no_credential()
    message = f"{request.path[:200]} needs a provider of type anthropic; this relay has none."
    return Rejection(501, "not_supported", message, reason="no_anthropic_provider", should_retry=False)
