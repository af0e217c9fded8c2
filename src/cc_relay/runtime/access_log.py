"""The request log: one line for each exchange, formatted in batches."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from msgspec import UNSET, Struct, UnsetType
from msgspec.json import Encoder

from cc_relay.runtime.logs import stamp

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from cc_relay.exchange import Attempt, Record
    from cc_relay.runtime.log_writer import LogWriter

BATCH_SECONDS = 0.1
"""How long a line may wait for company: formatting and writing many together costs a fraction."""

COLOURS = {2: "32", 4: "33", 5: "31"}


class Line(Struct, omit_defaults=True):
    """A request in the JSON log. Times in milliseconds; token counts as the provider reported them."""

    time: str
    level: str
    event: str
    id: str
    method: str
    path: str
    status: int
    outcome: str
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
    """Takes records on the loop, writes lines in batches."""

    def __init__(
        self,
        writer: LogWriter,
        loop: asyncio.AbstractEventLoop,
        *,
        is_json: bool,
        has_colour: bool,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._writer = writer
        self._loop = loop
        self._is_json = is_json
        self._has_colour = has_colour
        self._wall_clock = wall_clock
        self._records: list[Record] = []

    def __repr__(self) -> str:
        return f"<AccessLog {len(self._records)} records waiting>"

    def __call__(self, record: Record) -> None:
        """Keep a record for the next batch; hot path."""
        if not self._records:
            self._loop.call_later(BATCH_SECONDS, self.flush)
        self._records.append(record)

    def flush(self) -> None:
        """Write what is waiting."""
        records, self._records = self._records, []
        if not records:
            return
        # Wall-clock time of an instant on the loop's clock.
        offset = self._wall_clock() - self._loop.time()
        if self._is_json:
            self._writer.write(b"".join([_encode(json_line(record, offset)) + b"\n" for record in records]))
        else:
            lines = [text_line(record, offset, has_colour=self._has_colour) for record in records]
            self._writer.write("\n".join([*lines, ""]).encode("utf-8", "backslashreplace"))


def json_line(record: Record, offset: float) -> Line:
    usage = record.usage
    last = record.attempts[-1].candidate if record.attempts else None
    return Line(
        time=stamp(record.ended_at + offset),
        level="info" if record.status < 500 else "warning",
        event="request",
        id=record.id,
        method=record.method,
        path=record.path,
        status=record.status,
        outcome=record.outcome.value,
        duration_ms=milliseconds(record.ended_at - record.arrived_at),
        bytes=record.bytes_out,
        first_byte_ms=UNSET if record.first_byte_at is None else milliseconds(record.first_byte_at - record.arrived_at),
        model=record.model,
        provider=last.provider if last else "",
        key=last.credential.fingerprint if last else "",
        upstream_model=last.model if last and last.model != record.model else "",
        attempts=len(record.attempts),
        input_tokens=usage.input,
        output_tokens=usage.output,
        cache_read_tokens=usage.cache_read,
        cache_write_tokens=usage.cache_write_5m + usage.cache_write_1h,
        stop_reason=usage.stop_reason,
        reason=reason(record),
        client=record.principal,
    )


def text_line(record: Record, offset: float, *, has_colour: bool) -> str:
    """`12:00:01 200 claude-opus-5-5 → work 812 ms (first byte 230 ms) 10.3k in 345 out req_…`."""
    status = str(record.status)
    if has_colour:
        status = f"\033[{COLOURS.get(record.status // 100, '0')}m{status}\033[0m"
    parts = [time.strftime("%H:%M:%S", time.localtime(record.ended_at + offset)), status]
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
    """Why an exchange went wrong, or what was overcome on the way."""
    if record.reason:
        return printable(record.reason)
    if len(record.attempts) < 2:
        return ""
    overcome: list[Attempt] = [attempt for attempt in record.attempts if attempt.reason]
    return (
        "after " + ", ".join(f"{one.candidate.provider}: {printable(one.reason)}" for one in overcome)
        if overcome
        else ""
    )


def milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 1)


def short(count: int) -> str:
    return str(count) if count < 1000 else f"{count / 1000:.1f}k" if count < 1_000_000 else f"{count / 1e6:.1f}M"


def printable(text: str) -> str:
    """No line ends and no terminal escapes out of a client's mouth."""
    text = text[:200]
    return text if text.isprintable() else "".join(letter if letter.isprintable() else "?" for letter in text)
