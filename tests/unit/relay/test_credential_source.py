"""Credentials that do not last: fetched when needed, renewed once when refused, and never waited for in vain."""

from __future__ import annotations

import asyncio

from tests.support.fakes import FakeIncoming, Rig, answer, failure, upstream
from tests.support.virtual_time import STARTED_AT, virtual

from cc_relay.errors import CredentialError
from cc_relay.exchange import Credential, FailureKind

NAME = "key-cloud"


class FakeSource:
    """Hands out these secrets one after the other, each `after` seconds; an error is raised."""

    def __init__(self, *secrets: str | CredentialError, current: str | None = None, after: float = 0.0) -> None:
        self.current = None if current is None else Credential(NAME, current)
        self.stale: list[str | None] = []
        self._secrets = list(secrets)
        self._after = after

    async def renew(self, stale: Credential | None, deadline_at: float) -> Credential:
        self.stale.append(None if stale is None else stale.secret)
        await asyncio.sleep(self._after)
        secret = self._secrets.pop(0)
        if isinstance(secret, CredentialError):
            raise secret
        self.current = Credential(NAME, secret)
        return self.current


def good() -> FakeIncoming:
    return answer(b'{"type":"message","content":[]}')


def refused() -> FakeIncoming:
    return failure(502, kind=FailureKind.CREDENTIAL)


def secrets(rig: Rig) -> list[str]:
    return [dict(sent.headers)[b"x-api-key"].decode() for sent in rig.sender.requests]


@virtual
async def test_the_credential_of_the_moment_is_sent() -> None:
    source = FakeSource(current="token-1")
    rig = Rig(good(), good(), upstreams=[upstream("a", "cloud", source=source)])
    await rig.serve()
    source.current = Credential(NAME, "token-2")
    await rig.serve()
    assert secrets(rig) == ["token-1", "token-2"]


@virtual
async def test_where_there_is_none_the_only_provider_waits_for_one() -> None:
    rig = Rig(good(), upstreams=[upstream("a", "cloud", source=FakeSource("token-1", after=2.0))])
    assert (await rig.serve()).status == 200
    assert secrets(rig) == ["token-1"]


@virtual
async def test_nobody_waits_for_a_credential_while_another_provider_could_serve() -> None:
    source = FakeSource("token-1", after=60.0)
    rig = Rig(good(), upstreams=[upstream("a", "cloud", source=source), upstream("b")])
    downstream = await rig.serve()
    assert (downstream.status, downstream.ended_at - STARTED_AT < 1.0) == (200, True)
    assert secrets(rig) == ["b-key"]
    assert source.stale == []


@virtual
async def test_a_refused_credential_is_renewed_once_and_the_request_asked_again() -> None:
    source = FakeSource("token-2", current="token-1")
    rig = Rig(refused(), good(), upstreams=[upstream("a", "cloud", source=source), upstream("b")])
    assert (await rig.serve()).status == 200
    assert secrets(rig) == ["token-1", "token-2"]
    assert source.stale == ["token-1"]
    assert rig.record.attempts[0].reason == "credential; asked again with a new credential"
    assert rig.watch.heard == []


@virtual
async def test_refused_again_it_is_out_and_loud_and_the_next_provider_serves() -> None:
    source = FakeSource("token-2", current="token-1")
    rig = Rig(refused(), refused(), good(), upstreams=[upstream("a", "cloud", source=source), upstream("b")])
    assert (await rig.serve()).status == 200
    assert secrets(rig) == ["token-1", "token-2", "b-key"]
    assert [line.split()[:2] for line in rig.watch.heard] == [["a/key-cloud", "credential"]]


@virtual
async def test_alone_a_refused_credential_is_a_502_that_names_the_provider() -> None:
    source = FakeSource(CredentialError("no"), current="token-1")
    rig = Rig(refused(), upstreams=[upstream("a", "cloud", source=source)])
    downstream = await rig.serve()
    assert downstream.status == 502
    assert b"'a'" in downstream.body
    assert b"token" not in downstream.body


@virtual
async def test_where_none_can_be_had_the_key_is_out_and_nothing_is_sent() -> None:
    source = FakeSource(CredentialError("the profile is missing"))
    rig = Rig(upstreams=[upstream("a", "cloud", source=source)])
    downstream = await rig.serve()
    assert (downstream.status, rig.sender.requests) == (502, [])
    assert rig.watch.heard[0].startswith("a/key-cloud credential")
    assert b"'a' cannot be asked: the profile is missing" in downstream.body


@virtual
async def test_what_a_provider_advises_is_told_and_what_an_upstream_says_is_not() -> None:
    for status, is_told in ((502, True), (401, False)):
        refusal = failure(status, kind=FailureKind.CREDENTIAL)
        downstream = await Rig(refusal, upstreams=[upstream("a", "key")]).serve()
        assert downstream.status == 502
        assert (b"as scripted" in downstream.body) == is_told


@virtual
async def test_a_client_that_leaves_during_a_renewal_leaves_nothing_behind() -> None:
    source = FakeSource("token-2", current="token-1", after=5.0)
    rig = Rig(refused(), upstreams=[upstream("a", "cloud", source=source)])
    async with rig.begin() as exchange:
        await asyncio.sleep(1.0)
        await exchange.client_leaves()
    assert rig.watch.heard == []
