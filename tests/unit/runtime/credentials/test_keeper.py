"""Which kept credentials run."""

import asyncio

import pytest
from tests.support.virtual_time import virtual

from cc_relay.errors import CredentialError
from cc_relay.exchange import Credential
from cc_relay.runtime.credentials.keeper import Keeper
from cc_relay.runtime.credentials.kept import KeptCredential


def source(name: str) -> KeptCredential:
    async def fetch() -> Credential:
        return Credential(name, "t")

    return KeptCredential(name, fetch)


@virtual
async def test_a_reload_starts_the_new_stops_the_gone_and_leaves_the_rest() -> None:
    keeper, gone, stays, new = Keeper(), source("gone"), source("stays"), source("new")
    await keeper.follow([gone, stays])
    await asyncio.sleep(1.0)
    kept = stays.current
    await keeper.follow([stays, new])
    await asyncio.sleep(1.0)

    assert stays.current is kept is not None
    assert new.current is not None
    with pytest.raises(CredentialError, match="not kept any more"):
        gone.start()
    await keeper.follow([])
    assert repr(keeper) == "<Keeper 0 kept>"
