"""A kept credential on virtual time: one renewal for all who wait, ahead of the end, and never a storm."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from math import inf

import pytest
from tests.support.virtual_time import settle, virtual

from cc_relay.errors import CredentialError
from cc_relay.exchange import AwsKeys, Credential
from cc_relay.runtime.credentials.kept import LONGEST_PAUSE, PATIENCE, KeptCredential, is_same

HOUR = 3600.0
AT_ONCE = 5.0
"""Seconds a test's requests wait for a credential."""

Plan = Callable[[int], float | CredentialError | Exception]
"""What the fetch of that number (from 1) brings: seconds of life, or an error."""


class Cloud:
    """Gives out credentials `c1`, `c2` …; each fetch takes `seconds`, `inf` hangs."""

    def __init__(self, plan: Plan = lambda _: HOUR, *, seconds: float = 1.0) -> None:
        self.plan = plan
        self.seconds = seconds
        self.fetched_at: list[float] = []
        self.names: list[str] = []
        self.skew = 0.0
        self.running = 0
        self.most_running = 0

    def wall(self) -> float:
        return asyncio.get_running_loop().time() + 1e9 + self.skew

    async def fetch(self) -> Credential:
        self.fetched_at.append(asyncio.get_running_loop().time())
        number = len(self.fetched_at)
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            await (asyncio.Event().wait() if self.seconds == inf else asyncio.sleep(self.seconds))
        finally:
            self.running -= 1
        life = self.plan(number)
        if isinstance(life, Exception):
            raise life
        name = self.names[number - 1] if number <= len(self.names) else f"c{number}"
        return Credential("cloud", name, expires_at=self.wall() + life)

    @property
    def pauses(self) -> list[float]:
        """Seconds from the end of each fetch to the beginning of the next."""
        begins = self.fetched_at
        return [later - before - self.seconds for before, later in pairwise(begins)]


@asynccontextmanager
async def keeping(cloud: Cloud, *, luck: float = 0.0) -> AsyncIterator[KeptCredential]:
    kept = KeptCredential("cloud", cloud.fetch, wall=cloud.wall, dice=lambda: luck)
    try:
        yield kept
    finally:
        await kept.stop()


async def asked(kept: KeptCredential, stale: Credential | None = None, patience: float = AT_ONCE) -> str:
    """The secret it gave, or what it said instead."""
    try:
        return (await kept.renew(stale, asyncio.get_running_loop().time() + patience)).secret
    except CredentialError as error:
        return str(error)


@virtual
async def test_many_who_wait_share_one_renewal() -> None:
    cloud = Cloud()
    async with keeping(cloud) as kept:
        assert await asyncio.gather(*(asked(kept) for _ in range(100))) == ["c1"] * 100
        assert cloud.most_running == len(cloud.fetched_at) == 1


@virtual
async def test_what_is_valid_is_given_without_a_wait() -> None:
    cloud = Cloud()
    async with keeping(cloud) as kept:
        assert kept.current is None
        await asked(kept)
        assert kept.current is not None
        assert await asked(kept, patience=0.0) == kept.current.secret == "c1"


@virtual
async def test_the_first_is_fetched_before_anybody_asks() -> None:
    cloud = Cloud()
    async with keeping(cloud) as kept:
        kept.start()
        await asyncio.sleep(2.0)
        assert kept.current is not None


@virtual
async def test_it_is_renewed_ahead_of_its_end_so_that_nobody_ever_waits() -> None:
    cloud = Cloud(seconds=20.0)
    async with keeping(cloud) as kept:
        await asked(kept, patience=60.0)
        for _ in range(24 * 60):
            await asyncio.sleep(60.0)
            assert kept.current is not None
        assert 24 <= len(cloud.fetched_at) <= 30


@virtual
async def test_renewals_of_many_relays_are_spread() -> None:
    lucky, unlucky = Cloud(), Cloud()
    async with keeping(lucky, luck=0.0) as one, keeping(unlucky, luck=1.0) as other:
        one.start()
        other.start()
        await asyncio.sleep(HOUR)
        assert lucky.fetched_at[1] - unlucky.fetched_at[1] == pytest.approx(60.0)


