"""What the benchmark says: request bodies and headers, and the upstream's canned answers."""

import base64
import inspect
import json
import struct
import zlib

RELAY_KEY = "bench-relay-key"
UPSTREAM_KEY = "sk-ant-bench-upstream"
JSON_MODEL, STREAM_MODEL, PACED_MODEL = MODELS = ("bench-json", "bench-sse", "bench-paced")

STREAM_EVENTS = 302

CODE = inspect.getsource(inspect)
"""What conversations with Claude Code mostly carry: source code; about every thirtieth character is escaped."""

# The head Claude Code sends, so that parsing and copying headers cost what they cost in life.
HEADERS: tuple[tuple[str, str], ...] = (
    ("Accept", "application/json"),
    ("Content-Type", "application/json"),
    ("User-Agent", "claude-cli/2.1.330 (external, cli)"),
    ("X-Claude-Code-Session-Id", "7b1f5a52-9c1d-4c59-8f0e-2f4b7d1c9a10"),
    ("X-Stainless-Arch", "x64"),
    ("X-Stainless-Lang", "js"),
    ("X-Stainless-OS", "Linux"),
    ("X-Stainless-Package-Version", "0.128.0"),
    ("X-Stainless-Retry-Count", "0"),
    ("X-Stainless-Runtime", "node"),
    ("X-Stainless-Runtime-Version", "v24.3.0"),
    ("X-Stainless-Timeout", "600"),
    ("anthropic-beta", "claude-code-20250219,interleaved-thinking-2025-05-14,fine-grained-tool-streaming-2025-05-14"),
    ("anthropic-dangerous-direct-browser-access", "true"),
    ("anthropic-version", "2023-06-01"),
    ("x-api-key", RELAY_KEY),
    ("x-app", "cli"),
    ("Accept-Encoding", "gzip, deflate, br, zstd"),
)


def request_body(model: str, size: int) -> bytes:
    """A Messages body of exactly `size` bytes (>= 600): a system prompt, a tool, then turns of conversation."""
    body = {
        "model": model,
        "max_tokens": 1024,
        "stream": model != JSON_MODEL,
        "metadata": {"user_id": '{"session_id":"7b1f5a52-9c1d-4c59-8f0e-2f4b7d1c9a10"}'},
        "system": [{"type": "text", "text": "You answer briefly.", "cache_control": {"type": "ephemeral"}}],
        "tools": [{"name": "read", "description": "Reads a file.", "input_schema": {"type": "object"}}],
        "messages": [{"role": "user", "content": ""}],
    }
    turns = []
    turn_size = 2000
    while size - len(encode({**body, "messages": [*body["messages"], *turns]})) > 2 * turn_size:
        role = "user" if len(turns) % 2 else "assistant"
        start = len(turns) * turn_size % (len(CODE) - turn_size)
        turns.append({"role": role, "content": [{"type": "text", "text": CODE[start : start + turn_size]}]})
    body["messages"] = [*body["messages"], *turns]
    body["messages"][0]["content"] = "x" * (size - len(encode(body)))
    return encode(body)


def request_bytes(model: str, size: int, authority: str) -> bytes:
    """A whole HTTP/1.1 request for /v1/messages."""
    body = request_body(model, size)
    lines = [f"POST /v1/messages?beta=true HTTP/1.1\r\nHost: {authority}\r\n"]
    lines += [f"{name}: {value}\r\n" for name, value in HEADERS]
    return "".join(lines).encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body


def event(data: dict[str, object]) -> bytes:
    """One server-sent event as Anthropic frames it."""
    return b"event: %s\ndata: %s\n\n" % (str(data["type"]).encode(), encode(data))


def frame(data: dict[str, object]) -> bytes:
    """One event as Bedrock frames it (AWS event stream), padding included."""
    names = {":event-type": "chunk", ":content-type": "application/json", ":message-type": "event"}
    headers = b"".join(
        struct.pack(f">B{len(name)}sBH{len(value)}s", len(name), name.encode(), 7, len(value), value.encode())
        for name, value in names.items()
    )
    payload = encode({"bytes": base64.b64encode(encode(data)).decode(), "p": "abcdefghijklmnopqrstuvwxyz"})
    lengths = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    message = lengths + struct.pack(">I", zlib.crc32(lengths)) + headers + payload
    return message + struct.pack(">I", zlib.crc32(message))


def chunk(data: bytes) -> bytes:
    """One chunk of a chunked body."""
    return b"%x\r\n%s\r\n" % (len(data), data)


def dechunk(data: bytes) -> bytes:
    """The body inside a complete chunked one; chunks may be cut anywhere, as proxies do."""
    parts, at = [], 0
    while True:
        line_end = data.index(b"\r\n", at)
        size = int(data[at:line_end], 16)
        if size == 0:
            return b"".join(parts)
        parts.append(data[line_end + 2 : line_end + 2 + size])
        at = line_end + 2 + size + 2


def encode(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


USAGE = {
    "input_tokens": 12,
    "cache_creation_input_tokens": 180,
    "cache_read_input_tokens": 20480,
    "cache_creation": {"ephemeral_5m_input_tokens": 180, "ephemeral_1h_input_tokens": 0},
    "output_tokens": 1,
    "service_tier": "standard",
}
MESSAGE = {
    "id": "msg_01BenchmarkBenchmark0001",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-5-20250929",
    "content": [],
    "stop_reason": None,
    "stop_sequence": None,
    "usage": USAGE,
}
OPENING = (
    event({"type": "message_start", "message": MESSAGE}),
    event({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
    event({"type": "ping"}),
)
DELTA_DATA = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": " streaming words"}}
DELTA = event(DELTA_DATA)
CLOSING = (
    event({"type": "content_block_stop", "index": 0}),
    event(
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": None},
            "usage": {**USAGE, "output_tokens": 296},
        }
    ),
    event({"type": "message_stop"}),
)
EVENTS = (*OPENING, *[DELTA] * (STREAM_EVENTS - len(OPENING) - len(CLOSING)), *CLOSING)

ANSWER = encode(
    {
        **MESSAGE,
        "content": [{"type": "text", "text": "x" * 564}],
        "stop_reason": "end_turn",
        "usage": {**USAGE, "output_tokens": 220},
    }
)

# Limits no benchmark reaches, so that a relay that learns from them never waits.
_COMMON_HEAD = (
    b"request-id: req_011BenchmarkBenchmark0001\r\n"
    b"anthropic-organization-id: 00000000-0000-4000-8000-000000000000\r\n"
    b"anthropic-ratelimit-requests-limit: 1000000000\r\n"
    b"anthropic-ratelimit-requests-remaining: 999999999\r\n"
    b"anthropic-ratelimit-requests-reset: 2099-01-01T00:00:00Z\r\n"
    b"anthropic-ratelimit-tokens-limit: 100000000000\r\n"
    b"anthropic-ratelimit-tokens-remaining: 99999999999\r\n"
    b"anthropic-ratelimit-tokens-reset: 2099-01-01T00:00:00Z\r\n"
)
JSON_RESPONSE = (
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n%scontent-length: %d\r\n\r\n%s"
    % (_COMMON_HEAD, len(ANSWER), ANSWER)
)  # fmt: skip
STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\n"
    b"%stransfer-encoding: chunked\r\n\r\n" % _COMMON_HEAD
)
STREAM_CHUNKS = (*(chunk(each) for each in EVENTS[:-1]), chunk(EVENTS[-1]) + b"0\r\n\r\n")
OPENING_CHUNKS = b"".join(chunk(each) for each in OPENING)
DELTA_CHUNK = chunk(DELTA)
STREAM_BODY = b"".join(EVENTS)
