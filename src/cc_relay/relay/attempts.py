"""Phases 6 to 10: candidate by candidate, until one answers."""

from __future__ import annotations

import asyncio
from functools import partial
from math import inf
from typing import TYPE_CHECKING

from msgspec.structs import replace

from cc_relay.errors import CredentialError, Rejection, Stage, UpstreamError
from cc_relay.exchange import Failure, FailureKind, Outcome, Refusal
from cc_relay.policy.hedge import hedge_after
from cc_relay.policy.judge import backoff
from cc_relay.policy.key import CREDENTIAL
from cc_relay.relay.asking import Asking, adapted, remember
from cc_relay.relay.attempt import Refused, attempt
from cc_relay.relay.course import Course, Rest
from cc_relay.relay.pump import KeepAlive
from cc_relay.relay.reserve import Reserved
from cc_relay.relay.waiting import Wait

if TYPE_CHECKING:
    from collections.abc import Collection

    from cc_relay.exchange import Candidate
    from cc_relay.relay.attempt import Opening
    from cc_relay.relay.calls import Call
    from cc_relay.relay.course import Step
    from cc_relay.relay.ports import Downstream
    from cc_relay.relay.shells import Shells
    from cc_relay.relay.snapshot import Option, Snapshot
    from cc_relay.relay.trail import Trail

KEY_FAULTS = frozenset({FailureKind.THROTTLE, FailureKind.PLAN, FailureKind.CREDENTIAL})
"""What a key is out for; its provider is well."""

ANSWERED = frozenset({FailureKind.CLIENT, FailureKind.CAPABILITY, FailureKind.UNKNOWN_MODEL})
"""What no upstream is to blame for."""


