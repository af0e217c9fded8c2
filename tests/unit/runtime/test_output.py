"""Where lines end up."""

import os
import sys
from pathlib import Path

import pytest

from cc_relay.runtime.output import Output


def test_a_file_is_appended_to_and_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "relay.log"
    for line in (b"one\n", b"two\n"):
        output = Output(str(path))
        output.write(line)
        output.close()

    assert path.read_bytes() == b"one\ntwo\n"
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_tilde_is_the_users_home(home: Path) -> None:
    Output("~/relay.log").close()

    assert (home / "relay.log").exists()


def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    path = str(tmp_path / "missing" / "relay.log")

    with pytest.raises(OSError, match="No such file") as error:
        Output(path)
    assert str(error.value.filename) == path


@pytest.mark.parametrize("name", ["stderr", "stdout"])
def test_a_standard_stream_stays_open(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (tmp_path / "stream").open("w+b") as stream:
        monkeypatch.setattr(sys, name, stream)
        output = Output(name)
        output.write(b"line\n")
        output.close()
        stream.write(b"more\n")
        stream.flush()
        stream.seek(0)
        assert stream.read() == b"line\nmore\n"


@pytest.mark.parametrize("name", ["stderr", "stdout"])
def test_without_a_standard_stream_lines_go_nowhere(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, name, None)

    output = Output(name)
    output.write(b"line\n")
    output.close()
    assert list(tmp_path.iterdir()) == []


def test_a_terminal_is_known(tmp_path: Path) -> None:
    master, slave = os.openpty()
    try:
        terminal, file = Output(os.ttyname(slave)), Output(str(tmp_path / "relay.log"))
        assert (terminal.is_terminal, file.is_terminal) == (True, False)
        terminal.close()
        file.close()
    finally:
        os.close(master)
        os.close(slave)


def test_a_full_non_blocking_pipe_is_waited_for() -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    output = Output(f"/dev/fd/{writing}")
    os.set_blocking(output._descriptor, False)
    size = 1_000_000
    from threading import Thread

    thread = Thread(target=output.write, args=(b"x" * size,))
    thread.start()
    seen = 0
    while seen < size:
        seen += len(os.read(reading, 65536))
    thread.join()
    output.close()
    os.close(reading)
    os.close(writing)
    assert seen == size


def test_nobody_reading_is_an_error() -> None:
    reading, writing = os.pipe()
    output = Output(f"/dev/fd/{writing}")
    os.close(reading)

    with pytest.raises(BrokenPipeError):
        output.write(b"line\n")
    output.close()
    os.close(writing)
