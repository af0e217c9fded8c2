"""What providers in somebody's cloud have in common: the header lines they get, and errors that name no account."""

from collections.abc import Callable

from msgspec.structs import replace

from cc_relay.codec.envelope import envelope, read_envelope
from cc_relay.errors import Rejection
from cc_relay.exchange import Failure, FailureKind, Headers
from cc_relay.providers.forwarding import Line, allow_list

PROBED = "claude-haiku-4-5"
"""The model to probe with where configuration names none: where there is any Claude, there is this one."""

NO_BETAS: frozenset[bytes] = frozenset()

Cut = Callable[[str], str]
"""Takes account, project and subscription ids out of a text."""


def cloud_headers(headers: Headers, credential: Line | None, betas: tuple[bytes, ...]) -> Headers:
    """The few headers of a client's that a cloud gets; `betas`, in their order, in place of the client's own."""
    kept = allow_list(headers, credential, NO_BETAS)
    if betas:
        kept.append((b"anthropic-beta", b",".join(betas)))
    return kept


def as_asked(path_segment: Callable[[str], str], model: str) -> str:
    """A client's own model as it stands in a path; `path_segment` raises ValueError where it cannot.

    Raises Rejection 400.
    """
    try:
        return path_segment(model)
    except ValueError as error:
        message = f"model: {error}. Ask for another model, or map this one in the relay's configuration."
        raise Rejection(400, "invalid_request_error", message, reason="bad_model_id") from error


def credential_refused(provider: str, remedy: str) -> Failure:
    """Our own credential was refused; `remedy` is what to do about it, without a full stop, for the log and doctor."""
    message = f"{provider} refused the relay's own credential: {remedy}."
    return Failure(FailureKind.CREDENTIAL, 502, "api_error", message, envelope("api_error", message, ""))


def without_ids(failure: Failure, cut: Cut) -> Failure:
    """The same failure, its body as it came unless something has to be cut out of it."""
    message, text = cut(failure.message), failure.body.decode("utf-8", "replace")
    if message == failure.message and cut(text) == text:
        return failure
    found = read_envelope(failure.body)
    request_id = "" if found is None else cut(found.request_id)
    return replace(failure, message=message, body=envelope(failure.error_type, message, request_id))
