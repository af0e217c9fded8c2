"""Answers to the client: the relay's own errors, and what of an upstream's head travels on."""

from math import ceil

from cc_relay.codec.envelope import envelope
from cc_relay.codec.names import NameFilter
from cc_relay.errors import Rejection
from cc_relay.exchange import Candidate, Failure, Headers, header
from cc_relay.relay.ports import Downstream

JSON = (b"content-type", b"application/json")

NOT_FORWARDED = frozenset({b"x-request-id", b"set-cookie", b"alt-svc", b"strict-transport-security"})
"""Upstream header lines that speak of the upstream's own connection, cookie jar or host."""

REPLACED_ON_ERRORS = frozenset({b"content-type", b"content-encoding", b"retry-after"})

UNNAMED = b'"request_id":""}'
"""The end of an envelope that was made for an upstream's error without an id."""

SUBSCRIPTION_PREFIX = b"anthropic-ratelimit-unified-"
"""One account's plan limits: shown to the account's own login only, a pool's would pass for the user's own."""


def reject(downstream: Downstream, rejection: Rejection, request_id: str) -> None:
    """Answer with an error of our own."""
    headers: Headers = [JSON, (b"x-cc-relay-error", rejection.reason.encode("ascii"))]
    if rejection.retry_after is not None:
        headers.append((b"retry-after", b"%d" % rejection.retry_after))
    if rejection.should_retry is not None:
        headers.append((b"x-should-retry", b"true" if rejection.should_retry else b"false"))
    body = envelope(rejection.error_type, rejection.message, request_id)
    downstream.respond(rejection.status, headers, body)


def forwarded(headers: Headers, *, is_client_owned: bool) -> Headers:
    """An upstream's header lines as the client gets them; hot path."""
    return _for_owner(headers) if is_client_owned else _for_others(headers)


_for_owner = NameFilter(lambda name: name not in NOT_FORWARDED)
_for_others = NameFilter(lambda name: name not in NOT_FORWARDED and not name.startswith(SUBSCRIPTION_PREFIX))


def relay_failure(
    downstream: Downstream, failure: Failure, headers: Headers, request_id: str, *, is_client_owned: bool
) -> int:
    """Answer with an upstream's error: its status, its wording, and the headers a client's recovery goes by.

    Where the upstream gave it no id, it gets `request_id`: ours. Returns the body's size in bytes.
    """
    body = failure.body
    if body.endswith(UNNAMED):
        body = envelope(failure.error_type, failure.message, request_id)
    lines = [line for line in forwarded(headers, is_client_owned=is_client_owned) if line[0] not in REPLACED_ON_ERRORS]
    said = header(headers, b"retry-after")
    if said is not None and said.isdigit():
        lines.append((b"retry-after", said))
    elif failure.retry_after is not None:
        lines.append((b"retry-after", b"%d" % whole_seconds(failure.retry_after)))
    downstream.respond(failure.status, [JSON, *lines], body)
    return len(body)


def whole_seconds(seconds: float) -> int:
    """A true `retry-after`: never sooner than said."""
    return max(1, ceil(seconds))


def debug_headers(strategy: str, candidate: Candidate, attempts: int, health: str, affinity: str) -> Headers:
    """Where an answer came from (`routing.debug`)."""
    return [
        (b"x-cc-relay-strategy", strategy.encode("ascii")),
        (b"x-cc-relay-provider", ascii_value(candidate.provider)),
        (b"x-cc-relay-model", ascii_value(candidate.model)),
        (b"x-cc-relay-key-id", ascii_value(candidate.credential.fingerprint)),
        (b"x-cc-relay-attempts", b"%d" % attempts),
        (b"x-cc-relay-health", health.encode("ascii")),
        (b"x-cc-relay-affinity", affinity.encode("ascii")),
    ]


def ascii_value(text: str) -> bytes:
    """A header value: what is not printable ASCII becomes `?`."""
    return "".join(letter if " " <= letter <= "~" else "?" for letter in text).encode("ascii")
