"""Tool definitions for a foreign upstream."""

from msgspec import Raw, ValidationError
from msgspec.json import encode

from cc_relay.errors import Rejection
from cc_relay.providers.blocks import keep_fields, kind_of
from cc_relay.providers.dialect import Dialect
from cc_relay.providers.raw_json import Object, inner, is_null, read_object, read_objects

_PLACEHOLDER = b"DeferredToolPlaceholder"
"""Claude Code's stand-in for tools it has not loaded; means nothing to anybody but Claude."""

# `type: custom` goes too: DeepSeek refuses it. `defer_loading` goes, so that a loaded tool is sent like any other.
_FIELDS = frozenset({"name", "description", "input_schema", "cache_control"})


def adapt_tools(tools: Raw | None, tool_choice: Raw | None, dialect: Dialect) -> dict[str, bytes | None]:
    """The changes to `tools` and `tool_choice`.

    Server tools the upstream cannot run are left out where the client's own tools remain; a request that has no other
    tool is about them, and is refused (Rejection) rather than answered without them.
    """
    if tools is None or is_null(tools):
        return {}
    try:
        came = read_objects(tools)
        choice = {} if tool_choice is None or is_null(tool_choice) else read_object(tool_choice)
    except ValidationError as error:
        raise Rejection(400, "invalid_request_error", f"tools: {error}", reason="bad_tools") from error
    kept = [adapted for tool in came if (adapted := _adapt_tool(tool, dialect)) is not None]
    if came and not kept:
        _refuse_server_tools(came)
    changes: dict[str, bytes | None] = {}
    if len(kept) != len(came) or any(new is not old for new, old in zip(kept, came, strict=True)):
        changes["tools"] = encode(kept) if kept else None
    if tool_choice is not None and not _is_possible(choice, kept):
        changes["tool_choice"] = None
    return changes


def _adapt_tool(tool: Object, dialect: Dialect) -> Object | None:
    kind = kind_of(tool)
    if kind in (b"", b"custom"):
        return None if inner(tool.get("name")) == _PLACEHOLDER else keep_fields(tool, _FIELDS)
    return tool if dialect.server_tools and kind.decode("utf-8", "replace").startswith(dialect.server_tools) else None


def _is_possible(choice: Object, tools: list[Object]) -> bool:
    """Whether a tool choice can still be honoured."""
    if not tools:
        return False
    return kind_of(choice) != b"tool" or any(choice.get("name") == tool.get("name") for tool in tools)


def _refuse_server_tools(tools: list[Object]) -> None:
    kinds = sorted({kind_of(tool).decode("utf-8", "replace") for tool in tools} - {"", "custom"})
    if kinds:
        raise Rejection(
            400,
            "invalid_request_error",
            f"This provider cannot run the server tool {', '.join(kinds)}; send such requests to a provider of Claude.",
            reason="server_tool",
        )
