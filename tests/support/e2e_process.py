"""A command that keeps running beside the test: started, listened to, stopped by its own id."""

import re
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Condition, Thread
from types import TracebackType
from typing import IO, Self

START_SECONDS = 20.0
STOP_SECONDS = 10.0
ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")


class Running:
    """One process and all it says (both outputs as one); a context manager, which stops it.

    Output is read as it comes, so that the process never waits for the test; `wait_for` wakes with each line.
    """

    def __init__(
        self, command: Sequence[str], *, environ: Mapping[str, str], directory: Path, stdin: IO[bytes] | None = None
    ) -> None:
        self.name = " ".join(Path(word).name for word in command[:3])
        self._process = subprocess.Popen(
            command,
            env=environ,
            cwd=directory,
            stdin=stdin or subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        self._news = Condition()
        self._lines: list[str] = []
        self._is_silent = False
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    def __repr__(self) -> str:
        return f"<Running {self.name} {self._process.poll()}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def lines(self) -> list[str]:
        """What it said so far."""
        with self._news:
            return self._lines.copy()

    def wait_for(self, wanted: Callable[[str], bool], seconds: float = START_SECONDS, *, after: int = 0) -> str:
        """The first line from number `after` on that is wanted. Raises AssertionError with the whole output."""

        def found() -> list[str]:
            return [line for line in self._lines[after:] if wanted(line)]

        with self._news:
            self._news.wait_for(lambda: found() or self._is_silent, seconds)
            if lines := found():
                return lines[0]
            raise AssertionError(f"{self.name} did not say it in {seconds:g} s:\n{''.join(self._lines)}")

    def address(self) -> str:
        """The first URL it names. Raises AssertionError where it names none, and ends it."""
        try:
            line = self.wait_for(lambda line: ADDRESS.search(line) is not None)
        except AssertionError:
            self.kill()
            raise
        return ADDRESS.findall(line)[0]

    def tell(self, number: signal.Signals) -> None:
        """Send it a signal, and do not wait."""
        self._process.send_signal(number)

    def end(self, seconds: float) -> int:
        """Wait for its own end; its exit code. Raises subprocess.TimeoutExpired."""
        code = self._process.wait(seconds)
        self._reader.join()
        return code

    def kill(self) -> None:
        """End it at once, without a word."""
        self._process.kill()
        self.end(STOP_SECONDS)

    def stop(self) -> None:
        """End it politely, or at once where it does not listen."""
        self._process.terminate()
        try:
            self.end(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as output:
            for line in output:
                with self._news:
                    self._lines.append(line)
                    self._news.notify_all()
        with self._news:
            self._is_silent = True
            self._news.notify_all()
