"""The life of one exchange, in order."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from msgspec.structs import replace

from cc_relay.codec.envelope import error_event
from cc_relay.errors import Rejection, UpstreamError
from cc_relay.exchange import FailureKind, Outcome
from cc_relay.policy.admission import Admission
from cc_relay.policy.judge import backoff
from cc_relay.relay.answers import debug_headers, forwarded, reject, relay_failure
from cc_relay.relay.attempt import Expectation, Refused, attempt
from cc_relay.relay.authenticate import authenticate
from cc_relay.relay.course import Course, Unanswered
from cc_relay.relay.pump import Pump
from cc_relay.relay.trail import Trail

if TYPE_CHECKING:
    from collections.abc import Callable

    from cc_relay.codec.observer import StreamObserver
    from cc_relay.exchange import RelayRequest
    from cc_relay.relay.attempt import Opening
    from cc_relay.relay.calls import Call, MakeCall
    from cc_relay.relay.plan import Turns
    from cc_relay.relay.ports import Clock, Downstream, Inspector, Recorder, Sender
    from cc_relay.relay.snapshot import Option, Retry, Snapshot

CLIENT_FAULTS = (FailureKind.CLIENT, FailureKind.CAPABILITY, FailureKind.UNKNOWN_MODEL)
"""What no upstream is to blame for."""

DRAINING = "The relay is shutting down; send the request again."


class Shells:
    """What surrounds the life cycle: the way out, the books, time and dice; lives as long as the relay."""

    __slots__ = ("admission", "clock", "dice", "inspector", "loop", "record", "sender", "turns")

    def __init__(
        self,
        *,
        sender: Sender,
        record: Recorder,
        turns: Turns,
        loop: asyncio.AbstractEventLoop,
        dice: Callable[[], float],
        inspector: Inspector | None = None,
    ) -> None:
        self.sender = sender
        self.record = record
        self.turns = turns
        self.admission = Admission()
        self.loop = loop
        self.clock: Clock = loop.time
        self.dice = dice
        self.inspector = inspector


async def exchange(
    request: RelayRequest, downstream: Downstream, snapshot: Snapshot, shells: Shells, make_call: MakeCall
) -> None:
    """Take one request through every phase, and settle it exactly once.

    Cancelled when the client leaves, or when the relay stops and cannot wait any longer.
    """
    trail = Trail(request, shells.clock)
    is_admitted = False
    try:
        principal = authenticate(snapshot.access, request.named)
        trail.principal = principal.name
        call = make_call(request, snapshot, principal, shells.turns)
        trail.take_call(call.model, call.session)
        is_admitted = admit(shells.admission, snapshot.max_concurrent)
        deadline_at = request.arrived_at + snapshot.timeout
        options = call.plan()
        option, opening = await open_answer(call, options, deadline_at, snapshot, shells, trail)
        # A stream may run for an hour: its prompt need not stay in memory.
        del request, call
        pump = commit(option, opening, downstream, snapshot, shells, trail)
        if pump is not None:
            await move(pump, opening, deadline_at, downstream, trail)
    except Rejection as rejection:
        trail.status = rejection.status
        has_failed = rejection.status >= 500 and trail.attempts > 0
        trail.end(Outcome.FAILED if has_failed else Outcome.REJECTED, rejection.reason)
        reject(downstream, rejection, trail.request_id)
    except Unanswered as unanswered:
        relay_last_error(unanswered, downstream, snapshot, trail)
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
        trail.settle(shells.record)


def admit(admission: Admission, limit: int) -> bool:
    """Phase 4: take a place among the exchanges in work. Raises Rejection 503."""
    if not admission.try_enter(limit):
        message = f"The relay already works on {limit} requests (server.max_concurrent); try again in a moment."
        raise Rejection(503, "overloaded_error", message, reason="too_many_requests", retry_after=1)
    return True


# -- 6 to 10: candidate by candidate ----------------------------------------------------------------------------------


async def open_answer(
    call: Call, options: list[Option], deadline_at: float, snapshot: Snapshot, shells: Shells, trail: Trail
) -> tuple[Option, Opening]:
    """Try candidates until one answers. Raises Rejection or Unanswered when none does."""
    course = Course(call, options, max_attempts=snapshot.retry.max_attempts, patience=snapshot.failover_timeout)
    while (option := course.next()) is not None:
        if course.is_again:
            await asyncio.sleep(rest(snapshot.retry, course.attempts, shells.dice))
        if trail.attempts and shells.clock() >= deadline_at:
            break
        try:
            request = call.prepare(option)
        except Rejection as rejection:
            course.decline(option, rejection)
            continue
        started_at = shells.clock()
        expectation = Expectation(
            read=call.read,
            may_stream=call.may_stream,
            first_by=min(deadline_at, started_at + course.patience),
            hold=snapshot.hold,
        )
        try:
            opening = await attempt(shells.sender, option.provider, request, expectation, shells.clock)
        except Refused as refused:
            failure = refused.failure
            course.refuse(option, refused)
            trail.add_attempt(option.candidate, started_at, Outcome.FAILED, failure.status, failure.kind.value)
        except asyncio.CancelledError:
            trail.add_attempt(option.candidate, started_at, Outcome.GONE, None, "")
            raise
        except UpstreamError as error:
            course.lose(option, error)
            trail.add_attempt(option.candidate, started_at, Outcome.FAILED, None, str(error))
        else:
            trail.add_attempt(option.candidate, started_at, Outcome.DELIVERED, opening.incoming.status, "")
            return option, opening if call.amend is None else amended(opening, call.amend)
    raise course.conclude()


def rest(retry: Retry, attempts: int, dice: Callable[[], float]) -> float:
    """Seconds before a candidate that was only unwell is asked again."""
    return backoff(attempts - 2, base=retry.base, ceiling=retry.ceiling, dice=dice() if retry.has_jitter else 1.0)


def amended(opening: Opening, amend: Callable[[bytes], bytes]) -> Opening:
    return replace(opening, held=amend(opening.held)) if opening.is_complete else opening


# -- 11, 12: commit, pump ---------------------------------------------------------------------------------------------


def commit(
    option: Option, opening: Opening, downstream: Downstream, snapshot: Snapshot, shells: Shells, trail: Trail
) -> Pump | None:
    """Send the answer's head, and what of its body is here; from here on nothing is tried again.

    Returns the pump for what is left of the body, None where nothing is.
    """
    incoming, observer = opening.incoming, opening.observer
    headers = forwarded(incoming.headers, is_client_owned=option.candidate.credential.is_client_owned)
    if snapshot.shows_debug_headers:
        headers += debug_headers(snapshot.strategy, option.candidate, trail.attempts)
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


def relay_last_error(unanswered: Unanswered, downstream: Downstream, snapshot: Snapshot, trail: Trail) -> None:
    """Every attempt failed: the client gets the upstream's own error."""
    refused, candidate = unanswered.refused, unanswered.option.candidate
    failure = refused.failure
    headers = list(refused.incoming.headers)
    if snapshot.shows_debug_headers:
        headers += debug_headers(snapshot.strategy, candidate, trail.attempts)
    trail.commit(failure.status)
    is_clients = failure.kind in CLIENT_FAULTS
    trail.end(Outcome.REJECTED if is_clients else Outcome.FAILED, failure.kind.value)
    trail.bytes_out = len(failure.body)
    relay_failure(downstream, failure, headers, is_client_owned=candidate.credential.is_client_owned)


def leave(downstream: Downstream, trail: Trail) -> None:
    """Cancelled: the client left and hears nothing, or the relay stops and says so."""
    if downstream.is_gone:
        trail.end(Outcome.GONE, "client left")
        return
    observer = trail.observer
    if observer is not None and (observer.has_stopped or observer.error is not None):
        # Only the end of the body was missing; there is nothing to add to the stream's last word.
        close_stream(observer, downstream, trail)
        return
    trail.end(Outcome.DRAINED, "relay stopped")
    if not downstream.is_started:
        trail.status = 503
        reject(
            downstream,
            Rejection(503, "overloaded_error", DRAINING, reason="draining", retry_after=1),
            trail.request_id,
        )
    elif observer is not None and observer.is_at_boundary:
        downstream.write(error_event("overloaded_error", DRAINING, trail.request_id))
        downstream.finish()
    else:
        downstream.abort()
