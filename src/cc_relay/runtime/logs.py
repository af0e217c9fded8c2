"""The relay's own log: standard logging, one line a record, as text or JSON."""

from __future__ import annotations

import logging
import time
from functools import lru_cache
from typing import TYPE_CHECKING

from msgspec.json import encode

if TYPE_CHECKING:
    from cc_relay.runtime.log_writer import LogWriter

LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "fatal": logging.CRITICAL,
}

COLOURS = {"debug": 2, "info": 36, "warning": 33, "error": 31, "critical": 31}


def stamp(seconds: float) -> str:
    """UTC, to the millisecond (RFC 3339)."""
    whole = int(seconds)
    return f"{_second(whole)}.{int((seconds - whole) * 1000):03d}Z"


@lru_cache(maxsize=4)
def _second(whole: int) -> str:
    # Many lines fall into one second; formatting it costs more than the rest of the line.
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole))


class LineFormatter(logging.Formatter):
    """One line a record; a traceback follows on lines of its own in text, within the line in JSON."""

    def __init__(self, *, is_json: bool, has_colour: bool) -> None:
        super().__init__()
        self._is_json = is_json
        self._has_colour = has_colour

    def format(self, record: logging.LogRecord) -> str:
        message = record.getMessage()
        trace = self.formatException(record.exc_info) if record.exc_info else ""
        level = record.levelname.lower()
        if self._is_json:
            line = {"time": stamp(record.created), "level": level, "logger": record.name, "message": message}
            if trace:
                line["traceback"] = trace
            return encode(line).decode()
        clock = time.strftime("%H:%M:%S", time.localtime(record.created))
        if self._has_colour:
            level = f"\033[{COLOURS.get(level, 0)}m{level}\033[0m"
        return f"{clock} {level} {message}" + (f"\n{trace}" if trace else "")


class WriterHandler(logging.Handler):
    """Hands records to the writer's thread."""

    def __init__(self, writer: LogWriter) -> None:
        super().__init__()
        self._writer = writer

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._writer.write(self.format(record).encode("utf-8", "backslashreplace") + b"\n")
        except Exception:  # noqa: BLE001 -- logging's own convention: a bad record must not break its caller
            self.handleError(record)


def set_up(writer: LogWriter, *, level: str, is_json: bool, has_colour: bool) -> WriterHandler:
    """Send everything this package logs to `writer`; returns the handler, for `tear_down`."""
    handler = WriterHandler(writer)
    handler.setFormatter(LineFormatter(is_json=is_json, has_colour=has_colour))
    for name in ("cc_relay", "asyncio"):
        logger = logging.getLogger(name)
        logger.addHandler(handler)
        logger.setLevel(LEVELS[level])
        logger.propagate = False
    return handler


def tear_down(handler: WriterHandler) -> None:
    for name in ("cc_relay", "asyncio"):
        logging.getLogger(name).removeHandler(handler)
