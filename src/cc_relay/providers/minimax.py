"""MiniMax: its M models behind an Anthropic-shaped endpoint."""

import re

from cc_relay.exchange import Failure, FailureKind, Headers
from cc_relay.providers.base import ProviderSettings
from cc_relay.providers.dialect import Dialect
from cc_relay.providers.error_body import read_error_body
from cc_relay.providers.failures import Meaning, coded_failure, read_foreign_failure, too_long
from cc_relay.providers.foreign import Foreign, Traits

BASE_URL = "https://api.minimax.io/anthropic"

_AUTHENTICATION = Meaning(401, "authentication_error", FailureKind.CREDENTIAL)
_THROTTLE = Meaning(429, "rate_limit_error", FailureKind.THROTTLE)
_PARAMETER = Meaning(400, "invalid_request_error", FailureKind.CLIENT)
_UNWELL = Meaning(500, "api_error", FailureKind.TRANSIENT)

CODES = {
    **dict.fromkeys(("1000", "1024", "1033"), _UNWELL),
    "1001": Meaning(504, "timeout_error", FailureKind.TRANSIENT),
    **dict.fromkeys(("1002", "1041"), _THROTTLE),
    **dict.fromkeys(("1004", "2049"), _AUTHENTICATION),
    "1008": Meaning(402, "billing_error", FailureKind.PLAN),  # sent with a 500
    **dict.fromkeys(("1026", "1027", "2013"), _PARAMETER),
    "2056": Meaning(429, "rate_limit_error", FailureKind.PLAN),
}
"""Codes at the end of the message, "insufficient balance (1008)", whatever the status (MiniMax docs, "Error Codes")."""

_CODE = re.compile(r"\((\d{4})\)\s*$")
_TOO_LONG = re.compile(r"context window exceeds limit", re.IGNORECASE)


def read_failure(provider: str, status: int, headers: Headers, body: bytes) -> Failure:
    """An error of MiniMax's, by the code in its message; where there is none, like any other imitation's."""
    said = read_error_body(provider, status, headers, body)
    if _TOO_LONG.search(said.message):
        return too_long(said, headers)
    found = _CODE.search(said.message)
    meaning = None if found is None else CODES.get(found[1])
    if meaning is None:
        return read_foreign_failure(provider, status, headers, body)
    return coded_failure(meaning, said, headers)


TRAITS = Traits(
    dialect=Dialect(
        betas=frozenset({b"interleaved-thinking-2025-05-14"}),
        text_only=re.compile("minimax-m[12]"),
    ),
    base_url=BASE_URL,
    known=("minimax",),
    catalogue=("MiniMax-M3", "MiniMax-M3.1-Flash", "MiniMax-M2.7"),
    read_failure=read_failure,
)


def build(settings: ProviderSettings) -> Foreign:
    return Foreign(settings, TRAITS)
