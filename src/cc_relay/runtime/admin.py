"""The admin port of one relay: opened beside the data plane, never in its way."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from cc_relay.config import parse_listen

if TYPE_CHECKING:
    from collections.abc import Callable

    from cc_relay.config.schema import Admin as AdminSection
    from cc_relay.management.server import AdminServer
    from cc_relay.relay.shells import Shells
    from cc_relay.relay.snapshot import Snapshot
    from cc_relay.runtime.ring import Ring

logger = logging.getLogger(__name__)


class Admin:
    """Serves the management API at the configured address.

    Where nobody asked for that address, and another program has it, the relay does without: the data plane matters more.
    """

    def __init__(
        self,
        section: AdminSection,
        ring: Ring,
        snapshot: Callable[[], Snapshot],
        shells: Shells,
        in_flight: Callable[[], int],
    ) -> None:
        self._section = section
        self._ring = ring
        self._snapshot = snapshot
        self._shells = shells
        self._in_flight = in_flight
        self._server: AdminServer | None = None
        self.where = ""

    def __repr__(self) -> str:
        return f"<Admin {self.where or 'not started'}>"

    async def start(self) -> None:
        """Listen. Raises OSError where that is impossible at an address that was asked for."""
        # A web framework is no part of a data plane's start.
        from cc_relay.management.app import build_app
        from cc_relay.management.server import AdminServer
        from cc_relay.runtime.control import RelayControl

        listen = parse_listen(self._section.listen)
        control = RelayControl(self._ring, self._snapshot, self._shells, self._in_flight)
        server = AdminServer()
        try:
            await server.start(build_app(control, self._section.token.get_secret_value()), listen.host, listen.port)
        except OSError as error:
            if "listen" in self._section.model_fields_set:
                raise
            self.where = f"none: {error}"
            logger.warning("no admin port: %s; set admin.listen to another address", error)
            return
        self._server = server
        host, port = server.address
        self.where = f"http://{host}:{port}"

    async def stop(self) -> None:
        """Close the port; bounded in time."""
        if self._server is not None:
            await self._server.stop()
