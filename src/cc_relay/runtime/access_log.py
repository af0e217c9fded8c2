"""The request log: one line for each exchange, written in batches."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from msgspec import UNSET, Struct, UnsetType
from msgspec.json import Encoder

from cc_relay.exchange import Outcome
from cc_relay.runtime.lines import clock, coloured, milliseconds, printable, short, stamp

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from cc_relay.exchange import Record
    from cc_relay.runtime.log_writer import LogWriter

BATCH_SECONDS = 0.1
"""How long a line may wait for company: writing many together costs a fraction."""

BATCH_LINES = 256
"""How many lines wait at most."""

COLOURS = {2: 32, 4: 33, 5: 31}
"""By the hundreds of a status."""

BROKEN_COLOUR = 31
"""A break after a good status is no good answer."""

CHARGED = frozenset({Outcome.FAILED, Outcome.BROKEN})
"""Outcomes an upstream is to blame for."""


class Line(Struct, omit_defaults=True):
    """A request in the JSON log. Times in milliseconds; token counts as the provider reported them."""

    time: str
    level: str
    event: str
    id: str
    method: str
    path: str
    status: int
    outcome: Outcome
    duration_ms: float
    bytes: int = 0
    first_byte_ms: float | UnsetType = UNSET
    model: str = ""
    provider: str = ""
    key: str = ""
    upstream_model: str = ""
    attempts: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    stop_reason: str = ""
    reason: str = ""
    client: str = ""


_encode = Encoder().encode


class AccessLog:
    """Takes records on the loop, writes lines in batches. `level` (of `logging`) leaves lesser lines out."""

    def __init__(
        self,
        writer: LogWriter,
        loop: asyncio.AbstractEventLoop,
        *,
        is_json: bool,
        has_colour: bool,
        level: int = logging.INFO,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._writer = writer
        self._loop = loop
        self._is_json = is_json
        self._has_colour = has_colour
        self._level = level
        self._wall_clock = wall_clock
        self._offset = 0.0
        self._lines: list[bytes] = []

    def __repr__(self) -> str:
        return f"<AccessLog {len(self._lines)} lines waiting>"

    def __call__(self, record: Record) -> None:
        """Make the line now, while the record is still warm in the processor's cache; hot path."""
        if level_of(record) < self._level:
            return
        if not self._lines:
            # Wall-clock time of an instant on the loop's clock.
            self._offset = self._wall_clock() - self._loop.time()
            self._loop.call_later(BATCH_SECONDS, self.flush)
        if self._is_json:
            line = _encode(json_line(record, self._offset))
        else:
            line = text_line(record, self._offset, has_colour=self._has_colour).encode()
        self._lines.append(line)
        if len(self._lines) == BATCH_LINES:
            self.flush()

    def flush(self) -> None:
        """Write what is waiting."""
        if self._lines:
            self._writer.write(b"\n".join([*self._lines, b""]))
            self._lines.clear()


def level_of(record: Record) -> int:
    """What the relay or an upstream got wrong is a warning; what the client did is not."""
    if record.status < 500 and record.outcome is Outcome.DELIVERED:
        return logging.INFO
    return logging.WARNING if record.status >= 500 or record.outcome in CHARGED else logging.INFO


def json_line(record: Record, offset: float) -> Line:
    """A record as it is encoded; hot path. `offset` is the wall clock's lead over the loop's, in seconds."""
    usage, arrived_at, attempts = record.usage, record.arrived_at, record.attempts
    model = printable(record.model)
    provider = key = upstream_model = ""
    if attempts:
        last = attempts[-1].candidate
        provider, key = last.provider, last.credential.fingerprint
        upstream_model = "" if last.model == record.model else printable(last.model)
    # By position: keywords would cost as much as all the rest.
    return Line(
        stamp(record.ended_at + offset),
        "info" if level_of(record) == logging.INFO else "warning",
        "request",
        record.id,
        record.method,
        printable(record.path),
        record.status,
        record.outcome,
        milliseconds(record.ended_at - arrived_at),
        record.bytes_out,
        UNSET if record.first_byte_at is None else milliseconds(record.first_byte_at - arrived_at),
        model,
        provider,
        key,
        upstream_model,
        len(attempts),
        usage.input,
        usage.output,
        usage.cache_read,
        usage.cache_write_5m + usage.cache_write_1h,
        printable(usage.stop_reason),
        reason(record),
        record.principal,
    )


def text_line(record: Record, offset: float, *, has_colour: bool) -> str:
    """`12:00:01 200 claude-opus-5-5 → work 812 ms (first byte 230 ms) 10.3k in 345 out req_…`."""
    status = str(record.status)
    if has_colour:
        is_broken = record.outcome is Outcome.BROKEN
        status = coloured(status, BROKEN_COLOUR if is_broken else COLOURS.get(record.status // 100, 0))
    parts = [clock(record.ended_at + offset), status]
    parts.append(printable(record.model) if record.model else f"{record.method} {printable(record.path)}")
    if record.attempts:
        parts.append(f"→ {record.attempts[-1].candidate.provider}")
        if len(record.attempts) > 1:
            parts.append(f"(attempt {len(record.attempts)})")
    parts.append(f"{milliseconds(record.ended_at - record.arrived_at):.0f} ms")
    if record.first_byte_at is not None and record.attempts:
        parts.append(f"(first byte {milliseconds(record.first_byte_at - record.arrived_at):.0f} ms)")
    usage = record.usage
    if usage.total_input or usage.output:
        parts.append(f"{short(usage.total_input)} in")
        if usage.cache_read:
            parts.append(f"({usage.cache_read / usage.total_input:.0%} cached)")
        parts.append(f"{short(usage.output)} out")
    why = reason(record)
    if why:
        parts.append(f"[{record.outcome.value}: {why}]")
    parts.append(record.id)
    return " ".join(parts)


def reason(record: Record) -> str:
    """Why an exchange went wrong, or what was overcome on the way; "" where all was well at once."""
    if record.reason:
        return printable(record.reason)
    if len(record.attempts) < 2:
        return ""
    overcome = [f"{one.candidate.provider}: {printable(one.reason)}" for one in record.attempts if one.reason]
    return f"after {', '.join(overcome)}" if overcome else ""
