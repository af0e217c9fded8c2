"""What one request is expected to cost at a price."""

from cc_relay.exchange import Price
from cc_relay.policy.routing.contender import Ask

_MILLION = 1_000_000


def expected_cost(price: Price, ask: Ask, *, is_warm: bool) -> float:
    """USD for this request. `is_warm`: the `cached` tokens of the prompt are read from a cache; else written to one.

    They are written for five minutes, as Claude Code does unless told otherwise, and for no less than the price of
    input: providers that cache unasked have no price for writing, and take that of input. A prompt in the long tier
    pays the long prices, all of it (Anthropic docs, pricing page).
    """
    if price.long is not None and 0 < price.long_above < ask.input:
        price = price.long
    cached = min(ask.cached, ask.input)
    if not cached:
        per_cached = 0.0
    elif is_warm:
        per_cached = price.cache_read
    else:
        per_cached = max(price.cache_write_5m, price.input)
    return (cached * per_cached + (ask.input - cached) * price.input + ask.output * price.output) / _MILLION
