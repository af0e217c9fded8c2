"""How log lines look, and that all of them arrive."""

import asyncio
import json
import logging
from pathlib import Path

import pytest
from tests.unit.runtime.records import record

from cc_relay.config import Config
from cc_relay.runtime.logbook import Logbook, LogStyle, log_style
from cc_relay.runtime.options import ServeOptions

AS_CONFIGURED = ServeOptions()


def config(**logging_section: object) -> Config:
    return Config.model_validate({"logging": logging_section, "providers": [{"name": "a", "type": "anthropic"}]})


def style(
    *,
    is_terminal: bool,
    options: ServeOptions = AS_CONFIGURED,
    environ: dict[str, str] | None = None,
    **section: object,
) -> LogStyle:
    return log_style(config(**section), options, environ or {}, is_terminal=is_terminal)


@pytest.mark.parametrize("is_terminal", [True, False])
def test_text_is_for_terminals_and_json_for_everything_else(is_terminal: bool) -> None:
    assert style(is_terminal=is_terminal).is_json is not is_terminal


@pytest.mark.parametrize("is_terminal", [True, False])
@pytest.mark.parametrize("format", ["text", "json"])
def test_a_format_of_the_file_wins_over_the_terminal(format: str, is_terminal: bool) -> None:  # noqa: A002
    assert style(is_terminal=is_terminal, format=format).is_json is (format == "json")


@pytest.mark.parametrize("format", ["text", "json"])
def test_a_format_of_the_command_line_wins_over_the_file(format: str) -> None:  # noqa: A002
    other = {"text": "json", "json": "text"}[format]

    assert style(is_terminal=True, options=ServeOptions(log_format=format), format=other).is_json is (format == "json")


def test_colour_is_for_terminals() -> None:
    assert style(is_terminal=True).has_colour
    assert not style(is_terminal=False).has_colour


@pytest.mark.parametrize(
    ("environ", "has_colour"),
    [({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False), ({"TERM": "xterm"}, True)],
)
def test_the_environment_may_refuse_colour(environ: dict[str, str], has_colour: bool) -> None:
    assert style(is_terminal=True, environ=environ).has_colour is has_colour


def test_the_file_may_refuse_colour() -> None:
    assert not style(is_terminal=True, pretty=False).has_colour


@pytest.mark.parametrize(
    ("options", "level"),
    [
        (ServeOptions(), logging.WARNING),
        (ServeOptions(log_level="error"), logging.ERROR),
        (ServeOptions(log_level="error", debug=True), logging.DEBUG),
    ],
)
def test_the_command_lines_level_wins_over_the_files(options: ServeOptions, level: int) -> None:
    assert style(is_terminal=True, options=options, level="warn").level == level


async def test_nothing_is_lost_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "relay.log"
    logbook = Logbook(config(output=str(path)), ServeOptions(), {}, asyncio.get_running_loop())
    logging.getLogger("cc_relay.somewhere").info("started")
    for number in range(500):
        logbook.record(record(id=f"req_{number}"))
    logbook.close()

    first, *requests = [json.loads(line) for line in path.read_text().splitlines()]
    assert first["message"] == "started"
    assert [line["id"] for line in requests] == [f"req_{number}" for number in range(500)]


async def test_requests_are_not_written_down_where_nobody_wants_them(tmp_path: Path) -> None:
    path = tmp_path / "relay.log"
    logbook = Logbook(config(output=str(path), requests=False), ServeOptions(), {}, asyncio.get_running_loop())
    logbook.record(record())
    logbook.close()

    assert path.read_text() == ""


async def test_a_log_that_cannot_be_opened_leaves_logging_alone(tmp_path: Path) -> None:
    before = list(logging.getLogger("cc_relay").handlers)

    with pytest.raises(OSError, match="Is a directory"):
        Logbook(config(output=str(tmp_path)), ServeOptions(), {}, asyncio.get_running_loop())
    assert logging.getLogger("cc_relay").handlers == before
