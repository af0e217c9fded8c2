"""What `serve` writes, where, and what it never writes."""

import asyncio
import json
import os
import re
import signal
import subprocess
from pathlib import Path

import pytest
from tests.support.builders import messages_body
from tests.support.e2e_serve import (
    COMMAND,
    HEADERS,
    Serve,
    answer_json,
    configuration,
    environ,
    silent,
    stream_for_ever,
    stream_whole,
)
from tests.support.echo import closed_port
from tests.support.raw_client import RawClient
from tests.support.scripted import Connection, ScriptedUpstream

NOWHERE = "http://127.0.0.1:1"
PROMPT = "marker-in-the-prompt"
UPSTREAM_KEY = "sk-ant-api03-marker-of-the-provider"
RELAY_KEY = "marker-of-the-relay"
LOGIN = "sk-ant-oat01-marker-of-the-login"
WRONG = "marker-of-a-stranger"
MARKERS = (PROMPT, UPSTREAM_KEY, RELAY_KEY, LOGIN, WRONG)


async def test_a_log_file_has_one_line_for_each_request(tmp_path: Path) -> None:
    path = tmp_path / "logs.jsonl"
    async with ScriptedUpstream(answer_json, stream_whole) as upstream:
        config = configuration(upstream.url, logging={"output": str(path)})
        with await Serve.start(tmp_path, config) as relay:
            await relay.ask()
            await relay.ask(stream=True)
            await relay.ask(model=None)
            async with await RawClient.connect(relay.port) as client:
                await client.exchange("GET", "/v1/models")
                await client.exchange("GET", "/nowhere")
                await client.exchange("GET", "/livez")  # a probe, which is no request
            relay.stop()

    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(line["path"], line["status"], line["outcome"]) for line in lines] == [
        ("/v1/messages", 200, "delivered"),
        ("/v1/messages", 200, "delivered"),
        ("/v1/messages", 400, "rejected"),
        ("/v1/models", 200, "delivered"),
        ("/nowhere", 501, "rejected"),
    ]
    assert path.stat().st_mode & 0o777 == 0o600
    assert "/v1/messages" not in relay.output


async def test_the_last_lines_before_a_stop_are_not_lost(tmp_path: Path) -> None:
    asked = asyncio.Event()
    path = tmp_path / "logs.jsonl"
    async with ScriptedUpstream(silent(asked)) as upstream, asyncio.TaskGroup() as tasks:
        config = configuration(upstream.url, server={"drain_timeout_ms": 0}, logging={"output": str(path)})
        with await Serve.start(tmp_path, config) as relay:
            tasks.create_task(relay.ask())
            await asked.wait()
            relay.stop()

    (line,) = path.read_text().splitlines()
    assert json.loads(line)["outcome"] == "drained"


@pytest.mark.parametrize("log_format", ["text", "json"])
@pytest.mark.parametrize("level", ["info", "debug"])
async def test_no_prompt_and_no_credential_is_ever_written(level: str, log_format: str, tmp_path: Path) -> None:
    """Good answers, errors that repeat the prompt, breaks, strangers: the log tells of all and quotes none."""

    async def repeat(connection: Connection, status: int) -> None:
        request = await connection.expect_request()
        said = json.dumps({"type": "error", "error": {"type": "api_error", "message": request.body.decode()}})
        await connection.reply(status, body=said.encode())

    async def break_off(connection: Connection) -> None:
        await connection.expect_request()
        await connection.start(200, [(b"content-type", b"application/json")])
        await connection.chunk(PROMPT.encode())

    async def talk_nonsense(connection: Connection) -> None:
        await connection.answer(body=PROMPT.encode())

    # The body is not logged unless the level is debug as well, which the other test turns on.
    options = {"debug_options": {"log_response_headers": True, "log_request_body": level == "info"}}
    async with ScriptedUpstream() as upstream:
        config = configuration(
            upstream.url,
            keys=[UPSTREAM_KEY],
            server={"auth": {"api_key": RELAY_KEY, "allow_subscription": True}},
            routing={"retry": {"max_attempts": 1}},
            logging={"level": level, "format": log_format, **options},
        )
        with await Serve.start(tmp_path, config) as relay:
            ours = [(b"authorization", f"Bearer {RELAY_KEY}".encode())]
            theirs = [*ours, (b"x-api-key", LOGIN.encode())]
            asked = {"messages": [{"role": "user", "content": PROMPT}], "metadata": {"user_id": PROMPT}}
            for script, stream in (
                (answer_json, False),
                (stream_whole, True),
                (lambda connection: repeat(connection, 400), False),
                (lambda connection: repeat(connection, 401), False),
                (lambda connection: repeat(connection, 529), False),
                (break_off, False),
                (talk_nonsense, False),
            ):
                upstream.otherwise(script)
                for headers in (ours, theirs):
                    await relay.ask(headers, stream=stream, **asked)
            await relay.ask([(b"x-api-key", WRONG.encode())], **asked)
            await relay.ask([*ours, (b"x-request-id", b"last")], messages=PROMPT)
            await relay.says("last")
            relay.stop()

    assert sum("/v1/messages" in line or " claude-sonnet" in line for line in relay.lines) >= 16
    assert [marker for marker in MARKERS if marker in relay.output] == []


