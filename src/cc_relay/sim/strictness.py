"""What a simulated provider refuses in a request, as the real one does."""

import re

import msgspec

from cc_relay.sim.ask import WireBody, WireMessage, block_type, read_string
from cc_relay.sim.dialects import Dialect, is_claude_signature

TOOL_ID = re.compile(r"[a-zA-Z0-9_-]+\Z")
MISSING = re.compile(r"missing required field `(.+?)`(?: - at `\$\.?(.*)`)?")

UNSIGNED_THINKING = "messages.{}.content.{}.thinking.signature: Field required"
EMPTY_REDACTED = "messages.{}.content.{}: Invalid `data` in `redacted_thinking` block"
FOREIGN_THINKING = "messages.{}.content.{}: Invalid `signature` in `thinking` block"
TOOL_ID_PATTERN = "messages.{}.content.{}.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'"
LEADING_SYSTEM = "messages.0: use the top-level 'system' parameter for the initial system prompt"
UNANSWERED = (
    "messages.{}: `tool_use` ids were found without `tool_result` blocks immediately after: {}. "
    "Each `tool_use` block must have a corresponding `tool_result` block in the next message."
)
ORPHAN = (
    "messages.{}.content.{}: unexpected `tool_use_id` found in `tool_result` blocks: {}. "
    "Each `tool_result` block must have a corresponding `tool_use` block in the previous message."
)


def decoding_complaint(error: msgspec.DecodeError) -> str:
    """Anthropic's words for a body that could not be read."""
    text = str(error)
    if not isinstance(error, msgspec.ValidationError):
        return f"The request body is not valid JSON: {text}"
    missing = MISSING.search(text)
    if missing is None:
        return text
    field, place = missing.groups()
    where = re.sub(r"\[(\d+)\]", r".\1", place or "")
    return f"{where}.{field}: Field required" if where else f"{field}: Field required"


def complaint(body: WireBody, dialect: Dialect) -> str | None:
    """What is wrong with this request in the eyes of `dialect`, or None."""
    if not body.model:
        return "model: Field required"
    if not body.messages:
        return "messages: at least one message is required"
    if body.max_tokens is None and dialect.is_strict:
        return "max_tokens: Field required"
    if dialect.name == "ollama" and not body.max_tokens:
        return "max_tokens is required and must be positive"
    if (body.max_tokens or 0) < 0:
        return "max_tokens: Input should be greater than or equal to 0"
    return _history_complaint(body.messages) if dialect.is_strict else None


def _history_complaint(messages: list[WireMessage]) -> str | None:
    if messages[0].role == "system":
        return LEADING_SYSTEM
    asked: list[str] = []
    for number, message in enumerate(messages):
        answered = _tool_ids(message, "tool_result", "tool_use_id")
        missing = [tool_id for tool_id in asked if tool_id not in answered]
        if missing:
            return UNANSWERED.format(number - 1, ", ".join(missing))
        for position, tool_id in answered.items():
            if position not in asked:
                return ORPHAN.format(number, tool_id, position)
        asked = list(_tool_ids(message, "tool_use", "id")) if message.role == "assistant" else []
        found = _block_complaint(number, message)
        if found is not None:
            return found
    return UNANSWERED.format(len(messages) - 1, ", ".join(asked)) if asked else None


def _tool_ids(message: WireMessage, kind: str, field: str) -> dict[str, int]:
    """The ids that blocks of this kind carry, with their positions."""
    if isinstance(message.content, str):
        return {}
    return {
        read_string(block, field): position
        for position, block in enumerate(message.content)
        if block_type(block) == kind
    }


def _block_complaint(number: int, message: WireMessage) -> str | None:
    if isinstance(message.content, str) or message.role != "assistant":
        return None
    for position, block in enumerate(message.content):
        kind = block_type(block)
        if kind == "thinking" and "signature" not in block:
            return UNSIGNED_THINKING.format(number, position)
        if kind == "redacted_thinking" and not read_string(block, "data"):
            return EMPTY_REDACTED.format(number, position)
        if kind == "thinking" and not is_claude_signature(read_string(block, "signature")):
            return FOREIGN_THINKING.format(number, position)
        if kind == "tool_use" and not TOOL_ID.match(read_string(block, "id")):
            return TOOL_ID_PATTERN.format(number, position)
    return None
