"""What a probe's end says about a provider, and what to do about it."""

import ssl
from collections.abc import Callable, Iterator
from socket import gaierror

from msgspec import Struct

from cc_relay.config.loading import WRITTEN
from cc_relay.errors import CredentialError, UpstreamError
from cc_relay.exchange import Failure, FailureKind, Origin


class Diagnosis(Struct, frozen=True):
    """One line about one key of one provider. `fix` is "" where nothing needs fixing."""

    is_fine: bool
    finding: str
    fix: str = ""


LONGEST_FINDING = 400
"""Characters; what clouds' errors are worth lies in the advice at their end."""

Case = tuple[str, str]
"""What was found and what to do; `{origin}` and `{where}` (where the key came from) are filled in."""

# The first class that matches an error or one of its causes decides, so the narrow ones come first.
ERRORS: tuple[tuple[type[BaseException], Case], ...] = (
    (
        ssl.SSLCertVerificationError,
        (
            "{origin} shows a certificate that this machine does not trust",
            "behind a company proxy, set SSL_CERT_FILE to its CA bundle",
        ),
    ),
    (ssl.SSLError, ("no TLS with {origin}", "check whether base_url should begin with http:// or https://")),
    (gaierror, ("the name of {origin} is not known", "check base_url, the network, and whether HTTPS_PROXY is needed")),
    (ConnectionRefusedError, ("nothing listens at {origin}", "check base_url, and that the service runs")),
    (TimeoutError, ("{origin} did not answer in time", "check the firewall, and whether HTTPS_PROXY is needed")),
)

FAILURES: dict[FailureKind, Case] = {
    FailureKind.CREDENTIAL: ("{origin} refused the key", "check {where}"),
    FailureKind.PLAN: ("the quota or balance of this key is spent", "top it up, or wait for its reset"),
    FailureKind.TRANSIENT: ("{origin} is unwell", "try again in a while"),
    FailureKind.UNKNOWN_MODEL: ("{origin} does not have the model", "check models and model_mapping"),
    FailureKind.CLIENT: ("{origin} does not understand the probe", "check base_url and type"),
    FailureKind.CAPABILITY: ("{origin} does not understand the probe", "check base_url and type"),
}

MODEL_FIXES = {
    "bedrock": "check aws_region, models and model_mapping",
    "vertex": "enable it in the project's Model Garden, or check gcp_region (global has most) and model_mapping",
    "azure": "deploy it in the resource, or name the deployments there are in models or model_mapping",
}
"""What helps where a cloud does not have the model."""

REFUSED_BY_OLLAMA: Case = ("no Ollama listens at {origin}", "start it with `ollama serve`")
NOT_FOUND: Case = ("{origin} has no such address (404)", "check base_url: /v1/messages is added to it")


def read_answer(
    status: int,
    failure: Callable[[], Failure],
    *,
    origin: Origin,
    where: str,
    is_login_only: bool = False,
    provider_type: str = "",
    is_guess: bool = False,
) -> Diagnosis:
    """Judge a probe that was answered. `failure` reads the error and is called for one only.

    `is_login_only`: we have no key there, the clients' own logins pass through, so a refused probe is what must come.
    `is_guess`: nobody said which models there are, so that one it does not have is no fault.
    """
    if status < 400:
        return Diagnosis(is_fine=True, finding=f"{origin} answers")
    read = failure()
    if is_login_only and read.kind is FailureKind.CREDENTIAL:
        return Diagnosis(is_fine=True, finding=f"{origin} answers; your own Claude login passes through")
    if read.kind is FailureKind.THROTTLE:
        # The key was let in; that it is busy is the relay's daily bread.
        return Diagnosis(is_fine=True, finding=f"{origin} answers (throttled right now)")
    # A wrong address is a 404 as well; the provider's advice then speaks of it.
    if is_guess and read.kind is FailureKind.UNKNOWN_MODEL and "base_url" not in read.message:
        return Diagnosis(
            is_fine=True,
            finding=f"{origin} answers and lets us in; which deployments it has was not said (models, model_mapping)",
        )
    if read.is_remedy:
        return _diagnose(("{origin} did not let us in", _short(read.message).removesuffix(".")), origin=origin)
    # An Anthropic-shaped 404 that names a model is no wrong address; the provider tells them apart.
    is_lost = status == 404 and read.kind is not FailureKind.UNKNOWN_MODEL
    finding, fix = NOT_FOUND if is_lost else FAILURES[read.kind]
    if read.kind is FailureKind.UNKNOWN_MODEL:
        fix = MODEL_FIXES.get(provider_type, fix)
    said = f" ({status}: {_short(read.message)})" if read.message else f" ({status})"
    finding = finding if is_lost else finding + said
    return _diagnose((finding, fix), origin=origin, where=where)


def no_credential(error: CredentialError, *, where: str) -> Diagnosis:
    """There is nothing to prove ourselves with; the error says what to do."""
    return Diagnosis(is_fine=False, finding=_short(str(error)) + (f" (from {where})" if where else ""))


def read_error(error: UpstreamError, *, provider_type: str, origin: Origin, where: str) -> Diagnosis:
    """Judge a probe that was not answered."""
    causes = list(_chain(error))
    if provider_type == "ollama" and any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return _diagnose(REFUSED_BY_OLLAMA, origin=origin, where=where)
    for kind, case in ERRORS:
        if any(isinstance(cause, kind) for cause in causes) or (kind is TimeoutError and error.timed_out):
            return _diagnose(case, origin=origin, where=where)
    return _diagnose((f"{{origin}} broke off: {_short(str(error))}", "check base_url and the network"), origin=origin)


def _diagnose(case: Case, *, origin: Origin, where: str = "") -> Diagnosis:
    key = "the key in the file" if where == WRITTEN else where or "its key"
    finding, fix = (text.replace("{origin}", str(origin)).replace("{where}", key) for text in case)
    return Diagnosis(is_fine=False, finding=finding, fix=fix)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what it came from; a happy-eyeballs dial reports its attempts as a group."""
    while error is not None:
        yield error
        if isinstance(error, BaseExceptionGroup):
            for inner in error.exceptions:
                yield from _chain(inner)
        error = error.__cause__ or error.__context__


def _short(text: str, limit: int = LONGEST_FINDING) -> str:
    line = " ".join(text.split())
    return line if len(line) <= limit else f"{line[:limit]}…"
