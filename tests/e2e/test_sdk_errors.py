"""The official SDK, newest, through the relay: every way to be told no, as the exception the SDK has for it."""

from collections.abc import Callable, Iterator

import anthropic
import httpx2
import pytest
from tests.support.e2e_stage import RELAY_KEY, Stage

MODEL = "claude-sonnet-5-5"
HELLO: list[anthropic.types.MessageParam] = [{"role": "user", "content": "Hello"}]

UPSTREAM_ERRORS: dict[str, tuple[type[anthropic.APIStatusError], int, str, str]] = {
    "400": (anthropic.BadRequestError, 400, "invalid_request_error", "messages: at least one message is required"),
    "402": (anthropic.PaymentRequiredError, 402, "billing_error", "credit balance is too low"),
    "404": (anthropic.NotFoundError, 404, "not_found_error", "Not found"),
    "409": (anthropic.ConflictError, 409, "conflict_error", "conflicts with another one"),
    "413": (anthropic.ContentTooLargeError, 413, "request_too_large", "exceeds the maximum size"),
    "429": (anthropic.RateLimitError, 429, "rate_limit_error", "would exceed your account's rate limit"),
    "500": (anthropic.InternalServerError, 500, "api_error", "Internal server error"),
    "503": (anthropic.ServiceUnavailableError, 503, "api_error", "Service unavailable"),
    "504": (anthropic.GatewayTimeoutError, 504, "timeout_error", "timed out"),
    "529": (anthropic.OverloadedError, 529, "overloaded_error", "Overloaded"),
}
"""What all providers answer: the SDK's class for it, status, type, words."""


@pytest.fixture
def client(stage: Stage) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=stage.url, api_key=RELAY_KEY, max_retries=0, timeout=20) as client:
        yield client


def refused(call: Callable[[], object]) -> anthropic.APIStatusError:
    with pytest.raises(anthropic.APIStatusError) as caught:
        call()
    return caught.value


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("fault", UPSTREAM_ERRORS)
def test_an_upstreams_error_keeps_its_class_words_and_id(
    fault: str, stream: bool, client: anthropic.Anthropic, stage: Stage
) -> None:
    kind, status, error_type, words = UPSTREAM_ERRORS[fault]
    error = refused(
        lambda: client.messages.create(model=f"{MODEL}+{fault}", max_tokens=30, messages=HELLO, stream=stream)
    )

    assert type(error) is kind
    assert (error.status_code, error.type) == (status, error_type)
    assert words in (error.api_message or "")
    assert error.request_id is not None
    assert isinstance(error.body, dict)
    assert error.body["request_id"] == error.request_id
    # The words are an upstream's, not the relay's.
    assert "x-cc-relay-error" not in error.response.headers


def test_an_error_that_names_a_code_keeps_it(client: anthropic.Anthropic) -> None:
    error = refused(lambda: client.messages.create(model=f"{MODEL}+quota", max_tokens=30, messages=HELLO))
    assert (error.status_code, error.error_code) == (429, "enforced_spend_limit_reached")


@pytest.mark.parametrize("fault", ["401", "403"])
def test_a_refused_key_of_the_relay_is_not_blamed_on_the_client(fault: str, client: anthropic.Anthropic) -> None:
    error = refused(lambda: client.messages.create(model=f"{MODEL}+{fault}", max_tokens=30, messages=HELLO))

    assert (error.status_code, error.type) == (502, "api_error")
    assert "the relay's own credential" in (error.api_message or "")
    assert "key-of" not in error.response.text


@pytest.mark.parametrize("key", ["wrong", "key-of-first"])
def test_a_wrong_credential_is_an_authentication_error_that_is_not_retried(key: str, stage: Stage) -> None:
    with anthropic.Anthropic(base_url=stage.url, api_key=key, max_retries=3, timeout=20) as client:
        error = refused(lambda: client.messages.create(model=MODEL, max_tokens=30, messages=HELLO))

    assert type(error) is anthropic.AuthenticationError
    assert error.type == "authentication_error"
    assert error.response.headers["x-should-retry"] == "false"
    assert "ANTHROPIC_AUTH_TOKEN" in (error.api_message or "")
    # Claude Code would show "Not logged in" instead of these words.
    assert "x-api-key" not in (error.api_message or "")
    assert stage.first.seen == []


