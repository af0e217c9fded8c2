"""AWS's own chain of credentials, by botocore: profiles, SSO, instance metadata, web identity, roles, processes."""

from __future__ import annotations

from datetime import datetime
from math import inf
from typing import TYPE_CHECKING

from cc_relay.errors import CredentialError
from cc_relay.exchange import AwsKeys, Credential
from cc_relay.runtime.credentials.quiet import hush
from cc_relay.runtime.credentials.words import about_time, careful

if TYPE_CHECKING:
    from collections.abc import Callable

    from botocore.session import Session

HOW_TO_INSTALL = (
    "AWS's chain of credentials is read by botocore: pip install 'cc-relay[bedrock]', or give keys or a bearer_token"
)
NOTHING_FOUND = "AWS's chain holds no credentials: log in (`aws sso login`), or set aws_profile, keys or a bearer_token"

# By the name of botocore's exception: its own words are right, but say nothing of what to do.
REMEDIES: dict[str, str] = {
    "ProfileNotFound": "there is no such profile in AWS's configuration; see `aws configure list-profiles`",
    "SSOTokenLoadError": "the SSO login is not there; run `aws sso login`",
    "UnauthorizedSSOTokenError": "the SSO login is over; run `aws sso login`",
    "SSOError": "the SSO login is over; run `aws sso login`",
    "TokenRetrievalError": "the SSO login is over; run `aws sso login`",
    "PendingAuthorizationExpiredError": "the SSO login is over; run `aws sso login`",
    "LoginTokenLoadError": "the login is not there; run `aws login`",
    "LoginRefreshTokenExpired": "the login is over; run `aws login`",
    "MissingDependencyException": "a part of botocore is not installed: pip install 'botocore[crt]'",
}
# The same, by the code of an answer of STS or SSO.
REFUSALS: dict[str, str] = {
    "ExpiredToken": "the credentials behind the role are over; log in again",
    "ExpiredTokenException": "the credentials behind the role are over; log in again",
    "UnauthorizedException": "the SSO login is over; run `aws sso login`",
    "AccessDenied": "the role may not be assumed; check its trust policy",
    "InvalidClientTokenId": "the access key behind the role does not exist",
    "InvalidIdentityToken": "the web identity token is not accepted",
}
TIME_CODES = ("SignatureDoesNotMatch", "InvalidSignatureException", "RequestExpired", "RequestTimeTooSkewed")


def from_chain(profile: str, region: str, fingerprint: str) -> Callable[[], Credential]:
    """A blocking call that asks the chain anew; `profile` "" takes the environment's. It raises CredentialError."""

    def fetch() -> Credential:
        hush("botocore", "urllib3")
        try:
            from botocore.exceptions import BotoCoreError, ClientError
            from botocore.session import Session
        except ImportError:
            raise CredentialError(HOW_TO_INSTALL) from None
        try:
            # A session remembers what it found: a new one sees a new login, and an edited file.
            return found(Session(profile=profile or None), region, fingerprint)
        except ClientError as error:
            raise CredentialError(refusal(error.response.get("Error", {}))) from None
        except (BotoCoreError, OSError, ValueError) as error:
            raise CredentialError(explained(error)) from None

    return fetch


def found(session: Session, region: str, fingerprint: str) -> Credential:
    if region and not session.get_config_variable("region"):
        # Where roles are assumed, unless the profile says otherwise.
        session.set_config_variable("region", region)
    # Someone at a terminal may be asked for a code; who would answer a relay?
    session.get_component("credential_provider").get_provider("assume-role")._prompter = cannot_ask  # noqa: SLF001
    credentials = session.get_credentials()
    if credentials is None:
        raise CredentialError(NOTHING_FOUND)
    # Keys, secret and token of one moment: read one by one they may belong to two.
    frozen = credentials.get_frozen_credentials()
    if not frozen.access_key or not frozen.secret_key:
        raise CredentialError(NOTHING_FOUND)
    keys = AwsKeys(str(frozen.access_key), str(frozen.secret_key), str(frozen.token or ""))
    # botocore tells the end to nobody; without one, keys last as far as it knows.
    ends_at = getattr(credentials, "_expiry_time", None)
    expires_at = ends_at.timestamp() if isinstance(ends_at, datetime) else inf
    return Credential(fingerprint, "", aws=keys, expires_at=expires_at)


def cannot_ask(_prompt: str) -> str:
    raise CredentialError("the profile's role wants an MFA code, which a relay cannot ask for; use SSO or a process")


def refusal(error: dict[str, object]) -> str:
    """What an answer of STS or SSO means; its message names accounts and roles, so only its code is told."""
    code, message = str(error.get("Code", "")), str(error.get("Message", ""))
    remedy = REFUSALS.get(code, "")
    clock = about_time(message) or (about_time("signature expired") if code in TIME_CODES else "")
    return f"AWS answered {careful(code) or 'with an error'}{f': {remedy}' if remedy else ''}{clock}"


def explained(error: Exception) -> str:
    name = type(error).__name__
    remedy = REMEDIES.get(name)
    return f"{name}: {remedy}" if remedy else f"{name}: {careful(str(error))}{about_time(str(error))}"
