"""The orders in which a pool offers keys of equal priority: the first is cheap, the rest waits until asked for."""

from collections.abc import Callable, Iterator, Sequence
from math import inf, log

from cc_relay.policy.key import Key

Dice = Callable[[], float]
Order = Callable[[Sequence[Key], float, Dice], Iterator[Key]]


def least_loaded(keys: Sequence[Key], now: float, dice: Dice) -> Iterator[Key]:
    """Fewest leases by weight; of equals the one whose limits are fullest, then the one whose turn it is."""
    first: Key | None = None
    least = soonest = turn = inf
    for key in keys:
        pressure = key.pressure
        if pressure > least or key.open_until > now:
            continue
        full_at = key.full_at
        if full_at < now:
            full_at = now
        if pressure == least and (full_at > soonest or (full_at == soonest and key.turn >= turn)):
            continue
        first, least, soonest, turn = key, pressure, full_at, key.turn
    if first is not None:
        yield first
    yield from _others(keys, first, now, lambda key: (key.pressure, max(key.full_at, now), key.turn))


def round_robin(keys: Sequence[Key], now: float, dice: Dice) -> Iterator[Key]:
    """The one whose turn is the longest ago."""
    first: Key | None = None
    turn = inf
    for key in keys:
        if key.turn < turn and not key.open_until > now:
            first, turn = key, key.turn
    if first is not None:
        yield first
    yield from _others(keys, first, now, lambda key: (key.turn,))


def random(keys: Sequence[Key], now: float, dice: Dice) -> Iterator[Key]:
    """Any, all alike."""
    ready = [key for key in keys if not key.open_until > now]
    first = ready[int(dice() * len(ready))] if ready else None
    if first is not None:
        yield first
    yield from _others(keys, first, now, lambda _: (dice(),))


def weighted(keys: Sequence[Key], now: float, dice: Dice) -> Iterator[Key]:
    """Any, by weight: one throw without putting back after the other."""
    ready = [key for key in keys if not key.open_until > now]
    first = _throw(ready, dice) if ready else None
    if first is not None:
        yield first
    # Exponential clocks at the pace of the weights ring in the order of weighted throws (Efraimidis and Spirakis).
    yield from _others(keys, first, now, lambda key: (-log(1.0 - dice()) * key.share,))


def _throw(keys: Sequence[Key], dice: Dice) -> Key:
    mark = dice() * sum([key.weight for key in keys])
    for key in keys:
        mark -= key.weight
        if mark < 0.0:
            return key
    return keys[-1]


def _others(
    keys: Sequence[Key], first: Key | None, now: float, by: Callable[[Key], tuple[float, ...]]
) -> Iterator[Key]:
    """All but the first; those that are out last, the one that is back soonest first."""
    others = [key for key in keys if key is not first]
    ready = [key for key in others if not key.open_until > now]
    yield from sorted(ready, key=by)
    yield from sorted([key for key in others if key.open_until > now], key=lambda key: key.open_until)


ORDERS: dict[str, Order] = {
    "least_loaded": least_loaded,
    "round_robin": round_robin,
    "random": random,
    "weighted": weighted,
}
