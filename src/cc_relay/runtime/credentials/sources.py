"""Which provider needs a kept credential, and which credentials it has that last."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from msgspec import Struct

from cc_relay.config.clouds import AWS_TOKEN, Way, value_of, way_of
from cc_relay.exchange import AwsKeys, Credential
from cc_relay.runtime.credentials.kept import KeptCredential
from cc_relay.runtime.credentials.threads import Threads

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cc_relay.config import Provider

NAMES = {Way.AWS_CHAIN: "aws", Way.GOOGLE_FILE: "google", Way.GOOGLE_CHAIN: "google", Way.ENTRA: "entra"}
"""What the fingerprints of credentials begin with that do not last."""


class Recipe(Struct, frozen=True):
    """How one provider's credential is come by: while a reload changes nothing here, the kept one stays."""

    provider: str
    way: Way
    profile: str = ""
    region: str = ""
    file: str = ""

    @property
    def fingerprint(self) -> str:
        """The same for every credential that it brings."""
        told = f"{self.profile}\0{self.region}\0{self.file}"
        return f"{NAMES[self.way]}-{sha256(told.encode()).hexdigest()[:6]}"


def recipe_of(entry: Provider, environ: Mapping[str, str]) -> Recipe | None:
    """None where the provider's credentials last, or where it is no cloud."""
    way = way_of(entry, environ)
    if way is None or way not in NAMES:
        return None
    is_aws = way is Way.AWS_CHAIN
    return Recipe(
        entry.name,
        way,
        profile=entry.aws_profile if is_aws else "",
        region=entry.aws_region if is_aws else "",
        file=entry.credentials_file if way is Way.GOOGLE_FILE else "",
    )


def kept(recipe: Recipe, environ: Mapping[str, str], renewed: Callable[[], None] = lambda: None) -> KeptCredential:
    """The credential of `recipe`, not started yet. Imports nothing heavy: that happens in its thread."""
    fetch = fetch_of(recipe, environ)
    threads = Threads(f"cc-relay-credentials-{recipe.provider}")
    return KeptCredential(recipe.provider, lambda: threads.run(fetch), renewed=renewed)


def source_of(entry: Provider, environ: Mapping[str, str]) -> KeptCredential | None:
    """A provider's own source; None where its credentials last."""
    recipe = recipe_of(entry, environ)
    return None if recipe is None else kept(recipe, environ)


def fetch_of(recipe: Recipe, environ: Mapping[str, str]) -> Callable[[], Credential]:
    if recipe.way is Way.AWS_CHAIN:
        from cc_relay.runtime.credentials.aws import from_chain

        return from_chain(recipe.profile, recipe.region, recipe.fingerprint)
    if recipe.way is Way.ENTRA:
        from cc_relay.runtime.credentials.azure import from_entra

        return from_entra(environ, recipe.fingerprint)
    from cc_relay.runtime.credentials.google import from_google

    return from_google(recipe.file, environ, recipe.fingerprint)


def lasting(entry: Provider, environ: Mapping[str, str], name_of: Callable[[str], str]) -> Credential | None:
    """A cloud's credential that the file or the environment holds ready; None where there is none.

    `name_of` gives a secret's public name; keys of AWS are named for their id.
    """
    way = way_of(entry, environ)
    if way in (Way.AWS_KEYS, Way.ENVIRONMENT_KEYS):
        keys = aws_keys(entry) if way is Way.AWS_KEYS else environment_keys(environ)
        return Credential(name_of(keys.access_key_id), "", aws=keys)
    if way is Way.TOKEN:
        token = (entry.bearer_token if entry.type == "bedrock" else entry.access_token).get_secret_value()
    elif way is Way.ENVIRONMENT_TOKEN:
        token = value_of(environ, AWS_TOKEN[entry.surface])
    else:
        return None
    return Credential(name_of(token), token)


def aws_keys(entry: Provider) -> AwsKeys:
    secret, token = entry.aws_secret_access_key, entry.aws_session_token
    return AwsKeys(entry.aws_access_key_id, secret.get_secret_value(), token.get_secret_value())


def environment_keys(environ: Mapping[str, str]) -> AwsKeys:
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    return AwsKeys(*(value_of(environ, name) for name in names))
