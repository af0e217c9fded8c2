"""google-auth's way to the network, by the standard library: its own would need `requests`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from google.auth import exceptions, transport

from cc_relay.errors import CredentialError
from cc_relay.runtime.credentials.http import SECONDS, ask

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cc_relay.runtime.credentials.http import Answer


class Response(transport.Response):
    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    @property
    def status(self) -> int:
        return self._answer.status

    @property
    def headers(self) -> Mapping[str, str]:
        return self._answer.headers

    @property
    def data(self) -> bytes:
        return self._answer.body


class Transport(transport.Request):
    """One request at a time, nothing kept open; raises google-auth's TransportError."""

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        **_: object,
    ) -> Response:
        data = body.encode() if isinstance(body, str) else body
        try:
            return Response(ask(method, url, headers or {}, data, seconds=min(timeout or SECONDS, SECONDS)))
        except CredentialError as error:
            raise exceptions.TransportError(str(error)) from error  # type: ignore[no-untyped-call]  # theirs
