"""What a request needs and an upstream lacks."""

import pytest
from tests.support.builders import claude_code_body, messages_body
from tests.support.providers import prepare, provider

from cc_relay.codec.messages import peek
from cc_relay.errors import Rejection

FOREIGN = ("zai", "minimax", "ollama", "anthropic_compatible")

PNG = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}}
LINKED = {"type": "image", "source": {"type": "url", "url": "https://images.test/cat.png"}}
UPLOADED = {"type": "image", "source": {"type": "file", "file_id": "file_1"}}
PDF = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}}
PLAIN = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "Long ago."}}
SEARCH = {"type": "web_search_20250305", "name": "web_search"}
READ = {"name": "Read", "input_schema": {"type": "object"}}


def lacks(of: str, model: str = "some-model", *blocks: object, **changes: object) -> str | None:
    if blocks:
        changes["messages"] = [{"role": "user", "content": [*blocks, {"type": "text", "text": "Look."}]}]
    seen, _ = peek(messages_body(model=model, **changes))
    return provider(of).lacks(seen)


@pytest.mark.parametrize("of", ["anthropic", *FOREIGN])
def test_an_ordinary_turn_needs_nothing_special(of: str) -> None:
    seen, _ = peek(claude_code_body())
    assert provider(of).lacks(seen) is None


@pytest.mark.parametrize("model", ["claude-opus-5-5", "anthropic/claude-opus-5.5"])
def test_claude_lacks_nothing_behind_a_gateway_either(model: str) -> None:
    of = "anthropic_compatible" if "/" in model else "anthropic"
    assert lacks(of, model, PNG, PDF, UPLOADED, container="c_1", tools=[SEARCH]) is None


@pytest.mark.parametrize("of", FOREIGN)
@pytest.mark.parametrize("field", ["container", "thread", "mcp_servers"])
def test_only_anthropic_keeps_state(of: str, field: str) -> None:
    assert lacks(of, **{field: {"id": "1"}}) == field
    assert lacks(of, **{field: {}}) is None
    assert lacks(of, "some-model", UPLOADED) == "files kept at Anthropic"
    assert lacks(of, "some-model", {"type": "container_upload", "file_id": "file_1"}) == "files kept at Anthropic"


@pytest.mark.parametrize("of", FOREIGN)
def test_a_server_tool_is_missing_even_beside_the_clients_own(of: str) -> None:
    assert lacks(of, tools=[READ, {"type": "code_execution_20250825", "name": "code"}]) == "code_execution_20250825"
    assert lacks(of, tools=[READ, {"type": "tool_search_tool_bm25", "name": "find"}]) == "tool_search_tool_bm25"
    assert lacks(of, tools=[READ, {"type": "custom", **READ, "description": "since_20250101"}]) is None


def test_ollama_searches_the_web() -> None:
    assert lacks("ollama", tools=[SEARCH]) is None
    assert lacks("zai", tools=[SEARCH]) == "web_search_20250305"


@pytest.mark.parametrize(
    ("of", "model", "is_blind"),
    [
        ("zai", "glm-5.3", True),
        ("zai", "glm-4.6v", False),
        ("zai", "GLM-5V-Turbo", False),
        ("zai", "claude-opus-5-5", True),
        ("minimax", "MiniMax-M2.5", True),
        ("minimax", "MiniMax-M3", False),
        ("anthropic_compatible", "deepseek-v4-pro", True),
        ("anthropic_compatible", "deepseek/deepseek-v4-pro", True),
        ("anthropic_compatible", "z-ai/glm-4.6", True),
        ("anthropic_compatible", "z-ai/glm-4.6v", False),
        ("anthropic_compatible", "kimi-k3", False),
        ("ollama", "qwen3-vl", False),
    ],
)
def test_some_models_see_no_images(of: str, model: str, is_blind: bool) -> None:
    assert lacks(of, model, PNG) == ("images" if is_blind else None)


def test_a_mapped_model_is_judged_by_what_it_is_mapped_to() -> None:
    seen, _ = peek(messages_body(model="claude-opus-5-5", messages=[{"role": "user", "content": [PNG]}]))
    assert provider("zai", model_mapping={"claude-*": "glm-4.6v"}).lacks(seen) is None
    assert provider("zai", model_mapping={"claude-*": "glm-4.6"}).lacks(seen) == "images"


def test_ollama_fetches_no_images() -> None:
    assert lacks("ollama", "qwen3-vl", LINKED) == "images by URL"
    assert lacks("minimax", "MiniMax-M3", LINKED) is None


def test_documents_count_unless_they_are_plain_text() -> None:
    assert lacks("ollama", "qwen3", PDF) == "documents"
    assert lacks("zai", "glm-5.3", PDF) == "documents"
    assert lacks("minimax", "MiniMax-M3", PDF) is None
    assert lacks("ollama", "qwen3", PLAIN) is None


def test_what_a_tool_brought_back_counts_too() -> None:
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": "Here."}, PNG]}
    assert lacks("zai", "glm-5.3", result) == "images"


def test_words_about_images_are_no_images() -> None:
    call = {"type": "tool_use", "id": "toolu_1", "name": "Draw", "input": {"kind": "image", "file_id": "x"}}
    said = {"type": "text", "text": '{"type":"image","source":{"type":"file","file_id":"f"}}'}
    assert lacks("zai", "glm-5.3", said, call) is None


@pytest.mark.parametrize(
    "changes",
    [{"tools": [SEARCH, 1]}, {"tools": "_20250305"}, {"messages": ["image"]}, {"messages": [{"content": ["file_id"]}]}],
)
def test_what_cannot_be_read_is_left_to_those_who_say_so(changes: dict[str, object]) -> None:
    assert lacks("zai", "glm-5.3", **changes) is None


@pytest.mark.parametrize("of", FOREIGN)
@pytest.mark.parametrize(
    "changes",
    [
        {"container": "c_1"},
        {"tools": [SEARCH]},
        {"messages": [{"role": "user", "content": [PDF]}]},
        {"messages": [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": [PDF]}]}]},
    ],
)
def test_nothing_is_refused_that_was_not_lacking(of: str, changes: dict[str, object]) -> None:
    body = messages_body(model="some-model", **changes)
    seen, _ = peek(body)
    try:
        prepare(provider(of), body)
    except Rejection:
        assert provider(of).lacks(seen) is not None
