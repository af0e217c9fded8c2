"""Model lists, in the shape of each dialect."""

from hashlib import sha256
from urllib.parse import parse_qs

from cc_relay.sim.dialects import Dialect

CREATED_AT = "2026-10-01T00:00:00Z"
CREATED = 1_790_812_800
DEFAULT_LIMIT = 20
Json = dict[str, object]


def model_info(model: str) -> Json:
    """Anthropic's ModelInfo (Anthropic API docs, models)."""
    words = [word for word in model.split("-") if not (word.isdigit() and len(word) == 8)]
    display = " ".join(word.capitalize() for word in words)
    return {
        "type": "model",
        "id": model,
        "display_name": display,
        "created_at": CREATED_AT,
        "lifecycle": "active",
        "max_input_tokens": 1_000_000,
        "max_tokens": 128_000,
    }


def anthropic_list(models: list[str], query: str) -> Json | None:
    """One page: `limit`, and `after_id` or `before_id`. None where the limit or a cursor is not valid."""
    wanted = {name: values[-1] for name, values in parse_qs(query).items()}
    limit = wanted.get("limit", str(DEFAULT_LIMIT))
    if not limit.isdecimal() or not 1 <= int(limit) <= 1000:
        return None
    try:
        rest, is_backward = _from_cursor(models, wanted)
    except ValueError:
        return None
    chosen = rest[-int(limit) :] if is_backward else rest[: int(limit)]
    return {
        "data": [model_info(model) for model in chosen],
        "has_more": len(chosen) < len(rest),
        "first_id": chosen[0] if chosen else None,
        "last_id": chosen[-1] if chosen else None,
    }


def _from_cursor(models: list[str], wanted: dict[str, str]) -> tuple[list[str], bool]:
    if "after_id" in wanted:
        return models[models.index(wanted["after_id"]) + 1 :], False
    if "before_id" in wanted:
        return models[: models.index(wanted["before_id"])], True
    return models, False


def openai_list(models: list[str], owner: str) -> Json:
    return {
        "object": "list",
        "data": [{"id": model, "object": "model", "created": CREATED, "owned_by": owner} for model in models],
    }


def ollama_tags(models: list[str]) -> Json:
    """Ollama's native `/api/tags`."""
    return {
        "models": [
            {
                "name": model,
                "model": model,
                "modified_at": CREATED_AT,
                "size": 19_000_000_000,
                "digest": sha256(model.encode()).hexdigest(),
                "details": {
                    "format": "gguf",
                    "family": model.split(":")[0],
                    "parameter_size": model.partition(":")[2].upper(),
                    "quantization_level": "Q4_K_M",
                },
            }
            for model in models
        ]
    }


def served(dialect: Dialect, extra: tuple[str, ...]) -> list[str]:
    return [*dialect.models, *(model for model in extra if model not in dialect.models)]
