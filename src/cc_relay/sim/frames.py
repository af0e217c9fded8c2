"""An answer as bytes: the frames of a stream, or one JSON message."""

from collections.abc import Iterator

import msgspec
from msgspec import Raw, Struct

from cc_relay.sim.blocks import Answer, Block, InputUsage, RedactedThinking, Text, Thinking, ToolUse
from cc_relay.sim.dialects import Dialect
from cc_relay.sim.words import count_input, pieces

Json = dict[str, object]
PING = b'event: ping\ndata: {"type": "ping"}\n\n'
TOOL_INPUT_PIECE = 16

encode = msgspec.json.encode


class Frames(Struct):
    """A stream ready to send. `tokens[i]` is how many output tokens `events[i]` carries; `block_ends[n]` is how many
    events have gone out when block n is complete."""

    events: list[bytes]
    tokens: list[int]
    block_ends: list[int]

    def add(self, name: str, payload: Json, tokens: int = 0) -> None:
        self.events.append(event(name, payload))
        self.tokens.append(tokens)


def event(name: str, payload: Json) -> bytes:
    """One SSE event; `data.type` repeats the name (Anthropic docs, streaming)."""
    return b"event: %b\ndata: %b\n\n" % (name.encode(), encode({"type": name, **payload}))


def error_event(envelope: bytes) -> bytes:
    """The event that ends a stream in an error."""
    return b"event: error\ndata: %b\n\n" % envelope


def stream_frames(answer: Answer, dialect: Dialect, tokens_per_event: int) -> Frames:
    """Every event of the stream, in order."""
    frames = Frames([], [], [])
    started = message(answer, dialect)
    first_usage = answer.input_usage if dialect.counts_first else InputUsage(0)
    usage = usage_json(first_usage, 1 if dialect.counts_first else 0, dialect, is_first=True)
    frames.add("message_start", {"message": started | {"content": [], **NO_STOP, "usage": usage}})
    for index, block in enumerate(answer.blocks):
        frames.add("content_block_start", {"index": index, "content_block": _opening(block, dialect)})
        if index == 0 and dialect.pings:
            frames.events.append(PING)
            frames.tokens.append(0)
        _add_deltas(frames, index, block, dialect, tokens_per_event)
        frames.add("content_block_stop", {"index": index})
        frames.block_ends.append(len(frames.events))
    delta: Json = {"stop_reason": answer.stop_reason, "stop_sequence": answer.stop_sequence}
    if answer.safeguard_results is not None:
        delta["safeguard_results"] = answer.safeguard_results
    final = usage_json(answer.input_usage, answer.output_tokens, dialect, is_first=False)
    frames.add("message_delta", {"delta": delta, "usage": final})
    frames.add("message_stop", {})
    return frames


NO_STOP: Json = {"stop_reason": None, "stop_sequence": None}


def message(answer: Answer, dialect: Dialect) -> Json:
    """The message of a `stream: false` answer; a stream's `message_start` is the same, emptied."""
    whole: Json = {
        "id": answer.message_id,
        "type": "message",
        "role": "assistant",
        "model": answer.model,
        "content": [_block_json(block, dialect) for block in answer.blocks],
        "stop_reason": answer.stop_reason,
        "stop_sequence": answer.stop_sequence,
        "usage": usage_json(answer.input_usage, answer.output_tokens, dialect, is_first=True),
    }
    if answer.safeguard_results is not None:
        whole["safeguard_results"] = answer.safeguard_results
    return whole


def usage_json(usage: InputUsage, output: int, dialect: Dialect, *, is_first: bool) -> Json:
    """The usage of `message_start` (is_first) or of `message_delta`: the latter has no split and no tier."""
    counts: Json = {"input_tokens": usage.input, "output_tokens": output}
    if not dialect.caches:
        return counts
    counts |= {"cache_creation_input_tokens": usage.cache_write, "cache_read_input_tokens": usage.cache_read}
    if is_first:
        counts["cache_creation"] = {
            "ephemeral_5m_input_tokens": usage.write_5m,
            "ephemeral_1h_input_tokens": usage.write_1h,
        }
        counts["service_tier"] = "standard"
    return counts


def _block_json(block: Block, dialect: Dialect) -> Json:
    match block:
        case Text():
            return {"type": "text", "text": block.text}
        case Thinking():
            signed = {"signature": block.signature} if dialect.sign else {}
            return {"type": "thinking", "thinking": block.thinking, **signed}
        case RedactedThinking():
            return {"type": "redacted_thinking", "data": block.data}
        case ToolUse():
            return {"type": "tool_use", "id": block.id, "name": block.name, "input": block.input}


def _opening(block: Block, dialect: Dialect) -> Json:
    """What `content_block_start` carries: the block before its deltas."""
    match block:
        case Text():
            return _block_json(Text(""), dialect)
        case Thinking():
            return _block_json(Thinking(""), dialect)
        case RedactedThinking():
            return _block_json(block, dialect)  # it has no deltas
        case ToolUse():
            return _block_json(ToolUse(block.name, Raw(b"{}"), block.id), dialect)


def _add_deltas(
    frames: Frames,
    index: int,
    block: Block,
    dialect: Dialect,
    tokens_per_event: int,
) -> None:
    match block:
        case Text():
            _add_prose(frames, index, "text_delta", "text", block.text, tokens_per_event)
        case Thinking():
            _add_prose(frames, index, "thinking_delta", "thinking", block.thinking, tokens_per_event)
            if dialect.sign:
                delta = {"type": "signature_delta", "signature": block.signature}
                frames.add("content_block_delta", {"index": index, "delta": delta})
        case ToolUse():
            for piece in _input_pieces(block, dialect):
                delta = {"type": "input_json_delta", "partial_json": piece}
                frames.add("content_block_delta", {"index": index, "delta": delta}, count_input(len(piece)))
        case RedactedThinking():
            pass


def _add_prose(frames: Frames, index: int, kind: str, field: str, text: str, tokens_per_event: int) -> None:
    """Written by hand rather than through `event`: these are nearly all events of a stream."""
    tokens = pieces(text)
    before = (
        b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,"delta":{"type":"%b","%b":'
        % (
            index,
            kind.encode(),
            field.encode(),
        )
    )
    for start in range(0, len(tokens), tokens_per_event):
        taken = tokens[start : start + tokens_per_event]
        frames.events.append(before + encode("".join(taken)) + b"}}\n\n")
        frames.tokens.append(len(taken))


def _input_pieces(block: ToolUse, dialect: Dialect) -> Iterator[str]:
    text = bytes(block.input).decode()
    if not dialect.splits_tool_input:
        yield text
        return
    yield ""  # Anthropic's first fragment is empty
    if text != "{}":
        for start in range(0, len(text), TOOL_INPUT_PIECE):
            yield text[start : start + TOOL_INPUT_PIECE]
