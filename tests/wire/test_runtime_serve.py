"""`runtime.serve` in this process: signals, and what is said on standard error."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from tests.support.builders import messages_body
from tests.support.e2e_serve import HEADERS, stream_for_ever, stream_in_two
from tests.support.loops import both_loops
from tests.support.raw_client import RawClient
from tests.support.scripted import ScriptedUpstream

from cc_relay.config import Config, Loaded
from cc_relay.runtime.options import ServeOptions
from cc_relay.runtime.relay import Relay
from cc_relay.runtime.serve import run, serve


def loaded(base_url: str, log: Path, listen: str = "127.0.0.1:0", drain: int = 60_000) -> Loaded:
    provider = {"name": "up", "type": "anthropic", "base_url": base_url, "keys": ["sk-never-shown"]}
    server = {"listen": listen, "drain_timeout_ms": drain}
    config = {
        "server": server,
        "admin": {"listen": "127.0.0.1:0"},
        "logging": {"output": str(log)},
        "providers": [provider],
    }
    return Loaded(Config.model_validate(config), "test")


@asynccontextmanager
async def serving(what: Loaded, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[asyncio.Task[int], int]]:
    """The task that serves, and its port."""
    listening: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    start = Relay.start

    async def start_and_tell(relay: Relay) -> None:
        await start(relay)
        listening.set_result(relay.address[1])

    monkeypatch.setattr(Relay, "start", start_and_tell)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(serve(what, ServeOptions()))
        yield task, await listening


async def begin_stream(port: int) -> RawClient:
    client = await RawClient.connect(port)
    await client.send_request("POST", "/v1/messages", HEADERS, messages_body(stream=True))
    await client.read_head()
    await client.read_chunk()
    return client


def tell_to_stop() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


async def refused(port: int) -> None:
    """Return when nobody new is let in."""
    with suppress(ConnectionError):
        while True:
            (await RawClient.connect(port)).close()


def last_line(capfd: pytest.CaptureFixture[str]) -> str:
    return capfd.readouterr().err.splitlines()[-1]


@both_loops
async def test_with_nothing_in_work_a_signal_ends_it(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(loaded("http://127.0.0.1:1", tmp_path / "log"), monkeypatch) as (task, _):
        tell_to_stop()
        assert await task == 0
    assert last_line(capfd) == "Stopped."


@both_loops
async def test_a_stream_is_let_end(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        ScriptedUpstream(stream_in_two) as upstream,
        serving(loaded(upstream.url, tmp_path / "log"), monkeypatch) as (task, port),
    ):
        async with await begin_stream(port) as client:
            tell_to_stop()
            (await upstream.connection()).release()
            assert b"message_stop" in await client.read_to_close()
        assert await task == 0
    assert last_line(capfd) == "Stopped."


@both_loops
async def test_a_second_signal_cuts_a_stream(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        ScriptedUpstream(stream_for_ever) as upstream,
        serving(loaded(upstream.url, tmp_path / "log"), monkeypatch) as (task, port),
    ):
        async with await begin_stream(port) as client:
            tell_to_stop()
            await refused(port)  # two signals at once would be one to the system
            tell_to_stop()
            assert b"event: error" in await client.read_to_close()
        assert await task == 0
    assert last_line(capfd) == "Stopped; 1 request cut off."


@both_loops
async def test_a_stream_past_its_time_is_cut_and_counted(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        ScriptedUpstream(stream_for_ever) as upstream,
        serving(loaded(upstream.url, tmp_path / "log", drain=10), monkeypatch) as (task, port),
    ):
        async with await begin_stream(port) as client:
            tell_to_stop()
            assert b"event: error" in await client.read_to_close()
        assert await task == 0
    assert last_line(capfd) == "Stopped; 1 request cut off."


def test_a_port_in_use_is_an_os_error(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        run(loaded("http://127.0.0.1:1", tmp_path / "log", f"127.0.0.1:{taken.getsockname()[1]}"), ServeOptions())
