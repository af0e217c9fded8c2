"""The kinds of values a setting can have: how each is read, bounded and described to an editor."""

import re
from typing import Annotated, Literal, get_args
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, WithJsonSchema

from cc_relay.config.listen import parse_listen

ProviderType = Literal[
    "anthropic",
    "zai",
    "minimax",
    "ollama",
    "bedrock",
    "vertex",
    "azure",
    "anthropic_compatible",
    "openai_compatible",
]
StrategyName = Literal[
    "failover",
    "round_robin",
    "weighted_round_robin",
    "shuffle",
    "least_loaded",
    "weighted_failover",
    "model_based",
    "cost_based",
    "latency_based",
]
PoolingName = Literal["least_loaded", "round_robin", "random", "weighted"]
LevelName = Literal["debug", "info", "warn", "error"]
FormatName = Literal["text", "json"]
SurfaceName = Literal["runtime", "mantle", "platform"]
AuthStyleName = Literal["x-api-key", "bearer"]

# Other spellings of the file format this one extends.
ALIASES = {"simple_shuffle": "shuffle", "least_busy": "least_loaded", "warning": "warn", "console": "text"}

_LARGEST = 2**53 - 1


def _fold(value: object) -> object:
    if not isinstance(value, str):
        return value
    name = value.strip().lower().replace("-", "_")
    return ALIASES.get(name, name)


def _spellings(choices: object) -> WithJsonSchema:
    """Canonical names first, then what is also accepted, so that an editor offers the one and takes the other."""
    names = list(get_args(choices))
    dashed = [name.replace("_", "-") for name in names if "_" in name]
    other = [alias for alias, name in ALIASES.items() if name in names]
    other += [alias.replace("_", "-") for alias in other if "_" in alias]
    return WithJsonSchema({"type": "string", "enum": names + dashed + other})


def _refuse_bool(value: object) -> object:
    # pydantic takes True for 1; nobody who writes `timeout_ms: true` means one millisecond.
    if isinstance(value, bool):
        raise ValueError("must be a number")
    return value


def _check_text(value: str) -> str:
    if any(ord(character) < ord(" ") or character == "\x7f" for character in value):
        raise ValueError("must not hold control characters")
    return value


def _check_filled(value: str) -> str:
    if not value.strip():
        raise ValueError("must not be empty")
    return value


def _check_name(value: str) -> str:
    # Names travel in response headers and metric labels.
    if not re.fullmatch(r"[!-~](?:[ -~]{0,62}[!-~])?", value):
        raise ValueError("must be 1 to 64 printable ASCII characters, without spaces around them")
    return value


def _check_secret(value: SecretStr) -> SecretStr:
    """A secret is sent as one header value: spaces around it are a slip of the hand, spaces inside a mistake."""
    text = value.get_secret_value().strip()
    if not re.fullmatch(r"[!-~]*", text):
        raise ValueError("must be printable ASCII without spaces (it is sent as a header)")
    return SecretStr(text)


def _check_filled_secret(value: SecretStr) -> SecretStr:
    if not value.get_secret_value():
        raise ValueError("is empty")
    return value


def _check_listen(value: str) -> str:
    return str(parse_listen(value))


def _check_optional_listen(value: str) -> str:
    return _check_listen(value) if value else ""


def _check_url(value: str) -> str:
    """An http(s) address without a trailing slash; "" is "the default". The address itself is never quoted back."""
    text = value.strip().rstrip("/")
    if not text:
        return ""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError("must be a URL such as https://api.example.com") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or re.search(r"[^!-~]|\\", text) or port == 0:
        raise ValueError("must be a URL that begins with http:// or https:// and names a host")
    if "@" in parts.netloc:
        raise ValueError("must not hold credentials; put them under keys")
    if "?" in text or "#" in text:
        raise ValueError("must not hold a query or a fragment")
    return text


def _check_path(value: str) -> str:
    if not re.fullmatch(r"/[!-~]*", value) or "?" in value or "#" in value:
        raise ValueError("must be a path that begins with /")
    return value


def _check_region(value: str) -> str:
    # Regions and resources become part of a host's name.
    if not re.fullmatch(r"(?:[a-z0-9]+(?:-[a-z0-9]+)*)?", value):
        raise ValueError("must be a region's name, such as us-east-1")
    return value


def _check_project(value: str) -> str:
    if not re.fullmatch(r"(?:[a-z0-9][a-z0-9.:-]*)?", value):
        raise ValueError("must be a project's id (not its display name), such as my-project-123")
    return value


