"""A conversation that other families of models took part in, cleaned for Claude; the client's own is never changed.

Sources: Anthropic API docs ("Extended thinking", "Tool use", "Streaming refusals"), and the errors Claude answers with.
"""

import re

from msgspec import Raw
from msgspec.json import Decoder, encode

from cc_relay.providers.blocks import Block, kind_of, text_block
from cc_relay.providers.pairing import keep_pairs
from cc_relay.providers.raw_json import Object, inner, is_list, is_string, read_objects
from cc_relay.providers.signatures import is_claude_signature
from cc_relay.providers.system import plain_note
from cc_relay.providers.tool_ids import ToolIds
from cc_relay.providers.turns import Turn, fold

# fmt: off
_SERVER_TOOLS = frozenset({
    b"advisor", b"web_search", b"web_fetch", b"code_execution", b"bash_code_execution", b"text_editor_code_execution",
    b"tool_search_tool_regex", b"tool_search_tool_bm25",
})
_SERVER_RESULTS = frozenset({
    b"web_search_tool_result", b"web_fetch_tool_result", b"code_execution_tool_result",
    b"bash_code_execution_tool_result", b"text_editor_code_execution_tool_result", b"tool_search_tool_result",
    b"advisor_tool_result", b"mcp_tool_result",
})
# fmt: on
_THINKING = frozenset({b"thinking", b"redacted_thinking"})
_EVERYBODYS = _THINKING | {b"text", b"tool_use"}
_CLAUDE_ID = b"toolu_"
_SERVER_ID, _MCP_ID = b"srvtoolu_", b"mcptoolu_"
_ADDITIONS = frozenset({"caller", "toolset_name", "signature"})
_BLANK = re.compile(rb"(?:\s|\\[nrt])*")
_MADE_UP = re.compile(rb"[0-9a-fA-F-]{0,64}")
"""Signatures of imitations: empty, or a random number."""

_read_string = Decoder(str).decode


def clean_for_claude(messages: Raw, *, drop_all_thinking: bool) -> bytes | None:
    """The messages with what is not Claude's left out, tool ids it takes, and each call next to its result.

    None where nothing had to change. With `drop_all_thinking` Claude's own thinking goes as well. Raises ValueError
    where they are no messages.
    """
    came = read_objects(messages)
    ids = ToolIds()
    turns: list[Turn] = []
    has_gap = False
    for message in came:
        turn = _clean(message, ids, drop_all_thinking=drop_all_thinking)
        if turn is None:
            has_gap = True
        elif has_gap and turns and turns[-1].role == turn.role and turn.role != b"system":
            turns[-1].blocks().extend(turn.blocks())
            has_gap = False
        else:
            turns.append(turn)
            has_gap = False
    turns = keep_pairs(turns)
    if len(turns) == len(came) and all(turn.source is old for turn, old in zip(turns, came, strict=True)):
        return None
    return encode([turn.encoded() for turn in turns])


def fold_system_messages(messages: Raw) -> tuple[bytes | None, list[Block]]:
    """The messages of a Claude that takes none of role `system` (None: as they came), and the system text that led.

    Raises ValueError where there are any, and they are no messages.
    """
    if b'"system"' not in bytes(messages):
        # Most conversations have none, and reading them all would cost more than everything else.
        return None, []
    return fold(messages, _whole, lambda note: note)


def lift_leading_system(messages: Raw) -> tuple[bytes | None, list[Block]]:
    """The messages behind the system messages that lead them (None: as they came), and the text of those.

    Raises ValueError where they are no messages.
    """
    came = read_objects(messages)
    count = next((at for at, message in enumerate(came) if inner(message.get("role")) != b"system"), len(came))
    notes = [plain_note(message.get("content")) for message in came[:count]]
    return encode(came[count:]) if count else None, [note for note in notes if note is not None]


def is_loop_without_thinking(messages: Raw) -> bool:
    """Whether the conversation is in the middle of a tool loop whose last assistant turn does not begin with thinking.

    Manual thinking is refused there (Anthropic API docs, Extended thinking with tool use).
    """
    turns = [message for message in read_objects(messages) if inner(message.get("role")) != b"system"]
    if len(turns) < 2 or inner(turns[-1].get("role")) != b"user" or inner(turns[-2].get("role")) != b"assistant":
        return False
    asked, answered = _blocks(turns[-2]), _blocks(turns[-1])
    has_result = any(kind_of(block) == b"tool_result" for block in answered)
    return has_result and bool(asked) and kind_of(asked[0]) not in _THINKING


def _blocks(message: Object) -> list[Block]:
    content = message.get("content")
    return read_objects(content) if content is not None and is_list(content) else []


def _whole(message: Object, role: bytes) -> Turn:
    content = message.get("content", Raw(b"null"))
    if is_list(content):
        return Turn(role, read_objects(content), message)
    if not is_string(content):
        raise ValueError("content is neither text nor blocks")
    return Turn(role, content, message)


