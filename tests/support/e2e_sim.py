"""A simulated provider as a process, and its control endpoint (docs/simulator.md)."""

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.request import Request, urlopen

import msgspec
from msgspec import Struct
from tests.support.e2e_process import Running

Json = dict[str, object]
SECONDS = 20.0

ANSWERS = ("/v1/messages", "/invoke", "/invoke-with-response-stream", ":rawPredict", ":streamRawPredict")
"""How the paths of Messages requests end, with Anthropic and in the clouds."""


class Seen(Struct):
    """One request as it reached the simulator; `key` and credentials in `headers` are fingerprints.

    `at` is Unix seconds; `outcome` is open, answered, broken (by a fault) or cancelled (the relay left).
    """

    number: int
    method: str
    path: str
    query: str
    at: float
    key: str
    body_size: int
    answer: str
    outcome: str
    headers: list[tuple[str, str]]
    body: str

    def header(self, name: str) -> str | None:
        return next((value for header, value in self.headers if header == name), None)

    @property
    def is_answerable(self) -> bool:
        return self.path.endswith(ANSWERS) and "count-tokens" not in self.path

    def json(self) -> Json:
        return msgspec.json.decode(self.body, type=Json)


class SimProcess(Running):
    """`python -m cc_relay.sim`, steered over HTTP."""

    def __init__(self, *arguments: str, environ: Mapping[str, str], directory: Path) -> None:
        super().__init__([sys.executable, "-m", "cc_relay.sim", *arguments], environ=environ, directory=directory)
        self.url = self.address()

    def fault(self, name: str, **rule: object) -> None:
        """Misbehave from now on; `rule` holds further fields of a FaultRule, such as `count`."""
        self._ask("POST", "faults", {"fault": name, **rule})

    def script(self, *steps: Json) -> None:
        """Answer with these, in order; `steps` are Step objects in JSON."""
        self._ask("POST", "script", list(steps))

    @property
    def steps_left(self) -> int:
        return msgspec.json.decode(self._ask("GET", "script"), type=dict[str, int])["left"]

    def forget(self) -> None:
        """As new: no faults, no script, nothing seen."""
        self._ask("DELETE", "state")

    @property
    def seen(self) -> list[Seen]:
        """Every request since the last `forget`, oldest first."""
        return msgspec.json.decode(self._ask("GET", "requests?last=200&bodies=1"), type=list[Seen])

    @property
    def messages(self) -> list[Seen]:
        """The Messages requests among them."""
        return [one for one in self.seen if one.is_answerable]

    def wait_until_open(self) -> None:
        """Return when a request is being answered."""
        self._wait_for("open")

    def wait_until_cancelled(self) -> None:
        """Return when a client has left before its answer ended. Raises AssertionError."""
        self._wait_for("cancelled")

    def _wait_for(self, outcome: str) -> None:
        # Another process changes: nothing here can be waited on, so ask again.
        until = time.monotonic() + SECONDS
        while not any(one.outcome == outcome for one in self.seen):
            assert time.monotonic() < until, f"nothing {outcome}: {[one.outcome for one in self.seen]}"
            time.sleep(0.02)

    def _ask(self, method: str, action: str, value: object = None) -> bytes:
        body = None if value is None else msgspec.json.encode(value)
        request = Request(f"{self.url}/_sim/{action}", body, method=method)
        with urlopen(request, timeout=SECONDS) as answer:
            found: bytes = answer.read()
        return found
