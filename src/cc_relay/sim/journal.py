"""What a simulated provider has seen, so that tests can ask what reached it."""

import re
from collections import Counter, deque
from hashlib import sha256

from msgspec import Struct

from cc_relay.exchange import RelayRequest

KEPT = 200
KEPT_BYTES = 64 << 20
SECRET = frozenset({b"x-api-key", b"api-key", b"authorization", b"x-amz-security-token"})
SIGNED = re.compile(r"AWS4-HMAC-SHA256 Credential=([^/,]+)")


def fingerprint(secret: str) -> str:
    """The public name of a credential."""
    return sha256(secret.encode()).hexdigest()[:12]


class Entry(Struct):
    """One request; `is_secret` where its body holds credentials.

    `outcome` is open, answered, broken (by a fault of ours) or cancelled (the client left).
    """

    number: int
    request: RelayRequest
    at: float
    key: str = ""
    model: str = ""
    note: str = ""
    outcome: str = "open"
    is_secret: bool = False


class Journal:
    """The latest requests whole, and counts of all."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=KEPT)
        self._outcomes: Counter[str] = Counter()
        self._paths: Counter[str] = Counter()
        self._notes: Counter[str] = Counter()
        self._bytes = 0
        self.seen = 0

    def __repr__(self) -> str:
        return f"<Journal {self.seen} seen, {self.open} open>"

    @property
    def entries(self) -> list[Entry]:
        """The latest requests, oldest first."""
        return list(self._entries)

    @property
    def open(self) -> int:
        """How many requests are being answered now."""
        return self._outcomes["open"]

    @property
    def cancelled(self) -> int:
        """How many clients left before their answer ended."""
        return self._outcomes["cancelled"]

    def begin(self, request: RelayRequest, now: float) -> Entry:
        self.seen += 1
        entry = Entry(self.seen, request, now)
        if len(self._entries) == KEPT:
            self._bytes -= len(self._entries[0].request.body)
        self._entries.append(entry)
        self._bytes += len(request.body)
        while self._bytes > KEPT_BYTES and len(self._entries) > 1:
            self._bytes -= len(self._entries.popleft().request.body)
        self._outcomes["open"] += 1
        self._paths[request.path] += 1
        return entry

    def end(self, entry: Entry, outcome: str) -> None:
        entry.outcome = outcome
        self._outcomes["open"] -= 1
        self._outcomes[outcome] += 1
        self._notes[entry.note] += 1

    def forget(self) -> None:
        """Start again; what is still open stays counted."""
        self._entries.clear()
        self._bytes = self.seen = 0
        self._outcomes = Counter(open=self.open)
        self._paths.clear()
        self._notes.clear()

    def state(self) -> dict[str, object]:
        return {
            "seen": self.seen,
            "outcomes": dict(self._outcomes),
            "paths": dict(self._paths),
            "answers": dict(self._notes),
            "keys": sorted({entry.key for entry in self._entries if entry.key}),
            "last": [summary(entry) for entry in list(self._entries)[-20:]],
        }

    def detail(self, last: int, *, with_bodies: bool) -> list[dict[str, object]]:
        """The latest requests with their headers (credentials as fingerprints), and bodies where asked for."""
        chosen = list(self._entries)[-last:] if last else []
        return [
            summary(entry) | {"headers": _headers(entry.request)} | ({"body": _body(entry)} if with_bodies else {})
            for entry in chosen
        ]


def summary(entry: Entry) -> dict[str, object]:
    request = entry.request
    return {
        "number": entry.number,
        "id": request.id,
        "method": request.method,
        "path": request.path,
        "query": request.query,
        "at": entry.at,
        "model": entry.model,
        "key": entry.key,
        "body_size": len(request.body),
        "header_names": [name.decode("latin-1") for name, _ in request.headers],
        "answer": entry.note,
        "outcome": entry.outcome,
    }


def _body(entry: Entry) -> str:
    return "" if entry.is_secret else entry.request.body.decode("utf-8", "replace")


def _headers(request: RelayRequest) -> list[tuple[str, str]]:
    return [
        (name.decode("latin-1"), fingerprint(_secret(value)) if name in SECRET else value.decode("latin-1"))
        for name, value in request.headers
    ]


def _secret(value: bytes) -> str:
    text = value.decode("latin-1")
    return text[7:] if text[:7].lower() == "bearer " else text


def credential(request: RelayRequest) -> str:
    """The credential a request is judged by: `x-api-key` before `authorization`; "" where it has none.

    Of a signature it is the access key id, which stays the same while signatures change.
    """
    value = request.header(b"x-api-key") or request.header(b"api-key") or request.header(b"authorization")
    if not value:
        return ""
    signed = SIGNED.match(value.decode("latin-1"))
    return signed[1] if signed else _secret(value)
