"""The command itself: names, exit codes, and what an unexpected end looks like."""

import errno
from importlib import import_module

import click
import pytest

from cc_relay import __version__
from cc_relay.cli.app import COMMANDS, app, run
from cc_relay.cli.config import config
from cc_relay.cli.config_cc import cc
from cc_relay.cli.lazy import LazyGroup


@click.command()
def bug() -> None:
    raise ZeroDivisionError("one\ntwo")


@click.command()
def interrupt() -> None:
    raise KeyboardInterrupt


@click.command()
def full_pipe() -> None:
    raise BrokenPipeError(errno.EPIPE, "Broken pipe")


@click.command()
@click.pass_context
def seven(ctx: click.Context) -> None:
    ctx.exit(7)


@pytest.fixture(autouse=True)
def quiet_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CC_RELAY_DEBUG", "NO_COLOR", "_CC_RELAY_COMPLETE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands of this file, beside the real ones."""
    for name in ("bug", "interrupt", "full_pipe", "seven"):
        monkeypatch.setitem(app.entries, name, (f"{__name__}:{name}", ""))


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"cc-relay {__version__}\n"


@pytest.mark.parametrize("arguments", [["nonsense"], ["--nonsense"], ["serve", "--nonsense"], ["config", "nonsense"]])
def test_what_is_no_command_is_a_usage_error(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 2
    assert "nonsense" in capsys.readouterr().err


def test_a_listen_address_that_is_none_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["serve", "--listen", "8787"]) == 2
    assert 'did you mean "127.0.0.1:8787"?' in capsys.readouterr().err


@pytest.mark.usefixtures("extra")
def test_a_commands_own_exit_code_is_kept() -> None:
    assert run(["seven"]) == 7


@pytest.mark.usefixtures("extra")
def test_an_unexpected_exception_is_one_line_and_a_bug_of_ours(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bug"]) == 70
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert "ZeroDivisionError: one. This is a bug of ours; please report it" in said.err


@pytest.mark.usefixtures("extra")
def test_debug_shows_the_traceback(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(["--debug", "bug"]) == 70
    assert "Traceback" in capsys.readouterr().err
    monkeypatch.setenv("CC_RELAY_DEBUG", "1")
    assert run(["bug"]) == 70
    assert "Traceback" in capsys.readouterr().err
    monkeypatch.setenv("CC_RELAY_DEBUG", "0")
    assert run(["bug"]) == 70
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.usefixtures("extra")
def test_an_interrupt_is_no_bug(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["interrupt"]) == 130
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("group", [app, config, cc], ids=lambda group: group.name)
def test_the_table_of_commands_says_what_the_commands_say(group: LazyGroup) -> None:
    for name, (place, line) in group.entries.items():
        module, _, attribute = place.partition(":")
        command = getattr(import_module(module), attribute)
        assert command.name == name
        assert (command.help if isinstance(command, click.Group) else command.short_help) == line


def test_completing_a_command_imports_none() -> None:
    group = LazyGroup("cc-relay", "", {name: ("no.such.module:x", line) for name, (_, line) in COMMANDS.items()})
    assert [item.value for item in group.shell_complete(click.Context(group), "s")] == ["serve", "status"]
