"""Asks providers whose circuit is open, with the cheapest call there is, whether they are back."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from cc_relay.errors import UpstreamError
from cc_relay.exchange import Candidate
from cc_relay.policy.breaker import BreakerState

if TYPE_CHECKING:
    from collections.abc import Callable

    from cc_relay.exchange import Credential
    from cc_relay.relay.ports import Sender, Watch
    from cc_relay.relay.snapshot import Snapshot, Upstream

logger = logging.getLogger("cc_relay.health")

PROBE_SECONDS = 10.0
"""How long a probe may take."""

UNWELL = frozenset({500, 502, 503, 504, 524, 529})
"""Statuses of a service that is down; any other, an error too, shows that it answers."""


class Prober:
    """Runs from `start` to `stop`; `snapshot` gives the configuration of the moment."""

    def __init__(
        self, snapshot: Callable[[], Snapshot], sender: Sender, watch: Watch, clock: Callable[[], float]
    ) -> None:
        self._snapshot = snapshot
        self._sender = sender
        self._watch = watch
        self._clock = clock
        self._task: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"<Prober {len(self._open())} open>"

    def start(self, interval: float) -> None:
        """Look every `interval` seconds from now on, in a task of its own."""
        self._task = asyncio.get_running_loop().create_task(self._run(interval))

    async def stop(self) -> None:
        """Give up what is under way. Idempotent."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self, interval: float) -> None:
        while True:
            await asyncio.sleep(interval)
            await self.look()

    async def look(self) -> None:
        """Probe every provider that is OPEN, all at once."""
        async with asyncio.TaskGroup() as tasks:
            for upstream in self._open():
                tasks.create_task(self._probe(upstream))

    def _open(self) -> list[Upstream]:
        now = self._clock()
        return [one for one in self._snapshot().upstreams if one.breaker.state(now) is BreakerState.OPEN]

    async def _probe(self, upstream: Upstream) -> None:
        try:
            await self._ask(upstream)
        except Exception:
            # One provider's bug must not end the checks of all.
            logger.exception("the health check of %s failed because of a bug of ours", upstream.provider.name)

    async def _ask(self, upstream: Upstream) -> None:
        name, credential = upstream.provider.name, best_credential(upstream, self._clock())
        if credential is None:
            return
        request = upstream.provider.prepare_probe(Candidate(name, credential, ""))
        try:
            incoming = await self._sender.send(request, self._clock() + PROBE_SECONDS)
        except UpstreamError as error:
            logger.debug("provider %s is still down: %s", name, error)
            return
        incoming.close()
        if incoming.status in UNWELL:
            logger.debug("provider %s is still down: HTTP %d", name, incoming.status)
            return
        transition = upstream.breaker.note_healthy(self._clock())
        if transition is not None:
            self._watch.breaker_moved(name, transition)


def best_credential(upstream: Upstream, now: float) -> Credential | None:
    """The first whose key is not out; None where clients bring their own logins, which are not ours to use, and where
    a credential that does not last is being renewed.
    """
    if upstream.source is not None:
        return upstream.source.current
    out = {key.name for key in upstream.pool.keys if key.is_open(now)}
    usable = (one for one in upstream.credentials if one.fingerprint not in out)
    return next(usable, next(iter(upstream.credentials), None))
