"""The error tree: whose fault it was, how far we got."""

from enum import Enum, IntEnum


class Source(Enum):
    """Whose fault an error is."""

    DOWNSTREAM = "downstream"
    RELAY = "relay"
    UPSTREAM = "upstream"


class Stage(IntEnum):
    """How far an attempt got before it failed; later stages compare greater.

    CONNECT means that not one byte of the request was sent, so trying again is always safe.
    """

    CONNECT = 0
    SEND = 1
    HEAD = 2
    BODY = 3


class RelayError(Exception):
    """Root of everything this package raises on purpose."""

    source = Source.RELAY

    def __init__(self, message: str, *, stage: Stage) -> None:
        super().__init__(message)
        self.stage = stage


class UpstreamError(RelayError):
    """A provider could not be reached, broke the protocol, or went silent.

    `timed_out` tells silence from a break.
    """

    source = Source.UPSTREAM

    def __init__(self, message: str, *, stage: Stage, timed_out: bool = False) -> None:
        super().__init__(message, stage=stage)
        self.timed_out = timed_out


class Rejection(RelayError):
    """A request the relay itself answers with an error; carries the whole answer.

    `error_type` is Anthropic's (`invalid_request_error`, …), `reason` the short word sent as `x-cc-relay-error`,
    `retry_after` whole seconds, `should_retry` the `x-should-retry` header (None: left out).
    """

    def __init__(
        self,
        status: int,
        error_type: str,
        message: str,
        *,
        reason: str,
        retry_after: int | None = None,
        should_retry: bool | None = None,
        stage: Stage = Stage.CONNECT,
    ) -> None:
        super().__init__(message, stage=stage)
        self.status = status
        self.error_type = error_type
        self.message = message
        self.reason = reason
        self.retry_after = retry_after
        self.should_retry = should_retry


class CredentialError(Exception):
    """No credential could be had for an upstream; the message says why and what to do, and holds no secret."""
