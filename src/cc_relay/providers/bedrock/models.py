"""Bedrock's names for Claude models, and how they stand in a path."""

import re
from collections.abc import Callable
from urllib.parse import quote

from cc_relay.codec.model_names import canonical
from cc_relay.providers.base import ProviderSettings
from cc_relay.providers.clouds import as_asked
from cc_relay.providers.names import ModelNames, wire_name

BASE_IDS = {
    "claude-sonnet-4": "anthropic.claude-sonnet-4-20250514-v1:0",
    "claude-opus-4": "anthropic.claude-opus-4-20250514-v1:0",
    "claude-opus-4-1": "anthropic.claude-opus-4-1-20250805-v1:0",
    "claude-haiku-4-5": "anthropic.claude-haiku-4-5-20251001-v1:0",
    "claude-opus-4-5": "anthropic.claude-opus-4-5-20251101-v1:0",
    "claude-sonnet-4-5": "anthropic.claude-sonnet-4-5-20250929-v1:0",
    "claude-opus-4-6": "anthropic.claude-opus-4-6-v1",
}
"""The models whose Bedrock id is more than `anthropic.` and their name (Anthropic docs, Claude on Amazon Bedrock)."""

GEOGRAPHIES = (
    ("us-gov-", "us-gov"),
    ("us-", "us"),
    ("ca-", "us"),
    ("eu-", "eu"),
    ("ap-northeast-1", "jp"),
    ("ap-northeast-3", "jp"),
    ("ap-southeast-2", "au"),
    ("ap-southeast-4", "au"),
    ("ap-southeast-6", "au"),
)
"""The inference profiles of a region, by how its name begins (Amazon Bedrock user guide, inference profiles)."""

ANYWHERE = "global"
"""The profiles of every other region: no Claude since 4.5 has one for the rest of Asia, or for South America."""

KNOWN = (
    "claude",
    "anthropic.",
    *(f"{geography}.anthropic." for geography in ("us-gov", "us", "eu", "apac", "jp", "au", "in", "global")),
    *(f"arn:{partition}:bedrock:" for partition in ("aws", "aws-us-gov", "aws-cn", "aws-eusc")),
)
"""How names begin that may be asked for where configuration names no models."""

MAX_ID = 2048

_ID = re.compile(r"[A-Za-z0-9_.:/-]+")
_DATED = re.compile(r"claude-.*-20\d{6}")
_ARN = re.compile(r"arn:[^:]+:bedrock:[^:]*:[^:]*:(?:foundation-model|inference-profile)/(.+)")
_PROFILE = re.compile(r"[a-z-]+\.(?=anthropic\.)")


class Names:
    """What one provider serves, in the words of its surface.

    As in `ModelNames`; besides, an id in `models` also answers to Anthropic's name for the same model. `spell` makes
    the surface's id of a name. `absent` are models it does not have, by their canonical names; configuration may still
    map to them. Raises ValueError for configured ids that can be none.
    """

    def __init__(
        self,
        settings: ProviderSettings,
        spell: Callable[[str], str],
        *,
        known: tuple[str, ...] = KNOWN,
        catalogue: tuple[str, ...],
        absent: frozenset[str] = frozenset(),
    ) -> None:
        self._names = ModelNames(settings.models, settings.model_mapping, known=known, catalogue=catalogue)
        self._spell = spell
        self._absent = absent if not settings.models else frozenset()
        self._models = {canonical(wire_name(model)): wire_name(model) for model in settings.models}
        self.listed = self._names.listed
        for model in (*settings.models, *settings.model_mapping.values()):
            path_segment(spell(wire_name(model)))

    def resolve(self, model: str) -> str | None:
        """The id of `model` here; None where it is not served. Hot path."""
        found = self._names.resolve(model) or self._models.get(canonical(wire_name(model)))
        if found is None:
            return None
        is_as_asked = found == wire_name(model)
        return None if is_as_asked and canonical(found) in self._absent else self._spell(found)


def geography_of(region: str) -> str:
    """The beginning of the inference profiles that a region's requests go by."""
    return next((geography for begin, geography in GEOGRAPHIES if region.startswith(begin)), ANYWHERE)


def base_id(model: str) -> str:
    """The id of a model by Anthropic's name for it: `anthropic.claude-sonnet-4-5-20250929-v1:0`."""
    name = canonical(model)
    known = BASE_IDS.get(name)
    if known is not None:
        return known
    dated = model.lower()
    return f"anthropic.{dated}-v1:0" if _DATED.fullmatch(dated) else f"anthropic.{name}"


def is_anthropics_name(model: str) -> bool:
    """Whether this is a model's name with Anthropic, and not an id of Bedrock's."""
    return model[:6].lower() == "claude"


def counted_id(model: str) -> str | None:
    """The foundation model that a model's tokens are counted by; None where its id does not tell.

    Counting takes no inference profiles, so the geography goes (botocore, CountTokens).
    """
    if model.startswith("arn:"):
        named = _ARN.fullmatch(model)
        if named is None:
            return None
        model = named[1]
    model = _PROFILE.sub("", model, count=1)
    return model if model.startswith("anthropic.") else None


def path_segment(model: str) -> str:
    """An id as it stands in a path: one segment, its colons as they are. Raises ValueError where it cannot.

    The encoding is that of Anthropic's SDK (lib/bedrock): a slash becomes `%2F`.
    """
    is_sound = _ID.fullmatch(model) and len(model) <= MAX_ID
    if not is_sound or any(part in {".", ".."} for part in model.split("/")):
        raise ValueError(
            f"{model[:200]!r} is no model id of Bedrock: letters, digits and . _ : / - are all it may hold"
        )
    return quote(model, safe=":;")


def asked_segment(model: str) -> str:
    """The same for a client's own model. Raises Rejection 400."""
    return as_asked(path_segment, model)
