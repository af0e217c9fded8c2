"""What the benchmark says: request bodies and headers, and the upstream's canned answers."""

import base64
import inspect
import json
import struct
import zlib
from dataclasses import dataclass

RELAY_KEY = "bench-relay-key"
UPSTREAM_KEY = "sk-ant-bench-upstream"
JSON_MODEL, STREAM_MODEL, PACED_MODEL = MODELS = ("bench-json", "bench-sse", "bench-paced")

BEDROCK_MODELS = {
    "bedrock-json": "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "bedrock-sse": "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "bedrock-paced": "us.anthropic.claude-opus-4-5-20251101-v1:0",
}
"""The same three by Bedrock, where the address names the model: real ids, since the adaptation of a body reads them."""

BEDROCK_JSON_MODEL, BEDROCK_STREAM_MODEL, BEDROCK_PACED_MODEL = BEDROCK_MODELS

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
        "stream": not model.endswith("-json"),
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
DELTA_DATA = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": " streaming words"}}
OPENING_DATA = (
    {"type": "message_start", "message": MESSAGE},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "ping"},
)
CLOSING_DATA = (
    {"type": "content_block_stop", "index": 0},
    {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn", "stop_sequence": None},
        "usage": {**USAGE, "output_tokens": 296},
    },
    {"type": "message_stop"},
)
STREAM_DATA = (*OPENING_DATA, *[DELTA_DATA] * (STREAM_EVENTS - len(OPENING_DATA) - len(CLOSING_DATA)), *CLOSING_DATA)

DELTA = event(DELTA_DATA)
OPENING = tuple(event(data) for data in OPENING_DATA)
EVENTS = tuple(event(data) for data in STREAM_DATA)
STREAM_BODY = b"".join(EVENTS)

ANSWER = encode(
    {
        **MESSAGE,
        "content": [{"type": "text", "text": "x" * 564}],
        "stop_reason": "end_turn",
        "usage": {**USAGE, "output_tokens": 220},
    }
)


@dataclass(frozen=True)
class Answers:
    """What one kind of upstream sends, ready for the wire: a whole answer, and a stream as head and chunks."""

    whole: bytes
    head: bytes
    chunks: tuple[bytes, ...]
    opening: bytes
    delta: bytes


def answers(head: bytes, media_type: bytes, events: tuple[bytes, ...], delta: bytes) -> Answers:
    chunks = [chunk(each) for each in events]
    return Answers(
        whole=b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n%bcontent-length: %d\r\n\r\n%b"
        % (head, len(ANSWER), ANSWER),
        head=b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\n%btransfer-encoding: chunked\r\n\r\n" % (media_type, head),
        chunks=(*chunks[:-1], chunks[-1] + b"0\r\n\r\n"),
        opening=b"".join(chunks[: len(OPENING_DATA)]),
        delta=chunk(delta),
    )


# Limits no benchmark reaches, so that a relay that learns from them never waits.
_ANTHROPIC_HEAD = (
    b"request-id: req_011BenchmarkBenchmark0001\r\n"
    b"anthropic-organization-id: 00000000-0000-4000-8000-000000000000\r\n"
    b"anthropic-ratelimit-requests-limit: 1000000000\r\n"
    b"anthropic-ratelimit-requests-remaining: 999999999\r\n"
    b"anthropic-ratelimit-requests-reset: 2099-01-01T00:00:00Z\r\n"
    b"anthropic-ratelimit-tokens-limit: 100000000000\r\n"
    b"anthropic-ratelimit-tokens-remaining: 99999999999\r\n"
    b"anthropic-ratelimit-tokens-reset: 2099-01-01T00:00:00Z\r\n"
)
ANTHROPIC = answers(_ANTHROPIC_HEAD, b"text/event-stream; charset=utf-8\r\ncache-control: no-cache", EVENTS, DELTA)

METRICS = {"inputTokenCount": 12, "outputTokenCount": 296, "invocationLatency": 2950, "firstByteLatency": 410}
"""What Bedrock adds to the last event of a stream; the relay takes it out again."""

_BEDROCK_HEAD = (
    b"date: Mon, 23 Nov 2026 12:00:00 GMT\r\n"
    b"x-amzn-requestid: 0b5a4c1e-3f0e-4a52-9a51-0123456789ab\r\n"
    b"x-amzn-bedrock-content-type: application/json\r\n"
)
BEDROCK = answers(
    _BEDROCK_HEAD,
    b"application/vnd.amazon.eventstream",
    (*map(frame, STREAM_DATA[:-1]), frame({**STREAM_DATA[-1], "amazon-bedrock-invocationMetrics": METRICS})),
    frame(DELTA_DATA),
)
