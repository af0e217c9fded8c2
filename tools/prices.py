"""Makes the price list that cc-relay ships out of the installed genai-prices package; touches no network.

`./dev prices [DATE]` writes the prices in force on DATE. Without one: the date of the list as it is, or today's where
the package is another version by now.
"""

import json
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path

from genai_prices.data import providers
from genai_prices.types import ClauseEquals, ClauseOr, MatchLogic, ModelInfo, ModelPrice, TieredPrices

from cc_relay.codec.model_names import canonical

SOURCE = "genai-prices"
PATH = Path(__file__).parents[1] / "src" / "cc_relay" / "ledger" / "prices.json"

LISTS = {
    "anthropic": ("anthropic", ""),
    "deepseek": ("deepseek", ""),
    "minimax": ("minimax", ""),
    "moonshotai": ("moonshotai", ""),
    # Alibaba's own prices are not in the source; these are known by OpenRouter's names only.
    "qwen": ("openrouter", "qwen/qwen3"),
    "zai": ("zai", ""),
}
"""Our lists: whose they are in the source, and how the names of their models begin."""

SAME_PRICE = {
    "anthropic": {
        "claude-mythos-5": "claude-fable-5",
        "claude-mythos-5-1": "claude-fable-5-1",
        "claude-mythos-preview": "claude-fable-5",
    }
}
"""Models the source has not got, and the one beside which Anthropic's price list puts them: each Mythos costs what the
Fable of its version does."""

KINDS = {
    "input": ("input_mtok",),
    "output": ("output_mtok",),
    # What has no price of its own is billed as plain input (writing for an hour: like writing for five minutes).
    "cache_read": ("cache_read_mtok", "input_mtok"),
    "cache_write_5m": ("cache_write_mtok", "input_mtok"),
    "cache_write_1h": ("cache_write_1h_mtok", "cache_write_mtok", "input_mtok"),
}
"""Fields of our Price, and the prices of the source that stand for each, the first that there is."""


def make(day: date) -> str:
    """The price list in force on `day`, as JSON: one line a model, so that a change shows as one."""
    found = {name: dict(sorted(_models(*where, day))) for name, where in LISTS.items()}
    for name, copies in SAME_PRICE.items():
        for model, like in copies.items():
            if model in found[name]:
                raise SystemExit(f"{SOURCE} knows {model} by now: take it out of SAME_PRICE")
            found[name][model] = found[name][like]
        found[name] = dict(sorted(found[name].items()))
    head = {
        "source": SOURCE,
        "version": version(SOURCE),
        "date": day.isoformat(),
        "unit": "USD per million tokens",
        "not_in_source": sorted(model for copies in SAME_PRICE.values() for model in copies),
    }
    lines = [f"  {json.dumps(key)}: {json.dumps(value)}," for key, value in head.items()]
    lists = [f"    {json.dumps(name)}: {{\n{_lines(models)}\n    }}" for name, models in found.items()]
    return "{\n" + "\n".join(lines) + '\n  "lists": {\n' + ",\n".join(lists) + "\n  }\n}\n"


def committed_date() -> date | None:
    """The date of the list as it is; None where that is of another version, or not there."""
    listed = json.loads(PATH.read_text()) if PATH.exists() else {}
    return date.fromisoformat(listed["date"]) if listed.get("version") == version(SOURCE) else None


def _lines(models: dict[str, str]) -> str:
    return ",\n".join(f"      {json.dumps(name)}: {price}" for name, price in models.items())


def _models(provider_id: str, prefix: str, day: date) -> Iterator[tuple[str, str]]:
    """Each model that is sold by the token, by every name it has, and its price."""
    provider = next(provider for provider in providers if provider.id == provider_id)
    for model in provider.models:
        # `:free`, `:batch`, …: other terms than a request through the relay gets.
        if not model.id.startswith(prefix) or ":" in model.id:
            continue
        prices = _dearest(model, day)
        if prices.input_mtok is not None and prices.output_mtok is not None:
            encoded = json.dumps(_price(prices))
            for name in {canonical(name) for name in (model.id, *_equal_names(model.match))}:
                yield name, encoded


def _dearest(model: ModelInfo, day: date) -> ModelPrice:
    """The prices in force on `day`; of those that change with the hour the highest, so that no bill is a surprise."""
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    hours = [model.get_prices(start + timedelta(minutes=30 * half)) for half in range(48)]
    return max(hours, key=lambda prices: _at(prices.output_mtok, 0) or Decimal(0))


def _equal_names(match: MatchLogic) -> Iterator[str]:
    if isinstance(match, ClauseEquals):
        yield match.equals
    elif isinstance(match, ClauseOr):
        for clause in match.or_:
            yield from _equal_names(clause)


def _price(prices: ModelPrice) -> dict[str, object]:
    """Our Price; that of longer prompts inside the one it takes over from."""
    values = (getattr(prices, keys[0]) for keys in KINDS.values())
    starts = {tier.start for value in values if isinstance(value, TieredPrices) for tier in value.tiers}
    price: dict[str, object] = {}
    longer: dict[str, object] = {}
    for start in sorted({0, *starts}, reverse=True):
        price = {kind: _number(prices, keys, start) for kind, keys in KINDS.items()} | longer
        longer = {"long_above": start, "long": price}
    return price


def _number(prices: ModelPrice, keys: tuple[str, ...], start: int) -> int | float:
    value = next(found for key in keys if (found := _at(getattr(prices, key), start)) is not None)
    return int(value) if value == value.to_integral_value() else float(value)


def _at(price: Decimal | TieredPrices | None, start: int) -> Decimal | None:
    """The price of a prompt just above `start` tokens."""
    if not isinstance(price, TieredPrices):
        return price
    return next((tier.price for tier in reversed(price.tiers) if tier.start <= start), price.base)


def main() -> None:
    day = date.fromisoformat(sys.argv[1]) if len(sys.argv) > 1 else committed_date() or datetime.now(UTC).date()
    PATH.write_text(make(day))


if __name__ == "__main__":
    main()
