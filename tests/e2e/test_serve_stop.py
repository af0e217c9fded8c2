"""`serve` is told to stop: who is waited for, how long, and what clients see of it."""

import asyncio
import signal
from pathlib import Path

import pytest
from tests.support.e2e_serve import STREAM, Serve, configuration, read_to_end, silent, stream_for_ever, stream_in_two
from tests.support.raw_client import RawClient
from tests.support.scripted import ScriptedUpstream

NOWHERE = "http://127.0.0.1:1"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_with_nothing_in_work_it_stops_at_once(number: signal.Signals, tmp_path: Path) -> None:
    # A minute to drain, and a connection that is kept: neither is waited for.
    config = configuration(NOWHERE, server={"drain_timeout_ms": 60_000})
    with await Serve.start(tmp_path, config) as relay:
        async with await RawClient.connect(relay.port) as client:
            assert (await client.exchange("GET", "/readyz")).status == 200
            relay.send(number)
            assert await client.closed() is False
        assert await relay.exit_code() == 0
    assert relay.lines[-1] == "Stopped.\n"
    assert "Stopping" not in relay.output


async def test_a_stream_in_work_ends_as_it_would_and_nobody_new_comes_in(tmp_path: Path) -> None:
    async with ScriptedUpstream(stream_in_two) as upstream:
        with await Serve.start(tmp_path, configuration(upstream.url)) as relay:
            client, beginning = await relay.begin_stream()
            async with client:
                relay.send(signal.SIGTERM)
                await relay.says("Stopping: 1 request may go on for 30 s; a second signal ends it.")
                with pytest.raises(ConnectionRefusedError):
                    await RawClient.connect(relay.port)
                (await upstream.connection()).release()
                assert beginning + await read_to_end(client) == b"".join(STREAM)
            assert await relay.exit_code() == 0
    assert relay.lines[-1] == "Stopped.\n"


async def test_a_stream_past_the_drain_gets_an_error_event(tmp_path: Path) -> None:
    async with ScriptedUpstream(stream_for_ever) as upstream:
        config = configuration(upstream.url, server={"drain_timeout_ms": 50})
        with await Serve.start(tmp_path, config) as relay:
            client, _ = await relay.begin_stream()
            async with client:
                relay.send(signal.SIGTERM)
                rest = await read_to_end(client)
            assert b"event: error" in rest
            assert b"overloaded_error" in rest
            assert await relay.exit_code() == 0
    assert relay.lines[-1] == "Stopped; 1 request cut off.\n"


async def test_a_second_signal_waits_for_nobody(tmp_path: Path) -> None:
    async with ScriptedUpstream(stream_for_ever) as upstream:
        config = configuration(upstream.url, server={"drain_timeout_ms": 600_000})
        with await Serve.start(tmp_path, config) as relay:
            client, _ = await relay.begin_stream()
            async with client:
                relay.send(signal.SIGTERM)
                await relay.says("Stopping: 1 request")
                relay.send(signal.SIGTERM)
                assert b"event: error" in await read_to_end(client)
            assert await relay.exit_code() == 0
    assert relay.lines[-1] == "Stopped; 1 request cut off.\n"


async def test_a_second_signal_waits_for_no_half_request_either(tmp_path: Path) -> None:
    config = configuration(NOWHERE, server={"drain_timeout_ms": 600_000})
    with await Serve.start(tmp_path, config) as relay:
        async with await RawClient.connect(relay.port) as half, await RawClient.connect(relay.port) as other:
            await half.send(b"POST /v1/messages HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{")
            await other.exchange("GET", "/livez")  # what was sent before has been read by now
            relay.send(signal.SIGTERM)
            await other.closed()
            relay.send(signal.SIGTERM)
            assert await relay.exit_code() == 0


async def test_it_is_not_ready_while_it_drains(tmp_path: Path) -> None:
    # Unused connections are closed and new ones refused: only a request that was on its way in can see this.
    async with ScriptedUpstream(stream_in_two) as upstream:
        with await Serve.start(tmp_path, configuration(upstream.url)) as relay:
            client, _ = await relay.begin_stream()
            async with client:
                async with await RawClient.connect(relay.port) as probe, await RawClient.connect(relay.port) as other:
                    await probe.send(b"GET /readyz HTTP/1.1\r\nhost: x\r\n")
                    await other.exchange("GET", "/livez")  # what was sent before has been read by now
                    relay.send(signal.SIGTERM)
                    await relay.says("Stopping")
                    await probe.send(b"\r\n")
                    assert (await probe.read_response("GET")).status == 503
                (await upstream.connection()).release()
                await read_to_end(client)
            assert await relay.exit_code() == 0


async def test_a_request_without_an_answer_yet_hears_that_the_relay_stops(tmp_path: Path) -> None:
    asked = asyncio.Event()
    async with ScriptedUpstream(silent(asked)) as upstream, asyncio.TaskGroup() as tasks:
        config = configuration(upstream.url, server={"drain_timeout_ms": 0})
        with await Serve.start(tmp_path, config) as relay:
            asking = tasks.create_task(relay.ask())
            await asked.wait()
            relay.send(signal.SIGTERM)
            answer = await asking
            assert (answer.status, answer.header(b"x-cc-relay-error")) == (503, b"draining")
            assert await relay.exit_code() == 0