async def test_a_body_is_written_at_level_debug_where_it_is_asked_for_and_redacted(tmp_path: Path) -> None:
    async with ScriptedUpstream(answer_json) as upstream:
        options = {"debug_options": {"log_request_body": True}}
        config = configuration(upstream.url, keys=[UPSTREAM_KEY], logging=options)
        with await Serve.start(tmp_path, config, "--debug") as relay:
            await relay.ask(messages=[{"role": "user", "content": f"{PROMPT} {LOGIN}"}], api_key=WRONG)
            await relay.says(PROMPT)
            relay.stop()

    assert [marker for marker in (UPSTREAM_KEY, LOGIN, WRONG) if marker in relay.output] == []


async def test_text_of_a_client_neither_adds_lines_nor_moves_the_cursor(tmp_path: Path) -> None:
    with await Serve.start(tmp_path, configuration(NOWHERE), "--log-format", "text") as relay:
        await relay.ask(model="claude\n12:00:00 200 fine\x1b[2J\x9b2J\u2028")
        await relay.says("502 claude?12:00:00 200 fine?[2J?2J?")
        relay.stop()

    assert all(line.rstrip("\n").isprintable() for line in relay.lines)
    assert not any(line.startswith("12:00:00 200 fine") for line in relay.lines)


async def test_a_terminal_gets_coloured_text(tmp_path: Path) -> None:
    port = closed_port()
    shown = await asyncio.to_thread(on_a_terminal, tmp_path, port, {"TERM": "xterm"})

    assert re.search(
        r"\d\d:\d\d:\d\d \x1b\[33m401\x1b\[0m GET /v1/models \d+ ms \[rejected: no_credential\] req_", shown
    )


async def test_a_terminal_that_wants_no_colour_gets_plain_text(tmp_path: Path) -> None:
    port = closed_port()
    shown = await asyncio.to_thread(on_a_terminal, tmp_path, port, {"NO_COLOR": "1"})

    assert re.search(r"\d\d:\d\d:\d\d 401 GET /v1/models", shown)
    assert "\x1b" not in shown


def on_a_terminal(directory: Path, port: int, variables: dict[str, str]) -> str:
    """What a terminal shows of a relay that gets one request and is told to stop."""
    from urllib.error import HTTPError
    from urllib.request import urlopen

    (directory / "relay.yaml").write_text(
        json.dumps(configuration(NOWHERE, server={"listen": f"127.0.0.1:{port}", "auth": {"api_key": "k"}}))
    )
    master, slave = os.openpty()
    command = [str(COMMAND), "serve", "--config", "relay.yaml"]
    with subprocess.Popen(
        command, env={**environ(directory), **variables}, cwd=directory, stdin=slave, stdout=slave, stderr=slave
    ) as process:
        os.close(slave)
        shown = b""
        try:
            while b"Next:" not in shown:
                shown += os.read(master, 65536)
            with pytest.raises(HTTPError, match="401"):
                urlopen(f"http://127.0.0.1:{port}/v1/models", timeout=10)
            process.send_signal(signal.SIGTERM)
            while b"Stopped." not in shown:
                shown += os.read(master, 65536)
            assert process.wait(10) == 0
        finally:
            process.kill()
            os.close(master)
    return shown.decode()


