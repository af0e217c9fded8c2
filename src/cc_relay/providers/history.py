"""A conversation with Claude, retold for a foreign upstream: system messages folded, Claude's own blocks left out."""

from functools import partial

from msgspec import Raw, ValidationError

from cc_relay.errors import Rejection
from cc_relay.providers.blocks import Block, adapt_blocks, keep_fields
from cc_relay.providers.dialect import Dialect
from cc_relay.providers.raw_json import Object, is_list, is_string, read_objects
from cc_relay.providers.turns import Turn, fold

_MESSAGE_FIELDS = frozenset({"role", "content"})
_NOTE_FIELDS = frozenset({"type", "text", "cache_control"})


def adapt_history(messages: Raw, dialect: Dialect) -> tuple[bytes | None, list[Block]]:
    """The `messages` for a foreign upstream (None: as they came), and the system text that led them.

    Raises Rejection where they are no messages, or hold what the upstream cannot be shown.
    """
    try:
        return fold(messages, partial(_read_turn, dialect=dialect), partial(keep_fields, fields=_NOTE_FIELDS))
    except ValidationError as error:
        raise Rejection(
            400, "invalid_request_error", f"messages: Input should be a list of messages: {error}", reason="no_messages"
        ) from error


def _read_turn(message: Object, role: bytes, dialect: Dialect) -> Turn | None:
    """The message as a turn; None where nothing of it is left."""
    content = message.get("content", Raw(b"null"))
    source = message if _MESSAGE_FIELDS.issuperset(message) else None
    if not is_list(content):
        return Turn(role, content, source) if is_string(content) or source is not None else None
    blocks = read_objects(content)
    adapted = adapt_blocks(blocks, dialect)
    if adapted is not blocks:
        return Turn(role, adapted) if adapted else None
    return Turn(role, blocks, source)
