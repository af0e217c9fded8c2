"""The relay's own log: standard logging, one line a record, as text or JSON."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.json import encode

from cc_relay.runtime.lines import clock, coloured, escaped, stamp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cc_relay.runtime.log_writer import LogWriter

LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
}
"""The levels of the configuration."""

COLOURS = {"debug": 2, "info": 36, "warning": 33, "error": 31, "critical": 31}

LOGGERS = ("cc_relay", "asyncio")
"""What is written: everything of ours, and what the event loop has to say about our tasks."""


class Entry(Struct, omit_defaults=True):
    """A record in the JSON log."""

    time: str
    level: str
    logger: str
    message: str
    traceback: str = ""


class LineFormatter(logging.Formatter):
    """One line a record; a traceback follows, indented, on lines of its own in text, within the line in JSON.

    Whatever a client or an upstream wrote stays on its line and moves no cursor.
    """

    def __init__(self, *, is_json: bool, has_colour: bool) -> None:
        super().__init__()
        self._is_json = is_json
        self._has_colour = has_colour

    def format(self, record: logging.LogRecord) -> str:
        level = record.levelname.lower()
        trace = list(self._trace(record))
        if self._is_json:
            entry = Entry(stamp(record.created), level, record.name, escaped(record.getMessage()), "\n".join(trace))
            return encode(entry).decode()
        shown = coloured(level, COLOURS.get(level, 0)) if self._has_colour else level
        return "\n  ".join([f"{clock(record.created)} {shown} {escaped(record.getMessage())}", *trace])

    def _trace(self, record: logging.LogRecord) -> Iterator[str]:
        if record.exc_info:
            yield from map(escaped, self.formatException(record.exc_info).split("\n"))

    def dropped_line(self, count: int) -> bytes:
        """The line that stands for lines which could not be written."""
        lines = f"{count} log lines were" if count != 1 else "1 log line was"
        message = f"{lines} dropped: the log's output did not take them"
        record = logging.LogRecord("cc_relay.log", logging.WARNING, "", 0, message, None, None)
        return self.format(record).encode() + b"\n"


class WriterHandler(logging.Handler):
    """Hands records to the writer's thread."""

    def __init__(self, writer: LogWriter, formatter: LineFormatter) -> None:
        super().__init__()
        self.setFormatter(formatter)
        self._writer = writer

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._writer.write(self.format(record).encode() + b"\n")
        except Exception:  # noqa: BLE001 -- logging's own convention: a bad record must not break its caller
            self.handleError(record)


class Diversion:
    """Sends what LOGGERS log to `handler` alone, from `level` on, until `undo`."""

    def __init__(self, handler: logging.Handler, level: int) -> None:
        self._handler = handler
        self._before = [(name, logging.getLogger(name).level, logging.getLogger(name).propagate) for name in LOGGERS]
        for name in LOGGERS:
            logger = logging.getLogger(name)
            logger.addHandler(handler)
            logger.setLevel(level)
            logger.propagate = False

    def undo(self) -> None:
        for name, level, propagate in self._before:
            logger = logging.getLogger(name)
            logger.removeHandler(self._handler)
            logger.setLevel(level)
            logger.propagate = propagate
