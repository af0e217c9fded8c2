"""The installed command as a process: exit codes and files, with no relay running."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cc_relay import __version__

COMMAND = (sys.executable, "-m", "cc_relay")


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """A user with an empty home; an Ollama is looked for where none can be."""
    return {"HOME": str(tmp_path), "PATH": os.environ["PATH"], "OLLAMA_HOST": "127.0.0.1:1"}


def cc_relay(*arguments: str, environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [*COMMAND, *arguments]
    home = environ["HOME"]
    return subprocess.run(command, env=environ, cwd=home, capture_output=True, text=True, timeout=30, check=False)


def modules_after(*arguments: str, environ: dict[str, str]) -> tuple[str, set[str]]:
    """What the command prints, and the modules it has imported by then."""
    watch = "import atexit, sys; atexit.register(lambda: print(*sys.modules, file=sys.stderr))"
    code = f"{watch}; sys.argv[0] = 'cc-relay'; from cc_relay.cli import main; main()"
    command = [sys.executable, "-c", code, *arguments]
    ended = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    return ended.stdout, set(ended.stderr.split())


def test_the_version_needs_nothing_else(environ: dict[str, str]) -> None:
    said, modules = modules_after("--version", environ=environ)
    assert said == f"cc-relay {__version__}\n"
    assert not {"click", "msgspec", "pydantic", "asyncio", "importlib.metadata"} & modules


@pytest.mark.parametrize("arguments", [["--help"], ["serve", "--help"], ["demo", "--help"], ["config", "cc", "--help"]])
def test_help_needs_click_alone(arguments: list[str], environ: dict[str, str]) -> None:
    said, modules = modules_after(*arguments, environ=environ)
    assert said.startswith("Usage: cc-relay")
    assert not {"pydantic", "yaml", "asyncio", "uvloop"} & modules


def test_completion_offers_the_commands(environ: dict[str, str]) -> None:
    asking = {"_CC_RELAY_COMPLETE": "bash_complete", "COMP_WORDS": "cc-relay s", "COMP_CWORD": "1"}
    assert cc_relay(environ=environ | asking).stdout.split() == ["plain,serve", "plain,status"]


def test_no_arguments_show_the_help(environ: dict[str, str]) -> None:
    ended = cc_relay(environ=environ)
    assert ended.returncode == 2
    assert "Commands:" in ended.stdout + ended.stderr


def test_a_relay_that_does_not_run_is_exit_code_3(environ: dict[str, str]) -> None:
    ended = cc_relay("status", "--listen", "127.0.0.1:1", environ=environ)
    assert ended.returncode == 3
    assert ended.stdout.startswith("Not running: nothing listens there (http://127.0.0.1:1).")
    ended = cc_relay("status", "--listen", "127.0.0.1:1", "--json", environ=environ)
    assert ended.returncode == 3
    assert json.loads(ended.stdout)["running"] is False


def test_a_broken_configuration_is_exit_code_1_everywhere(environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("providers: 7\n")
    for command in (["serve"], ["status"], ["doctor"], ["config", "validate"], ["config", "cc", "init"]):
        ended = cc_relay(*command, environ=environ)
        assert (ended.returncode, ended.stdout) == (1, ""), command
        assert "config.yaml:1:12: providers: " in ended.stderr, command


def test_listening_beyond_this_machine_without_a_credential_is_refused(environ: dict[str, str]) -> None:
    ended = cc_relay("serve", "--listen", "0.0.0.0:0", environ=environ)
    assert ended.returncode == 1
    assert "server.auth.api_key" in ended.stderr
    assert "--insecure" in ended.stderr


def test_claude_codes_settings_come_back_byte_for_byte(environ: dict[str, str], tmp_path: Path) -> None:
    settings = tmp_path / ".claude" / "settings.json"
    settings.parent.mkdir()
    settings.write_bytes(before := b'{"model": "opus",\r\n\r\n"env": { }}')
    assert cc_relay("config", "cc", "init", environ=environ).returncode == 0
    assert json.loads(settings.read_bytes())["env"] == {"ANTHROPIC_BASE_URL": "http://127.0.0.1:8787"}
    assert cc_relay("config", "cc", "remove", environ=environ).returncode == 0
    assert settings.read_bytes() == before


def test_a_reader_that_leaves_early_gets_no_traceback(environ: dict[str, str]) -> None:
    with subprocess.Popen(
        [*COMMAND, "config", "schema"], env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 141


def test_colour_is_for_terminals_only(environ: dict[str, str]) -> None:
    assert "\x1b" not in cc_relay("status", "--listen", "127.0.0.1:1", environ=environ).stdout
