"""What models cost at a provider: the price list, loaded by the first who asks, and what the configuration changes."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from cc_relay.config import Provider
    from cc_relay.exchange import Price
    from cc_relay.ledger.prices import PriceList


def pricing(provider: Provider) -> Callable[[str], Price | None]:
    """A function from a model, as the provider names it, to its price; None where nobody knows it."""
    kind = provider.type

    @cache
    def price_list() -> PriceList:
        # Most relays never ask what anything costs.
        from cc_relay.ledger.prices import PriceChange, PriceList

        changes = {model: PriceChange(**price.model_dump()) for model, price in provider.price.items()}
        return PriceList.load().with_overrides(changes)

    def price_of(model: str) -> Price | None:
        return price_list().price(model, kind)

    return price_of
