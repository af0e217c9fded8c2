"""Microsoft Entra: a client secret by one request, everything else by azure-identity."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from cc_relay.config.clouds import ENTRA_SECRET, has_all, value_of
from cc_relay.errors import CredentialError
from cc_relay.exchange import Credential
from cc_relay.runtime.credentials.http import ask
from cc_relay.runtime.credentials.quiet import hush
from cc_relay.runtime.credentials.tokens import read_token
from cc_relay.runtime.credentials.words import about_time, careful

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SCOPE = "https://ai.azure.com/.default"
"""What Foundry's endpoints accept (Anthropic's SDK, lib/foundry)."""

AUTHORITY = "https://login.microsoftonline.com"
HOW_TO_INSTALL = (
    "logins but a client secret are read by azure-identity: pip install 'cc-relay[azure]', or set AZURE_TENANT_ID,"
    " AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, or give a key"
)
NOTHING_FOUND = (
    "none of the ways azure-identity knows gave a token: run `az login`, or set AZURE_TENANT_ID, AZURE_CLIENT_ID and"
    " AZURE_CLIENT_SECRET"
)
# Codes that an error's description begins with (Entra's list of authentication error codes).
REMEDIES: dict[str, str] = {
    "AADSTS7000215:": "AZURE_CLIENT_SECRET is wrong (the secret's value is wanted, not its id)",
    "AADSTS7000222:": "AZURE_CLIENT_SECRET has run out; make a new one",
    "AADSTS700016:": "AZURE_CLIENT_ID names no application of this tenant",
    "AADSTS90002:": "AZURE_TENANT_ID names no tenant",
    "AADSTS900023:": "AZURE_TENANT_ID is no tenant's id",
    "AADSTS500011:": "the tenant does not know the service; is there a Foundry resource in it?",
    "AADSTS7000112:": "the application is disabled",
}


def from_entra(
    environ: Mapping[str, str], fingerprint: str, wall: Callable[[], float] = time.time
) -> Callable[[], Credential]:
    """A blocking call for a new token; it raises CredentialError."""

    def fetch() -> Credential:
        if has_all(environ, ENTRA_SECRET):
            return by_secret(environ, fingerprint, wall)
        return by_library(fingerprint)

    return fetch


def by_secret(environ: Mapping[str, str], fingerprint: str, wall: Callable[[], float]) -> Credential:
    """The client credentials grant, as Entra's v2.0 endpoint takes it."""
    tenant, client, secret = (value_of(environ, name) for name in ENTRA_SECRET)
    authority = environ.get("AZURE_AUTHORITY_HOST", "").strip().rstrip("/") or AUTHORITY
    url = f"{authority if '://' in authority else f'https://{authority}'}/{quote(tenant, safe='')}/oauth2/v2.0/token"
    form = {"grant_type": "client_credentials", "client_id": client, "client_secret": secret, "scope": SCOPE}
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    answer = ask("POST", url, headers, urlencode(form).encode())
    return read_token(answer, "Microsoft Entra", fingerprint, wall(), REMEDIES)


def by_library(fingerprint: str) -> Credential:
    """The developer's login, the machine's identity, a workload's: whatever azure-identity finds first."""
    hush("azure", "msal", "msal_extensions", "urllib3")
    try:
        from azure.core.exceptions import AzureError
        from azure.identity import CredentialUnavailableError, DefaultAzureCredential
    except ImportError:
        raise CredentialError(HOW_TO_INSTALL) from None
    try:
        # A new one each time: an old one would go on with a login that has been replaced.
        with DefaultAzureCredential() as login:
            token = login.get_token(SCOPE)
    except CredentialUnavailableError:
        raise CredentialError(NOTHING_FOUND) from None
    except AzureError as error:
        # The first line; the rest lists every way that was tried.
        first = str(error).strip().partition("\n")[0]
        hint = about_time(str(error)) or f"; {NOTHING_FOUND}"
        raise CredentialError(f"azure-identity says: {careful(first)}{hint}") from None
    return Credential(fingerprint, token.token, expires_at=float(token.expires_on))
