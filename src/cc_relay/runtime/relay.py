"""A running relay: everything wired, listening, stopped in order."""

from __future__ import annotations

import asyncio
import logging
import os
from random import random
from typing import TYPE_CHECKING

from cc_relay.config import parse_listen
from cc_relay.net.downstream import Limits, listen
from cc_relay.net.upstream import UpstreamClient
from cc_relay.relay.front import Front
from cc_relay.relay.lifecycle import Shells
from cc_relay.relay.plan import Turns
from cc_relay.runtime.access_log import AccessLog
from cc_relay.runtime.assemble import assemble
from cc_relay.runtime.inspection import Inspection
from cc_relay.runtime.log_writer import LogWriter
from cc_relay.runtime.logs import set_up, tear_down
from cc_relay.runtime.options import ServeOptions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cc_relay.config import Config, Loaded
    from cc_relay.exchange import Record
    from cc_relay.net.downstream import Listener

logger = logging.getLogger(__name__)

AS_CONFIGURED = ServeOptions()


class Relay:
    """One relay in the running event loop. `start`, then `stop`; both once."""

    def __init__(
        self, loaded: Loaded, options: ServeOptions = AS_CONFIGURED, environ: Mapping[str, str] = os.environ
    ) -> None:
        """Assemble; raises ValueError where a provider cannot be built."""
        self._config = loaded.config
        self._options = options
        self._environ = environ
        self.snapshot = assemble(loaded.config)
        self._listener: Listener | None = None

    def __repr__(self) -> str:
        return f"<Relay {self._listener or 'not listening'}>"

    async def start(self) -> None:
        """Listen. Raises OSError where that is impossible."""
        loop = asyncio.get_running_loop()
        config, options = self._config, self._options
        self._writer = LogWriter(config.logging.output)
        is_json = wants_json(config, options, is_terminal=self._writer.is_terminal)
        has_colour = self._writer.is_terminal and config.logging.pretty and not self._environ.get("NO_COLOR")
        level = "debug" if options.debug else options.log_level or config.logging.level
        self._log_handler = set_up(self._writer, level=level, is_json=is_json, has_colour=has_colour)
        self._access_log = AccessLog(self._writer, loop, is_json=is_json, has_colour=has_colour)
        self._upstream = UpstreamClient(loop, self._environ)
        shells = Shells(
            sender=self._upstream,
            record=self._access_log if config.logging.requests else forget,
            turns=Turns(),
            loop=loop,
            dice=random,
            inspector=inspection(config),
        )
        self._front = Front(self.snapshot, shells)
        where = parse_listen(options.listen or config.server.listen)
        limits = Limits(body_size=config.server.max_body_bytes)
        try:
            self._listener = await listen(self._front.serve, where.host or None, where.port, limits=limits)
        except BaseException:
            self._release()
            raise

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        assert self._listener is not None, "start() comes first"
        return self._listener.host, self._listener.port

    async def stop(self, drain: float = 0.0) -> int:
        """Stop accepting, let exchanges end for `drain` seconds, cut the rest; return how many were cut."""
        self._front.is_draining = True
        cut = await self._listener.drain(drain) if self._listener is not None else 0
        self._release()
        return cut

    def cut(self) -> None:
        """While stopping: wait for nobody any longer."""
        if self._listener is not None:
            self._listener.cut()

    @property
    def in_flight(self) -> int:
        """Exchanges in work."""
        return self._listener.exchanges if self._listener is not None else 0

    def _release(self) -> None:
        self._upstream.close()
        self._access_log.flush()
        tear_down(self._log_handler)
        self._writer.close()


def wants_json(config: Config, options: ServeOptions, *, is_terminal: bool) -> bool:
    """Whether log lines are JSON: as told, else text for a person at a terminal and JSON for machines."""
    told = options.log_format or (config.logging.format if "format" in config.logging.model_fields_set else None)
    return told == "json" if told else not is_terminal


def inspection(config: Config) -> Inspection | None:
    debug = config.logging.debug_options
    if not (debug.log_request_body or debug.log_response_headers):
        return None
    return Inspection(
        bodies=debug.log_request_body, headers=debug.log_response_headers, body_size=debug.max_body_log_size
    )


def forget(record: Record) -> None:
    """The recorder of a relay that keeps no request log."""
