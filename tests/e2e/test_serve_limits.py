"""`serve` with limits, on every interface, and without uvloop."""

import asyncio
from pathlib import Path

import pytest
from tests.support.e2e_serve import (
    JSON_ANSWER,
    STREAM,
    Serve,
    answer_json,
    configuration,
    read_to_end,
    silent,
    stream_for_ever,
    stream_whole,
    without_uvloop,
)
from tests.support.echo import closed_port
from tests.support.raw_client import BrokenResponse, RawClient
from tests.support.scripted import ScriptedUpstream


async def test_beyond_max_concurrent_a_request_is_refused_and_later_ones_are_not(tmp_path: Path) -> None:
    async with ScriptedUpstream(stream_for_ever, answer_json) as upstream:
        config = configuration(upstream.url, server={"max_concurrent": 1})
        with await Serve.start(tmp_path, config) as relay:
            client, _ = await relay.begin_stream()
            refused = await relay.ask()
            assert (refused.status, refused.header(b"x-cc-relay-error")) == (503, b"too_many_requests")
            assert refused.header(b"retry-after") == b"1"
            assert refused.json()["error"]["type"] == "overloaded_error"
            client.close()
            await relay.says("client left")
            assert (await relay.ask()).status == 200


async def test_a_request_beyond_its_time_is_answered_with_a_timeout(tmp_path: Path) -> None:
    async with ScriptedUpstream(silent(asyncio.Event())) as upstream:
        config = configuration(upstream.url, server={"timeout_ms": 100})
        with await Serve.start(tmp_path, config) as relay:
            answer = await relay.ask()
    assert answer.status == 504
    assert answer.json()["error"]["type"] == "timeout_error"


async def test_a_stream_beyond_its_time_is_broken_off(tmp_path: Path) -> None:
    async with ScriptedUpstream(stream_for_ever) as upstream:
        config = configuration(upstream.url, server={"timeout_ms": 500})
        with await Serve.start(tmp_path, config) as relay:
            client, _ = await relay.begin_stream()
            async with client:
                with pytest.raises(BrokenResponse):
                    await read_to_end(client)
            await relay.says("broken")


async def test_listening_everywhere_is_said_and_works(tmp_path: Path) -> None:
    port = closed_port()
    config = configuration("http://127.0.0.1:1", server={"listen": f":{port}", "auth": {"api_key": "relay-key"}})
    with await Serve.start(tmp_path, config) as relay:
        assert "and on every other address of this machine" in relay.lines[0]
        async with await RawClient.connect(port) as client:
            assert (await client.exchange("GET", "/livez")).status == 200


async def test_without_uvloop_asyncios_own_loop_serves(tmp_path: Path) -> None:
    async with ScriptedUpstream(answer_json, stream_whole) as upstream:
        with await Serve.start(tmp_path, configuration(upstream.url), command=without_uvloop) as relay:
            assert (await relay.ask()).body == JSON_ANSWER
            assert (await relay.ask(stream=True)).body == b"".join(STREAM)
            relay.stop()
            assert await relay.exit_code() == 0
