"""The Messages request body: read what the relay needs, change what an upstream needs, leave the rest alone."""

import re
from collections.abc import Mapping

from msgspec import Raw, Struct, ValidationError
from msgspec.json import Decoder, encode

from cc_relay.errors import Rejection
from cc_relay.exchange import Peek

MAX_SESSION = 256
"""The longest session name taken from a client, in characters."""


MAX_DIGITS = 12

STATEFUL_FIELDS = ("thread", "container")

FILES_BETA = b"files-api"


class _Metadata(Struct):
    user_id: str | None = None


class _UserId(Struct):
    session_id: str | None = None


_read_fields = Decoder(dict[str, Raw]).decode
_read_string = Decoder(str).decode
_read_metadata = Decoder(_Metadata).decode
_read_user_id = Decoder(_UserId).decode

_BOOLEANS = {b"true": True, b"false": False}
_OPEN_BRACKET = ord("[")

_SURROGATE = re.compile(
    rb"(?<!\\)((?:\\\\)*)"  # an even number of backslashes: the next one starts an escape
    rb"\\u[dD](?:([89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})|[89a-fA-F][0-9a-fA-F]{2})"
)
_SPACE = re.compile(rb"[ \t\r\n]*")
_KEY = re.compile(rb'[ \t\r\n]*("[^"\\]*(?:\\.[^"\\]*)*")[ \t\r\n]*:[ \t\r\n]*', re.DOTALL)


def peek(body: bytes, session_header: bytes | None = None) -> tuple[Peek, bytes]:
    """Read a Messages or count_tokens body without rewriting it; hot path.

    Returns what was read and the body to forward: `body` itself, except where it held half of a surrogate pair
    (`"\\ud83d"` cut off), which strict parsers refuse; there each half is replaced by U+FFFD.
    `session_header` is the client's own session header; a sane one wins over `metadata.user_id`.
    Bytes that are not UTF-8 inside values that nobody here reads are left for the upstream to judge.

    Raises Rejection (400 `invalid_request_error`), its reason one of `bad_json`, `not_utf8`, `too_deep`,
    `not_an_object`, `no_model`, `no_messages`, `bad_stream`.
    """
    fields, body = _parse(body)
    compact = sum(map(len, fields.values())) + len("".join(fields)) + 4 * len(fields) + 1
    found = Peek(
        model=_model(fields),
        stream=_stream(fields),
        session=_session(fields, session_header),
        size=len(body),
        fields=fields,
        # Without white space and escapes the parts add up; a key named twice always leaves bytes over.
        repeats_keys=compact != len(body) and _repeats_keys(body, fields),
    )
    _require_messages(fields)
    return found, body


def max_tokens(fields: Mapping[str, Raw]) -> int:
    """What the request lets the answer grow to; 0 where that cannot be read."""
    raw = fields.get("max_tokens")
    digits = b"" if raw is None or len(raw) > MAX_DIGITS else bytes(raw)
    return int(digits) if digits.isdigit() else 0


def is_stateful(fields: Mapping[str, Raw], named: Mapping[bytes, bytes]) -> bool:
    """Whether the request refers to something that only one account has: a thread, a container, an uploaded file.

    Hot path: `messages` are searched for file ids only beside the beta that lets them in (Anthropic API docs, Files).
    """
    for name in STATEFUL_FIELDS:
        raw = fields.get(name)
        if raw is not None and raw != b"null":
            return True
    if FILES_BETA not in named.get(b"anthropic-beta", b""):
        return False
    messages = fields.get("messages")
    return messages is not None and b'"file_id"' in bytes(messages)


def patch(fields: Mapping[str, Raw], changes: Mapping[str, bytes | None]) -> bytes:
    """The body with some top-level values changed: encoded JSON replaces or adds, None removes.

    Keys keep their order (new ones come last) and every other value its own bytes.
    """
    merged = dict(fields)
    for key, value in changes.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = Raw(value)
    return encode(merged)


def rewrite(peek: Peek, body: bytes, changes: Mapping[str, bytes | None]) -> bytes:
    """`patch`, but `body` itself when nothing changes and no key repeats."""
    if not changes and not peek.repeats_keys:
        return body
    return patch(peek.fields, changes)


def replace_model(peek: Peek, body: bytes, model: str) -> bytes:
    """The body with `model` in it; `body` itself when it already says so and no key repeats."""
    return rewrite(peek, body, model_change(peek, model))


