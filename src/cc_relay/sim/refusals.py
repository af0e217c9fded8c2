"""How a simulated provider says no: the error answer in its dialect's own shape."""

import msgspec

from cc_relay.exchange import Headers
from cc_relay.sim.dialects import Dialect
from cc_relay.sim.reply import JSON, Reply, whole


class Refused(Exception):
    """The provider says no; `name` is a row of its error texts."""

    def __init__(
        self,
        name: str,
        *,
        message: str | None = None,
        retry_after: int | None = None,
        headers: Headers | None = None,
        **details: str,
    ) -> None:
        super().__init__(name)
        self.name, self.message, self.retry_after, self.details = name, message, retry_after, details
        self.headers = headers or []


def refusal(refused: Refused, dialect: Dialect, request_id: str) -> Reply:
    """The error answer; only dialects that send limits send their headers, `retry-after` among them."""
    text = dialect.errors[refused.name]
    message = refused.message or text.message.format(**refused.details)
    headers = JSON + id_headers(dialect, request_id)
    if dialect.sends_limits:
        headers += refused.headers
        if refused.retry_after is not None:
            headers += [(b"retry-after", b"%d" % refused.retry_after)]
    return whole(text.status, headers, envelope(refused.name, message, dialect, request_id), refused.name)


def envelope(name: str, message: str | None, dialect: Dialect, request_id: str) -> bytes:
    """The JSON of an error, in an answer or in an error event; `message` None takes the dialect's own words."""
    text = dialect.errors[name]
    error: dict[str, object] = {"type": text.type, "message": message or text.message}
    if text.code is not None:
        error["details"] = {"error_code": text.code}
    return msgspec.json.encode({"type": "error", "error": error, "request_id": request_id})


def id_headers(dialect: Dialect, request_id: str) -> Headers:
    return [] if dialect.request_header is None else [(dialect.request_header, request_id.encode())]


def unified(status: str, now: float) -> Headers:
    """The subscription headers; here resets are Unix seconds."""
    prefix = b"anthropic-ratelimit-unified-"
    reset = b"%d" % (int(now) + 3600)
    return [
        (prefix + b"status", status.encode()),
        (prefix + b"reset", reset),
        (prefix + b"representative-claim", b"five_hour"),
        (prefix + b"5h-status", status.encode()),
        (prefix + b"5h-reset", reset),
        (prefix + b"5h-utilization", b"1.0" if status == "rejected" else b"0.25"),
    ]
