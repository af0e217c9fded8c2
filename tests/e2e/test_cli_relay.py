"""The installed command as a process, with a relay running: `serve`, `status`, `doctor`, `demo`."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from tests.support.echo import closed_port

COMMAND = (sys.executable, "-m", "cc_relay")
ADDRESS = re.compile(r"http://(127\.0\.0\.1:\d+)")


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """A user with an empty home; an Ollama is looked for where none can be."""
    return {"HOME": str(tmp_path), "PATH": os.environ["PATH"], "OLLAMA_HOST": "127.0.0.1:1", "PYTHONUNBUFFERED": "1"}


@contextmanager
def started(*arguments: str, environ: dict[str, str]) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A command that keeps running, and the address its first lines name."""
    with subprocess.Popen(
        [*COMMAND, *arguments],
        env=environ,
        cwd=environ["HOME"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            yield process, first_address(process.stdout)
        finally:
            process.kill()


def first_address(output: IO[str]) -> str:
    seen = []
    for line in output:
        seen.append(line)
        if found := ADDRESS.search(line):
            return found[1]
    raise AssertionError(f"it ended without naming an address: {''.join(seen)}")


def stopped(process: subprocess.Popen[str], number: signal.Signals) -> tuple[int, str]:
    """Tell the process to stop; its exit code and what else it said."""
    process.send_signal(number)
    output, _ = process.communicate(timeout=20)
    return process.returncode, output


def cc_relay(*arguments: str, environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [*COMMAND, *arguments]
    home = environ["HOME"]
    return subprocess.run(command, env=environ, cwd=home, capture_output=True, text=True, timeout=50, check=False)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_relay_serves_until_it_is_told_to_stop(number: signal.Signals, environ: dict[str, str]) -> None:
    with started("serve", "--listen", "127.0.0.1:0", environ=environ) as (process, address):
        running = cc_relay("status", "--listen", address, environ=environ)
        assert (running.returncode, running.stderr) == (0, "")
        assert f"Running at http://{address}, ready." in running.stdout
        assert "https://api.anthropic.com" in running.stdout
        code, said = stopped(process, number)
    assert (code, "Traceback" in said) == (0, False)
    assert cc_relay("status", "--listen", address, environ=environ).returncode == 3


def test_status_as_json_names_the_providers(environ: dict[str, str]) -> None:
    with started("serve", "--listen", "127.0.0.1:0", environ=environ | {"ZAI_API_KEY": "k"}) as (_, address):
        status = json.loads(cc_relay("status", "--json", "--listen", address, environ=environ).stdout)
    assert (status["running"], status["ready"], status["url"]) == (True, True, f"http://{address}")
    assert [(provider["name"], provider["type"]) for provider in status["providers"]] == [("zai", "zai")]


def test_status_sends_the_relays_key_and_says_when_it_is_another(environ: dict[str, str], tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    text = "server: {listen: '127.0.0.1:0', auth: {api_key: KEY}}\nproviders: [{name: a, type: ollama}]\n"
    config.write_text(text)
    with started("serve", environ=environ) as (_, address):
        assert "ollama" in cc_relay("status", "--listen", address, environ=environ).stdout
        config.write_text(text.replace("KEY", "OTHER"))
        locked_out = cc_relay("status", "--listen", address, environ=environ)
    assert locked_out.returncode == 0
    assert "another credential" in locked_out.stdout


def test_status_and_explain_ask_the_admin_port(environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(
        f"server: {{listen: '127.0.0.1:0'}}\nadmin: {{listen: '127.0.0.1:{closed_port()}', token: admin-token}}\n"
        "providers: [{name: a, type: anthropic, base_url: 'http://127.0.0.1:1', keys: [never-shown]}]\n"
    )
    with started("serve", environ=environ) as (_, address):
        request = Request(
            f"http://{address}/v1/messages", b'{"model": "claude-opus-5-5"}', {"x-request-id": "req_mine"}
        )
        with pytest.raises(HTTPError):
            urlopen(request, timeout=20)
        status = cc_relay("status", "--listen", address, environ=environ)
        explained = cc_relay("explain", "req_mine", environ=environ)
    assert (status.returncode, explained.returncode) == (0, 0)
    assert re.search(r"^a +key-[0-9a-f]{10} +CLOSED", status.stdout, re.MULTILINE)
    assert "req_mine: POST /v1/messages" in explained.stdout
    assert "never-shown" not in status.stdout + explained.stdout


def test_an_admin_port_in_use_that_was_asked_for_is_exit_code_1(environ: dict[str, str], tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        (tmp_path / "config.yaml").write_text(
            f"server: {{listen: '127.0.0.1:0'}}\nadmin: {{listen: '{address}'}}\n"
            "providers: [{name: a, type: ollama}]\n"
        )
        ended = cc_relay("serve", environ=environ)
    assert ended.returncode == 1
    assert f"cannot listen on {address} for the admin port: something listens there already" in ended.stderr
    assert "admin.listen" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_port_in_use_is_exit_code_1(environ: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        for command in ("serve", "demo"):
            ended = cc_relay(command, "--listen", address, environ=environ)
            assert ended.returncode == 1, command
            assert f"cannot listen on {address}: something listens there already" in ended.stderr
            assert "Traceback" not in ended.stderr


def test_what_is_no_relay_is_not_taken_for_one(environ: dict[str, str]) -> None:
    from http.server import BaseHTTPRequestHandler, HTTPServer
    from threading import Thread

    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        ended = cc_relay("status", "--listen", f"127.0.0.1:{server.server_port}", environ=environ)
        server.shutdown()
        thread.join()
    assert ended.returncode == 3
    assert "no cc-relay" in ended.stdout


def test_the_demo_mends_what_its_flaky_provider_breaks(environ: dict[str, str]) -> None:
    ended = cc_relay("demo", "--once", environ=environ)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert re.search(r"export ANTHROPIC_BASE_URL=http://127\.0\.0\.1:\d+", ended.stdout)
    assert re.search(r"24 of 24 requests were answered, [1-9]\d* of them because", ended.stdout)


def test_the_demo_shows_live_traffic_and_takes_other_clients(environ: dict[str, str]) -> None:
    with started("demo", "--listen", "127.0.0.1:0", environ=environ) as (process, address):
        body = b'{"model": "claude-sonnet-5-5", "max_tokens": 9, "messages": [{"role": "user", "content": "Hello"}]}'
        headers = {"content-type": "application/json"}
        with urlopen(Request(f"http://{address}/v1/messages", body, headers), timeout=20) as answer:
            assert json.load(answer)["type"] == "message"
        assert process.stdout is not None
        assert any("200 claude-sonnet-5-5" in line for line in process.stdout)
        code, said = stopped(process, signal.SIGINT)
    assert code == 0
    assert "The demo is over." in said


def test_the_demo_moves_when_its_port_is_taken(environ: dict[str, str]) -> None:
    try:
        holder = socket.create_server(("127.0.0.1", 8787))
    except OSError:
        holder = socket.socket()  # somebody holds it already, which serves as well
    with holder:
        ended = cc_relay("demo", "--once", environ=environ)
    assert ended.returncode == 0
    assert "127.0.0.1:8787 is taken; the demo uses a free port instead." in ended.stdout


def test_the_doctor_tells_good_keys_from_bad_ones(environ: dict[str, str], tmp_path: Path) -> None:
    sim = (sys.executable, "-m", "cc_relay.sim", "--key", "good")
    with subprocess.Popen(sim, env=environ, stdout=subprocess.PIPE, text=True) as simulator:
        assert simulator.stdout is not None
        address = first_address(simulator.stdout)
        (tmp_path / "config.yaml").write_text(
            "providers:\n"
            f"  - {{name: fine, type: anthropic, base_url: 'http://{address}', keys: [good]}}\n"
            f"  - {{name: refused, type: anthropic, base_url: 'http://{address}', keys: [{{key: '${{BAD_KEY}}'}}]}}\n"
            "  - {name: absent, type: ollama, base_url: 'http://127.0.0.1:1'}\n"
        )
        ended = cc_relay("doctor", environ=environ | {"BAD_KEY": "never-shown"})
        simulator.kill()
    assert ended.returncode == 1
    lines = {line.split()[1]: line for line in ended.stdout.splitlines() if line.startswith(("ok", "problem"))}
    assert lines["fine"].startswith("ok")
    assert lines["refused"].startswith("problem")
    assert "refused the key" in lines["refused"]
    assert "BAD_KEY" in lines["refused"]
    assert "ollama serve" in lines["absent"]
    assert "Claude Code: does not point here" in ended.stdout
    assert "never-shown" not in ended.stdout + ended.stderr


def test_the_doctor_is_content_when_all_is_well(environ: dict[str, str], tmp_path: Path) -> None:
    sim = (sys.executable, "-m", "cc_relay.sim")
    with subprocess.Popen(sim, env=environ, stdout=subprocess.PIPE, text=True) as simulator:
        assert simulator.stdout is not None
        address = first_address(simulator.stdout)
        (tmp_path / "config.yaml").write_text(
            f"providers: [{{name: a, type: anthropic, base_url: 'http://{address}', keys: [k]}}]\n"
        )
        cc_relay("config", "cc", "init", environ=environ)
        ended = cc_relay("doctor", environ=environ)
        simulator.kill()
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "Claude Code: points here (http://127.0.0.1:8787)." in ended.stdout


def test_an_ollama_that_answers_is_found_without_a_file(environ: dict[str, str]) -> None:
    sim = (sys.executable, "-m", "cc_relay.sim", "--dialect", "ollama", "--model", "qwen3")
    with subprocess.Popen(sim, env=environ, stdout=subprocess.PIPE, text=True) as simulator:
        assert simulator.stdout is not None
        address = first_address(simulator.stdout)
        ended = cc_relay("doctor", environ=environ | {"OLLAMA_HOST": address})
        simulator.kill()
    assert ended.returncode == 0
    assert f"http://{address} answers." in ended.stdout
