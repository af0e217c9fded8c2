"""Where log lines go: a thread writes, so that a slow disk or terminal never holds a request up."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from queue import SimpleQueue
from threading import Lock, Thread

WAITING_SIZE = 8_388_608
"""Bytes of lines that may wait for a stuck output; more are dropped and counted."""


class LogWriter:
    """Writes whole lines to a file descriptor in the order they came. `close` writes what is left."""

    def __init__(self, output: str) -> None:
        """`output` is "stderr", "stdout" or a path, which is appended to. Raises OSError."""
        streams = {"stderr": sys.stderr, "stdout": sys.stdout}
        stream = streams.get(output)
        self._owns = stream is None
        self._descriptor = (
            os.open(Path(output).expanduser(), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            if stream is None
            else stream.fileno()
        )
        self.is_terminal = os.isatty(self._descriptor)
        self._queue: SimpleQueue[bytes | None] = SimpleQueue()
        self._waiting = 0
        self._dropped = 0
        self._lock = Lock()
        self._thread = Thread(target=self._run, name="cc-relay-log", daemon=True)
        self._thread.start()

    def __repr__(self) -> str:
        return f"<LogWriter {self._waiting} bytes waiting, {self._dropped} lines dropped>"

    def write(self, lines: bytes) -> None:
        """Take lines, each with its line end; never blocks, never raises."""
        with self._lock:
            if self._waiting > WAITING_SIZE:
                self._dropped += lines.count(b"\n")
                return
            self._waiting += len(lines)
        self._queue.put(lines)

    def close(self) -> None:
        """Write what waits, for a second at most: an output that takes nothing must not keep us from stopping."""
        self._queue.put(None)
        self._thread.join(timeout=1.0)
        if self._owns and not self._thread.is_alive():
            os.close(self._descriptor)

    def _run(self) -> None:
        while (lines := self._queue.get()) is not None:
            with self._lock:
                self._waiting -= len(lines)
                dropped, self._dropped = self._dropped, 0
            if dropped:
                lines = b"%d log lines were dropped: the log output was too slow\n" % dropped + lines
            try:
                while lines:
                    lines = lines[os.write(self._descriptor, lines) :]
            except OSError:
                # Nobody reads the log any more (a closed pipe, a full disk); the relay goes on without it.
                with self._lock:
                    self._dropped += 1
