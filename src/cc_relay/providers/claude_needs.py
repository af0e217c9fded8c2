"""What a request needs that a surface of Claude may lack."""

from msgspec import Raw, Struct
from msgspec.json import Decoder

from cc_relay.exchange import Peek
from cc_relay.providers.blocks import kind_of
from cc_relay.providers.claude_surfaces import ClaudeSurface
from cc_relay.providers.needs import STATEFUL, is_asked_for
from cc_relay.providers.raw_json import is_list, is_object, read_object


class _Block(Struct):
    """As much of a content block as says what it needs."""

    type: str = ""
    source: Raw = Raw()
    file_id: Raw = Raw()
    content: Raw = Raw()


class _Message(Struct):
    content: list[_Block] | str = ""


class _Tool(Struct):
    type: str = ""


_read_messages = Decoder(list[_Message]).decode
_read_blocks = Decoder(list[_Block]).decode
_read_tools = Decoder(list[_Tool]).decode


def lacks_for_claude(peek: Peek, model: str, surface: ClaudeSurface) -> str | None:
    """In a word or two what the request needs and `surface` cannot do with `model`; None where it can do it all.

    What cannot be read lacks nothing. Hot path.
    """
    fields = peek.fields
    for name in STATEFUL:
        if not surface.takes(name) and is_asked_for(fields, name):
            return name
    try:
        tools = fields.get("tools")
        if surface.server_tools and tools is not None:
            for tool in _read_tools(tools):
                if tool.type.startswith(surface.server_tools):
                    return tool.type
        if not (surface.has_links and surface.has_files):
            return _lacks_source(_read_messages(fields["messages"]), surface)
    except (ValueError, RecursionError):
        return None
    return None


def _lacks_source(messages: list[_Message], surface: ClaudeSurface) -> str | None:
    for message in messages:
        if not isinstance(message.content, str):
            lacking = _lacks_block(message.content, surface)
            if lacking is not None:
                return lacking
    return None


def _lacks_block(blocks: list[_Block], surface: ClaudeSurface) -> str | None:
    for block in blocks:
        origin = kind_of(read_object(block.source)) if is_object(block.source) else b""
        if not surface.has_files and (origin == b"file" or len(block.file_id)):
            return "files kept at Anthropic"
        if not surface.has_links and origin == b"url":
            return f"{block.type}s by URL"
        if block.type == "tool_result" and is_list(block.content):
            nested = _lacks_block(_read_blocks(block.content), surface)
            if nested is not None:
                return nested
    return None
