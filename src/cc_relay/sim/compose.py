"""Decide what to answer: blocks for a request nobody scripted, clipped to what was asked for."""

from hashlib import blake2b
from random import Random

from msgspec import Raw, Struct

from cc_relay.sim.ask import WireBody, client_tools, has_tool_results, last_turn
from cc_relay.sim.blocks import Block, RedactedThinking, Text, Thinking, ToolUse
from cc_relay.sim.dialects import Dialect, Thinks
from cc_relay.sim.schemas import fill
from cc_relay.sim.steering import Steering
from cc_relay.sim.words import Book, count_input, pieces

THINKING_TOKENS = 24
TOOL_CALLS = 2
FAVOURITES = ("Read", "Glob", "Grep", "Bash")
"""Tools that do no harm with the arguments they are given here."""


class Clipped(Struct, frozen=True):
    """Blocks within the budget, and why they end where they end."""

    blocks: tuple[Block, ...]
    stop_reason: str
    stop_sequence: str | None
    output_tokens: int


def dice_for(seed: int, body: bytes) -> Random:
    """The same request gets the same words, whatever came between."""
    digest = blake2b(b"%d:" % seed + body, digest_size=8).digest()
    return Random(int.from_bytes(digest, "big"))  # noqa: S311 -- prose, not secrets


def compose(
    body: WireBody, steering: Steering, dialect: Dialect, book: Book, text_tokens: int, dice: Random
) -> tuple[Block, ...]:
    """The blocks of an unscripted answer: text, unless the request or its model name asks for more."""
    if body.output_config is not None and body.output_config.format is not None:
        return (Text(bytes(fill(body.output_config.format.schema)).decode()),)
    blocks: list[Block] = []
    words = steering.words
    if thinks(body, dialect) or "thinking" in words:
        blocks.append(Thinking(book.excerpt(int(words.get("thinking") or THINKING_TOKENS), dice)))
    calls = _tool_calls(body, int(words.get("tools") or TOOL_CALLS)) if "tools" in words else []
    if calls:
        return (*blocks, Text(book.excerpt(8, dice)), *calls)
    text = book.excerpt(int(words.get("text") or text_tokens), dice)
    if _wants_summary(body):
        text = f"<summary>\n{text}\n</summary>"
    return (*blocks, Text(text))


def thinks(body: WireBody, dialect: Dialect) -> bool:
    """Whether this dialect's model thinks about this request."""
    kind = body.thinking.type if body.thinking else None
    match dialect.thinks:
        case Thinks.ASKED:
            return kind in ("enabled", "adaptive")
        case Thinks.ALWAYS:
            return kind != "disabled"
        case Thinks.EFFORT:
            effort = body.output_config.effort if body.output_config else None
            return kind == "enabled" or (kind != "disabled" and effort is not None)


def _tool_calls(body: WireBody, count: int) -> list[ToolUse]:
    """Parallel calls of tools the request offers; none right after results, so that loops end."""
    if has_tool_results(last_turn(body)):
        return []
    tools = {tool.name: tool for tool in client_tools(body)}
    chosen = [tools[name] for name in FAVOURITES if name in tools] or list(tools.values())
    return (
        [ToolUse(tool.name, fill(tool.schema)) for tool in (chosen[number % len(chosen)] for number in range(count))]
        if chosen
        else []
    )


def _wants_summary(body: WireBody) -> bool:
    """Compaction asks for a summary in tags, and asks again when there is none."""
    content = last_turn(body).content
    if isinstance(content, str):
        return "<summary>" in content
    return bool(content) and b"<summary>" in bytes(content[-1].get("text", b""))


def clip(blocks: tuple[Block, ...], budget: int, stop_sequences: list[str]) -> Clipped:
    """Keep what fits into `budget` output tokens and ends before a stop sequence."""
    kept: list[Block] = []
    used = 0
    for block in blocks:
        cost = block_tokens(block)
        if isinstance(block, Text):
            text, found = _until_stop(block.text, stop_sequences)
            taken = pieces(text)
            if used + len(taken) > budget:
                left = "".join(taken[: budget - used])
                return Clipped((*kept, Text(left)) if left else tuple(kept), "max_tokens", None, budget)
            if found is not None:
                return Clipped((*kept, Text(text)), "stop_sequence", found, used + len(taken))
        elif used + cost > budget:
            return Clipped(tuple(kept), "max_tokens", None, budget)
        kept.append(block)
        used += cost
    has_tools = any(isinstance(block, ToolUse) for block in kept)
    return Clipped(tuple(kept), "tool_use" if has_tools else "end_turn", None, used)


def block_tokens(block: Block) -> int:
    """Output tokens of one block; thinking counts in full, shown or not."""
    match block:
        case Text():
            return len(pieces(block.text))
        case Thinking():
            return len(pieces(block.thinking))
        case RedactedThinking():
            return count_input(len(block.data))
        case ToolUse():
            return count_input(len(bytes(block.input))) + 4


def _until_stop(text: str, stop_sequences: list[str]) -> tuple[str, str | None]:
    hits = [(text.find(stop), stop) for stop in stop_sequences if stop and stop in text]
    if not hits:
        return text, None
    place, stop = min(hits)
    return text[:place], stop


def dress(
    blocks: tuple[Block, ...], dialect: Dialect, *, omits_thinking: bool, number: int, mark: bytes
) -> tuple[Block, ...]:
    """Sign thinking and name tool calls as the dialect does; `number` counts answers, so that ids never repeat."""
    return tuple(
        _dressed(block, dialect, position, omits_thinking=omits_thinking, number=number, mark=mark)
        for position, block in enumerate(blocks)
    )


def _dressed(block: Block, dialect: Dialect, position: int, *, omits_thinking: bool, number: int, mark: bytes) -> Block:
    match block:
        case Thinking():
            made = dialect.sign(block.thinking.encode()) if dialect.sign else ""
            return Thinking("" if omits_thinking else block.thinking, block.signature or made)
        case ToolUse() if not block.id:
            return ToolUse(block.name, block.input, dialect.tool_id(number, position, mark))
        case _:
            return block


def judge_safeguards(body: WireBody, blocks: tuple[Block, ...]) -> Raw | None:
    """The verdict auto mode waits for: every tool call evaluated, none flagged. None where nobody asked."""
    if b"dangerous_tool_use" not in bytes(body.safeguards):
        return None
    verdict = b'{"type":"evaluated","outcome":"not_flagged"}'
    uses = b",".join(b'"%b":%b' % (block.id.encode(), verdict) for block in blocks if isinstance(block, ToolUse))
    return Raw(b'[{"type":"dangerous_tool_use","status":{"type":"available","tool_uses":{%b}}}]' % uses)
