"""The life of one exchange, in order."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from msgspec.structs import replace

from cc_relay.codec.envelope import error_event
from cc_relay.errors import Rejection, UpstreamError
from cc_relay.exchange import Outcome
from cc_relay.policy.sessions import Home
from cc_relay.relay.answers import debug_headers, forwarded, reject, relay_failure
from cc_relay.relay.asking import remember_family
from cc_relay.relay.attempts import ANSWERED, Search
from cc_relay.relay.authenticate import authenticate
from cc_relay.relay.losses import Unanswered
from cc_relay.relay.plan import is_at
from cc_relay.relay.pump import Pump
from cc_relay.relay.trail import Trail

if TYPE_CHECKING:
    from cc_relay.codec.observer import StreamObserver
    from cc_relay.exchange import Headers, RelayRequest
    from cc_relay.policy.admission import Admission
    from cc_relay.relay.attempt import Opening
    from cc_relay.relay.calls import Call, MakeCall
    from cc_relay.relay.ports import Downstream
    from cc_relay.relay.shells import Shells
    from cc_relay.relay.snapshot import Option, Snapshot

DRAINING = "The relay is shutting down; send the request again."

OUTPUT_SHARE = 1 / 32
"""How much one answer's length changes what the next is expected to have."""


async def exchange(
    request: RelayRequest, downstream: Downstream, snapshot: Snapshot, shells: Shells, make_call: MakeCall
) -> None:
    """Take one request through every phase, and settle it exactly once.

    Cancelled when the client leaves, or when the relay stops and cannot wait any longer.
    """
    trail = Trail(request, snapshot.generation, shells.clock)
    is_admitted = False
    try:
        principal = authenticate(snapshot.access, request.named)
        trail.principal = principal.name
        call = make_call(request, snapshot, principal, shells)
        trail.take_call(call.model, call.session, call.lineage if call.warms_cache else None)
        is_admitted = admit(shells.admission, snapshot.max_concurrent)
        deadline_at = request.arrived_at + snapshot.timeout
        search = Search(call, snapshot, shells, trail, downstream, deadline_at)
        reserved, opening = await search.answer()
        trail.reserved = reserved
        if opening.is_complete:
            opening = amended(opening, call)
        # A stream may run for an hour: its prompt need not stay in memory.
        del request, call, search
        pump = commit(reserved.option, opening, downstream, snapshot, shells, trail)
        if pump is not None:
            await move(pump, opening, deadline_at, downstream, trail)
    except Rejection as rejection:
        has_failed = rejection.status >= 500 and trail.attempts > 0
        trail.end(Outcome.FAILED if has_failed else Outcome.REJECTED, rejection.reason)
        turn_down(rejection, downstream, trail)
    except Unanswered as unanswered:
        relay_last_error(unanswered, downstream, snapshot, shells, trail)
    except asyncio.CancelledError:
        leave(downstream, trail)
        raise
    except Exception:
        # A bug of ours, which the listener answers and logs; the books must not say that the client left.
        trail.status = trail.status if downstream.is_started else 500
        trail.end(Outcome.FAILED, "internal")
        raise
    finally:
        if is_admitted:
            shells.admission.leave()
        release(shells, trail)
        trail.settle(shells.record)


def admit(admission: Admission, limit: int) -> bool:
    """Phase 4: take a place among the exchanges in work. Raises Rejection 503."""
    if not admission.try_enter(limit):
        message = f"The relay already works on {limit} requests (server.max_concurrent); try again in a moment."
        raise Rejection(503, "overloaded_error", message, reason="too_many_requests", retry_after=1)
    return True


def amended(opening: Opening, call: Call) -> Opening:
    body = call.amend(opening.held)
    return opening if body is opening.held else replace(opening, held=body)


# -- 10: release ------------------------------------------------------------------------------------------------------


