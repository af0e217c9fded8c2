"""The content of an answer, and the answer whole."""

from msgspec import Raw, Struct


class Text(Struct, frozen=True, tag_field="type", tag="text"):
    text: str


class Thinking(Struct, frozen=True, tag_field="type", tag="thinking"):
    """`signature` empty: the dialect signs it."""

    thinking: str
    signature: str = ""


class RedactedThinking(Struct, frozen=True, tag_field="type", tag="redacted_thinking"):
    data: str


class ToolUse(Struct, frozen=True, tag_field="type", tag="tool_use"):
    """`input` is the JSON of the arguments; `id` empty: the dialect makes one."""

    name: str
    input: Raw = Raw(b"{}")
    id: str = ""


Block = Text | Thinking | RedactedThinking | ToolUse


class InputUsage(Struct, frozen=True):
    """LLM tokens of a prompt; the counts are disjoint."""

    input: int
    cache_read: int = 0
    write_5m: int = 0
    write_1h: int = 0

    @property
    def cache_write(self) -> int:
        return self.write_5m + self.write_1h


class Answer(Struct, frozen=True):
    """One message, decided but not yet written.

    `safeguard_results` is the JSON that answers a request's `safeguards`; None where there were none.
    """

    message_id: str
    model: str
    blocks: tuple[Block, ...]
    stop_reason: str
    stop_sequence: str | None
    input_usage: InputUsage
    output_tokens: int
    safeguard_results: Raw | None = None
