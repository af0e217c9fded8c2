"""A running relay: everything wired, listening, stopped in order."""

from __future__ import annotations

import asyncio
import os
from contextlib import ExitStack
from dataclasses import dataclass
from random import random
from typing import TYPE_CHECKING

from cc_relay.config import Listen, parse_listen
from cc_relay.net.downstream import Limits, listen
from cc_relay.net.upstream import UpstreamClient
from cc_relay.policy.sessions import SessionMemory
from cc_relay.relay.front import Front
from cc_relay.relay.shells import MOST_SESSIONS, Shells
from cc_relay.runtime.admin import Admin
from cc_relay.runtime.assemble import assemble
from cc_relay.runtime.credentials.keeper import Keeper
from cc_relay.runtime.fleet import Fleet
from cc_relay.runtime.inspection import inspection
from cc_relay.runtime.logbook import Logbook
from cc_relay.runtime.options import ServeOptions
from cc_relay.runtime.probing import Prober
from cc_relay.runtime.ring import Ring
from cc_relay.runtime.watch import LoggingWatch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cc_relay.config import Loaded
    from cc_relay.exchange import Record
    from cc_relay.net.downstream import Listener

AS_CONFIGURED = ServeOptions()


@dataclass(frozen=True, slots=True)
class Running:
    """What a relay has while it listens. `resources` closes all but the listener, once."""

    front: Front
    listener: Listener
    admin: Admin
    prober: Prober
    keeper: Keeper
    resources: ExitStack


class Relay:
    """One relay in the running event loop: `start`, then `stop`."""

    def __init__(
        self, loaded: Loaded, options: ServeOptions = AS_CONFIGURED, environ: Mapping[str, str] = os.environ
    ) -> None:
        """Assemble; `environ` is what proxies, colours and clouds' credentials are read from.

        Raises ValueError where a provider cannot be built, or `options` name no address.
        """
        self._config = loaded.config
        self._options = options
        self._environ = environ
        self._where = parse_listen(options.listen or loaded.config.server.listen)
        self._fleet = Fleet()
        self.snapshot = assemble(loaded.config, fleet=self._fleet, environ=environ)
        self._running: Running | None = None

    def __repr__(self) -> str:
        return f"<Relay {self._running.listener if self._running else 'not listening'}>"

    async def start(self) -> None:
        """Listen.

        Raises OSError where that is impossible (NoAdminPort: for the admin port alone), or where the log cannot be
        opened (then with its file name).
        """
        loop = asyncio.get_running_loop()
        config = self._config
        with ExitStack() as resources:
            logbook = Logbook(config, self._options, self._environ, loop)
            resources.callback(logbook.close)
            upstream = UpstreamClient(loop, self._environ)
            resources.callback(upstream.close)
            ring, watch = Ring(), LoggingWatch(loop.time)

            def record(record: Record) -> None:
                ring.add(record)
                logbook.record(record)

            shells = Shells(
                sender=upstream,
                record=record,
                watch=watch,
                loop=loop,
                dice=random,
                inspector=inspection(config.logging.debug_options),
                sessions=SessionMemory(MOST_SESSIONS, config.routing.affinity.ttl),
                most_waiting=config.routing.queue.max_size,
            )
            front = Front(self.snapshot, shells)
            limits = Limits(body_size=config.server.max_body_bytes)
            listener = await listen(front.serve, self._where.host or None, self._where.port, limits=limits)
            admin = Admin(config.admin, ring, lambda: front.snapshot, shells, lambda: self.in_flight)
            try:
                await admin.start(str(Listen(listener.host, listener.port)))
            except BaseException:
                await listener.close()
                raise
            keeper = Keeper()
            await keeper.follow(self._fleet.sources)
            prober = Prober(lambda: front.snapshot, upstream, watch, loop.time)
            if config.health.health_check.enabled:
                prober.start(config.health.health_check.interval)
            self._running = Running(front, listener, admin, prober, keeper, resources.pop_all())

    @property
    def address(self) -> tuple[str, int]:
        """The host and port it listens at, the first where there are several. Raises RuntimeError before `start`."""
        if self._running is None:
            raise RuntimeError("the relay was not started")
        return self._running.listener.host, self._running.listener.port

    @property
    def admin(self) -> Admin:
        """The admin port: where it is, or why there is none. Raises RuntimeError before `start`."""
        if self._running is None:
            raise RuntimeError("the relay was not started")
        return self._running.admin

    @property
    def in_flight(self) -> int:
        """Exchanges in work."""
        return self._running.listener.exchanges if self._running else 0

    async def stop(self, drain: float = 0.0) -> int:
        """Stop accepting, let exchanges end for `drain` seconds, cut the rest; return how many this call cut.

        A second call, while the first still waits, waits for nobody: both then return.
        """
        if self._running is None:
            return 0
        running = self._running
        running.front.is_draining = True
        cut = await running.listener.drain(drain)
        await running.prober.stop()
        await running.keeper.follow(())
        await running.admin.stop()
        running.resources.close()
        return cut
