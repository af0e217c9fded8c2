"""Requests and streams to test with: small ones to vary, and ones shaped like the real client's."""

import json
from collections.abc import Sequence

import msgspec

from cc_relay.exchange import Headers, RelayRequest

SESSION = "6f2b1c7e-0d4a-4a53-9c0e-3d1f5a8b7c21"

MESSAGE_ID = "msg_01BuilderAAAAAAAAAAAAAAA"

Tool = tuple[str, dict[str, object]]
"""A tool call: its name and its input."""


def messages_body(**changes: object) -> bytes:
    """A small valid Messages body; `changes` replace or add top-level fields, None removes one."""
    body: dict[str, object] = {
        "model": "claude-sonnet-5-5",
        "max_tokens": 64,
        "messages": [{"role": "user", "content": "What is the capital of Portugal?"}],
    }
    body.update(changes)
    return json.dumps({key: value for key, value in body.items() if value is not None}).encode()


def claude_code_body(size: int = 49_000, **changes: object) -> bytes:
    """A Claude Code turn of exactly `size` bytes (at least 45,000), its fields in the order the client writes them.

    Shape as Claude Code 2.1 sends its first turn: a reminder and the prompt, then a message of role `system`; three
    system blocks; twelve tools, some deferred; three cache breakpoints. `changes` replace or add top-level fields,
    None removes one. The text is invented; the system prompt is as long as `size` asks for.
    """
    user_id = json.dumps({"device_id": "5e" * 32, "account_uuid": "", "session_id": SESSION}, separators=(",", ":"))
    prompt = {"type": "text", "text": "", **_CACHED}
    body: dict[str, object] = {
        "model": "claude-opus-5-5",
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": f"<system-reminder>\n{_prose(5000)}\n</system-reminder>"},
                    {"type": "text", "text": "Say hello — in Portuguese: “olá”."},
                ],
            },
            {
                "role": "system",
                "content": [{"type": "text", "text": _prose(4000), **_CACHED}],
                "output_config": {"effort": "medium"},
            },
        ],
        "system": [
            {
                "type": "text",
                "text": "x-anthropic-billing-header: cc_version=2.1.330.a1b; cc_entrypoint=sdk-cli;",
            },
            {"type": "text", "text": "You are a careful assistant for people who write programs.", **_CACHED},
            prompt,
        ],
        "tools": [_tool(name, deferred=number > 9) for number, name in enumerate(_TOOLS)],
        "metadata": {"user_id": user_id},
        "max_tokens": 128_000,
        "thinking": {"type": "adaptive", "display": "omitted"},
        "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
        "output_config": {"effort": "medium"},
        "stream": True,
    }
    body.update(changes)
    body = {key: value for key, value in body.items() if value is not None}
    missing = size - len(_dump(body))
    if missing < 0:
        raise ValueError(f"a Claude Code body of these fields has {size - missing} bytes or more")
    prompt["text"] = _prose(missing)
    return _dump(body)


def claude_code_headers(credential: bytes = b"sk-ant-api03-invented", **changes: bytes) -> Headers:
    """The 20 header lines of a Claude Code turn, names in lower case, in the order the client writes them.

    `content-length` is left to whoever sends them. `changes` replace values: `x_app=b"cli-bg"`.
    """
    headers: Headers = [
        (b"accept", b"application/json"),
        (b"content-type", b"application/json"),
        (b"user-agent", b"claude-cli/2.1.330 (external, sdk-cli)"),
        (b"x-claude-code-session-id", SESSION.encode()),
        (b"x-stainless-arch", b"x64"),
        (b"x-stainless-lang", b"js"),
        (b"x-stainless-os", b"Linux"),
        (b"x-stainless-package-version", b"0.128.0"),
        (b"x-stainless-retry-count", b"0"),
        (b"x-stainless-runtime", b"node"),
        (b"x-stainless-runtime-version", b"v24.3.0"),
        (b"x-stainless-timeout", b"600"),
        (
            b"anthropic-beta",
            (
                b"claude-code-20250219,interleaved-thinking-2025-05-14,context-management-2025-06-27,"
                b"thinking-token-count-2026-05-13,advanced-tool-use-2025-11-20,effort-2025-11-24"
            ),
        ),
        (b"anthropic-dangerous-direct-browser-access", b"true"),
        (b"anthropic-version", b"2023-06-01"),
        (b"x-api-key", credential),
        (b"x-app", b"cli"),
        (b"connection", b"keep-alive"),
        (b"host", b"127.0.0.1:8787"),
        (b"accept-encoding", b"gzip, deflate, br, zstd"),
    ]
    new = {name.replace("_", "-").encode(): value for name, value in changes.items()}
    return [(name, new.get(name, value)) for name, value in headers]


