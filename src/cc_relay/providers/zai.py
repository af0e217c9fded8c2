"""Z.AI: GLM models behind an Anthropic-shaped endpoint."""

import re
from datetime import datetime

from cc_relay.exchange import Failure, FailureKind, Headers
from cc_relay.providers.base import ProviderSettings
from cc_relay.providers.dialect import Dialect
from cc_relay.providers.error_body import read_error_body
from cc_relay.providers.failures import Meaning, coded_failure, read_foreign_failure, reference_time, too_long
from cc_relay.providers.foreign import Foreign, Traits

BASE_URL = "https://api.z.ai/api/anthropic"

_AUTHENTICATION = Meaning(401, "authentication_error", FailureKind.CREDENTIAL)
_ACCOUNT = Meaning(403, "permission_error", FailureKind.CREDENTIAL)
_BALANCE = Meaning(402, "billing_error", FailureKind.PLAN)
_PARAMETER = Meaning(400, "invalid_request_error", FailureKind.CLIENT)
_UNKNOWN_MODEL = Meaning(404, "not_found_error", FailureKind.UNKNOWN_MODEL)
_NOT_IN_PLAN = Meaning(403, "permission_error", FailureKind.UNKNOWN_MODEL)
_THROTTLE = Meaning(429, "rate_limit_error", FailureKind.THROTTLE)
_SPENT = Meaning(429, "rate_limit_error", FailureKind.PLAN)
_OVERLOAD = Meaning(529, "overloaded_error", FailureKind.TRANSIENT)

CODES = {
    **dict.fromkeys(("1000", "1001", "1002", "1003", "1004"), _AUTHENTICATION),
    **dict.fromkeys(("1110", "1111", "1112", "1120", "1121", "1220", "1221", "1222"), _ACCOUNT),
    "1113": _BALANCE,  # sent with a 429, but waiting does not help
    **dict.fromkeys(("1210", "1212", "1213", "1214", "1215"), _PARAMETER),
    "1211": _UNKNOWN_MODEL,
    "1301": _PARAMETER,  # the content filter
    **dict.fromkeys(("1302", "1303", "1305", "1313"), _THROTTLE),
    **dict.fromkeys(("1304", "1308", "1310", "1316", "1317", "1318", "1319", "1320", "1321"), _SPENT),
    "1309": _BALANCE,
    "1311": _NOT_IN_PLAN,
    "1312": _OVERLOAD,
}
"""Business codes, which stand where Anthropic's error type would (Z.AI docs, "Errors")."""

TOO_LONG_CODE = "1261"

_RESET = re.compile(r"reset at (\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?) ?(Z|UTC|GMT|[+-]\d\d:?\d\d)")
_UTC = {"Z", "UTC", "GMT"}


def read_failure(provider: str, status: int, headers: Headers, body: bytes) -> Failure:
    """An error of Z.AI's, by its numeric code; where there is none, like any other imitation's."""
    said = read_error_body(provider, status, headers, body)
    code = said.type if said.type.isdigit() else said.code
    if code == TOO_LONG_CODE:
        return too_long(said, headers)
    meaning = CODES.get(code)
    if meaning is None:
        return read_foreign_failure(provider, status, headers, body)
    return coded_failure(meaning, said, headers, _until_reset(said.message, headers))


def _until_reset(message: str, headers: Headers) -> float | None:
    """Seconds until the reset a message names; None without a time zone (theirs, or the account's?) or a clock."""
    found = _RESET.search(message)
    now = reference_time(headers)
    if found is None or now is None:
        return None
    zone = "+00:00" if found[2] in _UTC else found[2]
    try:
        return max(0.0, datetime.fromisoformat(found[1] + zone).timestamp() - now)
    except ValueError:
        return None


TRAITS = Traits(
    dialect=Dialect(
        max_tokens={"glm-4.5": 98_304},  # 96K; newer models answer with up to 128K
        text_only=re.compile(r"(?!glm-[\d.]+v)"),  # all that do not see: `glm-4.6v`, `glm-5v-turbo`
    ),
    base_url=BASE_URL,
    known=("claude", "glm"),  # Z.AI maps claude names to GLM models itself
    catalogue=(
        "glm-5.3",
        "glm-5.3-flash",
        "glm-5.2",
        "glm-5.1",
        "glm-5",
        "glm-5-turbo",
        "glm-5v-turbo",
        "glm-4.7",
        "glm-4.7-flash",
        "glm-4.7-flashx",
        "glm-4.6",
        "glm-4.6v",
        "glm-4.5",
        "glm-4.5-air",
    ),
    read_failure=read_failure,
)


def build(settings: ProviderSettings) -> Foreign:
    return Foreign(settings, TRAITS)
