import json

import pytest

from cc_relay.codec.envelope import read_envelope
from cc_relay.exchange import Failure, FailureKind
from cc_relay.providers.bedrock.errors import read_failure
from cc_relay.providers.bedrock.meanings import MEANINGS, REFUSED, RULES

ACCOUNT = "123456789012"
ROLE = f"arn:aws:sts::{ACCOUNT}:assumed-role/Developer/alice"
ANTHROPIC = b'{"type":"error","error":{"type":"%b","message":"%b"},"request_id":"req_1"}'


def failure(status: int, message: str, name: str = "", **body: object) -> Failure:
    """AWS's answer with its name in the header, read."""
    headers = [(b"x-amzn-errortype", name.encode()), (b"x-amzn-requestid", b"aws-1")] if name else []
    return read_failure("mine", status, headers, json.dumps({"message": message, **body}).encode())


@pytest.mark.parametrize(
    ("name", "status", "seen", "error_type", "kind"),
    [
        ("AccessDeniedException", 403, 403, "permission_error", FailureKind.UNKNOWN_MODEL),
        ("ResourceNotFoundException", 404, 404, "not_found_error", FailureKind.UNKNOWN_MODEL),
        ("ThrottlingException", 429, 429, "rate_limit_error", FailureKind.THROTTLE),
        ("ModelNotReadyException", 429, 529, "overloaded_error", FailureKind.TRANSIENT),
        ("ServiceQuotaExceededException", 400, 429, "rate_limit_error", FailureKind.THROTTLE),
        ("ModelTimeoutException", 408, 504, "timeout_error", FailureKind.TRANSIENT),
        ("ModelErrorException", 424, 500, "api_error", FailureKind.TRANSIENT),
        ("InternalServerException", 500, 500, "api_error", FailureKind.TRANSIENT),
        ("ServiceUnavailableException", 503, 529, "overloaded_error", FailureKind.TRANSIENT),
        ("ValidationException", 400, 400, "invalid_request_error", FailureKind.CLIENT),
        ("UnknownOperationException", 404, 501, "not_supported", FailureKind.UNKNOWN_MODEL),
        ("SomethingNewException", 503, 529, "overloaded_error", FailureKind.TRANSIENT),
        ("SomethingNewException", 418, 418, "invalid_request_error", FailureKind.CLIENT),
    ],
)
def test_every_name_has_a_meaning(name: str, status: int, seen: int, error_type: str, kind: FailureKind) -> None:
    read = failure(status, "some words", name)
    assert (read.status, read.error_type, read.kind, read.message) == (seen, error_type, kind, "some words")
    envelope = read_envelope(read.body)
    assert envelope is not None
    assert (envelope.type, envelope.message, envelope.request_id) == (error_type, "some words", "aws-1")


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ([(b"x-amzn-errortype", b"ThrottlingException:http://internal.amazon.com/coral/")], b'{"message":"x"}'),
        ([], b'{"__type":"com.amazon.coral.service#ThrottlingException","message":"x"}'),
        ([], b'{"__type":"ThrottlingException","Message":"x"}'),
        ([], b'{"Output":{"__type":"com.amazon.coral.service#ThrottlingException"},"message":"x"}'),
    ],
)
def test_the_name_stands_in_one_of_several_places(headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    read = read_failure("mine", 400, headers, body)
    assert (read.kind, read.status, read.message, read.retry_after) == (FailureKind.THROTTLE, 429, "x", None)


def test_a_name_without_words_is_explained() -> None:
    read = read_failure("mine", 429, [(b"x-amzn-errortype", b"ThrottlingException")], b"{}")
    assert read.message == "mine answered with HTTP 429 (Throttling) and no explanation."


@pytest.mark.parametrize(
    ("original", "status", "kind"),
    [
        (400, 400, FailureKind.CLIENT),
        (413, 413, FailureKind.CLIENT),
        (429, 429, FailureKind.THROTTLE),
        (401, 500, FailureKind.TRANSIENT),
        (500, 500, FailureKind.TRANSIENT),
        (503, 529, FailureKind.TRANSIENT),
        (200, 500, FailureKind.TRANSIENT),
        ("400", 500, FailureKind.TRANSIENT),
    ],
)
def test_a_model_says_what_its_status_was(original: object, status: int, kind: FailureKind) -> None:
    read = failure(424, "x", "ModelErrorException", originalStatusCode=original)
    assert (read.status, read.kind) == (status, kind)


@pytest.mark.parametrize("message", ["Input is too long.", "Input is too long for requested model."])
def test_a_prompt_that_is_too_long_is_said_in_the_words_clients_compact_on(message: str) -> None:
    read = failure(400, message, "ValidationException")
    assert (read.kind, read.status, read.message) == (FailureKind.CLIENT, 400, "Input is too long.")


def test_a_models_own_words_are_unwrapped() -> None:
    read = failure(
        400,
        "The model returned the following errors: prompt is too long: 213462 tokens > 200000 maximum",
        "ValidationException",
    )
    assert read.message == "prompt is too long: 213462 tokens > 200000 maximum"
    assert read.kind is FailureKind.CLIENT


def test_anthropics_envelope_keeps_its_bytes() -> None:
    body = ANTHROPIC % (b"invalid_request_error", b"messages.0: nonsense")
    read = read_failure("mine", 400, [(b"x-amzn-errortype", b"ValidationException")], body)
    assert read.body is body
    assert (read.kind, read.message) == (FailureKind.CLIENT, "messages.0: nonsense")


def test_a_wrapped_envelope_is_unwrapped() -> None:
    wrapped = b"The model returned the following errors: max_tokens: too many"
    read = read_failure("mine", 400, [], ANTHROPIC % (b"invalid_request_error", wrapped))
    assert read.body == ANTHROPIC % (b"invalid_request_error", b"max_tokens: too many")


@pytest.mark.parametrize(
    ("message", "lacks"),
    [
        ("Malformed input request: #: extraneous key [speed] is not permitted, please reformat", "field:speed"),
        ("invalid beta flag", None),
        ("tags: Extra inputs are not permitted", None),
        ('The model returned the following errors: "thinking.type.enabled" is not supported for this model.', None),
    ],
)
def test_a_refused_feature_is_one(message: str, lacks: str | None) -> None:
    read = failure(400, message, "ValidationException")
    assert (read.kind, read.status) == (FailureKind.CAPABILITY, 400)
    assert lacks is None or read.lacks == lacks


@pytest.mark.parametrize(
    ("name", "status", "message", "seen", "hint"),
    [
        ("ValidationException", 400,
         "Invocation of model ID anthropic.claude-opus-5-5 with on-demand throughput isn\u2019t supported.", 404,
         "inference profiles"),
        ("ValidationException", 400, "The provided model identifier is invalid.", 404, "model_mapping"),
        ("ResourceNotFoundException", 404, "Model not found.", 404, "model_mapping"),
        ("ResourceNotFoundException", 404, "This model version has reached the end of its life.", 404, "newer"),
        ("ResourceNotFoundException", 404, "Model use case details have not been submitted for this account.", 403,
         "form"),
        ("AccessDeniedException", 403, "You don't have access to the model with the specified model ID.", 403,
         "enable the model"),
        ("ValidationException", 400, "Operation not allowed", 403, "enable the model"),
        ("AccessDeniedException", 403, f"User: {ROLE} is not authorized to perform: bedrock:InvokeModel", 403,
         "bedrock:InvokeModel*"),
        ("AccessDeniedException", 403, f"User: {ROLE} is not authorized to perform: bedrock:CountTokens", 501,
         "bedrock:CountTokens"),
        ("ValidationException", 400, "The provided model doesn't support counting tokens.", 501, "counting"),
    ],
)  # fmt: skip
def test_a_model_that_cannot_be_had_is_nobodys_fault_and_has_a_remedy(
    name: str, status: int, message: str, seen: int, hint: str
) -> None:
    read = failure(status, message, name)
    assert (read.kind, read.status) == (FailureKind.UNKNOWN_MODEL, seen)
    assert hint in read.message
    again = read_failure("mine", read.status, [], read.body)
    assert again.message == read.message


def test_a_day_without_tokens_is_a_spent_plan() -> None:
    read = failure(429, "Too many tokens per day, please wait before trying again.", "ThrottlingException")
    assert (read.kind, read.status) == (FailureKind.PLAN, 429)


@pytest.mark.parametrize("name", REFUSED)
def test_our_own_credential_is_our_own_business(name: str) -> None:
    read = failure(403, f"The security token of {ROLE} (ASIAQWERTYUIOPASDFGH) is not welcome", f"{name}Exception")
    assert (read.kind, read.status, read.error_type) == (FailureKind.CREDENTIAL, 502, "api_error")
    assert read.message.startswith("mine refused the relay's own credential: ")
    assert not [secret for secret in (ACCOUNT, "alice", "ASIA") if secret in read.message + read.body.decode()]


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (403, b'{"Message":"Authentication failed: Please make sure your API Key is valid."}'),
        (403, b'{"Message":"Bearer Token has expired"}'),
        (403, b'{"message":"The security token included in the request is invalid."}'),
        (401, b""),
        (403, b"<html>no</html>"),
        (401, ANTHROPIC % (b"authentication_error", b"invalid x-api-key")),
        (403, ANTHROPIC % (b"permission_error", b"no")),
        (400, ANTHROPIC % (b"invalid_request_error", b"Outbound web identity federation is disabled for your account")),
    ],
)
def test_a_refused_credential_may_be_worded_in_many_ways(status: int, body: bytes) -> None:
    read = read_failure("mine", status, [], body)
    assert (read.kind, read.status) == (FailureKind.CREDENTIAL, 502)


