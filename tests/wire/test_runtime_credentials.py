"""A whole relay whose provider lives in a cloud: its credential is fetched, sent, replaced, and not waited for."""

import asyncio
import time
from pathlib import Path

import pytest
from tests.support.endpoints import Asked, Endpoint, Said, said
from tests.support.loops import both_loops
from tests.support.relays import JSON_ANSWER, ask
from tests.support.scripted import Connection, ScriptedUpstream

from cc_relay.cli.probes import diagnose_all, probes_of
from cc_relay.config import Config, Loaded
from cc_relay.errors import CredentialError
from cc_relay.runtime.credentials.google import TOKEN_PATH
from cc_relay.runtime.options import ServeOptions
from cc_relay.runtime.relay import Relay

METADATA = TOKEN_PATH.partition("?")[0]
MODEL = "claude-opus-5-5"
REFUSED = (
    b'{"error":{"code":401,"message":"Request had invalid authentication credentials.","status":"UNAUTHENTICATED"}}'
)


class Tokens:
    """A metadata server that gives `t1`, `t2` …; None of them where it hangs."""

    def __init__(self, *, hangs: bool = False) -> None:
        self.given = 0
        self._hangs = hangs

    def __call__(self, asked: Asked) -> Said | None:
        if self._hangs:
            return None
        self.given += 1
        return said({"access_token": f"t{self.given}", "expires_in": 3599}, **{"Metadata-Flavor": "Google"})


def configured(log: Path, vertex: str, *others: dict[str, object]) -> Loaded:
    providers = [
        {"name": "cloud", "type": "vertex", "gcp_project_id": "p", "base_url": f"{vertex}/v1", "priority": 5},
        *others,
    ]
    config = {
        "server": {"listen": "127.0.0.1:0"},
        "admin": {"listen": "127.0.0.1:0"},
        "logging": {"output": str(log)},
        "providers": providers,
    }
    return Loaded(Config.model_validate(config), "test")


async def serving(loaded: Loaded, endpoint: Endpoint) -> Relay:
    relay = Relay(loaded, ServeOptions(), {"GCE_METADATA_HOST": endpoint.host})
    await relay.start()
    return relay


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "relay.log"


def text(log: Path) -> str:
    return log.read_text()


async def answer(connection: Connection) -> None:
    await connection.answer(body=JSON_ANSWER)


@both_loops
async def test_a_request_travels_with_the_machines_own_token(log: Path) -> None:
    tokens = Tokens()
    with Endpoint({METADATA: tokens}) as endpoint:
        async with ScriptedUpstream() as upstream:
            upstream.script(answer)
            relay = await serving(configured(log, upstream.url), endpoint)
            response = await ask(relay, model=MODEL)
            await relay.stop()
    assert response.status == 200
    assert upstream.requests[0].header(b"authorization") == b"Bearer t1"
    assert tokens.given == 1


@both_loops
async def test_a_refused_token_is_replaced_before_the_client_hears_of_it(log: Path) -> None:
    async def refuse(connection: Connection) -> None:
        await connection.answer(401, body=REFUSED)

    with Endpoint({METADATA: Tokens()}) as endpoint:
        async with ScriptedUpstream() as upstream:
            upstream.script(refuse)
            upstream.script(answer)
            relay = await serving(configured(log, upstream.url), endpoint)
            response = await ask(relay, model=MODEL)
            await relay.stop()
    assert response.status == 200
    assert [one.header(b"authorization") for one in upstream.requests] == [b"Bearer t1", b"Bearer t2"]


@both_loops
async def test_a_cloud_without_a_credential_fails_no_request_that_another_can_serve(log: Path) -> None:
    with Endpoint({METADATA: lambda _: Said(404, headers={"Metadata-Flavor": "Google"})}) as endpoint:
        async with ScriptedUpstream() as other:
            other.script(answer)
            spare: dict[str, object] = {"name": "spare", "type": "anthropic", "base_url": other.url, "keys": ["k"]}
            relay = await serving(configured(log, other.url, spare), endpoint)
            response = await ask(relay, model=MODEL)
            # The renewal may still be under way: nobody waited for it.
            [source] = relay._fleet.sources
            with pytest.raises(CredentialError, match="has no service account"):
                await source.renew(None, asyncio.get_running_loop().time() + 10.0)
            await relay.stop()
    assert response.status == 200
    assert other.requests[0].header(b"x-api-key") == b"k"
    assert text(log).count("provider cloud gets no new credential") == 1


@both_loops
async def test_stopping_waits_for_no_token(log: Path) -> None:
    with Endpoint({METADATA: Tokens(hangs=True)}) as endpoint:
        relay = await serving(configured(log, "http://127.0.0.1:9"), endpoint)
        began = time.monotonic()
        await relay.stop()
        assert time.monotonic() - began < 2.0


@both_loops
async def test_a_cloud_serves_again_as_soon_as_its_credential_is_back(log: Path) -> None:
    tokens = Tokens()
    is_down = True
    missing = Said(404, headers={"Metadata-Flavor": "Google"})
    with Endpoint({METADATA: lambda asked: missing if is_down else tokens(asked)}) as endpoint:
        async with ScriptedUpstream() as upstream:
            upstream.script(answer)
            relay = await serving(configured(log, upstream.url), endpoint)
            refused = await ask(relay, model=MODEL)
            is_down = False
            [source] = relay._fleet.sources
            source._rest_until = 0.0
            await source.renew(None, asyncio.get_running_loop().time() + 10.0)
            response = await ask(relay, model=MODEL)
            await relay.stop()
    assert refused.status == 502
    assert b"'cloud'" in refused.body
    assert response.status == 200


@both_loops
async def test_the_doctor_fetches_the_credential_and_says_what_is_missing(log: Path) -> None:
    answers = iter([Said(404, headers={"Metadata-Flavor": "Google"}), Tokens()(Asked("GET", METADATA, "", {}, b""))])

    async def count(connection: Connection) -> None:
        await connection.answer(body=b'{"input_tokens":1}')

    with Endpoint({METADATA: lambda _: next(answers)}) as endpoint:
        async with ScriptedUpstream() as upstream:
            upstream.script(count)
            loaded = configured(log, upstream.url)
            environ = {"GCE_METADATA_HOST": endpoint.host}
            [lost] = await diagnose_all(probes_of(loaded, environ))
            [found] = await diagnose_all(probes_of(loaded, environ))
    assert not lost.is_fine
    assert "has no service account" in lost.finding
    assert found.is_fine
    assert upstream.requests[0].header(b"authorization") == b"Bearer t1"
