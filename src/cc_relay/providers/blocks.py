"""Content blocks as a foreign upstream may see them; values keep their bytes."""

from msgspec import Raw
from msgspec.json import encode

from cc_relay.errors import Rejection
from cc_relay.providers.dialect import Dialect
from cc_relay.providers.raw_json import Object, inner, is_list, is_string, quoted, read_object, read_objects
from cc_relay.providers.signatures import is_claude_signature

Block = Object

EPHEMERAL = Raw(b'{"type":"ephemeral"}')

_TEXT = Raw(b'"text"')
_COMMON = {"type", "cache_control"}
_FIELDS: dict[bytes, frozenset[str]] = {
    b"text": frozenset({*_COMMON, "text"}),
    b"image": frozenset({*_COMMON, "source"}),
    b"document": frozenset({*_COMMON, "source", "title", "context"}),
    b"thinking": frozenset({"type", "thinking", "signature"}),
    # Without `caller`, `toolset_name` and `signature`: Anthropic's additions.
    b"tool_use": frozenset({*_COMMON, "id", "name", "input"}),
    b"tool_result": frozenset({*_COMMON, "tool_use_id", "content", "is_error"}),
}
"""The block types foreign upstreams know, with their fields; other types are Anthropic's own and are left out."""


def kind_of(block: Block) -> bytes:
    """The block's type; empty where it has none. Hot path."""
    value = block.get("type")
    text = b"" if value is None else bytes(value)
    return text[1:-1] if text[:1] == b'"' else b""


def text_block(text: Raw) -> Block:
    """A text block around a JSON string."""
    return {"type": _TEXT, "text": text}


def adapt_blocks(blocks: list[Block], dialect: Dialect) -> list[Block]:
    """The blocks a foreign upstream may see; `blocks` itself where that is all of them as they are.

    Raises Rejection for a document an upstream without documents cannot be shown as text.
    """
    adapted = [kept for block in blocks if (kept := _adapt_block(block, dialect)) is not None]
    is_same = len(adapted) == len(blocks) and all(new is old for new, old in zip(adapted, blocks, strict=True))
    return blocks if is_same else adapted


def keep_fields(block: Block, fields: frozenset[str]) -> Block:
    """The block with these fields only, and a cache breakpoint every imitation understands: no `ttl`, no `scope`."""
    if not fields.issuperset(block):
        block = {key: value for key, value in block.items() if key in fields}
    mark = block.get("cache_control")
    if mark is not None and mark != EPHEMERAL:
        block = {**block, "cache_control": EPHEMERAL}
    return block


def _adapt_block(block: Block, dialect: Dialect) -> Block | None:
    kind = kind_of(block)
    if kind == b"thinking" and is_claude_signature(inner(block.get("signature"))):
        return None
    if kind == b"document" and not dialect.has_documents:
        return _document_text(block)
    if kind == b"tool_reference":
        return text_block(quoted(b"Tool loaded: " + inner(block.get("tool_name"))))
    if kind == b"search_result":
        return text_block(_search_text(block))
    if kind == b"tool_result":
        block = _adapt_tool_result(block, dialect)
    fields = _FIELDS.get(kind)
    return None if fields is None else keep_fields(block, fields)


def _adapt_tool_result(block: Block, dialect: Dialect) -> Block:
    content = block.get("content")
    if content is None or not is_list(content):
        return block
    blocks = read_objects(content)
    adapted = adapt_blocks(blocks, dialect)
    return block if adapted is blocks else {**block, "content": Raw(encode(adapted))}


def _document_text(block: Block) -> Block:
    """A plain-text document as text. Any other kind is refused, in words that make Claude Code leave it out."""
    source = read_object(block.get("source") or b"{}")
    data = source.get("data")
    if kind_of(source) == b"text" and data is not None and is_string(data):
        return text_block(data)
    raise Rejection(
        400,
        "invalid_request_error",
        "capability_rejected: document_block. This provider cannot read documents; send their text instead.",
        reason="document_block",
    )


def _search_text(block: Block) -> Raw:
    content = block.get("content")
    found = read_objects(content) if content is not None and is_list(content) else []
    parts = [inner(block.get("title")), inner(block.get("source")), *(inner(part.get("text")) for part in found)]
    return quoted(rb"\n".join(part for part in parts if part))
