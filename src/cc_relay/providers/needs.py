"""What a request needs that an upstream other than Claude may lack; most requests need none of it, and cheaply."""

from collections.abc import Iterator, Mapping

from msgspec import Raw

from cc_relay.exchange import Peek
from cc_relay.providers.blocks import kind_of
from cc_relay.providers.dialect import Dialect
from cc_relay.providers.raw_json import Object, is_list, is_object, read_object, read_objects

STATEFUL = ("container", "thread", "mcp_servers")
"""Fields that ask for something kept or run at Anthropic: leaving them out would answer another question."""

_EMPTY = (b"null", b"[]", b"{}")

# What a request must contain to be worth reading; inside text the quotes would be escaped.
_TOOL_SIGNS = (b"_20", b'"tool_search_tool')  # all but these have a date in their type
_FILE_SIGNS = (b'"file_id"',)
_MEDIA_SIGNS = (*_FILE_SIGNS, b'"document"', b'"image"')


def is_asked_for(fields: Mapping[str, Raw], name: str) -> bool:
    """Whether a top-level field is there and says something."""
    return name in fields and bytes(fields[name]) not in _EMPTY


def lacks(peek: Peek, model: str, dialect: Dialect) -> str | None:
    """In a word or two what the request needs and this upstream cannot do with `model` (its own name); else None.

    What cannot be read lacks nothing here: `adapt_body` says what is wrong with it. Hot path.
    """
    fields = peek.fields
    for name in STATEFUL:
        if is_asked_for(fields, name):
            return name
    try:
        return _lacks_tool(fields.get("tools"), dialect) or _lacks_block(fields["messages"], model.lower(), dialect)
    except (ValueError, RecursionError):
        return None


def _lacks_tool(tools: Raw | None, dialect: Dialect) -> str | None:
    """The first tool that is Anthropic's own and not run (or known) here too."""
    if tools is None or not _has_any(tools, _TOOL_SIGNS):
        return None
    for tool in read_objects(tools):
        kind = kind_of(tool).decode("utf-8", "replace")
        if kind not in {"", "custom"} and not kind.startswith(dialect.server_tools or "\0"):
            return kind
    return None


def _lacks_block(messages: Raw, model: str, dialect: Dialect) -> str | None:
    is_text_only = dialect.text_only is not None and dialect.text_only.match(model) is not None
    has_gaps = is_text_only or not (dialect.has_documents and dialect.has_image_urls)
    if not _has_any(messages, _MEDIA_SIGNS if has_gaps else _FILE_SIGNS):
        return None
    for block in _blocks(read_objects(messages)):
        kind, source = kind_of(block), block.get("source")
        origin = kind_of(read_object(source)) if source is not None and is_object(source) else b""
        if origin == b"file" or "file_id" in block:
            return "files kept at Anthropic"
        if kind == b"image" and is_text_only:
            return "images"
        if kind == b"image" and origin == b"url" and not dialect.has_image_urls:
            return "images by URL"
        # Plain text travels as a document or as text.
        if kind == b"document" and origin != b"text" and (is_text_only or not dialect.has_documents):
            return "documents"
    return None


def _has_any(value: Raw, signs: tuple[bytes, ...]) -> bool:
    text = bytes(value)
    return any(sign in text for sign in signs)


def _blocks(messages: list[Object]) -> Iterator[Object]:
    """Every content block, those in tool results included."""
    for holder in messages:
        content = holder.get("content")
        if content is None or not is_list(content):
            continue
        for block in read_objects(content):
            yield block
            if kind_of(block) == b"tool_result":
                yield from _blocks([block])
