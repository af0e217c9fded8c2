"""The admin port of one relay: opened beside the data plane, never in its way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cc_relay.config import Listen, parse_listen

if TYPE_CHECKING:
    from collections.abc import Callable

    from cc_relay.config.schema import Admin as AdminSection
    from cc_relay.management.server import AdminServer
    from cc_relay.relay.shells import Shells
    from cc_relay.relay.snapshot import Snapshot
    from cc_relay.runtime.ring import Ring


class NoAdminPort(OSError):
    """The admin port cannot be opened at `address`, which was asked for."""

    def __init__(self, address: str, error: OSError) -> None:
        super().__init__(error.errno, error.strerror)
        self.address = address


class Admin:
    """Serves the management API at the configured address.

    Where nobody asked for that address, and another program has it, the relay does without.
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
        """The API's URL; "" where there is none, and then `problem` says why."""
        self.problem = ""

    def __repr__(self) -> str:
        return f"<Admin {self.where or 'not started'}>"

    async def start(self, data_plane: str) -> None:
        """Listen; `data_plane` is that port's host:port. Raises NoAdminPort where the address was asked for."""
        # A web framework is no part of a data plane's start.
        from cc_relay.management.app import build_app
        from cc_relay.management.server import AdminServer
        from cc_relay.runtime.control import RelayControl

        listen = parse_listen(self._section.listen)
        control = RelayControl(self._ring, self._snapshot, self._shells, self._in_flight, data_plane)
        server = AdminServer()
        try:
            await server.start(build_app(control, self._section.token.get_secret_value()), listen.host, listen.port)
        except OSError as error:
            if "listen" in self._section.model_fields_set:
                raise NoAdminPort(self._section.listen, error) from error
            self.problem = error.strerror or str(error)
            return
        self._server = server
        self.where = f"http://{Listen(*server.address)}"

    async def stop(self) -> None:
        """Close the port; bounded in time."""
        if self._server is not None:
            await self._server.stop()
