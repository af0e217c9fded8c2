"""What strategies rank: providers by name, with just the facts a test is about."""

from collections.abc import Callable, Iterator, Sequence

from msgspec import Struct

from cc_relay.exchange import Price
from cc_relay.policy.latency import Latency
from cc_relay.policy.routing import Ask, Contender, Standing, Strategy

NOW = 1_000.0


class Provider(Struct, frozen=True):
    """A contender."""

    name: str
    priority: int
    weight: int
    standing: Standing
    price: Price | None


def provider(
    name: str,
    *,
    priority: int = 1,
    weight: int = 1,
    in_flight: int = 0,
    first_token: float | None = None,
    price: Price | None = None,
) -> Provider:
    """`first_token`: seconds it took at NOW; None: never measured."""
    latency = Latency()
    if first_token is not None:
        latency.observe(first_token, NOW)
    return Provider(name, priority, weight, Standing(latency, in_flight), price)


def providers(names: str) -> list[Provider]:
    """Equals, one for each letter."""
    return [provider(name) for name in names]


def weighted(**weights: int) -> list[Provider]:
    return [provider(name, weight=weight) for name, weight in weights.items()]


def no_dice() -> float:
    raise AssertionError("threw dice")


def throws(*numbers: float) -> Callable[[], float]:
    """Dice that show these numbers and then fail the test."""
    left: Iterator[float] = iter(numbers)

    def throw() -> float:
        number = next(left, None)
        assert number is not None, "threw more often than foreseen"
        return number

    return throw


def ask(
    model: str = "claude-sonnet-5",
    *,
    input: int = 1_000,  # noqa: A002 (as Ask calls it)
    output: int = 100,
    cached: int = 0,
    warm_at: str = "",
    now: float = NOW,
    dice: Callable[[], float] = no_dice,
) -> Ask:
    return Ask(model, input, output, cached, warm_at, now, dice)


def names(ranked: Sequence[Contender]) -> str:
    """The order, in short: names put together."""
    return "".join(contender.name for contender in ranked)


def firsts(strategy: Strategy, contenders: Sequence[Contender], count: int, request: Ask | None = None) -> str:
    """Whom the strategy ranks first, `count` requests in a row."""
    request = request or ask()
    return "".join(strategy.rank(contenders, request)[0].name for _ in range(count))
