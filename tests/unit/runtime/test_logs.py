"""The relay's own log."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from cc_relay.runtime.logs import LEVELS, LOGGERS, Diversion, LineFormatter, WriterHandler


class Lines:
    """A LogWriter that keeps what it is given."""

    def __init__(self) -> None:
        self.written = b""

    def write(self, lines: bytes) -> None:
        self.written += lines


@contextmanager
def logging_to(
    lines: Lines, *, is_json: bool = False, has_colour: bool = False, level: int = logging.INFO
) -> Iterator[logging.Logger]:
    handler = WriterHandler(lines, LineFormatter(is_json=is_json, has_colour=has_colour))
    diversion = Diversion(handler, level)
    yield logging.getLogger("cc_relay.somewhere")
    diversion.undo()


def text(log: str, *arguments: object, has_colour: bool = False, level: int = logging.INFO) -> str:
    lines = Lines()
    with logging_to(lines, has_colour=has_colour) as logger:
        logger.log(level, log, *arguments)
    return lines.written.decode()


def fail(message: str) -> None:
    raise ValueError(message)


def logged_failure(message: str, *, is_json: bool) -> str:
    lines = Lines()
    with logging_to(lines, is_json=is_json) as logger:
        try:
            fail(message)
        except ValueError:
            logger.exception("it broke")
    return lines.written.decode()


def test_text_is_time_level_and_message() -> None:
    clock, level, *message = text("listening on %s", "a port").split()

    assert len(clock.split(":")) == 3
    assert (level, message) == ("info", ["listening", "on", "a", "port"])


def test_json_has_the_same_as_fields() -> None:
    lines = Lines()
    with logging_to(lines, is_json=True) as logger:
        logger.warning('a "quote"\nand a line end')

    (line,) = lines.written.splitlines()
    entry = json.loads(line)
    assert entry.pop("time").endswith("Z")
    assert entry == {
        "level": "warning",
        "logger": "cc_relay.somewhere",
        "message": 'a "quote"\\nand a line end',
    }


@pytest.mark.parametrize("level", [logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL])
def test_a_colour_goes_around_the_level_alone(level: int) -> None:
    lines = Lines()
    with logging_to(lines, has_colour=True, level=logging.DEBUG) as logger:
        logger.log(level, "said")

    name = logging.getLevelName(level).lower()
    assert f"m{name}\x1b[0m said\n" in lines.written.decode()
    assert lines.written.count(b"\x1b[") == 2


def test_without_colour_there_is_no_escape() -> None:
    assert "\x1b" not in text("said", level=logging.ERROR)


def test_a_traceback_follows_indented_in_text() -> None:
    first, *more = logged_failure("no such thing", is_json=False).splitlines()

    assert first.endswith("error it broke")
    assert more[0] == "  Traceback (most recent call last):"
    assert more[-1] == "  ValueError: no such thing"
    assert all(line.startswith("  ") for line in more)


def test_a_traceback_is_a_field_in_json() -> None:
    (line,) = logged_failure("no such thing", is_json=True).splitlines()

    assert json.loads(line)["traceback"].endswith("\nValueError: no such thing")


@pytest.mark.parametrize("is_json", [False, True])
@pytest.mark.parametrize("hostile", ["\x1b[2Jgone", "\x9b2J", "a\rb", "\u2028", "\ud800", "\u202etxt"])
def test_what_somebody_else_wrote_moves_no_cursor(hostile: str, is_json: bool) -> None:
    lines = Lines()
    with logging_to(lines, is_json=is_json) as logger:
        logger.info("path %s", hostile)
    shown = lines.written.decode() + logged_failure(hostile, is_json=is_json)

    assert all(letter.isprintable() for letter in shown.replace("\n", ""))


def test_what_somebody_else_wrote_makes_no_line_of_its_own() -> None:
    shown = text("path %s", "x\n12:00:00 info all is well") + logged_failure(
        "x\n12:00:00 info all is well", is_json=False
    )

    assert [line for line in shown.splitlines() if line.startswith("12:00:00 info all")] == []


def test_every_level_of_the_configuration_has_its_number() -> None:
    from typing import get_args

    from cc_relay.config.field_types import LevelName

    assert set(LEVELS) == set(get_args(LevelName))


def test_lesser_levels_are_left_out() -> None:
    lines = Lines()
    with logging_to(lines, level=LEVELS["warn"]) as logger:
        logger.info("not this")
        logger.warning("but this")

    assert lines.written.endswith(b"but this\n")
    assert b"not this" not in lines.written


@pytest.mark.parametrize("name", LOGGERS)
def test_logging_is_afterwards_as_it_was_before(name: str) -> None:
    logger = logging.getLogger(name)
    before = (logger.level, logger.propagate, list(logger.handlers))
    with logging_to(Lines(), level=logging.DEBUG):
        assert (logger.level, logger.propagate) == (logging.DEBUG, False)

    assert (logger.level, logger.propagate, list(logger.handlers)) == before


def test_a_record_that_cannot_be_formatted_does_not_break_its_caller(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert text("%d apples", "no number") == ""
    assert "TypeError" in capsys.readouterr().err


@pytest.mark.parametrize(("count", "said"), [(1, "1 log line was dropped"), (2, "2 log lines were dropped")])
def test_dropped_lines_are_told_in_the_logs_own_format(count: int, said: str) -> None:
    plain = LineFormatter(is_json=False, has_colour=False).dropped_line(count)
    entry = json.loads(LineFormatter(is_json=True, has_colour=False).dropped_line(count))

    assert f" warning {said}" in plain.decode()
    assert plain.endswith(b"\n")
    assert entry["message"].startswith(said)