def model_change(peek: Peek, model: str) -> dict[str, bytes | None]:
    """The change that puts `model` into a body: none when it already says so."""
    return {} if model == peek.model else {"model": encode(model)}


def repair_surrogates(body: bytes) -> bytes:
    """JSON text with every escaped half of a surrogate pair replaced by U+FFFD."""
    return _SURROGATE.sub(lambda found: found[0] if found[2] else found[1] + b"\\ufffd", body)


def _parse(body: bytes) -> tuple[dict[str, Raw], bytes]:
    try:
        return _read_fields(body), body
    except (ValueError, RecursionError) as error:
        repaired = repair_surrogates(body)
        if repaired != body:
            return _parse(repaired)
        raise _unreadable(body, error) from error


def _unreadable(body: bytes, error: Exception) -> Rejection:
    if isinstance(error, RecursionError):
        return _refuse("too_deep", "The request body nests objects or lists too deeply; flatten it.")
    if isinstance(error, ValidationError):
        return _refuse("not_an_object", 'The request body must be a JSON object with "model" and "messages".')
    try:
        body.decode()
    except UnicodeDecodeError as broken:
        return _refuse("not_utf8", f"The request body is not UTF-8 (byte {broken.start}); send JSON encoded as UTF-8.")
    detail = str(error).removeprefix("JSON is malformed: ")
    if not body.strip():
        detail = "it is empty"
    return _refuse("bad_json", f"The request body is not valid JSON: {detail}. Check how the client builds it.")


def _refuse(reason: str, message: str) -> Rejection:
    return Rejection(400, "invalid_request_error", message, reason=reason)


def _model(fields: dict[str, Raw]) -> str:
    raw = fields.get("model")
    if raw is None:
        raise _refuse("no_model", "model: Field required. Name the model to use.")
    try:
        model = _read_string(raw)
    except ValueError:
        model = ""
    if not model:
        raise _refuse("no_model", "model: Input should be a non-empty string that names a model.")
    return model


def _stream(fields: dict[str, Raw]) -> bool:
    raw = fields.get("stream")
    if raw is None:
        return False
    stream = _BOOLEANS.get(bytes(raw)) if len(raw) < 6 else None
    if stream is None:
        raise _refuse("bad_stream", "stream: Input should be true or false.")
    return stream


def _require_messages(fields: dict[str, Raw]) -> None:
    raw = fields.get("messages")
    if raw is None:
        raise _refuse("no_messages", "messages: Field required. Send the conversation as a list of messages.")
    if memoryview(raw)[0] != _OPEN_BRACKET:
        raise _refuse("no_messages", "messages: Input should be a list of messages.")


def _session(fields: dict[str, Raw], session_header: bytes | None) -> str | None:
    if session_header:
        named = _sane(session_header.decode("latin-1"))
        if named is not None:
            return named
    metadata = fields.get("metadata")
    if metadata is None:
        return None
    try:
        user_id = _read_metadata(metadata).user_id
    except ValueError:
        return None
    return _sane(_session_id(user_id) or user_id) if user_id else None


def _session_id(user_id: str) -> str | None:
    """The session in a `user_id` that is itself a JSON object, as Claude Code 2.1 sends it."""
    if user_id[0] != "{":
        return None
    try:
        return _read_user_id(user_id).session_id
    except (ValueError, RecursionError):
        return None


def _sane(name: str) -> str | None:
    return name if 0 < len(name) <= MAX_SESSION and name.isascii() and name.isprintable() else None


def _repeats_keys(body: bytes, fields: dict[str, Raw]) -> bool:
    """Walk the top level of a body that parsed; anything that does not line up with `fields` counts as a repeat.

    `fields` holds the last value of each key, so an earlier, different one shows as a mismatch.
    """
    seen: set[str] = set()
    position = body.index(b"{") + 1
    while found := _KEY.match(body, position):
        key = _read_string(found[1])
        value = bytes(fields[key])
        if key in seen or not body.startswith(value, found.end()):
            return True
        seen.add(key)
        position = _after_space(body, found.end() + len(value))
        if body[position] not in b",}":
            return True  # `1` where the body says `12`: an earlier value that only begins like the last
        position += 1
    return False


def _after_space(body: bytes, position: int) -> int:
    space = _SPACE.match(body, position)
    return space.end() if space else position