def _check_resource(value: str) -> str:
    if not re.fullmatch(r"(?:[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*)?", value):
        raise ValueError("must be the resource's name alone, what stands before .services.ai.azure.com")
    return value


def _check_key_id(value: str) -> str:
    # Travels in the header of the signature, whose parts are parted by commas and slashes.
    if not re.fullmatch(r"[A-Za-z0-9_]*", value):
        raise ValueError("must be letters and digits")
    return value


def _check_header_text(value: str) -> str:
    if not re.fullmatch(r"[!-~]*", value):
        raise ValueError("must be printable ASCII without spaces (it is sent as a header)")
    return value


def _check_state(value: str) -> str:
    if value != "memory" and not value.startswith(("redis://", "rediss://", "unix://")):
        raise ValueError("must be memory or a redis:// address")
    return value


def _ledger_switch(value: object) -> object:
    # `false` is what an editor's completion, and YAML 1.1, make of `off`.
    return "off" if value is False else value


def _check_ledger(value: str) -> str:
    if value != "off" and not value.startswith(("sqlite:", "postgresql://", "postgres://")):
        raise ValueError('must be "sqlite:PATH", a postgresql:// address, or "off"')
    return value


def _check_pattern(value: str) -> str:
    if not value.strip():
        raise ValueError("a model name must not be empty")
    if "*" in value[:-1]:
        raise ValueError("* may stand at the end only")
    return _check_text(value)


def _check_model(value: str) -> str:
    if "*" in value:
        raise ValueError("must be one model's name, without *")
    return _check_text(_check_filled(value))


Count = Annotated[int, Field(ge=0, le=_LARGEST), BeforeValidator(_refuse_bool)]
"""A whole number, zero included."""
Positive = Annotated[int, Field(ge=1, le=_LARGEST), BeforeValidator(_refuse_bool)]
"""A whole number from 1."""
Milliseconds = Count
Dollars = Annotated[float, Field(ge=0, allow_inf_nan=False), BeforeValidator(_refuse_bool)]
"""USD, for a million tokens."""
Factor = Annotated[float, Field(ge=1, le=100), BeforeValidator(_refuse_bool)]
"""A multiple."""
Share = Annotated[float, Field(ge=0, le=1), BeforeValidator(_refuse_bool)]
"""A part of the whole."""
Text = Annotated[str, AfterValidator(_check_text)]
Filled = Annotated[str, AfterValidator(_check_text), AfterValidator(_check_filled)]
Name = Annotated[str, AfterValidator(_check_name)]
Secret = Annotated[SecretStr, AfterValidator(_check_secret)]
FilledSecret = Annotated[SecretStr, AfterValidator(_check_secret), AfterValidator(_check_filled_secret)]
ListenAddress = Annotated[str, AfterValidator(_check_listen)]
OptionalListenAddress = Annotated[str, AfterValidator(_check_optional_listen)]
Url = Annotated[str, AfterValidator(_check_url)]
UrlPath = Annotated[str, AfterValidator(_check_path)]
# Addresses that may hold a password: kept out of every repr.
StateBackend = Annotated[str, AfterValidator(_check_state), Field(repr=False)]
LedgerBackend = Annotated[str, BeforeValidator(_ledger_switch), AfterValidator(_check_ledger), Field(repr=False)]
ModelName = Annotated[str, AfterValidator(_check_model)]
ModelPattern = Annotated[str, AfterValidator(_check_pattern)]
"""A model's exact name, or a prefix of names with a `*` at its end."""
ModelMapping = dict[ModelPattern, ModelName]
Strategy = Annotated[StrategyName, BeforeValidator(_fold), _spellings(StrategyName)]
Pooling = Annotated[PoolingName, BeforeValidator(_fold), _spellings(PoolingName)]
Kind = Annotated[ProviderType, BeforeValidator(_fold), _spellings(ProviderType)]
Level = Annotated[LevelName, BeforeValidator(_fold), _spellings(LevelName)]
Format = Annotated[FormatName, BeforeValidator(_fold), _spellings(FormatName)]
Surface = Annotated[SurfaceName, BeforeValidator(_fold)]
Region = Annotated[str, AfterValidator(_check_region)]
Project = Annotated[str, AfterValidator(_check_project)]
Resource = Annotated[str, AfterValidator(_check_resource)]
HeaderText = Annotated[str, AfterValidator(_check_header_text)]
KeyId = Annotated[str, AfterValidator(_check_key_id)]
AuthStyle = AuthStyleName
