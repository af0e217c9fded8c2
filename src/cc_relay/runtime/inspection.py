"""What the debug options show: requests and answers, redacted."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from cc_relay.codec.redact import redact_body, redact_headers

if TYPE_CHECKING:
    from cc_relay.exchange import Headers, RelayRequest

logger = logging.getLogger("cc_relay.debug")


class Inspection:
    """Logs at level debug; made only where `logging.debug_options` asks for it."""

    def __init__(self, *, bodies: bool, headers: bool, body_size: int) -> None:
        self._bodies = bodies
        self._headers = headers
        self._body_size = body_size

    def see_request(self, request: RelayRequest) -> None:
        if self._bodies and request.body and logger.isEnabledFor(logging.DEBUG):
            logger.debug("%s request body: %s", request.id, redact_body(request.body, self._body_size))

    def see_answer(self, request_id: str, status: int, headers: Headers) -> None:
        if self._headers and logger.isEnabledFor(logging.DEBUG):
            shown = ", ".join(f"{name}: {value}" for name, value in redact_headers(headers))
            logger.debug("%s upstream answered %d: %s", request_id, status, shown)