class Search:
    """One exchange's way from its plan to an answer that can be committed."""

    __slots__ = (
        "_call",
        "_deadline_at",
        "_downstream",
        "_found",
        "_keep_alive",
        "_shells",
        "_snapshot",
        "_trail",
        "_wait_until",
        "course",
    )

    def __init__(
        self, call: Call, snapshot: Snapshot, shells: Shells, trail: Trail, downstream: Downstream, deadline_at: float
    ) -> None:
        """Phase 5, plan. Raises Rejection where nobody could answer."""
        self._call = call
        self._snapshot = snapshot
        self._shells = shells
        self._trail = trail
        self._downstream = downstream
        self._deadline_at = deadline_at
        self._wait_until: float | None = None
        self._keep_alive: KeepAlive | None = None
        # The answer that won a race.
        self._found: tuple[Reserved, Opening] | None = None
        self.course = course = Course(
            call,
            call.plan(),
            max_attempts=snapshot.retry.max_attempts,
            waiting=shells.waiting if snapshot.queueing.max_wait > 0 else None,
        )
        trail.route = course.route
        trail.declined = course.declined

    def __repr__(self) -> str:
        return f"<Search {self.course!r}>"

    async def answer(self) -> tuple[Reserved, Opening]:
        """Try candidates until one answers. Raises Rejection or Unanswered when none does."""
        course, clock = self.course, self._shells.clock
        step: Step = course.first(clock())
        try:
            while step is not None:
                if isinstance(step, Reserved):
                    found = await (self._try(step) if self._snapshot.hedging is None else self._race(step))
                    if found is not None:
                        return found
                    step = course.next(clock()) if clock() < self._deadline_at else None
                elif isinstance(step, Rest):
                    await self._rest(step)
                    step = course.next(clock()) if clock() < self._deadline_at else None
                else:
                    step = await self._wait(step)
        finally:
            if self._keep_alive is not None:
                self._keep_alive.stop()
        raise course.losses.conclude(clock())

    async def _try(self, reserved: Reserved, *, is_hedge: bool = False) -> tuple[Reserved, Opening] | None:
        """Phases 7 to 9 for one option: prepare, send, judge. None where it failed and the course goes on."""
        option = reserved.option
        shells, call = self._shells, self._call
        candidate = option.candidate
        started_at = shells.clock()
        first_by = self._first_by(option, started_at)
        try:
            if shells.shortcomings:
                candidate = adapted(option, call.lineage, shells.shortcomings, started_at)
            if option.lane.upstream.source is not None:
                candidate = await self._proved(option, candidate, first_by)
            request = call.prepare(option, candidate)
        except (CredentialError, Rejection) as error:
            self._not_asked(reserved, error)
            return None
        except BaseException:
            self._drop(reserved, was_counted=False)
            raise
        asking: Asking | None = None
        while True:
            try:
                hold, clock = self._snapshot.hold, shells.clock
                opening = await attempt(shells.sender, option.provider, request, call, first_by, hold, clock)
                if self._found is None:
                    learned = () if asking is None else asking.learned
                    return self._won(reserved, opening, learned, started_at, is_hedge=is_hedge)
                # Of two that answered in the same moment one is let go.
                opening.incoming.close()
                self._left(reserved, started_at, is_hedge=is_hedge)
            except Refused as refused:
                asking = asking or Asking(option, call, candidate, request)
                if await self._change(asking, reserved, refused, first_by, started_at, is_hedge=is_hedge):
                    request, started_at = asking.request, shells.clock()
                    continue
                self._refused(reserved, refused)
            except UpstreamError as error:
                self._lost(reserved, error, started_at, is_hedge=is_hedge)
            except BaseException:
                # The client left, the relay stops, or another attempt was faster.
                self._left(reserved, started_at, is_hedge=is_hedge)
                raise
            shells.waiting.poke()
            return None

    def _not_asked(self, reserved: Reserved, error: CredentialError | Rejection) -> None:
        """There is no request to send: no credential for one, or the provider cannot carry it."""
        if isinstance(error, CredentialError):
            self._unproved(reserved, error)
        else:
            self._drop(reserved, was_counted=False)
            self.course.decline(reserved.option, error, self._shells.clock())

    async def _change(
        self,
        asking: Asking,
        reserved: Reserved,
        refused: Refused,
        first_by: float,
        started_at: float,
        *,
        is_hedge: bool,
    ) -> bool:
        """Note the refusal, and whether the option can be asked in another way."""
        failure = refused.failure
        try:
            change = await asking.change(failure, first_by)
        except BaseException:
            self._left(reserved, started_at, is_hedge=is_hedge)
            raise
        reason = f"{failure.kind.value}; {change}" if change else failure.kind.value
        self._trail.add_attempt(
            reserved.option.candidate, started_at, Outcome.FAILED, failure.status, reason, is_hedge=is_hedge
        )
        return bool(change)

    def _won(
        self, reserved: Reserved, opening: Opening, learned: Collection[str], started_at: float, *, is_hedge: bool
    ) -> tuple[Reserved, Opening]:
        """An answer that can be committed; `learned` is what it went without. Hot path."""
        shells, option = self._shells, reserved.option
        now = shells.clock()
        reserved.hear(opening.incoming.named, shells.wall_clock, now)
        if opening.observer is not None:
            option.lane.standing.latency.observe(now - started_at, now)
        if learned:
            remember(option.candidate, learned, self._call.lineage, shells.shortcomings, now)
        status = opening.incoming.status
        self._trail.add_attempt(option.candidate, started_at, Outcome.DELIVERED, status, "", is_hedge=is_hedge)
        return reserved, opening

    def _lost(self, reserved: Reserved, error: UpstreamError, started_at: float, *, is_hedge: bool) -> None:
        """No answer came."""
        option, now = reserved.option, self._shells.clock()
        if error.timed_out:
            # Silence is late, too.
            option.lane.standing.latency.observe(now - started_at, now)
        self._fail(reserved, str(error), was_counted=error.stage is not Stage.CONNECT)
        self.course.lose(option, error)
        self._trail.add_attempt(
            option.candidate,
            started_at,
            Outcome.FAILED,
            None,
            str(error),
            stage=error.stage.name,
            is_hedge=is_hedge,
        )

    def _left(self, reserved: Reserved, started_at: float, *, is_hedge: bool) -> None:
        """Nobody wants this attempt's answer any more."""
        self._drop(reserved, was_counted=True)
        self._trail.add_attempt(reserved.option.candidate, started_at, Outcome.GONE, None, "", is_hedge=is_hedge)

    def _first_by(self, option: Option, now: float) -> float:
        """When the first meaningful byte must be here: earlier while somebody else could take over."""
        snapshot, course = self._snapshot, self.course
        if snapshot.failover_timeout == inf or not course.may_be_relieved(now):
            return self._deadline_at
        grace = self._call.grace + course.reading_time(option)
        return min(self._deadline_at, now + snapshot.failover_timeout + grace)

    async def _proved(self, option: Option, candidate: Candidate, first_by: float) -> Candidate:
        """The candidate with the credential of the moment.

        Raises CredentialError where there is none to be had, Rejection where somebody else need not wait for one.
        """
        source = option.lane.upstream.source
        assert source is not None
        credential = source.current
        if credential is None:
            if self.course.may_be_relieved(self._shells.clock()):
                message = f"The credential of {candidate.provider!r} is being renewed; try again in a moment."
                raise Rejection(502, "api_error", message, reason="credential_pending")
            credential = await source.renew(None, first_by)
        return replace(candidate, credential=credential)

    def _unproved(self, reserved: Reserved, error: CredentialError) -> None:
        """There is no credential for this option: its key is out, and somebody is told."""
        option, shells = reserved.option, self._shells
        now = shells.clock()
        failure = Failure(FailureKind.CREDENTIAL, 502, "api_error", str(error), b"")
        until = reserved.answer_for_key(failure, now, shells.dice)
        shells.watch.key_out(option.candidate, failure, until - now)
        self.course.put_out(option, Refusal(CREDENTIAL, until), error, now)
        shells.waiting.poke()

    # -- phase 10: what becomes of a lease -------------------------------------------------------------------------

    def _drop(self, reserved: Reserved, *, was_counted: bool) -> None:
        reserved.drop(self._shells.clock(), was_counted=was_counted)
        self._shells.waiting.poke()

    def _fail(self, reserved: Reserved, reason: str, *, was_counted: bool) -> None:
        now = self._shells.clock()
        transition = reserved.fail(reason, self._call.session, now, was_counted=was_counted)
        if transition is not None:
            self._shells.watch.breaker_moved(reserved.option.candidate.provider, transition)

    def _refused(self, reserved: Reserved, refused: Refused) -> None:
        """An error answer: the key's, the upstream's, or the request's own fault."""
        shells, option, failure = self._shells, reserved.option, refused.failure
        now = shells.clock()
        until: float | None = None
        reserved.hear(refused.incoming.named, shells.wall_clock, now, is_error=True)
        if failure.kind in KEY_FAULTS and option.key is not None:
            until = reserved.answer_for_key(failure, now, shells.dice)
            shells.watch.key_out(option.candidate, failure, until - now)
        elif failure.kind is FailureKind.TRANSIENT:
            self._fail(reserved, f"{failure.status} {failure.error_type}", was_counted=True)
        else:
            reserved.drop(now, was_counted=True)
        self.course.refuse(option, refused, until)

    # -- between attempts --------------------------------------------------------------------------------------------

    async def _rest(self, rest: Rest) -> None:
        """A moment's pause before those are asked again who were only unwell."""
        retry = self._snapshot.retry
        dice = self._shells.dice() if retry.has_jitter else 1.0
        await asyncio.sleep(backoff(rest.round_number, base=retry.base, ceiling=retry.ceiling, dice=dice))

    async def _wait(self, wait: Wait) -> Step:
        """Wait in line for a key; what to do then."""
        shells, call, trail, queueing = self._shells, self._call, self._trail, self._snapshot.queueing
        began_at = shells.clock()
        if self._wait_until is None:
            self._wait_until = min(began_at + queueing.max_wait, self._deadline_at)
        if call.may_stream and queueing.pings and self._keep_alive is None:
            self._keep_alive = KeepAlive(self._downstream, shells.loop, trail.commit)
        try:
            reserved = await shells.waiting.wait(
                wait,
                partial(self.course.take_any, wait.options),
                session=call.lineage or trail.request_id,
                is_main=call.is_main,
                until=min(self._wait_until, began_at + wait.at_most),
            )
        finally:
            trail.waited += shells.clock() - began_at
            if self._keep_alive is not None and not self._downstream.is_started:
                # What has begun with pings goes on with them until the answer is here.
                self._keep_alive.stop()
                self._keep_alive = None
        if reserved is not None:
            return self.course.begin(reserved)
        now = shells.clock()
        return self.course.next(now) if wait.is_for_home else self.course.take_last(wait, now)

    async def _race(self, reserved: Reserved) -> tuple[Reserved, Opening] | None:
        """Try one option; when its first token is late, a second beside it. The first to answer wins."""
        hedging, course = self._snapshot.hedging, self.course
        assert hedging is not None
        hedging.budget.earn()
        after = hedge_after(reserved.option.lane.standing.latency, hedging.factor, self._shells.clock())
        if after is None or not self._call.may_stream:
            return await self._try(reserved)
        try:
            async with asyncio.TaskGroup() as tasks:
                running = {tasks.create_task(self._compete(reserved))}
                _, running = await asyncio.wait(running, timeout=after)
                if running and course.may_be_relieved(self._shells.clock()) and hedging.budget.try_spend():
                    step = course.next(self._shells.clock())
                    if isinstance(step, Reserved):
                        running.add(tasks.create_task(self._compete(step, is_hedge=True)))
                while running and self._found is None:
                    _, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for task in running:
                    task.cancel()
        except BaseException:
            if self._found is not None:
                # The client left in the moment it could have been answered.
                winner, opening = self._found
                opening.incoming.close()
                self._drop(winner, was_counted=True)
            raise
        return self._found

    async def _compete(self, reserved: Reserved, *, is_hedge: bool = False) -> None:
        found = await self._try(reserved, is_hedge=is_hedge)
        if found is not None:
            self._found = found
