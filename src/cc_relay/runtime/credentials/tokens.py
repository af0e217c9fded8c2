"""Reads the answer of an OAuth token endpoint (RFC 6749, sections 5.1 and 5.2)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cc_relay.errors import CredentialError
from cc_relay.exchange import Credential
from cc_relay.runtime.credentials.words import about_time, careful

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cc_relay.runtime.credentials.http import Answer

NO_REMEDIES: dict[str, str] = {}


def read_token(
    answer: Answer, who: str, fingerprint: str, now: float, remedies: Mapping[str, str] = NO_REMEDIES
) -> Credential:
    """The token, which ends so many seconds after `now` (wall clock) as the answer says.

    Raises CredentialError: with the remedy for an error whose description begins with a key of `remedies`, else with
    the error's name alone, since descriptions name accounts.
    """
    fields = answer.fields()
    if answer.status != 200:
        raise CredentialError(refusal(answer.status, fields, who, remedies))
    token, seconds = fields.get("access_token"), fields.get("expires_in")
    # Microsoft has written numbers as text.
    if isinstance(seconds, str) and re.fullmatch(r"\d{1,9}", seconds):
        seconds = int(seconds)
    if not isinstance(token, str) or not re.fullmatch(r"[!-~]+", token):
        raise CredentialError(f"{who} answered without an access token")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < 1e9:
        raise CredentialError(f"{who} does not say how long its token lasts")
    return Credential(fingerprint, token, expires_at=now + seconds)


def refusal(status: int, fields: Mapping[str, object], who: str, remedies: Mapping[str, str]) -> str:
    error, description = str(fields.get("error", "")), str(fields.get("error_description", ""))
    code = next((code for code in remedies if description.startswith(code)), "")
    if code:
        return f"{who} answered {status} {code.rstrip(':')}: {remedies[code]}"
    named = f" {careful(error)}" if re.fullmatch(r"[a-z_]{1,60}", error) else ""
    return f"{who} answered {status}{named}{about_time(description)}"
