"""The admin port of a running relay: what it tells, and what happens where it cannot be opened."""

import asyncio
import socket
import threading
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.support.builders import messages_body
from tests.support.loops import both_loops
from tests.support.raw_client import RawClient, Response
from tests.support.relays import HEADERS, answer_json, ask, loaded, started
from tests.support.scripted import Connection, ScriptedUpstream

from cc_relay.cli.status import ask_admin
from cc_relay.config import Config, Listen, Loaded
from cc_relay.config.schema import Admin as AdminSection
from cc_relay.config.schema import Health
from cc_relay.runtime.admin import NoAdminPort
from cc_relay.runtime.relay import Relay

TOKEN = "admin-token"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "relay.log"


def with_sections(what: Loaded, **sections: object) -> Loaded:
    """The same configuration, with other sections."""
    return Loaded(what.config.model_copy(update=sections), what.source)


def admin_at(listen: str, token: str = "") -> AdminSection:
    return AdminSection.model_validate({"listen": listen, "token": token})


async def get(relay: Relay, path: str, headers: Mapping[str, str] | None = None) -> Response:
    where = urlsplit(relay.admin.where)
    lines = [(b"host", b"localhost"), *((name.encode(), value.encode()) for name, value in (headers or {}).items())]
    async with await RawClient.connect(where.port or 0, where.hostname or "") as client:
        return await client.exchange("GET", path, lines)


@both_loops
async def test_a_request_can_be_explained_once_it_was_answered(log: Path) -> None:
    async with ScriptedUpstream(answer_json) as upstream, started(loaded(log, upstream.url)) as relay:
        answer = await ask(relay)
        request_id = (answer.header(b"x-request-id") or b"").decode()
        told = (await get(relay, f"/api/v1/requests/{request_id}")).json()

    assert (told["id"], told["status"], told["outcome"]) == (request_id, 200, "delivered")
    assert [one["provider"] for one in told["candidates"]] == ["up"]
    assert [(one["provider"], one["status"]) for one in told["attempts"]] == [("up", 200)]
    assert (told["usage"]["input"], told["usage"]["output"]) == (3, 2)
    assert "sk-never-shown" not in str(told)


@both_loops
async def test_the_overview_names_the_data_plane_and_counts_what_is_in_work(log: Path) -> None:
    asked = asyncio.Event()

    async def say_nothing(connection: Connection) -> None:
        await connection.expect_request()
        asked.set()
        await connection.hold()

    async with (
        ScriptedUpstream(say_nothing) as upstream,
        started(loaded(log, upstream.url)) as relay,
        await RawClient.connect(relay.address[1]) as client,
    ):
        await client.send_request("POST", "/v1/messages", HEADERS, messages_body())
        await asked.wait()
        told = (await get(relay, "/api/v1/status")).json()
        assert told["listen"] == str(Listen(*relay.address))

    assert (told["in_flight"], told["generation"]) == (1, 1)
    assert [(one["name"], one["state"], one["in_flight"]) for one in told["providers"]] == [("up", "CLOSED", 1)]


@both_loops
async def test_a_token_is_asked_for_where_one_is_configured(log: Path) -> None:
    what = with_sections(loaded(log), admin=admin_at("127.0.0.1:0", TOKEN))
    async with started(what) as relay:
        assert (await get(relay, "/api/v1/status")).status == 401
        assert (await get(relay, "/api/v1/status", {"authorization": f"Bearer {TOKEN}"})).status == 200


@both_loops
async def test_an_admin_port_in_use_that_was_asked_for_leaks_nothing(log: Path) -> None:
    threads = threading.active_count()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        relay = Relay(with_sections(loaded(log), admin=admin_at(address)), environ={})
        with pytest.raises(NoAdminPort, match="in use") as error:
            await relay.start()

    assert (error.value.address, error.value.filename) == (address, None)
    assert threading.active_count() == threads
    assert await relay.stop() == 0


@both_loops
async def test_without_the_usual_admin_port_the_relay_serves_all_the_same(log: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        usual = AdminSection.model_construct(listen=f"127.0.0.1:{taken.getsockname()[1]}", _fields_set=set())
        async with started(with_sections(loaded(log), admin=usual)) as relay:
            assert relay.admin.where == ""
            assert "in use" in relay.admin.problem
            async with await RawClient.connect(relay.address[1]) as client:
                assert (await client.exchange("GET", "/livez")).status == 200


@both_loops
async def test_status_asks_the_admin_port_and_takes_no_other_relays_word(log: Path) -> None:
    async with started(loaded(log)) as relay:
        where = urlsplit(relay.admin.where).netloc
        config = Config.model_validate({"admin": {"listen": where}, "providers": [{"name": "a", "type": "ollama"}]})
        told = await asyncio.to_thread(ask_admin, config, Listen(*relay.address))
        assert told is not None
        assert [provider.name for provider in told.providers] == ["up"]
        assert await asyncio.to_thread(ask_admin, config, Listen("127.0.0.1", 1)) is None


@both_loops
async def test_status_does_without_an_admin_port_that_is_locked_or_closed(log: Path) -> None:
    async with started(with_sections(loaded(log), admin=admin_at("127.0.0.1:0", TOKEN))) as relay:
        where = urlsplit(relay.admin.where).netloc
        locked = Config.model_validate({"admin": {"listen": where}, "providers": [{"name": "a", "type": "ollama"}]})
        assert await asyncio.to_thread(ask_admin, locked, Listen(*relay.address)) is None
    assert await asyncio.to_thread(ask_admin, locked, Listen("127.0.0.1", 1)) is None


@both_loops
async def test_a_provider_that_comes_back_is_found_by_the_health_check(log: Path) -> None:
    async def come_back_when_told(connection: Connection) -> None:
        await connection.expect_request()
        await connection.pause()
        await connection.start()
        await connection.end()

    async with ScriptedUpstream(come_back_when_told) as upstream:
        what = loaded(log, upstream.url)
        section = {"health_check": {"interval_ms": 20}, "circuit_breaker": {"failure_threshold": 1}}
        async with started(with_sections(what, health=Health.model_validate(section))) as relay:
            (one,) = relay.snapshot.upstreams
            one.breaker.record_failure(0, None, "down", asyncio.get_running_loop().time())
            assert await states(relay) == ["OPEN"]
            (await upstream.connection()).release()
            while await states(relay) == ["OPEN"]:
                pass
            assert await states(relay) == ["HALF_OPEN"]


async def states(relay: Relay) -> list[str]:
    return [one["state"] for one in (await get(relay, "/api/v1/status")).json()["providers"]]
