"""The builders give what the Messages API would take, and what it would send."""

import json

import pytest
from tests.support.builders import (
    claude_code_body,
    claude_code_headers,
    messages_body,
    relay_request,
    sse_stream,
)


def events(stream: list[bytes]) -> list[dict[str, object]]:
    parsed = []
    for one in stream:
        name, data, *rest = one.decode().split("\n")
        assert rest == ["", ""]
        parsed.append(json.loads(data.removeprefix("data: ")))
        assert name == f"event: {parsed[-1]['type']}"
    return parsed


def test_fields_of_a_body_are_replaced_added_and_removed() -> None:
    body = json.loads(messages_body(model="glm-5", stream=True, max_tokens=None))

    assert body.keys() == {"model", "messages", "stream"}
    assert (body["model"], body["stream"]) == ("glm-5", True)


@pytest.mark.parametrize("size", [45_000, 49_000, 1_600_000])
def test_a_claude_code_body_has_its_size_and_its_order(size: int) -> None:
    body = claude_code_body(size)

    assert len(body) == size
    assert list(json.loads(body)) == [
        "model", "messages", "system", "tools", "metadata", "max_tokens", "thinking", "context_management",
        "output_config", "stream",
    ]  # fmt: skip
    assert body.count(b'"cache_control"') == 3


def test_a_claude_code_body_names_the_session_of_its_headers() -> None:
    user_id = json.loads(json.loads(claude_code_body())["metadata"]["user_id"])

    assert (b"x-claude-code-session-id", user_id["session_id"].encode()) in claude_code_headers()


def test_a_size_too_small_for_its_fields_is_refused() -> None:
    with pytest.raises(ValueError, match="bytes or more"):
        claude_code_body(500)


def test_claude_code_sends_twenty_headers() -> None:
    headers = claude_code_headers(x_app=b"cli-bg")

    assert len(headers) == 20
    assert all(name == name.lower() for name, _ in headers)
    assert (b"x-app", b"cli-bg") in headers


def test_fields_of_a_request_are_replaced() -> None:
    request = relay_request(query="beta=true", body=b"{}")

    assert (request.path, request.query, request.body) == ("/v1/messages", "beta=true", b"{}")


def test_a_stream_opens_and_closes_each_block_in_order() -> None:
    kinds = [one["type"] for one in events(sse_stream(["a"], thinking="hm", tools=[("Bash", {"command": "ls"})]))]

    block = ["content_block_start", *["content_block_delta"] * 2, "content_block_stop"]
    text = ["content_block_start", "content_block_delta", "content_block_stop"]
    tool = ["content_block_start", *["content_block_delta"] * 3, "content_block_stop"]
    assert kinds == ["message_start", "ping", *block, *text, *tool, "message_delta", "message_stop"]


def test_a_tools_input_is_whole_when_its_pieces_are_joined() -> None:
    stream = events(sse_stream([], tools=[("Bash", {"command": "echo 'olá'"})]))
    pieces = [one["delta"]["partial_json"] for one in stream if one["type"] == "content_block_delta"]

    assert json.loads("".join(pieces)) == {"command": "echo 'olá'"}
    assert stream[-2]["delta"]["stop_reason"] == "tool_use"
