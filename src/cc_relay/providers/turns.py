"""Messages as turns: system messages folded into them, neighbours of one role joined."""

from collections.abc import Callable, Iterable

from msgspec import Raw
from msgspec.json import encode

from cc_relay.providers.blocks import Block, kind_of, text_block
from cc_relay.providers.raw_json import Object, inner, is_list, is_string, read_objects
from cc_relay.providers.system import plain_note, system_note


class Turn:
    """One message on its way out. `source` is the message as it came, until something in it changes."""

    __slots__ = ("content", "role", "source")

    def __init__(self, role: bytes, content: Raw | list[Block], source: Object | None = None) -> None:
        self.role = role
        self.content = content
        self.source = source

    def blocks(self) -> list[Block]:
        """The content as blocks to change in place."""
        self.source = None
        if isinstance(self.content, Raw):
            self.content = [text_block(self.content)] if inner(self.content) else []
        return self.content

    def encoded(self) -> object:
        """What to encode: the message as it came, or its new content."""
        return self.source or {"role": self.role.decode("utf-8", "replace"), "content": self.content}


ReadTurn = Callable[[Object, bytes], Turn | None]
"""A message and its role as a turn; None where nothing of it is left."""

KeepNote = Callable[[Block], Block]
"""A system message's text block as the upstream may see it."""


def fold(messages: Raw, read_turn: ReadTurn, keep_note: KeepNote) -> tuple[bytes | None, list[Block]]:
    """The `messages` without system messages (None: as they came), and the system text that led them.

    Raises ValueError where they are no messages.
    """
    came = read_objects(messages)
    folding = _Fold(read_turn, keep_note)
    users = [index for index, message in enumerate(came) if inner(message.get("role")) == b"user"]
    last_user = users[-1] if users else -1
    for index, message in enumerate(came):
        folding.add(message, is_past=index < last_user)
    folding.flush()
    if len(folding.turns) == len(came) and all(turn.source is not None for turn in folding.turns):
        return None, []
    return encode([turn.encoded() for turn in folding.turns]), folding.leading


class _Fold:
    """Walks the messages in order and keeps what an upstream without system messages gets.

    Where a system message goes is vLLM's rule too (entrypoints/anthropic/inline_system.py): leading ones join the
    system prompt; one after a user turn joins its text, or its last tool result where it has nothing else; one after an
    assistant turn waits for the next user message, and goes behind the tool results there. Nothing moves to the front,
    so that the upstream's prefix cache holds from turn to turn.
    """

    def __init__(self, read_turn: ReadTurn, keep_note: KeepNote) -> None:
        self.read_turn = read_turn
        self.keep_note = keep_note
        self.turns: list[Turn] = []
        self.leading: list[Block] = []
        self.waiting: list[Block] = []

    def add(self, message: Object, *, is_past: bool) -> None:
        role = inner(message.get("role"))
        if role == b"system":
            # `clear_at: next_user_message` hides the text once a later user message exists.
            if not (is_past and inner(message.get("clear_at")) == b"next_user_message"):
                self._add_system(message)
            return
        if role == b"assistant":
            self.flush()
        turn = self.read_turn(message, role)
        if turn is None:
            return
        if self.waiting:
            _insert(turn, self._take_waiting())
        if self.turns and self.turns[-1].role == role:
            self.turns[-1].blocks().extend(turn.blocks())
        else:
            self.turns.append(turn)

    def flush(self) -> None:
        """Let waiting system text become a user message of its own."""
        if self.waiting:
            self.turns.append(Turn(b"user", self._take_waiting()))

    def _take_waiting(self) -> list[Block]:
        notes, self.waiting = self.waiting, []
        return notes

    def _add_system(self, message: Object) -> None:
        if not self.turns:
            self.leading += self._notes(plain_note(message.get("content")))
        elif self.turns[-1].role == b"user":
            _append(self.turns[-1], self._notes(system_note(message.get("content"))))
        else:
            self.waiting += self._notes(system_note(message.get("content")))

    def _notes(self, note: Block | None) -> Iterable[Block]:
        return () if note is None else (self.keep_note(note),)


def _insert(turn: Turn, notes: list[Block]) -> None:
    """Put system text before a user's own words, but never before the results of tools."""
    blocks = turn.blocks()
    if blocks and kind_of(blocks[0]) == b"tool_result":
        _append(turn, notes)
    else:
        blocks[:0] = notes


def _append(turn: Turn, notes: Iterable[Block]) -> None:
    if not notes:
        return
    blocks = turn.blocks()
    last = blocks[-1] if blocks else {}
    if kind_of(last) == b"tool_result" and all(kind_of(block) == b"tool_result" for block in blocks):
        blocks[-1] = {**last, "content": _extended(last.get("content"), notes)}
    else:
        blocks.extend(notes)


def _extended(content: Raw | None, notes: Iterable[Block]) -> Raw:
    """A tool result's content with text behind it."""
    if content is not None and is_list(content):
        return Raw(encode([*read_objects(content), *notes]))
    own = [text_block(content)] if content is not None and is_string(content) and inner(content) else []
    return Raw(encode([*own, *notes]))
