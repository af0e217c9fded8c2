"""What the life cycle needs from the shells around it; they fit by shape."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from cc_relay.errors import UpstreamError
from cc_relay.exchange import Candidate, Credential, Failure, Headers, Record, RelayRequest, UpstreamRequest
from cc_relay.policy.breaker import Transition

Clock = Callable[[], float]
"""Monotonic seconds: the loop's own clock."""

Sink = Callable[[bytes], None]
"""Takes the next bytes of a body; must not block and must not raise."""


class Flow(Protocol):
    """A source of bytes that can be told to hold its breath."""

    def pause(self) -> None: ...
    def resume(self) -> None: ...


class Downstream(Protocol):
    """One request's way back to its client. When the client leaves, the task that serves it is cancelled."""

    @property
    def is_started(self) -> bool:
        """Whether a head was written: the commit point is behind us."""

    @property
    def is_gone(self) -> bool:
        """Whether the client left; a cancelled exchange whose client is still there is being drained."""

    def respond(self, status: int, headers: Headers, body: bytes) -> None:
        """Answer whole: head, `content-length`, body, end."""

    def start(self, status: int, headers: Headers, length: int | None) -> None:
        """Write the head; `length` None sends the body in chunks. The framing headers are written here."""

    def write(self, data: bytes) -> None:
        """Write body bytes; never blocks. The other side's pace comes back through `regulate`."""

    def finish(self) -> None:
        """End the body as the framing wants it; the connection goes on."""

    def abort(self) -> None:
        """Break the connection, so that the client cannot take what it has for the whole."""

    def regulate(self, flow: Flow) -> None:
        """Pause `flow` while the client reads too slowly, resume it when the client caught up."""


Serve = Callable[[RelayRequest, Downstream], Awaitable[None]]
"""Begins to answer one request; what the listener calls for each. Must not raise before it is awaited."""


class Incoming(Flow, Protocol):
    """An upstream's answer whose head is here and whose body is still arriving."""

    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> Headers:
        """As received, framing and connection headers left out."""

    @property
    def named(self) -> Mapping[bytes, bytes]:
        """The headers as a dictionary, the last line of a name winning."""

    @property
    def length(self) -> int | None:
        """The body's length where the upstream declared it."""

    async def receive(self, deadline_at: float) -> bytes | None:
        """The next bytes of the body; b"" at its end, None when `deadline_at` came first (the answer stays usable).

        Raises UpstreamError (stage BODY) when it breaks or stays silent longer than the request's idle timeout.
        """

    def take_whole(self) -> bytes | None:
        """The whole body where it has already ended, None where more of it is to come."""

    async def splice(self, sink: Sink, deadline_at: float) -> None:
        """Hand every further byte to `sink` as it arrives, without a task or an await per read; return at the end.

        Raises UpstreamError (stage BODY) as `receive` does, and when `deadline_at` passes.
        """

    def break_off(self, error: UpstreamError) -> None:
        """Close at once because of what came; whoever reads or splices gets `error`."""

    def close(self) -> None:
        """Let go: a finished answer's connection returns to its pool, an unfinished one's is closed at once.

        Idempotent.
        """


class Sender(Protocol):
    """Sends a request upstream."""

    def send(self, request: UpstreamRequest, deadline_at: float) -> Awaitable[Incoming]:
        """Awaited, returns when the answer's head is here. Raises UpstreamError with the stage it reached."""


class CredentialSource(Protocol):
    """Where an upstream's credential comes from when it does not last (a cloud's): kept fresh ahead of its end."""

    @property
    def current(self) -> Credential | None:
        """What is valid now; None while there is none, and one has to be renewed. Hot path."""

    def renew(self, stale: Credential | None, deadline_at: float) -> Awaitable[Credential]:
        """Another credential than `stale`; joins a renewal that is under way, and never begins a second one.

        Raises CredentialError where there is none to be had, or none by `deadline_at` (the loop's clock).
        """


class Inspector(Protocol):
    """Sees requests and answers go by when somebody debugs; absent otherwise."""

    def see_request(self, request: RelayRequest) -> None: ...
    def see_answer(self, request_id: str, status: int, headers: Headers) -> None: ...


class Watch(Protocol):
    """Hears what happens to providers and keys, so that somebody can be told; must not raise."""

    def breaker_moved(self, provider: str, transition: Transition) -> None:
        """A provider's circuit breaker changed its state."""

    def key_out(self, candidate: Candidate, failure: Failure, seconds: float) -> None:
        """A key answered with `failure` and is left alone for so long."""

    def key_back(self, candidate: Candidate, reason: str) -> None:
        """The candidate's key was out because of `reason` (its plan, its credential), was tried, and served."""


class Recorder(Protocol):
    """Keeps what is left of an exchange; called exactly once for each, must not raise."""

    def __call__(self, record: Record) -> None: ...
