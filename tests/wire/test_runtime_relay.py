"""A whole relay in this process: started, asked, stopped."""

import asyncio
import errno
import gc
import json
import logging
import socket
import threading
from pathlib import Path

import pytest
from tests.support.builders import messages_body, sse_stream
from tests.support.loops import both_loops
from tests.support.raw_client import BrokenResponse, RawClient
from tests.support.relays import HEADERS, JSON_ANSWER, answer_json, ask, loaded, started
from tests.support.scripted import Connection, ScriptedUpstream

from cc_relay.runtime.options import ServeOptions
from cc_relay.runtime.relay import Relay


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "relay.log"


def requests(log: Path) -> list[dict[str, object]]:
    lines = [json.loads(line) for line in text(log).splitlines()]
    return [line for line in lines if line.get("event") == "request"]


def text(log: Path) -> str:
    return log.read_text()


async def begin_stream(relay: Relay, upstream: ScriptedUpstream) -> tuple[RawClient, bytes]:
    """A client whose stream has begun and goes on; and what has come of its body."""
    client = await RawClient.connect(relay.address[1])
    await client.send_request("POST", "/v1/messages", HEADERS, messages_body(stream=True))
    response, _ = await client.read_head()
    assert response.status == 200
    return client, await client.read_chunk()


async def read_to_end(client: RawClient) -> bytes:
    """The chunks up to the last. Raises BrokenResponse where there is none."""
    body = b""
    while chunk := await client.read_chunk():
        body += chunk
    return body


async def stream_slowly(connection: Connection) -> None:
    """A stream that stops after its first content until it is released; cut off, it is content too."""
    await connection.expect_request()
    first, rest = sse_stream()[:4], sse_stream()[4:]
    await connection.start()
    await connection.chunk(b"".join(first))
    await connection.pause()
    await connection.chunk(b"".join(rest))
    await connection.end()


async def stream_for_ever(connection: Connection) -> None:
    await connection.expect_request()
    await connection.start()
    await connection.chunk(b"".join(sse_stream()[:4]))
    await connection.hold()


@both_loops
async def test_a_relay_listens_answers_and_stops(log: Path) -> None:
    async with started(loaded(log)) as relay, await RawClient.connect(relay.address[1]) as client:
        assert relay.address[0] == "127.0.0.1"
        assert (await client.exchange("GET", "/livez")).status == 200
        assert await relay.stop() == 0
        assert await client.closed() is False
        with pytest.raises(ConnectionRefusedError):
            await RawClient.connect(relay.address[1])


@both_loops
async def test_an_answer_leaves_one_line_and_no_secret(log: Path) -> None:
    async with ScriptedUpstream(answer_json) as upstream, started(loaded(log, upstream.url)) as relay:
        answer = await ask(relay)
    assert answer.body == JSON_ANSWER

    (line,) = requests(log)
    assert (line["status"], line["outcome"], line["provider"]) == (200, "delivered", "up")
    assert (line["input_tokens"], line["output_tokens"], line["bytes"]) == (3, 2, len(JSON_ANSWER))
    assert "sk-never-shown" not in text(log)
    assert "Portugal" not in text(log)


@both_loops
async def test_a_stream_in_work_ends_before_the_relay_stops(log: Path) -> None:
    async with ScriptedUpstream(stream_slowly) as upstream, started(loaded(log, upstream.url)) as relay:
        client, beginning = await begin_stream(relay, upstream)
        async with client, asyncio.TaskGroup() as tasks:
            assert relay.in_flight == 1
            stopping = tasks.create_task(relay.stop(drain=30))
            (await upstream.connection()).release()
            body = beginning + await read_to_end(client)
            assert await stopping == 0
    assert body == b"".join(sse_stream())
    assert [line["outcome"] for line in requests(log)] == ["delivered"]


@both_loops
async def test_a_stream_past_the_drain_is_ended_with_an_error_event(log: Path) -> None:
    async with ScriptedUpstream(stream_for_ever) as upstream, started(loaded(log, upstream.url)) as relay:
        client, _ = await begin_stream(relay, upstream)
        async with client, asyncio.TaskGroup() as tasks:
            stopping = tasks.create_task(relay.stop(drain=0.01))
            rest = await client.read_to_close()
            assert await stopping == 1
    assert b"event: error" in rest
    assert b"overloaded_error" in rest
    assert [line["outcome"] for line in requests(log)] == ["drained"]


@both_loops
async def test_a_second_stop_waits_for_nobody(log: Path) -> None:
    async with ScriptedUpstream(stream_for_ever) as upstream, started(loaded(log, upstream.url)) as relay:
        client, _ = await begin_stream(relay, upstream)
        async with client, asyncio.TaskGroup() as tasks:
            patient = tasks.create_task(relay.stop(drain=3600))
            await asyncio.sleep(0)
            hurried = tasks.create_task(relay.stop())
            await client.closed()
            assert (await patient, await hurried) == (0, 1)


@both_loops
async def test_an_answer_not_begun_is_refused_when_the_relay_stops(log: Path) -> None:
    asked = asyncio.Event()

    async def say_nothing(connection: Connection) -> None:
        await connection.expect_request()
        asked.set()
        await connection.hold()

    async with (
        ScriptedUpstream(say_nothing) as upstream,
        started(loaded(log, upstream.url)) as relay,
        asyncio.TaskGroup() as tasks,
    ):
        asking = tasks.create_task(ask(relay))
        await asked.wait()
        assert await relay.stop() == 1
        answer = await asking
    assert (answer.status, answer.header(b"x-cc-relay-error")) == (503, b"draining")
    assert answer.header(b"retry-after") is not None


