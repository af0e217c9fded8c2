"""The corpus of conversations that other families took part in, and the rules Claude holds one to."""

import json
import re
from pathlib import Path

Message = dict[str, object]
Block = dict[str, object]

FOLDER = Path(__file__).parents[1] / "fixtures" / "conversations"
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))

_ID = re.compile(r"[a-zA-Z0-9_-]+")


def conversation(name: str) -> dict[str, object]:
    """`says`, `messages`, and what Claude gets: `cleaned`, and `without_thinking` where that differs; None: as is."""
    return json.loads((FOLDER / f"{name}.json").read_text())


def compact(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def blocks_of(message: Message) -> list[Block]:
    """A message's blocks; text is one block."""
    content = message["content"]
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def check_pairs(messages: list[Message]) -> None:
    """Every call is answered in the next message, results first, each id once (Anthropic docs, Implement tool use)."""
    seen: set[str] = set()
    asked: list[str] = []
    for message in messages:
        blocks = blocks_of(message)
        kinds = [block["type"] for block in blocks]
        results = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
        assert sorted(results) == sorted(asked), "every result answers a call of the message before, and each is there"
        assert kinds[: len(results)] == ["tool_result"] * len(results), "results come first"
        if message["role"] != "system":
            assert blocks, "nobody says nothing"
        asked = [block["id"] for block in blocks if block["type"] == "tool_use"]
        assert seen.isdisjoint(asked), "no id is used twice"
        assert len(asked) == len(set(asked)), "no id is used twice"
        assert all(_ID.fullmatch(id_) for id_ in asked)
        seen.update(asked)