def names_in(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir()]


def popen(*arguments: str, directory: Path, words: str = "", stderr: int | None = None) -> subprocess.Popen[bytes]:
    """The command with redirections in a shell's `words`."""
    command = ["bash", "-c", f'exec "$0" "$@" {words}', str(COMMAND), *arguments]
    return subprocess.Popen(command, env=environ(directory), cwd=directory, stderr=stderr)


async def answer_of(port: int) -> int:
    async with await RawClient.connect(port) as client:
        return (await client.exchange("GET", "/nowhere")).status


@pytest.mark.parametrize("reader", ["left", "asleep"])
async def test_a_stuck_or_closed_output_stops_neither_the_relay_nor_its_end(reader: str, tmp_path: Path) -> None:
    """A pipe whose reader is asleep is full long before the requests end."""
    port = closed_port()
    config = tmp_path / "relay.yaml"
    config.write_text(json.dumps(configuration(NOWHERE, server={"listen": f"127.0.0.1:{port}"})))
    with popen("serve", "--config", str(config), directory=tmp_path, stderr=subprocess.PIPE) as process:
        try:
            assert process.stderr is not None
            while b"Next:" not in await asyncio.to_thread(process.stderr.readline):
                pass
            if reader == "left":
                process.stderr.close()
            async with await RawClient.connect(port) as client:
                for _ in range(1000):
                    assert (await client.exchange("GET", "/nowhere")).status == 501
            process.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(process.wait, 10) == 0
        finally:
            process.kill()


async def test_a_relay_without_a_standard_error_serves_and_writes_no_file(tmp_path: Path) -> None:
    port = closed_port()
    (tmp_path / "relay.yaml").write_text(json.dumps(configuration(NOWHERE, server={"listen": f"127.0.0.1:{port}"})))
    with popen("serve", "--config", "relay.yaml", directory=tmp_path, words="2>&-") as process:
        try:
            for _ in range(200):
                try:
                    assert await answer_of(port) == 501
                    break
                except ConnectionRefusedError:
                    await asyncio.sleep(0.05)  # it says nothing, so there is nothing to wait for
            process.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(process.wait, 10) == 0
        finally:
            process.kill()
    assert names_in(tmp_path) == ["relay.yaml"]


async def test_a_client_that_leaves_is_a_line_too(tmp_path: Path) -> None:
    async with ScriptedUpstream(stream_for_ever) as upstream:
        with await Serve.start(tmp_path, configuration(upstream.url), "--log-format", "json") as relay:
            client, _ = await relay.begin_stream()
            client.close()
            line = json.loads(await relay.says('"outcome":"gone"'))
    assert (line["status"], line["reason"]) == (200, "client left")


async def test_a_level_of_warn_is_silent_about_good_requests(tmp_path: Path) -> None:
    async with ScriptedUpstream(answer_json) as upstream:
        with await Serve.start(tmp_path, configuration(upstream.url), "--log-level", "warn") as relay:
            await relay.ask()
            upstream.otherwise(lambda connection: connection.reset())
            await relay.ask()
            await relay.says('"status":502')
            relay.stop()
    assert '"status":200' not in relay.output


async def test_pipelined_requests_have_lines_of_their_own(tmp_path: Path) -> None:
    from tests.support.raw_client import request

    async with ScriptedUpstream() as upstream:
        upstream.otherwise(answer_json)
        with await Serve.start(tmp_path, configuration(upstream.url)) as relay:
            one = request("POST", "/v1/messages", HEADERS, messages_body())
            async with await RawClient.connect(relay.port) as client:
                await client.send(one * 3)
                ids = [(await client.read_response()).header(b"x-request-id") for _ in range(3)]
            relay.stop()
    logged = [json.loads(line)["id"].encode() for line in relay.lines if '"event":"request"' in line]
    assert logged == ids
