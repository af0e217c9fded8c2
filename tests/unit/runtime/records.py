"""Settled exchanges to write down."""

from msgspec.structs import replace

from cc_relay.exchange import Attempt, Candidate, Credential, Outcome, Record, Usage

SECRET = "sk-ant-api03-never-shown"
DELIVERED = Record(
    id="req_1",
    method="POST",
    path="/v1/messages",
    arrived_at=1000.0,
    model="claude-opus-5-5",
    principal="relay-key",
    session="6f2b1c7e",
    status=200,
    outcome=Outcome.DELIVERED,
    reason="",
    attempts=(),
    usage=Usage(),
    bytes_out=0,
    first_byte_at=None,
    ended_at=1000.5,
)


def record(**changes: object) -> Record:
    return replace(DELIVERED, **changes)


def attempt(
    provider: str = "work", reason: str = "", *, model: str = "claude-opus-5-5", outcome: Outcome = Outcome.DELIVERED
) -> Attempt:
    candidate = Candidate(provider, Credential("key-0a1b2c3d4e", SECRET), model)
    return Attempt(candidate, Outcome.FAILED if reason else outcome, None, reason, 1000.0, 1000.1)
