"""Phase 8: one try at one candidate, up to the point where its answer could be committed."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from msgspec import Struct

from cc_relay.codec.envelope import read_envelope, status_for_type
from cc_relay.codec.observer import StreamObserver
from cc_relay.errors import Stage, UpstreamError
from cc_relay.exchange import Usage
from cc_relay.relay.translated import Translated

if TYPE_CHECKING:
    from cc_relay.exchange import Failure, UpstreamRequest
    from cc_relay.providers.base import Provider
    from cc_relay.relay.calls import Call
    from cc_relay.relay.ports import Clock, Incoming, Sender

WHOLE_SIZE = 1_048_576
"""Bytes of a non-streaming answer that are awaited before commit, so that a broken one can still fail over."""

ERROR_SIZE = 262_144
"""Bytes of an error answer that are read; more is cut."""

ERROR_SECONDS = 10.0
"""How long an error answer's body may take."""


class Opening(Struct, frozen=True):
    """An answer ready to be committed: what already arrived, and what is still to come.

    `observer` watches a stream that can be read; it is None for whole answers, whose `usage` is known, and for
    encoded ones.
    """

    incoming: Incoming
    held: bytes
    is_complete: bool = False
    observer: StreamObserver | None = None
    usage: Usage = Usage()


class Refused(Exception):
    """The upstream answered with an error; carries it, understood, and the head it came with."""

    def __init__(self, failure: Failure, incoming: Incoming) -> None:
        super().__init__(failure.message)
        self.failure = failure
        self.incoming = incoming


async def attempt(
    sender: Sender,
    provider: Provider,
    request: UpstreamRequest,
    call: Call,
    first_by: float,
    hold: float,
    clock: Clock,
) -> Opening:
    """Send, and wait until the answer is worth committing: its first meaningful byte must be here by `first_by`.

    A stream's beginning is held back for `hold` seconds at most. Raises Refused where the upstream answered with an
    error, UpstreamError where it did not answer.
    """
    incoming: Incoming = await sender.send(request, first_by)
    if request.translate is not None and incoming.status < 300:
        incoming = Translated(incoming, request.translate())
    try:
        if incoming.status >= 400:
            raise await refused(provider, incoming, clock)
        if incoming.status >= 300:
            raise UpstreamError(f"{provider.name} redirects (HTTP {incoming.status})", stage=Stage.HEAD)
        named = incoming.named
        media_type = named.get(b"content-type", b"")
        if named.get(b"content-encoding", b"identity") != b"identity":
            # Asked for nothing of the kind; what cannot be read is passed on as it is.
            return Opening(incoming, b"")
        if media_type[:17].lower() == b"text/event-stream":
            if not call.may_stream:
                raise UpstreamError(f"{provider.name} streams an answer that was asked for whole", stage=Stage.HEAD)
            return await hold_stream(provider, incoming, first_by, hold, clock)
        body = incoming.take_whole()
        if body is not None:
            return seen(provider, incoming, call, body)
        return await whole(provider, incoming, call, first_by)
    except BaseException:
        incoming.close()
        raise


async def hold_stream(provider: Provider, incoming: Incoming, first_by: float, hold: float, clock: Clock) -> Opening:
    """Keep a stream's beginning until its first content, for a moment at most: an early error can still fail over."""
    observer = StreamObserver()
    held: list[bytes] = []
    deadline_at = first_by
    while not observer.has_content:
        data = await incoming.receive(deadline_at)
        if data is None:
            if held:
                break
            raise UpstreamError("no meaningful byte in time", stage=Stage.HEAD, timed_out=True)
        if not data:
            raise UpstreamError("the stream ended before its first content", stage=Stage.BODY)
        observer.receive_data(data)
        if observer.error is not None and not observer.has_content:
            raise Refused(read_event(provider, incoming, observer.error), incoming)
        if not held:
            deadline_at = min(deadline_at, clock() + hold)
        held.append(data)
    return Opening(incoming, b"".join(held), observer=observer)


async def whole(provider: Provider, incoming: Incoming, call: Call, first_by: float) -> Opening:
    """Await a whole answer, up to a bound."""
    pieces: list[bytes] = []
    size = 0
    while size <= WHOLE_SIZE:
        data = await incoming.receive(first_by)
        if data is None:
            raise UpstreamError("no whole answer in time", stage=Stage.BODY, timed_out=True)
        if not data:
            return seen(provider, incoming, call, b"".join(pieces))
        pieces.append(data)
        size += len(data)
    return Opening(incoming, b"".join(pieces))


def seen(provider: Provider, incoming: Incoming, call: Call, body: bytes) -> Opening:
    """A whole answer, once it is seen to be one. Raises Refused or UpstreamError where it is something else."""
    usage = call.read(body)
    if usage is None:
        raise misfit(provider, incoming, body)
    incoming.close()
    return Opening(incoming, body, is_complete=True, usage=usage)


def misfit(provider: Provider, incoming: Incoming, body: bytes) -> Exception:
    """A 200 that is no message: an error in disguise, or something in between that answers for the provider."""
    if read_envelope(body) is not None:
        return Refused(provider.read_failure(incoming.status, incoming.headers, body), incoming)
    media_type = incoming.named.get(b"content-type", b"no content type").decode("latin-1")[:80]
    message = f"{provider.name} answered with something else than was asked for ({media_type}, {len(body)} bytes)"
    return UpstreamError(message, stage=Stage.BODY)


async def refused(provider: Provider, incoming: Incoming, clock: Clock) -> Refused:
    """Read an error answer and understand it."""
    deadline_at = clock() + ERROR_SECONDS
    body = b""
    # Where the body breaks off, the status has already said what matters.
    with suppress(UpstreamError):
        while len(body) < ERROR_SIZE and (data := await incoming.receive(deadline_at)):
            body += data
    return Refused(provider.read_failure(incoming.status, incoming.headers, body), incoming)


def read_event(provider: Provider, incoming: Incoming, event: bytes) -> Failure:
    """An error event that came before any content, understood as the answer it should have been."""
    envelope = read_envelope(event)
    status = status_for_type(envelope.type) if envelope is not None else 500
    return provider.read_failure(status, incoming.headers, event)
