"""Phase 7: the request as one option gets it, and as it gets it once more after a no that can be helped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from cc_relay.errors import CredentialError, Rejection
from cc_relay.exchange import FailureKind
from cc_relay.providers.capabilities import FOREIGN_HISTORY, describe, is_lasting

if TYPE_CHECKING:
    from collections.abc import Collection

    from cc_relay.exchange import Candidate, Failure, UpstreamRequest
    from cc_relay.policy.shortcomings import Shortcomings
    from cc_relay.relay.calls import Call
    from cc_relay.relay.snapshot import Option

MOST_CHANGES = 3
"""How often one option is asked anew within one attempt; every change answers another no."""

ANYWHERE = ""
"""In place of an upstream's name: what holds for a conversation wherever it goes."""


def adapted(option: Option, lineage: str | None, shortcomings: Shortcomings, now: float) -> Candidate:
    """The candidate with what is known to be lacking there for its model, and for this conversation."""
    candidate = option.candidate
    lacking = candidate.lacking | shortcomings.of(candidate.provider, candidate.model, now)
    if lineage is not None:
        lacking |= shortcomings.of(candidate.provider, lineage, now)
        if option.lane.is_claude:
            lacking |= shortcomings.of(ANYWHERE, lineage, now)
    return replace(candidate, lacking=lacking) if lacking else candidate


class Asking:
    """One option that said no to a request: what else it could be sent.

    `learned` are the capabilities the request went without in the end.
    """

    __slots__ = ("_call", "_changes", "_has_renewed", "_option", "candidate", "learned", "request")

    def __init__(self, option: Option, call: Call, candidate: Candidate, request: UpstreamRequest) -> None:
        self._option = option
        self._call = call
        self._changes = 0
        self._has_renewed = False
        self.candidate = candidate
        self.request = request
        self.learned: list[str] = []

    def __repr__(self) -> str:
        return f"<Asking {self.candidate.provider} without {', '.join(self.learned) or 'nothing'}>"

    async def change(self, failure: Failure, deadline_at: float) -> str:
        """Find another request for the same option; says what is different, "" where nothing else can be sent."""
        if self._changes == MOST_CHANGES:
            return ""
        self._changes += 1
        if failure.kind is FailureKind.CREDENTIAL:
            return await self._renew(deadline_at)
        if failure.kind is FailureKind.CAPABILITY and failure.lacks:
            return self._leave_out(failure.lacks)
        return ""

    async def _renew(self, deadline_at: float) -> str:
        source, credential = self._option.lane.upstream.source, self.candidate.credential
        if source is None or self._has_renewed or credential.is_client_owned:
            return ""
        self._has_renewed = True
        try:
            renewed = await source.renew(credential, deadline_at)
        except CredentialError:
            return ""
        return "asked again with a new credential" if self._try(replace(self.candidate, credential=renewed)) else ""

    def _leave_out(self, capability: str) -> str:
        candidate = self.candidate
        if capability in candidate.lacking:
            return ""
        if not self._try(replace(candidate, lacking=candidate.lacking | {capability})):
            return ""
        self.learned.append(capability)
        return f"asked again without {describe(capability)}"

    def _try(self, candidate: Candidate) -> bool:
        """Whether the request for this candidate is another than the one before."""
        try:
            request = self._call.prepare(self._option, candidate)
        except Rejection:
            return False
        before = self.request
        is_proved_anew = candidate.credential != self.candidate.credential
        is_new = is_proved_anew or request.body != before.body or request.headers != before.headers
        if is_new:
            self.candidate, self.request = candidate, request
        return is_new


def remember(
    candidate: Candidate, learned: Collection[str], lineage: str | None, shortcomings: Shortcomings, now: float
) -> None:
    """Without these the candidate answered: the next request leaves them out at once."""
    for capability in learned:
        if is_lasting(capability):
            shortcomings.learn(candidate.provider, candidate.model, capability, now)
        elif lineage is not None:
            shortcomings.learn(candidate.provider, lineage, capability, now)


def remember_family(option: Option, lineage: str, shortcomings: Shortcomings, now: float) -> None:
    """Whoever answers next has to be told the conversation in words it knows, where another family had a part in it."""
    if not option.lane.is_claude or FOREIGN_HISTORY in shortcomings.of(ANYWHERE, lineage, now):
        shortcomings.learn(ANYWHERE, lineage, FOREIGN_HISTORY, now)
