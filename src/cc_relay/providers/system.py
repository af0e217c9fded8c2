"""System text for a foreign upstream: the prompt, and the messages Claude Code puts between turns."""

from msgspec import Raw
from msgspec.json import encode

from cc_relay.providers.blocks import Block, adapt_blocks, kind_of, text_block
from cc_relay.providers.dialect import Dialect
from cc_relay.providers.raw_json import inner, is_list, is_string, quoted, read_objects

_BILLING = b"x-anthropic-billing-header:"
_OPEN = rb"<system-reminder>\n"
_CLOSE = rb"\n</system-reminder>"


def adapt_system(system: Raw | None, leading: list[Block], dialect: Dialect) -> bytes | None:
    """The `system` field without Claude Code's billing header and with `leading` blocks behind it.

    The same bytes where nothing changes; None where nothing is left.
    """
    if system is not None and is_string(system):
        text = _without_billing_line(system)
        if not leading:
            return bytes(text) if inner(text) else None
        blocks = [text_block(text), *leading] if inner(text) else leading
    else:
        came = read_objects(system) if system is not None and is_list(system) else []
        own = [block for block in came if not _is_billing(block)]
        kept = adapt_blocks(came if len(own) == len(came) else own, dialect)
        if system is not None and kept is came and not leading:
            return bytes(system)
        blocks = [*kept, *leading]
    return encode(blocks) if blocks else None


def system_note(content: Raw | None) -> Block | None:
    """A mid-conversation system message as one text block, marked as a reminder; None where it says nothing.

    A cache breakpoint on its last block comes along.
    """
    block = plain_note(content)
    if block is None:
        return None
    text = inner(block["text"])
    if not text.startswith(b"<system-reminder>"):
        text = _OPEN + text + _CLOSE
    return {**block, "text": quoted(text)}


def plain_note(content: Raw | None) -> Block | None:
    """The text of a system message as one block, unmarked; None where it says nothing."""
    if content is not None and is_string(content):
        text = inner(content)
        return text_block(content) if text and not text.startswith(_BILLING) else None
    blocks = read_objects(content) if content is not None and is_list(content) else []
    texts = [inner(block.get("text")) for block in blocks if kind_of(block) == b"text" and not _is_billing(block)]
    text = rb"\n\n".join(part for part in texts if part)
    if not text:
        return None
    note = text_block(quoted(text))
    return {**note, "cache_control": blocks[-1]["cache_control"]} if "cache_control" in blocks[-1] else note


def _is_billing(block: Block) -> bool:
    return inner(block.get("text")).startswith(_BILLING)


def _without_billing_line(system: Raw) -> Raw:
    text = inner(system)
    if not text.startswith(_BILLING):
        return system
    return quoted(text.partition(rb"\n")[2].removeprefix(rb"\n"))
