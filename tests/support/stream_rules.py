"""The order rules every Messages stream keeps, as one assertion (Anthropic docs, streaming)."""

import json
from collections.abc import Iterable
from typing import Any

Event = dict[str, Any]
"""One event's data; tests look into it freely."""

DELTAS = {
    "text": {"text_delta", "citations_delta"},
    "thinking": {"thinking_delta", "signature_delta"},
    "tool_use": {"input_json_delta"},
    "redacted_thinking": set[str](),
}


def read_events(frames: Iterable[bytes]) -> list[Event]:
    """The data of each frame; every frame must name its event, and the data must repeat the name."""
    events = []
    for frame in b"".join(frames).split(b"\n\n"):
        if not frame:
            continue
        name, data = frame.split(b"\n")
        assert name.startswith(b"event: "), frame
        assert data.startswith(b"data: "), frame
        event: Event = json.loads(data[6:])
        assert event["type"] == name[7:].decode(), frame
        events.append(event)
    return events


def assert_valid_stream(frames: Iterable[bytes], *, is_complete: bool = True) -> list[Event]:
    """Hold a stream against the order rules; return its events. An incomplete one may stop anywhere."""
    events = read_events(frames)
    story = [event for event in events if event["type"] != "ping"]
    if not is_complete and story and story[-1]["type"] == "error":
        story.pop()
    kinds = [event["type"] for event in story]
    if not story:
        assert not is_complete, "an empty stream"
        return events
    assert kinds[0] == "message_start"
    assert kinds.count("message_start") == 1
    started = story[0]["message"]
    assert started["content"] == []
    assert started["stop_reason"] is None
    rest = _check_blocks(story[1:])
    after = [event["type"] for event in rest]
    if is_complete:
        assert after[-1:] == ["message_stop"]
        assert after[:-1] == ["message_delta"] * (len(after) - 1), after
        assert len(after) >= 2, "no message_delta"
    else:
        assert set(after) <= {"message_delta"}, after
    return events


def _check_blocks(story: list[Event]) -> list[Event]:
    """Blocks come one after another, each with its own kind of deltas; return what follows them."""
    number, open_kind = -1, None
    signatures = 0
    for position, event in enumerate(story):
        match event["type"]:
            case "content_block_start":
                assert open_kind is None, "blocks interleave"
                number += 1
                assert event["index"] == number
                open_kind, signatures = event["content_block"]["type"], 0
            case "content_block_delta":
                assert event["index"] == number
                assert open_kind is not None, "a delta outside its block"
                kind = event["delta"]["type"]
                assert kind in DELTAS[open_kind], f"{kind} in {open_kind}"
                assert not signatures, "a signature is the last delta"
                signatures += kind == "signature_delta"
            case "content_block_stop":
                assert event["index"] == number
                assert open_kind is not None
                open_kind = None
            case _:
                assert open_kind is None, "a block was left open"
                return story[position:]
    return []


def assemble(events: Iterable[Event]) -> list[Event]:
    """The finished content blocks a client makes of a stream; `input` is parsed."""
    blocks: list[Event] = []
    arguments = ""
    for event in events:
        match event["type"]:
            case "content_block_start":
                blocks.append(dict(event["content_block"]))
                arguments = ""
            case "content_block_delta":
                delta = event["delta"]
                match delta["type"]:
                    case "text_delta":
                        blocks[-1]["text"] += delta["text"]
                    case "thinking_delta":
                        blocks[-1]["thinking"] += delta["thinking"]
                    case "signature_delta":
                        blocks[-1]["signature"] = delta["signature"]
                    case "input_json_delta":
                        arguments += delta["partial_json"]
            case "content_block_stop" if blocks[-1]["type"] == "tool_use":
                blocks[-1]["input"] = json.loads(arguments or "{}")
    return blocks


def final_usage(events: Iterable[Event]) -> dict[str, int]:
    """Usage as a client counts it: cumulative, later values replace earlier ones."""
    usage: dict[str, int] = {}
    for event in events:
        if event["type"] == "message_start":
            usage |= event["message"]["usage"]
        elif event["type"] == "message_delta":
            usage |= {name: value for name, value in event["usage"].items() if value is not None}
    return usage