def _clean(message: Object, ids: ToolIds, *, drop_all_thinking: bool) -> Turn | None:
    """The message as a turn; None where nothing of it is left."""
    turn = _whole(message, inner(message.get("role")))
    if turn.role == b"system":
        return turn
    if isinstance(turn.content, Raw):
        return None if turn.role == b"assistant" and _BLANK.fullmatch(inner(turn.content)) else turn
    came = turn.content
    if turn.role == b"assistant":
        kept = _clean_answer(came, drop_all_thinking=drop_all_thinking)
        if not kept:
            return None
    else:
        kept = came
    kept = [_with_id(block, ids) for block in kept]
    if len(kept) != len(came) or any(new is not old for new, old in zip(kept, came, strict=True)):
        turn.blocks()[:] = kept
    return turn


def _clean_answer(came: list[Block], *, drop_all_thinking: bool) -> list[Block]:
    """An assistant's blocks without what is not Claude's."""
    kinds = {kind_of(block) for block in came}
    foreign = set[bytes]() if kinds <= _EVERYBODYS else _foreign_server_ids(came)
    kept = [
        new for block in came if (new := _clean_block(block, foreign, drop_all_thinking=drop_all_thinking)) is not None
    ]
    if foreign:
        kept = [_without(block, frozenset({"citations"})) if kind_of(block) == b"text" else block for block in kept]
    if b"fallback" in kinds and not any(kind_of(block) in _THINKING for block in kept):
        # It marks where one run of thinking ends and another begins; without any it says nothing.
        kept = [block for block in kept if kind_of(block) != b"fallback"]
    return kept


def _clean_block(block: Block, foreign: set[bytes], *, drop_all_thinking: bool) -> Block | None:
    kind = kind_of(block)
    if kind == b"text":
        return None if _BLANK.fullmatch(inner(block.get("text"))) else block
    if kind == b"thinking":
        return None if drop_all_thinking or not is_claude_signature(inner(block.get("signature"))) else block
    if kind == b"redacted_thinking":
        return None if drop_all_thinking or not inner(block.get("data")) else block
    if kind == b"tool_use":
        return _clean_call(block)
    if kind == b"compaction":
        return _clean_summary(block)
    if kind.endswith((b"_tool_use", b"_tool_result")):
        return None if _server_id(block) in foreign else block
    return block


def _clean_call(block: Block) -> Block:
    if not inner(block.get("id")).startswith(_CLAUDE_ID):
        return _without(block, _ADDITIONS)
    signature = block.get("signature")
    if signature is None or is_claude_signature(inner(signature)):
        return block
    return _without(block, frozenset({"signature"}))


def _clean_summary(block: Block) -> Block | None:
    """A compaction as it is where it may be Claude's, its text where it is not."""
    signature = block.get("signature")
    if signature is None or not (is_string(signature) and _MADE_UP.fullmatch(inner(signature))):
        return block
    content = block.get("content")
    return text_block(content) if content is not None and not _BLANK.fullmatch(inner(content)) else None


def _foreign_server_ids(blocks: list[Block]) -> set[bytes]:
    """The ids of server tools that did not run at Anthropic: unknown kinds, ids of other makes, sealed results that
    are open."""
    return {_server_id(block) for block in blocks if _is_foreign_server_block(block)}


def _is_foreign_server_block(block: Block) -> bool:
    kind, id_ = kind_of(block), _server_id(block)
    if kind == b"server_tool_use":
        return not id_.startswith(_SERVER_ID) or inner(block.get("name")) not in _SERVER_TOOLS
    if kind in (b"mcp_tool_use", b"mcp_tool_result"):
        return not id_.startswith(_MCP_ID)
    if kind in _SERVER_RESULTS:
        return not id_.startswith(_SERVER_ID) or _is_open_search(block)
    return kind.endswith((b"_tool_use", b"_tool_result"))


def _is_open_search(block: Block) -> bool:
    """Whether search results lack the encrypted text Claude reads them by."""
    content = block.get("content")
    found = read_objects(content) if content is not None and is_list(content) else []
    return any(kind_of(one) == b"web_search_result" and not inner(one.get("encrypted_content")) for one in found)


def _server_id(block: Block) -> bytes:
    return inner(block.get("tool_use_id") if "tool_use_id" in block else block.get("id"))


def _without(block: Block, fields: frozenset[str]) -> Block:
    if fields.isdisjoint(block):
        return block
    return {key: value for key, value in block.items() if key not in fields}


def _with_id(block: Block, ids: ToolIds) -> Block:
    """The block with the id that travels."""
    kind = kind_of(block)
    if kind not in (b"tool_use", b"tool_result"):
        return block
    name = "id" if kind == b"tool_use" else "tool_use_id"
    value = block.get(name)
    if value is None or not is_string(value):
        return block
    came = _read_string(value)
    new = ids.assign(came) if kind == b"tool_use" else ids.of(came)
    return block if new == came else {**block, name: Raw(encode(new))}
