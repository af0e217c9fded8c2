"""A whole relay before simulated clouds: its credentials are wrong, end, or do not come, and nobody waits for them."""

import asyncio
import json
import time
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from tests.support.raw_client import RawClient
from tests.support.sim_clouds import public_key, service_account
from tests.support.staged import CLIENT_HEADERS, ENTRA, Answer, Json, Stage, body_of, staged

from cc_relay.errors import CredentialError
from cc_relay.sim.faults import FaultRule

QUICK = 1.5
"""Seconds: nobody has waited for a credential."""


@pytest.fixture
def container(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A machine of AWS's, as botocore sees it, without the metadata service of real ones."""
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return monkeypatch


def complaints(stage: Stage) -> str:
    """What the log has to say beyond the requests."""
    lines = [json.loads(line) for line in stage.log.splitlines()]
    return "\n".join(str(line) for line in lines if line.get("level") in ("warning", "error"))


def assert_named(answer: Answer, provider: str) -> None:
    assert (answer.status, answer.error["type"]) == (502, "api_error")
    assert f"'{provider}'" in answer.error["message"] or f"{provider} " in answer.error["message"]
    assert answer.response.header(b"x-should-retry") == b"false"


WRONG = {
    "secret": ("bedrock", {"aws_secret_access_key": "guessed"}, {}, "secret key does not fit"),
    "key": ("bedrock", {"aws_access_key_id": "AKIDNOBODY"}, {}, "does not know its access key"),
    "bedrock token": ("bedrock-by-token", {"bearer_token": "guessed"}, {}, "not valid, or has expired"),
    "mantle's secret": ("mantle", {"aws_secret_access_key": "guessed"}, {}, "secret key does not fit"),
    "platform's secret": ("platform", {"aws_secret_access_key": "guessed"}, {}, "secret key does not fit"),
    "clock behind": ("bedrock", {}, {"clock_offset": 3600.0}, "clock is off, about 60 minutes behind"),
    "clock ahead": ("mantle", {}, {"clock_offset": -3600.0}, "clock is off, about 60 minutes ahead"),
    "access token": ("vertex", {"access_token": "guessed"}, {}, "access token is missing, expired or revoked"),
    "azure key": ("azure", {"keys": ["guessed"]}, {}, "key (or the identity) and azure_resource_name"),
}


@pytest.mark.parametrize("case", WRONG)
async def test_a_wrong_credential_is_out_and_loud(case: str) -> None:
    way, entry, sim, remedy = WRONG[case]
    async with staged(way, entry=entry, sim=sim) as stage:
        first, second = await stage.ask(), await stage.ask()
        provider = await stage.provider(way)
        told = await stage.told(first)
        assert len(stage.seen()) == 1, "asked once, then left alone"
        assert stage.charged() == 0
    assert_named(first, way)
    assert remedy in complaints(stage)
    assert_named(second, way)
    assert remedy in first.error["message"]
    assert [one["reason"] for one in told["attempts"]] == ["credential"]
    assert (provider["keys"][0]["state"], provider["keys"][0]["reason"]) == ("OPEN", "credential")


@pytest.mark.parametrize("case", WRONG)
async def test_somebody_else_serves_meanwhile(case: str) -> None:
    way, entry, sim, _ = WRONG[case]
    async with staged(way, "anthropic", entry=entry, sim=sim) as stage:
        answers = [await stage.ask() for _ in range(3)]
        assert len(stage.seen()) == 1
    assert [(one.status, one.by) for one in answers] == [(200, "anthropic")] * 3


@pytest.mark.parametrize("way", ["vertex-by-machine", "azure-by-entra"])
async def test_a_refused_token_is_replaced_once_and_the_client_hears_nothing(way: str) -> None:
    async with staged(way) as stage:
        before = await stage.ask()
        stage.first.engine.tokens.revoke()
        answer = await stage.ask()
        told = await stage.told(answer)
        provider = await stage.provider(way)
    assert (before.status, answer.status) == (200, 200)
    assert [one["reason"] for one in told["attempts"]] == ["credential; asked again with a new credential", ""]
    assert provider["keys"][0]["state"] == "CLOSED"


@pytest.mark.parametrize("way", ["vertex-by-machine", "azure-by-entra"])
async def test_a_token_that_is_refused_anew_is_out_and_loud(way: str) -> None:
    async with staged(way) as stage:
        stage.fault("401")
        answer = await stage.ask()
        again = await stage.ask()
        told = await stage.told(answer)
        provider = await stage.provider(way)
        assert len(stage.seen()) == 2, "once, and once with a new one"
        assert stage.charged() == 0
    assert way in complaints(stage)
    assert_named(answer, way)
    assert_named(again, way)
    assert [one["status"] for one in told["attempts"]] == [502, 502]
    assert provider["keys"][0]["reason"] == "credential"


@pytest.mark.parametrize(
    "fault", [{"fault": "stall"}, {"fault": "garbage"}, {"fault": "500"}, {"fault": "html"}, {"fault": "reset"}]
)
@pytest.mark.parametrize("way", ["vertex-by-machine", "azure-by-entra", "vertex-by-file"])
async def test_a_token_that_does_not_come_keeps_nobody_waiting(way: str, fault: Json, tmp_path: Path) -> None:
    async with awaiting(way, tmp_path, fault, "anthropic") as stage:
        began = time.monotonic()
        answers = await asyncio.gather(*(stage.ask() for _ in range(4)))
        assert time.monotonic() - began < QUICK
        await stage.first.seen(1)
    assert [(one.status, one.by) for one in answers] == [(200, "anthropic")] * 4


@pytest.mark.parametrize(
    ("way", "fault", "words"),
    [
        ("vertex-by-machine", {"fault": "garbage"}, "application-default login"),
        ("vertex-by-file", {"fault": "garbage"}, "or the answer to it is not what it should be"),
        ("azure-by-entra", {"fault": "garbage"}, "Microsoft Entra"),
        ("vertex-by-machine", {"fault": "500"}, "application-default login"),
        ("vertex-by-file", {"fault": "401"}, "google-auth says"),
        ("azure-by-entra", {"fault": "html"}, "Microsoft Entra"),
        ("azure-by-entra", {"fault": "reset"}, "azure-by-entra"),
    ],
)
async def test_a_token_endpoint_that_fails_is_told_where_nobody_else_serves(
    way: str, fault: Json, words: str, tmp_path: Path
) -> None:
    async with awaiting(way, tmp_path, fault) as stage:
        answer = await stage.ask()
        again = await stage.ask()
        stage.first.engine.faults.clear()
        settle(stage)
        await stage.renewed()
        later = await stage.ask()
    assert words in complaints(stage)
    assert_named(answer, name_of(way))
    assert_named(again, name_of(way))
    assert words in answer.error["message"]
    assert later.status == 200, "served again as soon as the token is there"


@pytest.mark.parametrize("way", ["vertex-by-machine", "azure-by-entra", "vertex-by-file"])
async def test_a_token_that_is_over_when_it_comes_is_none(way: str, tmp_path: Path) -> None:
    async with awaiting(way, tmp_path, None, "anthropic", lifetime=0.0) as stage:
        answer = await stage.ask()
        with pytest.raises(CredentialError, match="check whether the clock is right"):
            await stage.renewed()
        assert stage.seen() == []
    assert (answer.status, answer.by) == (200, "anthropic")


async def test_a_client_secret_that_is_wrong_is_said_to_be() -> None:
    async with staged(
        "azure-by-entra", environ=ENTRA | {"AZURE_CLIENT_SECRET": "guessed-secret"}, is_ready=False
    ) as stage:
        answer = await stage.ask()
    assert_named(answer, "azure-by-entra")
    assert "AZURE_CLIENT_SECRET is wrong" in complaints(stage)
    assert "guessed-secret" not in stage.log + str(answer)


async def test_keys_of_a_container_are_fetched_replaced_and_gone(container: pytest.MonkeyPatch) -> None:
    chain = {"type": "bedrock", "aws_region": "us-east-1", "aws_access_key_id": "", "aws_secret_access_key": ""}
    async with staged("bedrock", entry=chain, is_ready=False) as stage:
        container.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", stage.first.url + "/aws/credentials")
        settle(stage)
        await stage.renewed()
        first = await stage.ask(stream=True)
        stage.first.engine.tokens.revoke()
        replaced = await stage.ask(stream=True)
        told = await stage.told(replaced)
        stage.first.engine.tokens.lifetime = 0.0
        stage.first.engine.tokens.revoke()
        gone = await stage.ask(stream=True)
    assert (first.status, replaced.status) == (200, 200)
    assert [one["reason"] for one in told["attempts"]] == ["credential; asked again with a new credential", ""]
    assert_named(gone, "bedrock")


@pytest.mark.parametrize("way", ["vertex-by-machine", "azure-by-entra"])
async def test_many_that_are_refused_at_once_ask_for_one_token(way: str) -> None:
    async with staged(way) as stage:
        tokens = stage.first.engine.tokens
        tokens.revoke()
        before = tokens.issued
        answers = await asyncio.gather(*(stage.ask(session=f"s{number}") for number in range(8)))
        issued = tokens.issued - before
    assert [one.status for one in answers] == [200] * 8
    assert issued == 1


@pytest.mark.parametrize("way", ["vertex-by-machine", "azure-by-entra"])
async def test_a_client_that_leaves_while_a_token_is_fetched_holds_nothing(way: str, tmp_path: Path) -> None:
    async with awaiting(way, tmp_path, {"fault": "stall"}) as stage:
        async with await RawClient.connect(stage.relay.address[1]) as client:
            await client.send_request("POST", "/v1/messages", CLIENT_HEADERS, body_of())
            await stage.first.seen(1)
            client.reset()
        told = await stage.settled()
    assert (told["outcome"], told["attempts"]) == ("gone", [])


async def test_a_token_that_does_not_come_in_time_is_a_502(tmp_path: Path) -> None:
    """Alone, a request waits for as long as it may wait for anything."""
    async with awaiting("vertex-by-machine", tmp_path, {"fault": "stall"}, timeout=300) as stage:
        answer = await stage.ask()
    assert_named(answer, "vertex-by-machine")
    assert "in time" in answer.error["message"]


def settle(stage: Stage) -> None:
    """The pause after a first failure is over."""
    for upstream in stage.relay.snapshot.upstreams:
        if upstream.source is not None:
            upstream.source._rest_until = 0.0  # type: ignore[attr-defined]


def name_of(way: str) -> str:
    return "vertex" if way == "vertex-by-file" else way


def awaiting(
    way: str, directory: Path, fault: Json | None, *others: str, lifetime: float = 3600.0, timeout: int = 60_000
) -> AbstractAsyncContextManager[Stage]:
    """A stage whose token endpoint misbehaves from the start, or hands out tokens of this `lifetime`.

    A request may take `timeout` milliseconds.
    """
    sim: Json = {"token_lifetime": lifetime}
    server = {"listen": "127.0.0.1:0", "timeout_ms": timeout}
    if fault is not None:
        sim["faults"] = (FaultRule(**fault, for_tokens=True),)
    if way != "vertex-by-file":
        return staged(way, *others, sim=sim, is_ready=False, server=server)
    path = directory / "account.json"
    sim["service_account_key"] = public_key()
    return staged(
        "vertex",
        *others,
        sim=sim,
        entry={"access_token": "", "credentials_file": str(path)},
        prepare=lambda url: path.write_text(json.dumps(service_account(url + "/token"))),
        is_ready=False,
        server=server,
    )
