"""Each tool call directly before its result: the rule Claude holds a conversation to, and others do not.

A call is answered in the very next message, results first; no message comes between, a system message neither
(Anthropic API docs, "Implement tool use").
"""

from msgspec import Raw
from msgspec.json import Decoder

from cc_relay.providers.blocks import Block, kind_of, text_block
from cc_relay.providers.raw_json import inner, is_list, is_string, quoted, read_objects
from cc_relay.providers.turns import Turn

_KIND = Raw(b'"tool_result"')
_MISSING = quoted(b"[No result: the call was interrupted.]")
_TRUE = Raw(b"true")
_TELLING = frozenset({b"text", b"image", b"document", b"search_result"})

_read_string = Decoder(str).decode


def keep_pairs(turns: list[Turn]) -> list[Turn]:
    """The turns with every call next to its result; turns that are right stay as they are.

    Results come first in their message; one that answers no call becomes what it says; a call that nobody answered
    gets a result that says so, unless it is the last word. System messages wait until the results are there.
    """
    kept: list[Turn] = []
    held: list[Turn] = []
    calls: dict[str, Raw] = {}
    for turn in _joined(turns):
        if turn.role == b"system":
            (held if calls else kept).append(turn)
            continue
        if turn.role == b"user":
            _answer(turn, calls)
            kept += [turn, *held]
        else:
            unanswered = [Turn(b"user", [_no_result(id_) for id_ in calls.values()])] if calls else []
            kept += [*unanswered, *held, turn]
        held = []
        calls = _calls(turn) if turn.role == b"assistant" else {}
    return kept + held


def _joined(turns: list[Turn]) -> list[Turn]:
    """Neighbours of one role as one turn where a call and its result may be in different ones of them."""
    joined: list[Turn] = []
    for turn in turns:
        last = joined[-1] if joined else None
        if last is not None and last.role == turn.role and _belongs(last, turn):
            last.blocks().extend(turn.blocks())
        else:
            joined.append(turn)
    return joined


def _belongs(first: Turn, second: Turn) -> bool:
    if first.role == b"assistant":
        return _has(first, b"tool_use")
    return first.role == b"user" and _has(second, b"tool_result")


def _has(turn: Turn, kind: bytes) -> bool:
    return not isinstance(turn.content, Raw) and any(kind_of(block) == kind for block in turn.content)


def _calls(turn: Turn) -> dict[str, Raw]:
    """The ids of the turn's tool calls, read and as they are written."""
    if isinstance(turn.content, Raw):
        return {}
    ids = [block["id"] for block in turn.content if kind_of(block) == b"tool_use" and is_string(block.get("id"))]
    return {_read_string(id_): id_ for id_ in ids}


def _answer(turn: Turn, calls: dict[str, Raw]) -> None:
    """Put the results of `calls` first, each once."""
    if isinstance(turn.content, Raw) and not calls:
        return
    came = [text_block(turn.content)] if isinstance(turn.content, Raw) else turn.content
    missing, results, rest = dict(calls), list[Block](), list[Block]()
    for block in came:
        if kind_of(block) != b"tool_result":
            rest.append(block)
        elif missing.pop(_result_id(block), None) is not None:
            results.append(block)
        else:
            rest += _told(block)
    new = [*results, *(_no_result(id_) for id_ in missing.values()), *rest] or ([text_block(_MISSING)] if came else [])
    if len(new) != len(came) or any(one is not old for one, old in zip(new, came, strict=True)):
        turn.blocks()[:] = [block for block in new if kind_of(block) != b"text" or inner(block.get("text"))]


def _result_id(block: Block) -> str:
    value = block.get("tool_use_id")
    return _read_string(value) if value is not None and is_string(value) else ""


def _no_result(id_: Raw) -> Block:
    return {"type": _KIND, "tool_use_id": id_, "is_error": _TRUE, "content": _MISSING}


def _told(result: Block) -> list[Block]:
    """What a result says, as blocks of the user's own."""
    content = result.get("content")
    if content is None or not is_list(content):
        return [text_block(content)] if content is not None and inner(content) else []
    return [block for block in read_objects(content) if kind_of(block) in _TELLING]
