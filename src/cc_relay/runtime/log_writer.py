"""A thread that writes log lines, so that a slow disk or terminal never holds a request up."""

from __future__ import annotations

from queue import SimpleQueue
from threading import Lock, Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from cc_relay.runtime.output import Output

WAITING_SIZE = 8_388_608
"""Bytes of lines that may wait for a stuck output; more are dropped and counted."""

CLOSE_SECONDS = 1.0
"""How long the last lines may take: an output that takes nothing must not keep the relay from stopping."""


class LogWriter:
    """Writes whole lines to `output`, in the order they came; what had to be dropped is said in its place."""

    def __init__(self, output: Output, dropped_line: Callable[[int], bytes]) -> None:
        """`dropped_line` makes the line that tells how many are missing."""
        self._output = output
        self._dropped_line = dropped_line
        # Lines, and how many are dropped where they are not written.
        self._queue: SimpleQueue[tuple[bytes, int] | None] = SimpleQueue()
        self._waiting = 0
        self._dropped = 0
        self._lock = Lock()
        self._thread = Thread(target=self._run, name="cc-relay-log", daemon=True)
        self._thread.start()

    def __repr__(self) -> str:
        return f"<LogWriter {self._output.name} [{self._waiting} bytes waiting, {self._dropped} lines dropped]>"

    def write(self, lines: bytes) -> None:
        """Take lines, each with its line end; never blocks, never raises."""
        count = lines.count(b"\n")
        with self._lock:
            if self._waiting > WAITING_SIZE:
                self._dropped += count
                return
            if self._dropped:
                lines, count = self._dropped_line(self._dropped) + lines, self._dropped + count
                self._dropped = 0
            self._waiting += len(lines)
            self._queue.put((lines, count))

    def close(self) -> None:
        """Write what waits, for CLOSE_SECONDS at most; the thread closes the output when it gets there."""
        with self._lock:
            if self._dropped:
                self._queue.put((self._dropped_line(self._dropped), self._dropped))
                self._dropped = 0
            self._queue.put(None)
        self._thread.join(timeout=CLOSE_SECONDS)

    def _run(self) -> None:
        lost = 0
        while (entry := self._queue.get()) is not None:
            lines, count = entry
            with self._lock:
                self._waiting -= len(lines)
            lost = 0 if self._try_write(lines, lost) else lost + count
        if lost:
            self._try_write(b"", lost)
        self._output.close()

    def _try_write(self, lines: bytes, lost: int) -> bool:
        try:
            self._output.write(self._dropped_line(lost) + lines if lost else lines)
        except OSError:
            # Nobody reads the log any more (a closed pipe), or the disk is full; the relay goes on without it.
            return False
        return True
