"""The models a client may ask for, in the shape of Anthropic's listing (Anthropic API docs, models)."""

from urllib.parse import parse_qs

from msgspec import Struct
from msgspec.json import encode

from cc_relay.errors import Rejection
from cc_relay.relay.plan import served_models, unknown_model
from cc_relay.relay.snapshot import Snapshot

UNKNOWN_DATE = "1970-01-01T00:00:00Z"
"""What the API itself says of a model whose date is not known."""

DEFAULT_LIMIT = 20
MOST = 1000


class Model(Struct, tag_field="type", tag="model"):
    id: str
    display_name: str
    created_at: str = UNKNOWN_DATE


class Page(Struct):
    data: list[Model]
    has_more: bool
    first_id: str | None
    last_id: str | None


def list_models(snapshot: Snapshot, query: str) -> bytes:
    """One page of the listing. Raises Rejection 400 for a bad `limit`, `after_id` or `before_id`."""
    ids = list(served_models(snapshot))
    options = parse_qs(query, keep_blank_values=True)
    limit = read_limit(options)
    after, before = (options.get(name, [None])[-1] for name in ("after_id", "before_id"))
    if before is not None:
        earlier = ids[: position(ids, "before_id", before)]
        page, has_more = earlier[-limit:], len(earlier) > limit
    else:
        later = ids if after is None else ids[position(ids, "after_id", after) + 1 :]
        page, has_more = later[:limit], len(later) > limit
    data = [Model(one, display_name(one)) for one in page]
    return encode(Page(data, has_more, page[0] if page else None, page[-1] if page else None))


def show_model(snapshot: Snapshot, model: str) -> bytes:
    """One model. Raises Rejection 404."""
    if all(upstream.provider.upstream_model(model) is None for upstream in snapshot.upstreams):
        raise unknown_model(snapshot, model)
    return encode(Model(model, display_name(model)))


def read_limit(options: dict[str, list[str]]) -> int:
    text = options.get("limit", [str(DEFAULT_LIMIT)])[-1]
    if not (text.isascii() and text.isdigit() and len(text) <= 4 and 1 <= int(text) <= MOST):
        raise invalid(f"limit: Input should be a whole number from 1 to {MOST}.")
    return int(text)


def position(ids: list[str], name: str, model: str) -> int:
    try:
        return ids.index(model)
    except ValueError:
        raise invalid(f"{name}: there is no model {model[:200]!r} in this list.") from None


def invalid(message: str) -> Rejection:
    return Rejection(400, "invalid_request_error", message, reason="bad_query")


def display_name(model: str) -> str:
    """`claude-opus-4-5-20251101` reads `Claude Opus 4.5`."""
    words: list[str] = []
    for word in model.replace("_", "-").split("-"):
        if word.isdigit() and len(word) == 8:
            continue
        if word.isdigit() and words and words[-1].replace(".", "").isdigit():
            words[-1] += f".{word}"
        else:
            words.append(word[:1].upper() + word[1:])
    return " ".join(words)