def test_an_account_that_has_to_be_set_up_is_told_how() -> None:
    words = b"Outbound web identity federation is disabled for your account"
    assert "enable it there" in read_failure("mine", 403, [], ANTHROPIC % (b"permission_error", words)).message


def test_an_envelope_within_a_message_is_the_models_own_word() -> None:
    inner = ANTHROPIC % (b"invalid_request_error", b"adaptive thinking is not supported on this model")
    read = failure(400, f"The model returned the following errors: {inner.decode()}", "ValidationException")
    assert (read.kind, read.body) == (FailureKind.CAPABILITY, inner)
    assert read.lacks == "adaptive_thinking"


def test_a_signature_for_another_region_is_no_wrong_key() -> None:
    read = failure(403, "Credential should be scoped to a valid region.", "InvalidSignatureException")
    assert "aws_region" in read.message


def test_a_workspace_that_is_not_there_is_nobody_elses_fault() -> None:
    read = read_failure("mine", 404, [], ANTHROPIC % (b"not_found_error", b"Workspace not found."))
    assert (read.kind, read.status) == (FailureKind.UNKNOWN_MODEL, 404)
    assert "aws_workspace_id" in read.message


def test_a_clock_that_is_off_is_named() -> None:
    read = failure(
        403,
        "Signature expired: 20260102T030405Z is now earlier than 20260102T035905Z (20260102T040405Z - 5 min.)",
        "InvalidSignatureException",
    )
    assert read.kind is FailureKind.CREDENTIAL
    assert "this machine's clock is off, about 60 minutes behind; set it right" in read.message