@virtual
async def test_the_very_end_of_a_credential_is_not_used() -> None:
    cloud = Cloud(lambda number: HOUR if number == 1 else CredentialError("down"))
    async with keeping(cloud) as kept:
        await asked(kept)
        await asyncio.sleep(HOUR - 65.0)
        assert kept.current is not None
        await asyncio.sleep(10.0)
        assert kept.current is None


@virtual
async def test_a_credential_that_lasts_is_not_fetched_again() -> None:
    cloud = Cloud(lambda _: inf)
    async with keeping(cloud) as kept:
        await asked(kept)
        await asyncio.sleep(20 * 24 * HOUR)
        assert len(cloud.fetched_at) == 1
        assert kept.current is not None


@virtual
async def test_a_refused_credential_is_replaced_once_for_all_it_was_refused() -> None:
    cloud = Cloud()
    async with keeping(cloud) as kept:
        await asked(kept)
        stale = kept.current
        assert await asyncio.gather(*(asked(kept, stale) for _ in range(5))) == ["c2"] * 5
        # Somebody whose answer came later: the new one is here already.
        assert await asked(kept, stale, patience=0.0) == "c2"
        assert len(cloud.fetched_at) == 2


@virtual
async def test_who_gets_the_refused_one_again_is_told_and_asks_no_more_for_a_while() -> None:
    cloud = Cloud()
    cloud.names = ["same", "same", "new"]
    async with keeping(cloud) as kept:
        await asked(kept)
        stale = kept.current
        for _ in range(3):
            assert "another one is not to be had" in await asked(kept, stale)
        assert len(cloud.fetched_at) == 2
        await asyncio.sleep(10.0)
        assert await asked(kept, stale) == "new"


@virtual
async def test_a_wait_ends_at_its_deadline_and_the_renewal_goes_on_for_others() -> None:
    cloud = Cloud(seconds=8.0)
    async with keeping(cloud) as kept:
        patient = asyncio.create_task(asked(kept, patience=20.0))
        began = asyncio.get_running_loop().time()
        assert await asked(kept, patience=5.0) == "no credential for cloud came in time"
        assert asyncio.get_running_loop().time() == began + 5.0
        assert await patient == "c1"
        assert len(cloud.fetched_at) == 1


@virtual
async def test_a_request_whose_client_leaves_ends_no_renewal() -> None:
    cloud = Cloud()
    async with keeping(cloud) as kept:
        leaving, staying = asyncio.create_task(asked(kept)), asyncio.create_task(asked(kept))
        await settle()
        leaving.cancel()
        assert await staying == "c1"


@virtual
async def test_one_that_hangs_is_given_up_and_asked_again() -> None:
    cloud = Cloud(seconds=inf)
    async with keeping(cloud) as kept:
        said = await asked(kept, patience=2 * PATIENCE)
        assert said == "no credential for cloud: no answer came within 30 s"
        cloud.seconds = 1.0
        await asyncio.sleep(3.0)
        assert kept.current is not None
        assert cloud.running == 0


@virtual
async def test_while_it_fails_who_asks_is_told_at_once_and_nobody_is_stormed() -> None:
    cloud = Cloud(lambda _: CredentialError("the door is shut"))
    async with keeping(cloud) as kept:
        loop = asyncio.get_running_loop()
        await asked(kept)
        ends_at, answers = loop.time() + 600.0, 0
        while loop.time() < ends_at:
            before = loop.time()
            assert "the door is shut" in await asked(kept)
            answers += loop.time() == before
            await asyncio.sleep(0.5)
        assert answers > 1000
        assert len(cloud.fetched_at) < 30


@virtual
async def test_pauses_between_failures_grow_up_to_a_bound() -> None:
    cloud = Cloud(lambda _: CredentialError("down"))
    async with keeping(cloud, luck=1.0) as kept:
        kept.start()
        await asyncio.sleep(500.0)
        assert cloud.pauses[:6] == pytest.approx([1.0, 2.0, 4.0, 8.0, 16.0, 32.0])
        assert set(cloud.pauses[6:]) == {LONGEST_PAUSE}


