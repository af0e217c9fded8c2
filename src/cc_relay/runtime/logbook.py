"""Everything one relay writes down: its own log, and a line for each request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from cc_relay.runtime.access_log import AccessLog
from cc_relay.runtime.log_writer import LogWriter
from cc_relay.runtime.logs import LEVELS, Diversion, LineFormatter, WriterHandler
from cc_relay.runtime.output import Output

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping

    from cc_relay.config import Config
    from cc_relay.exchange import Record
    from cc_relay.relay.ports import Recorder
    from cc_relay.runtime.options import ServeOptions


class LogStyle(Struct, frozen=True):
    """How log lines look, and from which level on there are any."""

    level: int
    is_json: bool
    has_colour: bool


class Logbook:
    """Open from the start; `record` is what settled exchanges are handed to."""

    def __init__(
        self, config: Config, options: ServeOptions, environ: Mapping[str, str], loop: asyncio.AbstractEventLoop
    ) -> None:
        """Raises OSError, with the file's name, where the configured output cannot be opened."""
        output = Output(config.logging.output)
        style = log_style(config, options, environ, is_terminal=output.is_terminal)
        formatter = LineFormatter(is_json=style.is_json, has_colour=style.has_colour)
        self._writer = LogWriter(output, formatter.dropped_line)
        self._diversion = Diversion(WriterHandler(self._writer, formatter), style.level)
        self._access_log = AccessLog(
            self._writer, loop, is_json=style.is_json, has_colour=style.has_colour, level=style.level
        )
        self.record: Recorder = self._access_log if config.logging.requests else forget

    def __repr__(self) -> str:
        return f"<Logbook {self._writer!r}>"

    def close(self) -> None:
        """Write what is left; logging is then as it was before."""
        self._access_log.flush()
        self._diversion.undo()
        self._writer.close()


def log_style(config: Config, options: ServeOptions, environ: Mapping[str, str], *, is_terminal: bool) -> LogStyle:
    """As told, else text for a person at a terminal and JSON for machines; colour (no-color.org) for the former."""
    logging = config.logging
    told = options.log_format or (logging.format if "format" in logging.model_fields_set else None)
    level = "debug" if options.debug else options.log_level or logging.level
    is_dull = bool(environ.get("NO_COLOR")) or environ.get("TERM") == "dumb"
    return LogStyle(
        level=LEVELS[level],
        is_json=told == "json" if told else not is_terminal,
        has_colour=is_terminal and logging.pretty and not is_dull,
    )


def forget(record: Record) -> None:
    """The recorder of a relay that keeps no request log."""