def relay_request(**changes: object) -> RelayRequest:
    """A small Messages request as `net` hands it over; `changes` replace fields of RelayRequest."""
    request = RelayRequest(
        method="POST",
        path="/v1/messages",
        query="",
        headers=[
            (b"host", b"127.0.0.1:8787"),
            (b"content-type", b"application/json"),
            (b"anthropic-version", b"2023-06-01"),
            (b"x-api-key", b"sk-ant-api03-invented"),
        ],
        body=messages_body(),
        id="req_builder",
        arrived_at=1000.0,
        named={},
    )
    request = msgspec.structs.replace(request, **changes)
    return msgspec.structs.replace(request, named=dict(request.headers))


def event(name: str, **fields: object) -> bytes:
    """One server-sent event as Anthropic writes it; its `type` is its name."""
    return f"event: {name}\ndata: {json.dumps({'type': name, **fields}, separators=(',', ':'))}\n\n".encode()


PING = b'event: ping\ndata: {"type": "ping"}\n\n'


def sse_stream(
    text_chunks: Sequence[str] = ("Hello", ", ", "world"),
    *,
    thinking: str = "",
    tools: Sequence[Tool] = (),
    model: str = "claude-sonnet-5-5",
    input_tokens: int = 25,
    output_tokens: int = 15,
    cache_read: int = 0,
    cache_write_5m: int = 0,
    cache_write_1h: int = 0,
) -> list[bytes]:
    """A valid Messages stream, one bytes for each event: thinking, then text, then tool calls, where given.

    Order and fields as Anthropic's streaming page has them: `message_start` counts the input and one token of output,
    the final `message_delta` the whole output.
    """
    usage = {
        "input_tokens": input_tokens,
        "cache_creation_input_tokens": cache_write_5m + cache_write_1h,
        "cache_read_input_tokens": cache_read,
        "cache_creation": {"ephemeral_5m_input_tokens": cache_write_5m, "ephemeral_1h_input_tokens": cache_write_1h},
        "output_tokens": 1,
        "service_tier": "standard",
    }
    message: Fields = {
        "id": MESSAGE_ID,
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": usage,
    }
    blocks = [
        *([_thinking_block(thinking)] if thinking else []),
        *([_text_block(text_chunks)] if text_chunks else []),
        *(_tool_block(number, tool) for number, tool in enumerate(tools)),
    ]
    stop = {"stop_reason": "tool_use" if tools else "end_turn", "stop_sequence": None}
    return [
        event("message_start", message=message),
        PING,
        *(one for index, (start, deltas) in enumerate(blocks) for one in _block(index, start, deltas)),
        event("message_delta", delta=stop, usage={"output_tokens": output_tokens}),
        event("message_stop"),
    ]


Fields = dict[str, object]


def _block(index: int, start: Fields, deltas: Sequence[Fields]) -> list[bytes]:
    return [
        event("content_block_start", index=index, content_block=start),
        *(event("content_block_delta", index=index, delta=delta) for delta in deltas),
        event("content_block_stop", index=index),
    ]


def _text_block(chunks: Sequence[str]) -> tuple[Fields, list[Fields]]:
    return {"type": "text", "text": ""}, [{"type": "text_delta", "text": chunk} for chunk in chunks]


def _thinking_block(thinking: str) -> tuple[Fields, list[Fields]]:
    return {"type": "thinking", "thinking": "", "signature": ""}, [
        {"type": "thinking_delta", "thinking": thinking},
        {"type": "signature_delta", "signature": "EqQBCgIYAhIBuilderSignature=="},
    ]


def _tool_block(number: int, tool: Tool) -> tuple[Fields, list[Fields]]:
    name, arguments = tool
    written = json.dumps(arguments)
    half = len(written) // 2
    return {"type": "tool_use", "id": f"toolu_01Builder{number:010d}", "name": name, "input": {}}, [
        {"type": "input_json_delta", "partial_json": part} for part in ("", written[:half], written[half:])
    ]


_CACHED = {"cache_control": {"type": "ephemeral"}}

_TOOLS = (
    "Agent", "Bash", "Edit", "Glob", "Grep", "Read", "Skill", "TaskList", "WebFetch", "Write",
    "DeferredToolPlaceholder", "NotebookEdit",
)  # fmt: skip

_SENTENCES = (
    "Read a file before you change it, and keep the change as small as it can be. "
    "Where two readings of a task are possible, name both and take the likelier one. "
    "Paths with spaces need “quotes”; a tab is \\t and a newline ends the line.\n"
)


def _prose(size: int) -> str:
    """Invented text whose JSON (with non-ASCII characters as they are) adds exactly `size` bytes."""
    whole = len(_dump(_SENTENCES)) - 2
    times = size // whole
    return _SENTENCES * times + "." * (size - times * whole)


def _tool(name: str, *, deferred: bool) -> dict[str, object]:
    tool: dict[str, object] = {
        "name": name,
        "description": f"{name}: {_prose(2200)}",
        "input_schema": {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": {
                "path": {"type": "string", "description": "The absolute path of the file"},
                "limit": {"type": "integer", "minimum": 1, "description": "How many lines at most"},
            },
            "required": ["path"],
            "additionalProperties": False,
        },
    }
    return {**tool, "defer_loading": True} if deferred else tool


def _dump(value: object) -> bytes:
    # As JavaScript's JSON.stringify writes it.
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
