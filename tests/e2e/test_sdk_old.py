"""The official SDK before 1.0, in its own interpreter, through the relay."""

import json
import subprocess
from pathlib import Path

import pytest
from tests.support.e2e_stage import RELAY_KEY, RelayProcess, Stage, environ, write_config

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-sdk0" / "bin" / "python"
SCRIPT = ROOT / "tests" / "support" / "e2e_old_sdk.py"
Json = dict[str, object]

CLASSES = {
    "400": ("BadRequestError", 400, "invalid_request_error"),
    "402": ("APIStatusError", 402, "billing_error"),
    "404": ("NotFoundError", 404, "not_found_error"),
    "413": ("RequestTooLargeError", 413, "request_too_large"),
    "429": ("RateLimitError", 429, "rate_limit_error"),
    "500": ("InternalServerError", 500, "api_error"),
    "503": ("InternalServerError", 503, "api_error"),
    "529": ("OverloadedError", 529, "overloaded_error"),
}

FAULTY_MODELS = {"529": "claude-haiku-5-5", "error-in-band": "claude-opus-4-8", "reset-mid": "claude-sonnet-4-6"}
"""What the first provider does when asked for these; the script asks for each."""

pytestmark = pytest.mark.skipif(not PYTHON.exists(), reason="no .venv-sdk0: `./dev test` makes it")


@pytest.fixture(scope="module")
def outcomes(running_stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Json]:
    """What happened in each scenario; all run once, in one process."""
    running_stage.reset()
    for fault, model in FAULTY_MODELS.items():
        running_stage.first.fault(fault, for_model=model)
    home = tmp_path_factory.mktemp("old-sdk")
    config = write_config(home, first=running_stage.first.url, second=running_stage.second.url)
    with RelayProcess(config) as one, RelayProcess(config) as other:
        command = [str(PYTHON), str(SCRIPT), running_stage.url, RELAY_KEY, one.url, other.url]
        ended = subprocess.run(command, env=environ(home), capture_output=True, text=True, timeout=50, check=False)
    assert ended.returncode == 0, ended.stderr
    found: dict[str, Json] = json.loads(ended.stdout)
    return {**found, "errors": found["errors"] | found["spoiling_errors"]}


def test_it_is_an_old_one(outcomes: dict[str, Json]) -> None:
    assert str(outcomes["version"]).startswith("0.")


def test_a_message_is_created_with_the_key_as_api_key(outcomes: dict[str, Json]) -> None:
    created = outcomes["create"]
    assert created["credentials"] == [RELAY_KEY, None]
    assert created["message"]["stop_reason"] == "end_turn"
    assert created["request_id"].startswith("req_")


def test_the_key_is_taken_as_bearer_too(outcomes: dict[str, Json]) -> None:
    assert outcomes["bearer"] == "message"


def test_text_is_streamed(outcomes: dict[str, Json]) -> None:
    streamed = outcomes["text"]
    assert (streamed["first"], streamed["last"], streamed["provider"]) == ("message_start", "message_stop", "first")
    assert streamed["message"]["content"][0]["text"]


def test_thinking_and_parallel_tools_are_streamed(outcomes: dict[str, Json]) -> None:
    message = outcomes["tools"]["message"]
    assert [block["type"] for block in message["content"]] == ["thinking", "text", "tool_use", "tool_use"]
    assert message["content"][0]["signature"]
    assert [block["name"] for block in message["content"][2:]] == ["Read", "Glob"]
    assert message["stop_reason"] == "tool_use"


def test_tokens_are_counted(outcomes: dict[str, Json]) -> None:
    assert outcomes["count"] > 0


def test_models_are_listed_page_by_page_and_described(outcomes: dict[str, Json]) -> None:
    models = outcomes["models"]
    assert models["paged"] == models["whole"]
    assert "claude-sonnet-5-5" in models["whole"]
    assert models["one"] == "Claude Sonnet 5.5"


@pytest.mark.parametrize("fault", CLASSES)
def test_an_upstreams_error_has_its_class(fault: str, outcomes: dict[str, Json]) -> None:
    error = outcomes["errors"][fault]
    kind, status, error_type = CLASSES[fault]

    assert (error["class"], error["status"], error["body"]["error"]["type"]) == (kind, status, error_type)
    assert error["request_id"] == error["body"]["request_id"]
    assert error["retry_after"] == ("7" if fault == "429" else None)


def test_a_wrong_key_is_an_authentication_error(outcomes: dict[str, Json]) -> None:
    assert (outcomes["wrong_key"]["class"], outcomes["wrong_key"]["status"]) == ("AuthenticationError", 401)


@pytest.mark.parametrize(
    ("scenario", "provider"), [("overloaded", "second"), ("early_error", "second"), ("unreachable", "first")]
)
def test_an_unwell_provider_is_passed_over(scenario: str, provider: str, outcomes: dict[str, Json]) -> None:
    assert outcomes[scenario]["provider"] == provider
    assert outcomes[scenario]["message"]["stop_reason"] == "end_turn"


def test_a_break_in_mid_stream_is_an_error(outcomes: dict[str, Json]) -> None:
    assert outcomes["break"]["class"] == "RemoteProtocolError"
