"""The writer's thread: everything in order, nothing for ever, and what is missing is said."""

import os
from threading import Event, Semaphore

import pytest

from cc_relay.runtime import log_writer
from cc_relay.runtime.log_writer import LogWriter
from cc_relay.runtime.output import Output


class Pipe:
    """An Output that takes one write at a time, when it is `open`; the next ones fail as `failures` says."""

    name = "pipe"

    def __init__(self, *failures: OSError | None, is_open: bool = True) -> None:
        self.failures = list(failures)
        self.open = Event()
        self.reached = Semaphore(0)
        self.written = b""
        self.is_closed = False
        if is_open:
            self.open.set()

    def write(self, data: bytes) -> None:
        self.reached.release()
        self.open.wait()
        failure = self.failures.pop(0) if self.failures else None
        if failure is not None:
            raise failure
        self.written += data

    def close(self) -> None:
        self.is_closed = True


def writer(output: Pipe | Output) -> LogWriter:
    return LogWriter(output, lambda count: b"[%d dropped]\n" % count)


def stuck(monkeypatch: pytest.MonkeyPatch, room: int = 10) -> tuple[Pipe, LogWriter]:
    """A writer whose output has not taken the first line yet; `room` bytes may wait."""
    monkeypatch.setattr(log_writer, "WAITING_SIZE", room)
    output = Pipe(is_open=False)
    log = writer(output)
    log.write(b"first\n")
    output.reached.acquire()
    return output, log


def finish(output: Pipe, log: LogWriter) -> list[bytes]:
    output.open.set()
    log.close()
    return output.written.splitlines()


def test_lines_come_out_in_the_order_they_went_in() -> None:
    output = Pipe()
    log = writer(output)
    lines = [b"line %d" % number for number in range(1000)]
    for line in lines:
        log.write(line + b"\n")

    assert finish(output, log) == lines
    assert output.is_closed


def test_what_finds_no_room_is_counted_and_said_in_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    output, log = stuck(monkeypatch)
    log.write(b"fills the room\n")
    log.write(b"dropped\ndropped\n")
    log.write(b"dropped\n")
    output.open.set()
    output.reached.acquire()
    log.write(b"after\n")

    assert finish(output, log) == [b"first", b"fills the room", b"[3 dropped]", b"after"]


def test_what_was_dropped_last_is_said_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    output, log = stuck(monkeypatch)
    log.write(b"fills the room\n")
    log.write(b"dropped\n")

    assert finish(output, log) == [b"first", b"fills the room", b"[1 dropped]"]


def test_lines_that_wait_for_a_stuck_output_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    output, log = stuck(monkeypatch, room=1000)
    for _ in range(10_000):
        log.write(b"x" * 99 + b"\n")

    assert log._waiting <= 1100
    assert finish(output, log)[-1] == b"[9989 dropped]"


def test_a_disk_that_is_full_for_a_while_costs_only_the_lines_of_that_time() -> None:
    full = OSError(28, "No space left on device")
    output = Pipe(None, full, full)
    log = writer(output)
    for line in (b"one\n", b"lost\nlost\n", b"lost\n", b"two\n"):
        log.write(line)

    assert finish(output, log) == [b"one", b"[3 dropped]", b"two"]


def test_a_disk_that_is_full_at_the_end_is_told_so_once_more() -> None:
    output = Pipe(OSError(28, "No space left on device"))
    log = writer(output)
    log.write(b"lost\n")

    assert finish(output, log) == [b"[1 dropped]"]


def test_a_reader_that_left_hurts_nobody() -> None:
    reading, writing = os.pipe()
    log = writer(Output(f"/dev/fd/{writing}"))
    os.close(writing)
    os.close(reading)
    for _ in range(100):
        log.write(b"line\n")
    log.close()

    assert not log._thread.is_alive()


def test_an_output_that_takes_nothing_keeps_nobody_from_writing_or_stopping(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_writer, "CLOSE_SECONDS", 0.01)
    reading, writing = os.pipe()
    log = writer(Output(f"/dev/fd/{writing}"))
    os.close(writing)
    for _ in range(200):
        log.write(b"x" * 65535 + b"\n")
    log.close()

    assert log._thread.is_alive()
    assert log._waiting <= log_writer.WAITING_SIZE + 70_000
    os.close(reading)
    log._thread.join()
