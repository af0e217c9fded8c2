"""What a probe's end says, and the fix that goes with it."""

import ssl
from socket import gaierror

import pytest

from cc_relay.cli.diagnosis import FAILURES, Diagnosis, read_answer, read_error
from cc_relay.errors import Stage, UpstreamError
from cc_relay.exchange import Failure, FailureKind, Origin

ORIGIN = Origin("https", "api.example", 443)


def unanswered(cause: BaseException | None, *, provider_type: str = "anthropic", timed_out: bool = False) -> Diagnosis:
    error = UpstreamError("connecting", stage=Stage.CONNECT, timed_out=timed_out)
    error.__cause__ = cause
    return read_error(error, provider_type=provider_type, origin=ORIGIN, where="${KEY}")


def answered(status: int, kind: FailureKind, message: str = "", *, is_login_only: bool = False) -> Diagnosis:
    failure = Failure(kind, status, "error", message, b"")
    return read_answer(status, lambda: failure, origin=ORIGIN, where="${KEY}", is_login_only=is_login_only)


@pytest.mark.parametrize(
    ("cause", "fix"),
    [
        (ConnectionRefusedError(111, "refused"), "the service runs"),
        (gaierror(-2, "unknown"), "check base_url"),
        (ssl.SSLCertVerificationError("self-signed"), "SSL_CERT_FILE"),
        (ssl.SSLError("wrong version number"), "http:// or https://"),
        (TimeoutError(), "firewall"),
        (ExceptionGroup("dial", [OSError(101, "unreachable"), ConnectionRefusedError(111, "refused")]), "service runs"),
        (OSError(101, "unreachable"), "the network"),
        (None, "the network"),
    ],
)
def test_a_failed_connection_names_its_fix(cause: BaseException | None, fix: str) -> None:
    diagnosis = unanswered(cause)
    assert not diagnosis.is_fine
    assert fix in diagnosis.fix


def test_an_ollama_that_is_not_there_wants_to_be_started() -> None:
    assert "ollama serve" in unanswered(ConnectionRefusedError(), provider_type="ollama").fix


def test_silence_is_told_from_a_break() -> None:
    assert "in time" in unanswered(None, timed_out=True).finding


def test_an_answer_is_fine() -> None:
    def no_failure() -> Failure:
        raise AssertionError("there is none to read")

    assert read_answer(200, no_failure, origin=ORIGIN, where="").is_fine


@pytest.mark.parametrize("kind", [kind for kind in FailureKind if kind is not FailureKind.THROTTLE])
def test_every_kind_of_failure_has_a_fix(kind: FailureKind) -> None:
    diagnosis = answered(400, kind)
    assert not diagnosis.is_fine
    assert diagnosis.fix == FAILURES[kind][1].replace("{where}", "${KEY}")


def test_a_refused_key_says_where_it_came_from() -> None:
    diagnosis = answered(401, FailureKind.CREDENTIAL, "invalid\nx-api-key")
    assert diagnosis.finding == "https://api.example refused the key (401: invalid x-api-key)"
    assert diagnosis.fix == "check ${KEY}"


def test_what_the_provider_advises_is_the_fix() -> None:
    diagnosis = answered(403, FailureKind.CREDENTIAL, "unused")
    refused = Failure(FailureKind.CREDENTIAL, 502, "api_error", "mine refused the key: set the clock right.", b"")
    advised = read_answer(403, lambda: refused, origin=ORIGIN, where="${KEY}")
    assert diagnosis.fix == "check ${KEY}"
    assert advised.fix == "mine refused the key: set the clock right"


@pytest.mark.parametrize("cloud", ["bedrock", "vertex", "azure"])
def test_each_cloud_has_a_fix_for_a_model_it_does_not_have(cloud: str) -> None:
    missing = Failure(FailureKind.UNKNOWN_MODEL, 404, "not_found_error", "no", b"")
    diagnosis = read_answer(404, lambda: missing, origin=ORIGIN, where="", provider_type=cloud)
    assert "model_mapping" in diagnosis.fix
    assert diagnosis.fix != FAILURES[FailureKind.UNKNOWN_MODEL][1]


def test_a_key_that_stands_in_the_file_is_to_be_checked_there() -> None:
    refused = Failure(FailureKind.CREDENTIAL, 401, "authentication_error", "no", b"")
    diagnosis = read_answer(401, lambda: refused, origin=ORIGIN, where="written in the file")
    assert diagnosis.fix == "check the key in the file"


def test_a_throttled_key_is_a_good_key() -> None:
    assert answered(429, FailureKind.THROTTLE).is_fine


def test_a_lost_address_is_about_the_base_url() -> None:
    assert "base_url" in answered(404, FailureKind.CLIENT).fix
    assert "model_mapping" in answered(404, FailureKind.UNKNOWN_MODEL).fix


def test_without_a_key_of_ours_a_refusal_is_what_must_come() -> None:
    assert answered(401, FailureKind.CREDENTIAL, is_login_only=True).is_fine


def test_a_deployment_that_nobody_named_need_not_be_there() -> None:
    missing = Failure(FailureKind.UNKNOWN_MODEL, 404, "not_found_error", "DeploymentNotFound", b"")

    guessed, named = (
        read_answer(404, lambda: missing, origin=ORIGIN, where="", provider_type="azure", is_guess=is_guess)
        for is_guess in (True, False)
    )

    assert guessed.is_fine
    assert "lets us in" in guessed.finding
    assert not named.is_fine
