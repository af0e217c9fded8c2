"""Google's names for Claude models."""

import re

from cc_relay.providers.clouds import as_asked

VERSIONS = {
    "claude-opus-4": "20250514",
    "claude-opus-4-0": "20250514",
    "claude-opus-4-1": "20250805",
    "claude-opus-4-5": "20251101",
    "claude-sonnet-4": "20250514",
    "claude-sonnet-4-0": "20250514",
    "claude-sonnet-4-5": "20250929",
    "claude-haiku-4-5": "20251001",
}
"""The models that are known by a date (Anthropic docs, Claude on Vertex AI); from 4.6 on they bear none."""

_DATED = re.compile(r"(claude-.+)-(20\d{6})")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@;-]*")


def upstream_id(model: str) -> str:
    """Google's id of a model by Anthropic's: `claude-sonnet-4-5@20250929`. Names that are none of these stay.

    Hot path.
    """
    version = VERSIONS.get(model)
    if version is not None:
        return f"{model.removesuffix('-0')}@{version}"
    dated = _DATED.fullmatch(model)
    return model if dated is None else f"{dated[1]}@{dated[2]}"


def counted_id(model: str) -> str:
    """The same id as count-tokens takes it: without a version."""
    return model.partition("@")[0]


def path_segment(model: str) -> str:
    """A model's id as it stands in a path: `@` as it is, `;` escaped. Raises ValueError where it cannot stand there."""
    if not _NAME.fullmatch(model):
        raise ValueError(f"{model!r} is no model id of Vertex AI: letters, digits and . _ - @ ; are all it may hold")
    return model.replace(";", "%3B")


def asked_segment(model: str) -> str:
    """The same for a client's own model. Raises Rejection."""
    return as_asked(path_segment, model)