@both_loops
async def test_a_request_on_its_way_in_is_told_that_the_relay_is_not_ready(log: Path) -> None:
    # Connections that are unused end when draining begins, and no new ones are accepted: this is how it can be seen.
    async with started(loaded(log)) as relay, await RawClient.connect(relay.address[1]) as client:
        assert (await client.exchange("GET", "/readyz")).status == 200
        await client.send(b"GET /readyz HTTP/1.1\r\nHost: relay.test\r\n")
        async with await RawClient.connect(relay.address[1]) as other:
            await other.exchange("GET", "/livez")  # what was sent before has been read by now
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(relay.stop(drain=30))
            await asyncio.sleep(0)
            await client.send(b"\r\n")
            answer = await client.read_response("GET")
            assert (answer.status, answer.header(b"connection")) == (503, b"close")


@both_loops
async def test_a_port_in_use_leaks_nothing(log: Path) -> None:
    threads = threading.active_count()
    handlers = list(logging.getLogger("cc_relay").handlers)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        relay = Relay(loaded(log), ServeOptions(listen=f"127.0.0.1:{taken.getsockname()[1]}"), {})
        with pytest.raises(OSError, match="in use") as error:
            await relay.start()
    assert error.value.errno == errno.EADDRINUSE
    assert error.value.filename is None
    assert threading.active_count() == threads
    assert logging.getLogger("cc_relay").handlers == handlers
    assert await relay.stop() == 0
    assert repr(relay) == "<Relay not listening>"
    gc.collect()  # an open file or socket would be a ResourceWarning, which is an error


@both_loops
async def test_a_log_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    relay = Relay(loaded(tmp_path / "missing" / "relay.log"), environ={})

    with pytest.raises(FileNotFoundError) as error:
        await relay.start()
    assert str(error.value.filename).endswith("relay.log")


@pytest.mark.parametrize("is_json", [True, False])
def test_the_command_lines_format_is_used(log: Path, is_json: bool) -> None:
    from tests.support.loops import run

    async def main() -> None:
        options = ServeOptions(log_format="json" if is_json else "text")
        async with started(loaded(log), options) as relay, await RawClient.connect(relay.address[1]) as client:
            assert (await client.exchange("GET", "/nowhere")).status == 501

    run(main())
    assert log.read_text().startswith("{") is is_json
    assert log.read_text().count("\n") == 1


@both_loops
async def test_ipv6_is_served(log: Path) -> None:
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    options = ServeOptions(listen="[::1]:0")
    async with started(loaded(log), options) as relay, await RawClient.connect(relay.address[1], "::1") as client:
        assert relay.address[0] == "::1"
        assert (await client.exchange("GET", "/livez")).status == 200


def test_an_address_that_is_none_is_refused_before_anything_starts(log: Path) -> None:
    with pytest.raises(ValueError, match="must be an address"):
        Relay(loaded(log), ServeOptions(listen="nonsense"))
    assert not log.exists()


def test_there_is_no_address_before_the_start(log: Path) -> None:
    relay = Relay(loaded(log))

    with pytest.raises(RuntimeError, match="not started"):
        print(relay.address)
    assert relay.in_flight == 0


@both_loops
async def test_a_body_beyond_the_configured_size_is_refused(log: Path) -> None:
    async with (
        started(loaded(log, max_body_bytes=100)) as relay,
        await RawClient.connect(relay.address[1]) as client,
    ):
        assert (await client.exchange("POST", "/v1/messages", HEADERS, messages_body(system="x" * 100))).status == 413


@both_loops
async def test_a_body_is_logged_only_where_it_is_asked_for_and_without_secrets(log: Path) -> None:
    debug = {"level": "debug", "debug_options": {"log_request_body": True, "log_response_headers": True}}
    async with ScriptedUpstream(answer_json) as upstream, started(loaded(log, upstream.url, logs=debug)) as relay:
        await ask(relay, metadata={"api_key": "sk-in-the-body"})

    assert "Portugal" in text(log)
    assert "upstream answered 200" in text(log)
    assert "sk-in-the-body" not in text(log)
    assert "sk-never-shown" not in text(log)


@both_loops
async def test_a_bug_of_ours_is_logged_with_its_traceback(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("a bug of ours")

    monkeypatch.setattr("cc_relay.relay.lifecycle.authenticate", fail)
    async with started(loaded(log)) as relay, await RawClient.connect(relay.address[1]) as client:
        answer = await client.exchange("POST", "/v1/messages", HEADERS, messages_body())

    assert (answer.status, answer.header(b"x-cc-relay-error")) == (500, b"internal")
    (line,) = requests(log)
    assert (line["status"], line["reason"], line["level"]) == (500, "internal", "warning")
    assert "ZeroDivisionError: a bug of ours" in text(log)


@both_loops
async def test_a_client_that_is_cut_off_knows_it(log: Path) -> None:
    async def stop_within_an_event(connection: Connection) -> None:
        await connection.expect_request()
        await connection.start()
        await connection.chunk(b"".join(sse_stream()[:4]) + b"event: content_block_del")
        await connection.hold()

    async with ScriptedUpstream(stop_within_an_event) as upstream, started(loaded(log, upstream.url)) as relay:
        client, _ = await begin_stream(relay, upstream)
        async with client, asyncio.TaskGroup() as tasks:
            tasks.create_task(relay.stop())
            with pytest.raises(BrokenResponse):
                await read_to_end(client)
