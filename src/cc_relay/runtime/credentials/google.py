"""Google's credentials: a file by google-auth over a transport of ours, or on Google's machines the metadata server."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from cc_relay.errors import CredentialError
from cc_relay.exchange import Credential
from cc_relay.runtime.credentials.http import ask
from cc_relay.runtime.credentials.quiet import hush
from cc_relay.runtime.credentials.tokens import read_token
from cc_relay.runtime.credentials.words import about_time, careful

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
HOW_TO_INSTALL = (
    "files of Google credentials are read by google-auth: pip install 'cc-relay[vertex]', or give an access_token"
)
NOTHING_FOUND = (
    "no Google credentials are here, and this is no machine of Google's: run `gcloud auth application-default login`,"
    " or set credentials_file"
)
LOG_IN_AGAIN = "run `gcloud auth application-default login`"

METADATA_HOST = "metadata.google.internal"
METADATA_SECONDS = 3.0
TOKEN_PATH = f"/computeMetadata/v1/instance/service-accounts/default/token?scopes={SCOPE}"

UNSAID_LIFE = 300.0
"""Seconds a token is used whose end nobody told."""

# By the `type` of a file (google-auth's own list), the class that reads it, its factory, and whether it is scoped.
KINDS: dict[str, tuple[str, str, str, bool]] = {
    "service_account": ("google.oauth2.service_account", "Credentials", "from_service_account_info", True),
    "authorized_user": ("google.oauth2.credentials", "Credentials", "from_authorized_user_info", False),
    "external_account_authorized_user": (
        "google.auth.external_account_authorized_user",
        "Credentials",
        "from_info",
        False,
    ),
    "impersonated_service_account": (
        "google.auth.impersonated_credentials",
        "Credentials",
        "from_impersonated_service_account_info",
        True,
    ),
}
EXTERNAL = "external_account"


class GoogleCredentials(Protocol):
    """What we use of a credential of google-auth's. `expiry` is UTC without saying so."""

    token: str | None
    expiry: datetime | None

    def refresh(self, request: object) -> None: ...


def from_google(
    file: str, environ: Mapping[str, str], fingerprint: str, wall: Callable[[], float] = time.time
) -> Callable[[], Credential]:
    """A blocking call for a new access token; it raises CredentialError.

    `file` "" looks where Google's own libraries look (AIP-4110): GOOGLE_APPLICATION_CREDENTIALS, gcloud's own file,
    the metadata server.
    """

    def fetch() -> Credential:
        path = file or found_file(environ)
        if path:
            return from_file(path, environ, fingerprint, wall)
        return from_metadata(environ, fingerprint, wall)

    return fetch


def found_file(environ: Mapping[str, str]) -> str:
    """The file of the default credentials; "" where there is none."""
    said = environ.get("GOOGLE_APPLICATION_CREDENTIALS", "")
    if said:
        return said
    home = environ.get("HOME", "")
    gcloud = Path(environ.get("CLOUDSDK_CONFIG") or f"{home}/.config/gcloud") / "application_default_credentials.json"
    return str(gcloud) if gcloud.is_file() else ""


def from_metadata(environ: Mapping[str, str], fingerprint: str, wall: Callable[[], float]) -> Credential:
    """The machine's own service account, by one request to the metadata server."""
    if environ.get("NO_GCE_CHECK", "").lower() == "true":
        raise CredentialError(NOTHING_FOUND)
    host = environ.get("GCE_METADATA_HOST") or METADATA_HOST
    flavour = {"Metadata-Flavor": "Google"}
    try:
        answer = ask("GET", f"http://{host}{TOKEN_PATH}", flavour, seconds=METADATA_SECONDS, is_local=True)
    except CredentialError as error:
        if environ.get("GCE_METADATA_HOST"):
            raise
        raise CredentialError(NOTHING_FOUND) from error
    if answer.headers.get("metadata-flavor") != "Google":
        # A captive portal, or a router that answers for every name.
        raise CredentialError(NOTHING_FOUND)
    if answer.status == 404:
        raise CredentialError("this machine has no service account; give it one, or set credentials_file")
    return read_token(answer, "Google's metadata server", fingerprint, wall())


def from_file(path: str, environ: Mapping[str, str], fingerprint: str, wall: Callable[[], float]) -> Credential:
    hush("google")
    try:
        from google.auth.exceptions import GoogleAuthError

        from cc_relay.runtime.credentials.google_transport import Transport
    except ImportError:
        raise CredentialError(HOW_TO_INSTALL) from None
    info = read_info(path)
    try:
        credentials = loaded(info)
        credentials.refresh(Transport())
    except GoogleAuthError as error:
        raise CredentialError(explained(error)) from None
    except ImportError:
        # What signs a service account's assertion is a library of its own.
        raise CredentialError(HOW_TO_INSTALL) from None
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise CredentialError(f"{path} or the answer to it is not what it should be ({careful(str(error))})") from None
    if not credentials.token:
        raise CredentialError("Google gave no token")
    expiry = credentials.expiry
    expires_at = expiry.replace(tzinfo=UTC).timestamp() if expiry else wall() + UNSAID_LIFE
    quota_project = environ.get("GOOGLE_CLOUD_QUOTA_PROJECT") or getattr(credentials, "quota_project_id", None)
    return Credential(
        fingerprint, str(credentials.token), quota_project=str(quota_project or ""), expires_at=expires_at
    )


def read_info(path: str) -> dict[str, object]:
    try:
        info: object = json.loads(Path(path).expanduser().read_bytes())
    except OSError as error:
        raise CredentialError(f"{path} cannot be read ({error.strerror})") from None
    except ValueError:
        raise CredentialError(f"{path} is no JSON file") from None
    if not isinstance(info, dict):
        raise CredentialError(f"{path} holds no credentials")
    return info


def loaded(info: dict[str, object]) -> GoogleCredentials:
    """Raises GoogleAuthError, and what a file with holes makes google-auth raise."""
    kind = info.get("type")
    if kind == EXTERNAL:
        module, name, factory, is_scoped = external(info), "Credentials", "from_info", True
    elif isinstance(kind, str) and kind in KINDS:
        module, name, factory, is_scoped = KINDS[kind]
    else:
        raise ValueError(f"its type is none of {', '.join([*KINDS, EXTERNAL])}")
    make = getattr(getattr(import_module(module), name), factory)
    credentials: GoogleCredentials = make(info, scopes=[SCOPE]) if is_scoped else make(info)
    return credentials


def external(info: dict[str, object]) -> str:
    """The module for another cloud's identity: AWS's, a program's, or a file's or an address's."""
    if info.get("subject_token_type") == "urn:ietf:params:aws:token-type:aws4_request":
        return "google.auth.aws"
    source = info.get("credential_source")
    is_program = isinstance(source, dict) and source.get("executable") is not None
    return "google.auth.pluggable" if is_program else "google.auth.identity_pool"


def explained(error: Exception) -> str:
    """google-auth's words: its first argument is a sentence, the others are the answer's whole body."""
    said = str(error.args[0]) if error.args else ""
    if isinstance(error.__cause__, CredentialError):
        # Our own transport's words.
        return said
    remedy = ""
    if "invalid_rapt" in said or "Reauthentication" in said or "expired or revoked" in said:
        remedy = f"; {LOG_IN_AGAIN}"
    return f"google-auth says: {careful(said) or type(error).__name__}{remedy or about_time(said)}"
