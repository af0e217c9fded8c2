"""A credential that is kept fresh: renewed ahead of its end, once at a time however many wait for it."""

from __future__ import annotations

import asyncio
import logging
import time
from math import inf
from random import random
from typing import TYPE_CHECKING

from cc_relay.errors import CredentialError
from cc_relay.runtime.watch import spoken

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from cc_relay.exchange import Credential

logger = logging.getLogger("cc_relay.credentials")

PATIENCE = 30.0
"""Seconds one renewal may take; a library that hangs longer is left behind."""

AHEAD = 600.0
"""Seconds before its end at which a credential is renewed: a third of its life where that is less."""

MARGIN = 60.0
"""Seconds before its end from which it is not used any more: a tenth of its life where that is less."""

SHORTEST_LIFE = 10.0
"""What lives shorter than these seconds is taken for a mistake: a wrong clock, or a broken token endpoint."""

SPREAD = 60.0
"""Many relays that started at once need not renew at once: up to so many seconds earlier."""

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds between failed renewals; each pause is twice the one before."""

REFUSED_PAUSE = 10.0
"""Seconds until another is asked for, where the new credential was the refused one again."""

LOOK = 60.0
"""Seconds after which the wall clock is looked at again: a machine that slept has another one."""


class KeptCredential:
    """Fits the port `CredentialSource`; runs from the first use (or `start`) to `stop`.

    `fetch` gets a new credential from wherever it comes; it raises CredentialError, and may hang. `wall` gives
    wall-clock seconds, `dice` numbers from 0 to 1; `renewed` is called whenever there is a new one. While renewals
    fail, who asks is told at once, so that a request goes to another candidate instead of waiting for what will not
    come.
    """

    def __init__(
        self,
        provider: str,
        fetch: Callable[[], Awaitable[Credential]],
        *,
        wall: Callable[[], float] = time.time,
        dice: Callable[[], float] = random,
        renewed: Callable[[], None] = lambda: None,
    ) -> None:
        self._provider = provider
        self._fetch = fetch
        self._wall = wall
        self._dice = dice
        self._has_renewed = renewed
        self._credential: Credential | None = None
        self._good_until = -inf
        self._renew_at = -inf
        self._task: asyncio.Task[None] | None = None
        self._is_stopped = False
        # What all who wait now wait for; made by the first of them, done by the task.
        self._awaited: asyncio.Future[Credential] | None = None
        self._wanted = asyncio.Event()
        # Why the last renewal failed, and until when (the loop's clock) nobody may ask for another.
        self._failure = ""
        self._failures = 0
        self._failing_since = 0.0
        self._rest_until = -inf

    def __repr__(self) -> str:
        return f"<KeptCredential {self._provider} [{self._left() or self._failure or 'none yet'}]>"

    @property
    def current(self) -> Credential | None:
        """What is valid now. Hot path."""
        return self._credential if self._wall() < self._good_until else None

    async def renew(self, stale: Credential | None, deadline_at: float) -> Credential:
        """Another credential than `stale`. Raises CredentialError."""
        current = self.current
        if current is not None and not is_same(current, stale):
            return current
        self.start()
        loop = asyncio.get_running_loop()
        if self._awaited is None and loop.time() < self._rest_until:
            raise CredentialError(self._failure)
        try:
            async with asyncio.timeout_at(deadline_at):
                # Shielded: one who leaves does not end it for the others.
                credential = await asyncio.shield(self._next())
        except TimeoutError:
            raise CredentialError(f"no credential for {self._provider} came in time") from None
        if is_same(credential, stale):
            self._failure = f"{self._provider} refused a credential, and another one is not to be had"
            self._rest_until = max(self._rest_until, loop.time() + REFUSED_PAUSE)
            raise CredentialError(self._failure)
        return credential

    def start(self) -> None:
        """Begin to keep it fresh: the first is fetched at once. Idempotent; raises CredentialError after `stop`."""
        if self._is_stopped:
            raise CredentialError(f"the credential of {self._provider} is not kept any more")
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Give up what is under way, and tell who waits. Idempotent."""
        self._is_stopped = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        self._settle(CredentialError(f"the credential of {self._provider} is not kept any more"))

    def _next(self) -> asyncio.Future[Credential]:
        """What the renewal that is under way, or begins now, will bring."""
        if self._awaited is None:
            self._awaited = asyncio.get_running_loop().create_future()
            self._wanted.set()
        return self._awaited

    async def _run(self) -> None:
        while True:
            await self._until_due()
            await self._renewal()

    async def _until_due(self) -> None:
        while not self._wanted.is_set() and (seconds := self._seconds_left()) > 0:
            try:
                async with asyncio.timeout(None if seconds == inf else min(seconds, LOOK)):
                    await self._wanted.wait()
            except TimeoutError:
                pass

    def _seconds_left(self) -> float:
        """Until the next renewal is due by itself; `inf` for a credential that lasts."""
        return max(self._renew_at - self._wall(), self._rest_until - asyncio.get_running_loop().time())

    async def _renewal(self) -> None:
        # Whoever asks from here on waits for this one.
        self._next()
        self._wanted.clear()
        try:
            async with asyncio.timeout(PATIENCE):
                credential = await self._fetch()
            life = self._life_of(credential)
        except TimeoutError:
            self._failed(f"no answer came within {PATIENCE:.0f} s")
        except CredentialError as error:
            self._failed(str(error))
        except Exception as error:  # noqa: BLE001 - see below
            # Somebody else's library: its words may quote what it was given, and its bugs must not end the keeping.
            logger.debug("a library failed with %s", type(error).__qualname__)
            self._failed(f"{type(error).__module__}.{type(error).__qualname__} was raised")
        else:
            self._renewed(credential, life)

    def _life_of(self, credential: Credential) -> float:
        """Seconds left of it. Raises CredentialError where it is over already."""
        life = credential.expires_at - self._wall()
        if life < SHORTEST_LIFE:
            when = f"{spoken(-life)} ago" if life < 0 else f"in {spoken(life)}"
            raise CredentialError(
                f"what was given ends {when} by this machine's clock; check whether the clock is right"
            )
        return life

    def _renewed(self, credential: Credential, life: float) -> None:
        self._credential = credential
        self._good_until = credential.expires_at - min(MARGIN, life / 10)
        self._renew_at = credential.expires_at - min(AHEAD, life / 3) - self._dice() * min(SPREAD, life / 20)
        if self._failures:
            after = spoken(asyncio.get_running_loop().time() - self._failing_since)
            logger.warning("provider %s has a credential again, after %s", self._provider, after)
        self._failure, self._failures, self._rest_until = "", 0, -inf
        self._has_renewed()
        self._settle(credential)

    def _failed(self, why: str) -> None:
        now = asyncio.get_running_loop().time()
        self._failure = f"no credential for {self._provider}: {why}"
        if not self._failures:
            self._failing_since = now
            left = self._left()
            rest = f" (the present one is {left})" if left else ""
            logger.error("provider %s gets no new credential: %s%s", self._provider, why, rest)
        else:
            logger.debug("provider %s still gets no new credential: %s", self._provider, why)
        self._rest_until = now + self._pause()
        self._failures += 1
        self._settle(CredentialError(self._failure))

    def _left(self) -> str:
        """`good for 12 min`; "" where there is none."""
        left = self._good_until - self._wall()
        if left == inf:
            return "good for as long as it is accepted"
        return f"good for {spoken(left)}" if left > 0 else ""

    def _pause(self) -> float:
        longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(self._failures, 16))
        return longest * (0.5 + self._dice() / 2)

    def _settle(self, result: Credential | CredentialError) -> None:
        awaited, self._awaited = self._awaited, None
        if awaited is None or awaited.done():
            return
        if isinstance(result, CredentialError):
            awaited.set_exception(result)
            # Looked at: it is no mistake when nobody waits.
            awaited.exception()
        else:
            awaited.set_result(result)


def is_same(credential: Credential, other: Credential | None) -> bool:
    """Whether both prove the same thing."""
    return other is not None and (credential.secret, credential.aws) == (other.secret, other.aws)