@virtual
async def test_a_failure_ahead_of_the_end_is_nobodys_trouble() -> None:
    cloud = Cloud(lambda number: CredentialError("down") if 1 < number < 5 else HOUR)
    async with keeping(cloud) as kept:
        await asked(kept)
        for _ in range(100):
            await asyncio.sleep(60.0)
            assert kept.current is not None


@virtual
async def test_a_failure_is_loud_once_and_so_is_its_end(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    cloud = Cloud(lambda number: CredentialError("the door is shut") if number < 7 else HOUR)
    async with keeping(cloud, luck=1.0) as kept:
        kept.start()
        await asyncio.sleep(200.0)
    loud = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert loud == [
        ("ERROR", "provider cloud gets no new credential: the door is shut"),
        ("WARNING", "provider cloud has a credential again, after 69 s"),
    ]


@virtual
async def test_who_still_has_a_credential_is_told_for_how_long(caplog: pytest.LogCaptureFixture) -> None:
    cloud = Cloud(lambda number: HOUR if number == 1 else CredentialError("down"))
    async with keeping(cloud) as kept:
        await asked(kept)
        await asyncio.sleep(HOUR - 590.0)
    assert "(the present one is good for 9 min)" in caplog.text


@pytest.mark.parametrize(
    ("life", "said"),
    [
        (0.0, "ends in 0.0 s by this machine's clock"),
        (5.0, "ends in 5.0 s by this machine's clock"),
        (-7200.0, "ends 120 min ago by this machine's clock"),
    ],
)
@virtual
async def test_what_is_over_at_once_is_no_credential(life: float, said: str) -> None:
    async with keeping(Cloud(lambda _: life)) as kept:
        answer = await asked(kept)
        assert kept.current is None
    assert "check whether the clock is right" in answer
    assert said in answer


@virtual
async def test_short_lives_are_used_and_renewed_without_a_storm() -> None:
    cloud = Cloud(lambda _: 30.0)
    async with keeping(cloud) as kept:
        await asked(kept)
        for _ in range(300):
            await asyncio.sleep(1.0)
            assert kept.current is not None
        assert len(cloud.fetched_at) < 20


@virtual
async def test_a_machine_that_slept_through_the_end_asks_before_it_goes_on() -> None:
    cloud = Cloud()
    async with keeping(cloud) as kept:
        await asked(kept)
        cloud.skew = 2 * HOUR
        assert kept.current is None
        assert await asked(kept) == "c2"


@virtual
async def test_a_bug_in_a_library_is_told_by_its_name_alone() -> None:
    async with keeping(Cloud(lambda _: KeyError("sk-never-shown"))) as kept:
        assert await asked(kept) == "no credential for cloud: builtins.KeyError was raised"


@virtual
async def test_stopping_does_not_wait_for_one_that_hangs_and_tells_who_waits() -> None:
    cloud = Cloud(seconds=inf)
    async with keeping(cloud) as kept:
        waiting = asyncio.create_task(asked(kept, patience=1000.0))
        await settle()
        before = asyncio.get_running_loop().time()
        await kept.stop()
        assert await waiting == "the credential of cloud is not kept any more"
        assert asyncio.get_running_loop().time() == before
        assert await asked(kept) == "the credential of cloud is not kept any more"


@virtual
async def test_it_never_shows_what_it_keeps() -> None:
    async with keeping(Cloud(lambda number: HOUR if number == 1 else CredentialError("down"))) as kept:
        assert repr(kept) == "<KeptCredential cloud [none yet]>"
        await asked(kept)
        assert repr(kept) == "<KeptCredential cloud [good for 59 min]>"


@virtual
async def test_one_that_lasts_says_so() -> None:
    async with keeping(Cloud(lambda _: inf)) as kept:
        await asked(kept)
        assert repr(kept) == "<KeptCredential cloud [good for as long as it is accepted]>"


def test_credentials_are_the_same_when_they_prove_the_same() -> None:
    one = Credential("k", "", aws=AwsKeys("a", "s"), expires_at=1.0)
    assert is_same(one, Credential("k", "", aws=AwsKeys("a", "s"), expires_at=2.0))
    assert not is_same(one, Credential("k", "", aws=AwsKeys("a", "s", "t")))
    assert not is_same(one, None)
