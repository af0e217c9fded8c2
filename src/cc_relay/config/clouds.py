"""How a cloud provider proves itself: which of the ways its settings and the environment leave open is taken."""

import re
from collections.abc import Callable, Mapping
from enum import Enum

from cc_relay.config.provider import Provider


class Way(Enum):
    """Where a cloud's credential comes from.

    KEYS               the `keys` of the file (Azure's; of the others' keys only the limits count)
    TOKEN              `bearer_token` or `access_token`
    AWS_KEYS           `aws_access_key_id` with its secret
    ENVIRONMENT_TOKEN  the variable that AWS's own SDKs read a bearer token from
    ENVIRONMENT_KEYS   AWS_ACCESS_KEY_ID with its secret
    AWS_CHAIN          AWS's chain: a profile, SSO, the machine's role … (does not last)
    GOOGLE_FILE        `credentials_file` (does not last)
    GOOGLE_CHAIN       Google's application default credentials (does not last)
    ENTRA              Microsoft Entra (does not last)
    """

    KEYS = "keys"
    TOKEN = "token"  # noqa: S105 - a word, no password
    AWS_KEYS = "aws_keys"
    ENVIRONMENT_TOKEN = "environment_token"  # noqa: S105 - a word, no password
    ENVIRONMENT_KEYS = "environment_keys"
    AWS_CHAIN = "aws_chain"
    GOOGLE_FILE = "google_file"
    GOOGLE_CHAIN = "google_chain"
    ENTRA = "entra"


AWS_TOKEN = {
    "runtime": "AWS_BEARER_TOKEN_BEDROCK",
    "mantle": "AWS_BEARER_TOKEN_BEDROCK",
    "platform": "ANTHROPIC_AWS_API_KEY",
}
"""For each of Bedrock's surfaces, the variable of its bearer token (Anthropic's SDK, lib/bedrock and lib/aws)."""

WORKSPACE = "ANTHROPIC_AWS_WORKSPACE_ID"
"""The workspace that pays on Claude Platform on AWS."""

AWS_KEY_PAIR = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
ENTRA_SECRET = ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET")

SETTING = {"bedrock": "bearer_token", "vertex": "access_token"}
"""Where a type's ready token stands."""


def way_of(provider: Provider, environ: Mapping[str, str]) -> Way | None:
    """The way this provider takes; None where it is no cloud. What the file sets comes before the environment."""
    look = _LOOKS.get(provider.type)
    return look(provider, environ) if look else None


def value_of(environ: Mapping[str, str], variable: str) -> str:
    """A credential out of the environment; "" where there is none, or none that could be sent."""
    value = environ.get(variable, "").strip()
    return value if re.fullmatch(r"[!-~]+", value) else ""


def has_all(environ: Mapping[str, str], variables: tuple[str, ...]) -> bool:
    return all(value_of(environ, variable) for variable in variables)


def described(provider: Provider, environ: Mapping[str, str]) -> str:
    """In words where the credential comes from, where that is no secret of the file; "" where it is."""
    way = way_of(provider, environ)
    if way is Way.ENVIRONMENT_TOKEN:
        return f"${{{AWS_TOKEN[provider.surface]}}} from the environment"
    if way is Way.AWS_CHAIN and provider.aws_profile:
        return f"AWS profile {provider.aws_profile}"
    if way is Way.GOOGLE_FILE:
        return f"credentials file {provider.credentials_file}"
    if way is Way.ENTRA and has_all(environ, ENTRA_SECRET):
        return "Microsoft Entra, by the client secret in the environment"
    return _WORDS.get(way, "") if way else ""


_WORDS = {
    Way.ENVIRONMENT_KEYS: "${AWS_ACCESS_KEY_ID} from the environment",
    Way.AWS_CHAIN: "AWS's usual chain of credentials",
    Way.GOOGLE_CHAIN: "Google's application default credentials",
    Way.ENTRA: "Microsoft Entra",
}


def _bedrock(provider: Provider, environ: Mapping[str, str]) -> Way:
    said = (
        (Way.TOKEN, bool(provider.bearer_token.get_secret_value())),
        (Way.AWS_KEYS, bool(provider.aws_access_key_id)),
        (Way.AWS_CHAIN, bool(provider.aws_profile)),
        (Way.ENVIRONMENT_TOKEN, bool(value_of(environ, AWS_TOKEN[provider.surface]))),
        (Way.ENVIRONMENT_KEYS, has_all(environ, AWS_KEY_PAIR)),
    )
    return next((way for way, is_there in said if is_there), Way.AWS_CHAIN)


def _vertex(provider: Provider, _environ: Mapping[str, str]) -> Way:
    if provider.access_token.get_secret_value():
        return Way.TOKEN
    return Way.GOOGLE_FILE if provider.credentials_file else Way.GOOGLE_CHAIN


def _azure(provider: Provider, _environ: Mapping[str, str]) -> Way:
    return Way.KEYS if provider.keys else Way.ENTRA


_LOOKS: dict[str, Callable[[Provider, Mapping[str, str]], Way]] = {
    "bedrock": _bedrock,
    "vertex": _vertex,
    "azure": _azure,
}