def release(shells: Shells, trail: Trail) -> None:
    """Give back what the committed attempt had reserved, with what it cost; an attempt that failed already did."""
    reserved, trail.reserved = trail.reserved, None
    if reserved is None:
        return
    now = shells.clock()
    usage = trail.final_usage
    transition = None
    key = reserved.option.key
    was_out = key.reason if key is not None and key.strikes else ""
    if trail.outcome is Outcome.DELIVERED:
        transition = reserved.succeed(usage, trail.session, now)
        if usage.output:
            shells.typical_output += (usage.output - shells.typical_output) * OUTPUT_SHARE
        if trail.lineage is not None:
            candidate = reserved.option.candidate
            cached = usage.cache_read + usage.cache_write_5m + usage.cache_write_1h
            model = "" if trail.route is None else trail.route.ask.model
            place = Home(candidate.provider, candidate.credential.fingerprint, cached, now, model)
            shells.sessions.remember(trail.lineage, place, now)
            if shells.shortcomings or not reserved.option.lane.is_claude:
                remember_family(reserved.option, trail.lineage, shells.shortcomings, now)
    elif trail.outcome is Outcome.BROKEN:
        transition = reserved.fail(trail.reason, trail.session, now, was_counted=True, usage=usage)
    else:
        reserved.drop(now, was_counted=True, usage=usage)
    if transition is not None:
        shells.watch.breaker_moved(reserved.option.candidate.provider, transition)
    if was_out and key is not None and not key.strikes:
        shells.watch.key_back(reserved.option.candidate, was_out)
    shells.waiting.poke()


# -- 11, 12: commit, pump ---------------------------------------------------------------------------------------------


def commit(
    option: Option, opening: Opening, downstream: Downstream, snapshot: Snapshot, shells: Shells, trail: Trail
) -> Pump | None:
    """Send the answer's head, and what of its body is here; from here on nothing is tried again.

    Returns the pump for what is left of the body, None where nothing is.
    """
    incoming, observer = opening.incoming, opening.observer
    trail.affinity = affinity_of(option, trail)
    headers = forwarded(incoming.headers, is_client_owned=option.candidate.credential.is_client_owned)
    if snapshot.shows_debug_headers:
        headers += debug_lines(option, trail, shells)
    if downstream.is_started:
        return join(opening, downstream, shells, trail)
    trail.commit(incoming.status)
    if shells.inspector is not None:
        shells.inspector.see_answer(trail.request_id, incoming.status, incoming.headers)
    if opening.is_complete and observer is None:
        trail.bytes_out = len(opening.held)
        trail.usage = opening.usage
        trail.end(Outcome.DELIVERED)
        downstream.respond(incoming.status, headers, opening.held)
        return None
    trail.observer = observer
    # A watched stream may get pings, which no declared length counts.
    downstream.start(incoming.status, headers, incoming.length if observer is None else None)
    pump = Pump(downstream, observer, shells.loop)
    pump.begin(opening.held)
    return pump


def join(opening: Opening, downstream: Downstream, shells: Shells, trail: Trail) -> Pump | None:
    """The stream began with pings while its request waited: there is no head left to send."""
    if opening.observer is None:
        opening.incoming.close()
        message = "The upstream answered a stream with something else; send the request again."
        trail.end(Outcome.BROKEN, "no stream")
        end_with_error(downstream, "api_error", message, trail.request_id)
        return None
    trail.observer = opening.observer
    pump = Pump(downstream, opening.observer, shells.loop)
    pump.begin(opening.held)
    return pump


def affinity_of(option: Option, trail: Trail) -> str:
    """How the answer's place relates to the session: `home`, `moved`, `placed`, or `none` without a session."""
    route = trail.route
    if route is None or route.session is None:
        return "none"
    if route.home is None:
        return "placed"
    return "home" if is_at(option, route.home) else "moved"


