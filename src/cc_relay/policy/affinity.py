"""Where a session belongs, and how long it is worth staying there."""

from collections.abc import Sequence
from hashlib import blake2b
from math import log

from cc_relay.exchange import Price

LIGHTEST, HEAVIEST = 1e-6, 1e6
"""The bounds of a weight: beyond them a share is nothing or everything anyway, and arithmetic stays exact."""

WEIGHTLESS = 1e-30
"""What a weight of nothing counts as: so little that any other weight comes first, whatever the draw."""

LONGEST_WAIT = 60.0
"""Seconds. Claude Code gives up at once when it is told to come back in 60 s or later, so no wait is worth more."""

CACHE_LIFETIME = 300.0
"""Seconds an ordinary (five minutes) prompt cache entry lives after its last use (Anthropic docs, prompt caching)."""

ROOM = 0.5
"""The part of every limit of a key that must be left for a session to settle there: it will stay for long."""

QUIET = 300.0
"""Seconds without a 429 after which a key is taken to have room; of many keys a 429 is all that tells."""

PREFILL_SPEED = 10_000.0
"""Tokens of a cold prompt that a provider reads in a second: the order of what large models do, on the fast side."""

DEVELOPER_SECOND = 100.0 / 3600.0
"""USD that a second of a developer's waiting costs: 100 USD an hour."""

USUAL_PRICE = Price(input=4.0, output=20.0, cache_read=0.2, cache_write_5m=5.0, cache_write_1h=8.0)
"""Stands in for a price nobody knows: the list price of Claude Opus 5.5, Claude Code's default model."""


def rendezvous(session: str, nodes: Sequence[tuple[str, float]]) -> list[int]:
    """The indexes of `nodes` (name, weight) in this session's own order, best first.

    Weighted rendezvous hashing (highest random weight): every name draws its own number for the session, so all relays
    agree without a table, a node that leaves moves only the sessions it had, and each node gets its weight's share of
    them. The order of `nodes` does not matter. A weight that is not above 0 comes after all others.
    """
    hashed = blake2b(session.encode("utf-8", "surrogatepass"), digest_size=8)
    hashed.update(b"\0")
    scores = []
    for name, weight in nodes:
        drawn = hashed.copy()
        drawn.update(name.encode("utf-8", "surrogatepass"))
        # 52 bits and a half: exact as a float, and neither 0 nor 1.
        lot = ((int.from_bytes(drawn.digest(), "big") >> 12) + 0.5) / 2**52
        # An exponential draw of rate `weight`: the smallest of several belongs to each in proportion to its rate.
        scores.append(-log(lot) / (weight if LIGHTEST <= weight <= HEAVIEST else _bounded(weight)))
    return sorted(range(len(scores)), key=scores.__getitem__)


def worth_waiting(cached: int, price: Price | None, idle: float, *, lifetime: float = CACHE_LIFETIME) -> float:
    """Seconds a session should rather wait for its own key than move: 0 when its cache is lost anyway, 60 at most.

    `cached` tokens of the prompt lie in a cache last used `idle` seconds ago, which dies `lifetime` seconds after its
    last use. Elsewhere they would be written again instead of read, and gone through at prefill speed; a wait is worth
    as many seconds as that costs a developer, but never more than the cache has left to live. An unknown price (None)
    is `USUAL_PRICE`.
    """
    left = lifetime - max(idle, 0.0)
    # A comparison with NaN is False: garbage is worth no wait.
    if cached <= 0 or not left > 0:
        return 0.0
    waiting = _extra_cost(cached, price or USUAL_PRICE, lifetime) / DEVELOPER_SECOND + cached / PREFILL_SPEED
    return min(waiting, left, LONGEST_WAIT)


def is_roomy(left: float, quiet: float) -> bool:
    """Whether a session that has to settle does so with a key that has `left` of its tightest limit (1: all of it).

    The key was throttled `quiet` seconds ago; `inf` is never.
    """
    return left >= ROOM and quiet >= QUIET


def _bounded(weight: float) -> float:
    return min(max(weight, LIGHTEST), HEAVIEST) if weight > 0 else WEIGHTLESS


def _extra_cost(cached: int, price: Price, lifetime: float) -> float:
    """USD for writing the tokens anew instead of reading them; never below 0.

    The prompt is at least as long as what is cached of it, which tells a long one often enough.
    """
    if price.long is not None and 0 < price.long_above < cached:
        price = price.long
    write = price.cache_write_5m if lifetime <= CACHE_LIFETIME else price.cache_write_1h
    return max(0.0, write - price.cache_read) * cached / 1e6
