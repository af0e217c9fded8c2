"""The installed relay between a client and two simulated providers, each a process of its own."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import Request, urlopen

import msgspec
from msgspec import Struct
from tests.support.e2e_process import ADDRESS, Running
from tests.support.e2e_sim import SimProcess

COMMAND = Path(sys.executable).parent / "cc-relay"
RELAY_KEY = "relay-key"
PATIENCE = 1.5
"""Seconds until a silent provider is given up: long for two busy cores, short for a test that waits it out."""

NOWHERE = "claude-nowhere-1"
"""A model whose first provider refuses connections; the usual two come after it."""

MARK = "e2e-mark-"

CONFIG = """
server:
  listen: "127.0.0.1:0"
  auth: {{api_key: {key}}}
admin: {{listen: "127.0.0.1:0"}}
routing:
  debug: true
  failover_timeout: {patience:.0f}
  retry: {{base_ms: 1, max_ms: 1}}
  queue: {{max_wait_ms: {max_wait}}}
health:
  health_check: {{enabled: false}}
  circuit_breaker: {{failure_threshold: 1000}}
providers:
  - name: nowhere
    type: anthropic
    base_url: "http://127.0.0.1:1"
    models: [{nowhere}]
    priority: 3
    keys: [key-of-nowhere]
  - {{name: first, type: anthropic, base_url: "{first}", priority: 2, keys: [key-of-first]}}
  - {{name: second, type: anthropic, base_url: "{second}", priority: 1, keys: [key-of-second]}}
"""


class LogLine(Struct):
    """What the tests read of a line in the relay's request log."""

    id: str
    path: str
    status: int
    outcome: str
    attempts: int = 0
    provider: str = ""
    reason: str = ""


class RelayProcess(Running):
    """`cc-relay serve`, its request log as JSON."""

    def __init__(self, config: Path) -> None:
        command = [str(COMMAND), "serve", "--config", str(config), "--log-format", "json"]
        super().__init__(command, environ=environ(config.parent), directory=config.parent)
        self.url = self.address()
        self._admin = ADDRESS.findall(self.wait_for(lambda line: line.startswith("Admin port: ")))[0]
        self._marks = 0
        self._mark = ""
        self.forget()

    def forget(self) -> None:
        """Look only at what it logs from now on."""
        self._mark = self._leave_mark()

    @property
    def is_hurt(self) -> bool:
        """Whether it leaves a provider or a key alone for a while, because of what somebody else's test did to it."""
        with urlopen(f"{self._admin}/api/v1/status", timeout=20) as answer:
            providers = json.load(answer)["providers"]
        keys = [key for provider in providers for key in provider["keys"]]
        return any(one["state"] != "CLOSED" for one in [*providers, *keys]) or any(key["coolings"] for key in keys)

    @property
    def log(self) -> list[LogLine]:
        """The exchanges that ended since the last `forget`."""
        end = self._leave_mark()
        self._line_of(end)
        lines = [read(line) for line in self.lines[self._line_of(self._mark) + 1 :] if is_request(line)]
        return [line for line in lines if not line.id.startswith(MARK)]

    def logged(self, outcome: str) -> LogLine:
        """Wait for an exchange with this outcome. Raises AssertionError."""
        start = self._line_of(self._mark)
        return read(self.wait_for(lambda line: is_request(line) and read(line).outcome == outcome, after=start))

    def _leave_mark(self) -> str:
        """A request of no meaning, whose line in the log stands behind those of all that ended before."""
        self._marks += 1
        mark = f"{MARK}{self._marks}-"
        headers = {"x-api-key": RELAY_KEY, "x-request-id": mark}
        with urlopen(Request(f"{self.url}/v1/models?limit=1", headers=headers), timeout=20) as answer:
            answer.read()
        return mark

    def _line_of(self, mark: str) -> int:
        """Lines appear in batches, a moment later."""
        found = self.wait_for(lambda line: f'"{mark}"' in line)
        return self.lines.index(found)


class Stage(Struct):
    """A running relay; `first` gets every request, `second` what first cannot answer. `config` is the relay's file."""

    config: Path
    relay: RelayProcess
    first: SimProcess
    second: SimProcess

    @property
    def url(self) -> str:
        return self.relay.url

    def reset(self) -> None:
        """Nothing is faulty, scripted or remembered. A relay whose keys are out for a while is replaced."""
        if self.relay.is_hurt:
            self.relay.stop()
            self.relay = RelayProcess(self.config)
        for process in (self.first, self.second, self.relay):
            process.forget()


@contextmanager
def open_stage(directory: Path) -> Iterator[Stage]:
    """Start all three, and stop them at the end."""
    with (
        SimProcess("--seed", "1", environ=environ(directory), directory=directory) as first,
        SimProcess("--seed", "2", environ=environ(directory), directory=directory) as second,
    ):
        config = write_config(directory, first=first.url, second=second.url)
        stage = Stage(config, RelayProcess(config), first, second)
        try:
            yield stage
        finally:
            stage.relay.stop()


def write_config(directory: Path, *, first: str, second: str, max_wait: int = 0) -> Path:
    """A configuration for a relay in front of providers at these URLs; `max_wait` is the queue's, in milliseconds."""
    config = directory / "relay.yaml"
    urls = {"first": first, "second": second}
    config.write_text(
        CONFIG.format(key=RELAY_KEY, patience=PATIENCE * 1000, nowhere=NOWHERE, max_wait=max_wait, **urls)
    )
    return config


def environ(home: Path) -> dict[str, str]:
    """A user with a home of the test's own; output unbuffered."""
    return {"HOME": str(home), "PATH": os.environ["PATH"], "OLLAMA_HOST": "127.0.0.1:1", "PYTHONUNBUFFERED": "1"}


def is_request(line: str) -> bool:
    return line.startswith("{") and '"event":"request"' in line


def read(line: str) -> LogLine:
    return msgspec.json.decode(line, type=LogLine)