def debug_lines(option: Option, trail: Trail, shells: Shells) -> Headers:
    """Where an answer came from (`routing.debug`)."""
    strategy = "" if trail.route is None else trail.route.strategy.name
    health = option.lane.upstream.breaker.state(shells.clock()).value
    return debug_headers(strategy, option.candidate, trail.attempts, health, trail.affinity)


async def move(pump: Pump, opening: Opening, deadline_at: float, downstream: Downstream, trail: Trail) -> None:
    """Let the rest of the body flow to its end, and judge that end."""
    incoming = opening.incoming
    downstream.regulate(incoming)
    try:
        await incoming.splice(pump.sink, deadline_at)
    except UpstreamError as error:
        trail.end(Outcome.BROKEN, str(error))
        downstream.abort()
    else:
        close_stream(opening.observer, downstream, trail)
    finally:
        pump.stop()
        incoming.close()
        trail.bytes_out = pump.size


def close_stream(observer: StreamObserver | None, downstream: Downstream, trail: Trail) -> None:
    """The verdict at a stream's end: an error event went out as it came; an end before `message_stop` is a break."""
    if observer is not None and observer.error is not None:
        trail.end(Outcome.BROKEN, "error event")
        downstream.finish()
    elif observer is None or observer.has_stopped or observer.is_blind:
        trail.end(Outcome.DELIVERED)
        downstream.finish()
    else:
        trail.end(Outcome.BROKEN, "ended without message_stop")
        downstream.abort()


def relay_last_error(
    unanswered: Unanswered, downstream: Downstream, snapshot: Snapshot, shells: Shells, trail: Trail
) -> None:
    """Every attempt failed: the client gets the upstream's own error."""
    refused, candidate = unanswered.refused, unanswered.option.candidate
    failure = refused.failure
    if downstream.is_started:
        trail.end(Outcome.FAILED, failure.kind.value)
        end_with_error(downstream, failure.error_type, failure.message, trail.request_id)
        return
    headers = list(refused.incoming.headers)
    if snapshot.shows_debug_headers:
        headers += debug_lines(unanswered.option, trail, shells)
    trail.commit(failure.status)
    is_clients = failure.kind in ANSWERED
    trail.end(Outcome.REJECTED if is_clients else Outcome.FAILED, failure.kind.value)
    is_client_owned = candidate.credential.is_client_owned
    trail.bytes_out = relay_failure(downstream, failure, headers, trail.request_id, is_client_owned=is_client_owned)


def turn_down(rejection: Rejection, downstream: Downstream, trail: Trail) -> None:
    """Answer with an error of our own: as an event where the stream has begun with pings."""
    if downstream.is_started:
        end_with_error(downstream, rejection.error_type, rejection.message, trail.request_id)
    else:
        trail.status = rejection.status
        reject(downstream, rejection, trail.request_id)


def end_with_error(downstream: Downstream, error_type: str, message: str, request_id: str) -> None:
    """The last event of a stream that had no content yet."""
    downstream.write(error_event(error_type, message, request_id))
    downstream.finish()


def leave(downstream: Downstream, trail: Trail) -> None:
    """Cancelled: the client left and hears nothing, or the relay stops and says so."""
    observer = trail.observer
    if observer is not None and (observer.has_stopped or observer.error is not None):
        # Only the end of the body was missing; there is nothing to add to the stream's last word. Clients leave on an
        # error event, which is the upstream's fault all the same.
        close_stream(observer, downstream, trail)
        return
    if downstream.is_gone:
        trail.end(Outcome.GONE, "client left")
        return
    trail.end(Outcome.DRAINED, "relay stopped")
    if not downstream.is_started:
        trail.status = 503
        reject(
            downstream,
            Rejection(503, "overloaded_error", DRAINING, reason="draining", retry_after=1),
            trail.request_id,
        )
    elif trail.reserved is None or (observer is not None and observer.is_at_boundary):
        # Nothing but pings went out yet, or whole events.
        end_with_error(downstream, "overloaded_error", DRAINING, trail.request_id)
    else:
        downstream.abort()