def test_an_unknown_model_is_not_found_and_named(client: anthropic.Anthropic, stage: Stage) -> None:
    for call in (
        lambda: client.messages.create(model="sonnet-5", max_tokens=30, messages=HELLO),
        lambda: client.models.retrieve("sonnet-5"),
    ):
        error = refused(call)
        assert type(error) is anthropic.NotFoundError
        assert "'sonnet-5'" in (error.api_message or "")
        assert "claude-sonnet-5" in (error.api_message or "")
    assert stage.first.seen == []


def test_a_body_beyond_the_limit_is_too_large(client: anthropic.Anthropic, stage: Stage) -> None:
    huge: list[anthropic.types.MessageParam] = [{"role": "user", "content": "x" * (33 << 20)}]
    error = refused(lambda: client.messages.create(model=MODEL, max_tokens=30, messages=huge))

    assert (type(error), error.type) == (anthropic.ContentTooLargeError, "request_too_large")
    assert stage.first.seen == []


def test_a_message_without_a_model_is_a_bad_request(client: anthropic.Anthropic) -> None:
    error = refused(lambda: client.post("/v1/messages", body={"messages": HELLO}, cast_to=object))
    assert (type(error), error.type) == (anthropic.BadRequestError, "invalid_request_error")
    assert "model" in (error.api_message or "")


def test_what_the_relay_does_not_serve_is_not_implemented(client: anthropic.Anthropic) -> None:
    error = refused(lambda: client.get("/v1/somewhere", cast_to=object))
    assert (type(error), error.type) == (anthropic.HTTPNotImplementedError, "not_supported")


def test_retry_after_is_waited_for_and_whoever_comes_too_soon_is_told_the_rest(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    for sim in (stage.first, stage.second):
        sim.fault("429", count=1, retry_after=7)
    waits: list[float] = []
    monkeypatch.setattr("anthropic._base_client.time.sleep", waits.append)
    with anthropic.Anthropic(base_url=stage.url, api_key=RELAY_KEY, max_retries=1, timeout=20) as client:
        error = refused(lambda: client.messages.create(model=MODEL, max_tokens=30, messages=HELLO))

    assert waits == [7]
    assert (type(error), error.type) == (anthropic.RateLimitError, "rate_limit_error")
    assert error.response.headers["x-cc-relay-error"] == "keys_exhausted"
    assert 1 <= int(error.response.headers["retry-after"]) <= 7
    assert [len(sim.messages) for sim in (stage.first, stage.second)] == [1, 1]


def test_a_break_in_mid_stream_is_an_error_in_the_client(client: anthropic.Anthropic, stage: Stage) -> None:
    stage.first.fault("reset-mid", count=1)
    seen = []
    with (
        pytest.raises(httpx2.RemoteProtocolError),
        client.messages.stream(model=MODEL, max_tokens=200, messages=HELLO) as stream,
    ):
        seen += [event.type for event in stream]

    assert "message_stop" not in seen
    assert stage.relay.logged("broken").provider == "first"
    assert stage.second.messages == []


def test_an_error_event_in_mid_stream_comes_as_the_upstream_sent_it(client: anthropic.Anthropic, stage: Stage) -> None:
    stage.first.fault("error-mid", count=1, message="Overloaded in the middle")
    seen: list[str] = []

    def read() -> None:
        with client.messages.stream(model=MODEL, max_tokens=200, messages=HELLO) as stream:
            seen.extend(event.type for event in stream)

    error = refused(read)
    assert error.type == "overloaded_error"
    assert error.api_message == "Overloaded in the middle"
    assert "content_block_delta" in seen
    assert stage.relay.logged("broken").reason == "error event"
    assert stage.second.messages == []


def test_a_stream_cut_politely_does_not_end_politely(client: anthropic.Anthropic, stage: Stage) -> None:
    stage.first.fault("truncate", count=1)
    with (
        pytest.raises(httpx2.RemoteProtocolError),
        client.messages.stream(model=MODEL, max_tokens=200, messages=HELLO) as stream,
    ):
        stream.until_done()

    assert stage.relay.logged("broken").reason == "ended without message_stop"
    assert stage.second.messages == []
