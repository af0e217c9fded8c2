"""What a strategy ranks, what it is told of the request, and what makes a strategy."""

from collections.abc import Callable, Sequence
from typing import ClassVar, Protocol, TypeVar

from msgspec import Struct

from cc_relay.exchange import Price
from cc_relay.policy.latency import Latency


class Standing:
    """How a provider is doing at this moment; kept by its name, so that it outlives a reload.

    `in_flight` counts the attempts that have begun and not ended.
    """

    __slots__ = ("in_flight", "latency")

    def __init__(self, latency: Latency | None = None, in_flight: int = 0) -> None:
        self.latency = latency or Latency()
        self.in_flight = in_flight

    def __repr__(self) -> str:
        return f"<Standing {self.in_flight} in flight | {self.latency!r}>"


class Contender(Protocol):
    """A provider that may get the request.

    A higher `priority` goes first. `weight` is its share of the work: 0 (or less) is a spare, used when nothing else is
    there. `price` is that of the model asked for, None where nobody knows it.
    """

    @property
    def name(self) -> str: ...
    @property
    def priority(self) -> int: ...
    @property
    def weight(self) -> int: ...
    @property
    def standing(self) -> Standing: ...
    @property
    def price(self) -> Price | None: ...


class Ask(Struct, frozen=True):
    """What a strategy may know of one request.

    `input` is the whole prompt in (estimated) tokens, `output` what is expected to be generated. `cached` of the
    prompt's tokens lie in the prompt cache of the contender named `warm_at` ("": nowhere). `now` is monotonic seconds,
    `dice` throws a number in [0, 1).
    """

    model: str
    input: int
    output: int
    cached: int
    warm_at: str
    now: float
    dice: Callable[[], float]


C = TypeVar("C", bound=Contender)


class Strategy(Protocol):
    """An order of preference. It ranks all and judges none: health, limits and abilities are looked at elsewhere.

    `is_placing`: whether it spreads the work over equals, so that where a session was put first is worth keeping.
    Others order by configuration or cost, anew each time. `is_static`: whether `reason` says the same at any later
    time, as it goes by the configuration and the request alone. `is_strict`: whether somebody asked for this very
    order, so that the first is not passed over because it is busy.
    """

    name: ClassVar[str]
    is_placing: ClassVar[bool]
    is_static: ClassVar[bool]
    is_strict: ClassVar[bool]

    def rank(self, contenders: Sequence[C], ask: Ask) -> Sequence[C]:
        """Every contender exactly once, best first.

        They arrive by priority, equals in the order of the file. The sequence handed in is not changed, and may be
        what is returned. A strategy with a memory counts this as one request for whom it ranks first.
        """

    def reason(self, contender: Contender, ask: Ask) -> str:
        """A few words on what gave the contender its rank, as things stand now."""
