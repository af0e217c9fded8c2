"""A Messages body made fit for an upstream that is not Claude; values nobody had to change keep their bytes."""

from msgspec import Raw
from msgspec.json import Decoder, encode

from cc_relay.codec.messages import rewrite
from cc_relay.errors import Rejection
from cc_relay.exchange import Peek
from cc_relay.providers.dialect import FIELDS, Dialect
from cc_relay.providers.history import adapt_history
from cc_relay.providers.needs import STATEFUL, is_asked_for
from cc_relay.providers.raw_json import is_null
from cc_relay.providers.system import adapt_system
from cc_relay.providers.thinking import adapt_thinking
from cc_relay.providers.tools import adapt_tools

_read_int = Decoder(int).decode


def adapt_body(peek: Peek, body: bytes, model: str, dialect: Dialect) -> bytes:
    """The body for a foreign upstream; `body` itself where it already fits.

    Only the fields every imitation knows go (`dialect.FIELDS`); what is Anthropic's own stays here:
    `context_management`, `safeguards`, `metadata` with its user id, …

    Raises Rejection where leaving something out would change what is asked.
    """
    fields = peek.fields
    for name in STATEFUL:
        if is_asked_for(fields, name):
            raise Rejection(
                400,
                "invalid_request_error",
                f"{name}: this provider has no such thing; send the request to a provider of Claude, or without it.",
                reason="unsupported_field",
            )
    changes: dict[str, bytes | None] = {name: None for name in fields if name not in FIELDS}
    if model != peek.model:
        changes["model"] = encode(model)
    limit, limit_changes = _limit(fields.get("max_tokens"), model, dialect)
    changes |= limit_changes
    changes |= adapt_thinking(fields.get("thinking"), fields.get("output_config"), limit, dialect)
    changes |= adapt_tools(fields.get("tools"), fields.get("tool_choice"), dialect)
    changes |= _conversation(fields, dialect)
    return rewrite(peek, body, changes)


def _conversation(fields: dict[str, Raw], dialect: Dialect) -> dict[str, bytes | None]:
    changes: dict[str, bytes | None] = {}
    messages, leading = adapt_history(fields["messages"], dialect)
    if messages is not None:
        changes["messages"] = messages
    came = fields.get("system")
    if came is None and not leading:
        return changes
    system = adapt_system(came, leading, dialect)
    if came is None or system != bytes(came):
        changes["system"] = system
    return changes


def _limit(came: Raw | None, model: str, dialect: Dialect) -> tuple[int | None, dict[str, bytes | None]]:
    """The `max_tokens` to send, and the change it needs.

    0 warms Anthropic's prompt cache; elsewhere it is refused (Ollama) or unknown, and 1 comes closest.
    """
    if came is None or is_null(came):
        return None, {}
    try:
        asked = _read_int(came)
    except ValueError:
        return None, {}
    caps = [cap for prefix, cap in dialect.max_tokens.items() if model.lower().startswith(prefix)]
    limit = min([asked or 1, *caps])
    return limit, {} if limit == asked else {"max_tokens": encode(limit)}
