"""What the debug options show: requests and answers, redacted."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from cc_relay.codec.redact import redact_body, redact_headers

if TYPE_CHECKING:
    from cc_relay.config.schema import DebugOptions
    from cc_relay.exchange import Headers, RelayRequest

logger = logging.getLogger("cc_relay.debug")


def inspection(options: DebugOptions) -> Inspection | None:
    """What `logging.debug_options` asks for; None where it asks for nothing."""
    if not (options.log_request_body or options.log_response_headers):
        return None
    return Inspection(
        bodies=options.log_request_body, headers=options.log_response_headers, body_size=options.max_body_log_size
    )


class Inspection:
    """Logs at level debug. `body_size` is how many characters of a body are shown."""

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
