"""One small request to a token endpoint, by the standard library; blocking, for a thread."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from http.client import HTTPException
from typing import TYPE_CHECKING

from msgspec import Struct

from cc_relay.errors import CredentialError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from http.client import HTTPResponse

LONGEST_ANSWER = 1 << 20
SECONDS = 10.0


class Answer(Struct, frozen=True):
    """An endpoint's answer, an error's too; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    def fields(self) -> dict[str, object]:
        """The JSON object that the body is; empty where it is none."""
        try:
            value: object = json.loads(self.body)
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A token endpoint that sends us elsewhere is none, and what we would send there is secret."""

    def redirect_request(self, *_: object) -> None:
        return None


def ask(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes | None = None,
    *,
    seconds: float = SECONDS,
    is_local: bool = False,
) -> Answer:
    """Ask, and read the whole answer; `is_local` passes proxies by.

    Raises CredentialError, without the URL's query, where nobody answers within `seconds` or speaks HTTP.
    """
    where = url.partition("?")[0]
    if not url.startswith(("http://", "https://")):
        raise CredentialError(f"{where} is no http(s) address")
    ends_at = time.monotonic() + seconds
    proxies = urllib.request.ProxyHandler({}) if is_local else urllib.request.ProxyHandler()
    opener = urllib.request.build_opener(proxies, _NoRedirects)
    request = urllib.request.Request(url, data=body, headers=dict(headers), method=method)  # noqa: S310 - checked above
    try:
        try:
            answer: HTTPResponse = opener.open(request, timeout=seconds)
        except urllib.error.HTTPError as error:
            with error:
                return _answer(error.code, error.headers.items(), error.read(LONGEST_ANSWER))
        with answer:
            return _answer(answer.status, answer.getheaders(), _read(answer, ends_at))
    except TimeoutError:
        raise CredentialError(f"{where} did not answer within {seconds:.0f} s") from None
    except urllib.error.URLError as error:
        if isinstance(error.reason, TimeoutError):
            raise CredentialError(f"{where} did not answer within {seconds:.0f} s") from None
        raise CredentialError(f"{where} cannot be reached ({reason_of(error.reason)})") from None
    except (OSError, HTTPException, ValueError) as error:
        raise CredentialError(f"{where} broke off ({reason_of(error)})") from None


def reason_of(error: object) -> str:
    """`Connection refused`, `ssl.SSLCertVerificationError` …: never a value."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__


def _answer(status: int, headers: object, body: bytes) -> Answer:
    pairs = dict(headers) if headers else {}  # type: ignore[call-overload]  # pairs, by either of two names
    return Answer(status, {str(name).lower(): str(value) for name, value in pairs.items()}, body)


def _read(answer: HTTPResponse, ends_at: float) -> bytes:
    """The body; the timeout of a socket is for one read, and an endpoint may drip."""
    body = bytearray()
    while data := answer.read1(65536):
        body += data
        if len(body) > LONGEST_ANSWER:
            raise ValueError("a token is not so long")
        if time.monotonic() > ends_at:
            raise TimeoutError
    return bytes(body)
