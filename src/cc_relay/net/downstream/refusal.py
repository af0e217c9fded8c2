"""Answers made below the life cycle: to bytes that are no request, and for an exchange that failed us."""

from cc_relay.exchange import Headers


class Refused(Exception):
    """The bytes cannot become a request: answered here, then the connection closes."""

    def __init__(self, status: int, error_type: str, message: str, reason: str) -> None:
        super().__init__(message)
        self.status, self.error_type, self.message, self.reason = status, error_type, message, reason


class Lingering:
    """Owner of a refusal: the connection ends by its own deadline."""

    def exchange_finished(self, *, may_continue: bool) -> None:
        pass

    def break_off(self, *, reset: bool) -> None:
        pass


def refusal_headers(reason: str) -> Headers:
    """The headers of an error made below the life cycle."""
    return [(b"content-type", b"application/json"), (b"x-cc-relay-error", reason.encode("ascii"))]