@pytest.mark.parametrize(
    ("message", "seen"),
    [
        (f"{ROLE} may not", "arn:… may not"),
        ("profile 'arn:aws-us-gov:bedrock:us-gov-west-1:123456789012:inference-profile/x' is gone",
         "profile 'arn:…' is gone"),
        (f"account {ACCOUNT}, key AKIAQWERTYUIOPASDFGH", "account …, key …"),
        ("213462123456789012 tokens > 200000", "213462123456789012 tokens > 200000"),
    ],
)  # fmt: skip
def test_ids_of_accounts_are_cut_out(message: str, seen: str) -> None:
    for read in (
        failure(500, message, "InternalServerException"),
        read_failure("mine", 500, [], ANTHROPIC % (b"api_error", message.encode())),
        read_failure("mine", 500, [], message.encode()),
    ):
        assert seen in read.message
        assert json.dumps(seen, ensure_ascii=False)[1:-1] in read.body.decode()


@pytest.mark.parametrize(
    ("status", "body", "seen", "kind"),
    [
        (502, b"<html>bad gateway</html>", 502, FailureKind.TRANSIENT),
        (503, b"", 529, FailureKind.TRANSIENT),
        (404, b"not found", 404, FailureKind.TRANSIENT),
        (400, b'{"message":"The provided model identifier is invalid."}', 404, FailureKind.UNKNOWN_MODEL),
        (429, b'{"message":"slow"}', 429, FailureKind.THROTTLE),
        (200, b'{"message":"?"}', 502, FailureKind.TRANSIENT),
        (200, b'{"__type":"ThrottlingException","message":"slow"}', 429, FailureKind.THROTTLE),
        (500, b"[]", 500, FailureKind.TRANSIENT),
    ],
)
def test_whoever_answers_in_between_is_understood(status: int, body: bytes, seen: int, kind: FailureKind) -> None:
    read = read_failure("mine", status, [], body)
    assert (read.status, read.kind) == (seen, kind)


def test_the_tables_name_each_thing_once() -> None:
    assert not REFUSED.keys() & MEANINGS.keys()
    assert len({rule.pattern.pattern for rule in RULES}) == len(RULES)
