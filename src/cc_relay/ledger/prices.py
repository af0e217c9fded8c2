"""What models cost: the price list that comes with the relay, and what configuration says otherwise."""

import re
from collections.abc import Mapping
from functools import cache

from msgspec import Struct
from msgspec.json import Decoder
from msgspec.structs import replace

from cc_relay.codec.model_names import MAX_NAME, canonical, geography
from cc_relay.exchange import Price

FREE = Price(0.0, 0.0, 0.0, 0.0, 0.0)
"""What an answer from the user's own machine costs."""

FREE_TYPES = frozenset({"ollama"})

_ANY_VENDOR = ("anthropic", "zai", "minimax", "moonshotai", "deepseek", "qwen")
LISTS = {
    "anthropic": ("anthropic",),
    # The clouds sell Claude at Anthropic's prices (Anthropic docs, pricing page).
    "bedrock": ("anthropic",),
    "vertex": ("anthropic",),
    "azure": ("anthropic",),
    "zai": ("zai",),
    "minimax": ("minimax",),
    "anthropic_compatible": _ANY_VENDOR,
    "openai_compatible": _ANY_VENDOR,
}
"""Whose prices a provider type goes by, the first that knows the model; a type that is not here has unknown prices."""

VENDORS = {"z-ai/": "zai", "minimax/": "minimax", "moonshotai/": "moonshotai", "deepseek/": "deepseek"}
"""Whose model a gateway's `vendor/model` is (OpenRouter's names); it passes the vendor's prices on."""

SURCHARGES = {"global": 1.0, "us-gov": 1.2}
"""What Bedrock charges by the geography in a model's name. Any other, and none, keeps to a region and costs a tenth
more (Anthropic docs, Claude on Amazon Bedrock)."""
REGIONAL = 1.1
_WITHOUT_SURCHARGE = re.compile(r"claude-(?:v?[123]\b.*|(?:opus|sonnet)-4(?:-[01])?)")
"""Models from before Sonnet 4.5 cost the same everywhere."""

MOST_KNOWN = 1024
"""How many answers are remembered."""


class PriceChange(Struct, frozen=True):
    """What configuration says of a model's price, in USD per million tokens; None: as in the list."""

    input: float | None = None
    output: float | None = None
    cache_read: float | None = None
    cache_write_5m: float | None = None
    cache_write_1h: float | None = None


class _Snapshot(Struct, frozen=True):
    """The file: lists by their owner, prices in them by canonical name."""

    source: str
    version: str
    date: str
    lists: dict[str, dict[str, Price]]


class PriceList:
    """Prices by model and provider type. The first load takes some 20 ms, so load only where cost matters.

    `source`, `version` and `date` say where the prices are from, and on which day (ISO) they were in force.
    """

    __slots__ = ("_changes", "_known", "_snapshot", "date", "source", "version")

    def __init__(self, snapshot: _Snapshot, changes: Mapping[str, PriceChange]) -> None:
        self.source = snapshot.source
        self.version = snapshot.version
        self.date = snapshot.date
        self._snapshot = snapshot
        self._changes = changes
        self._known: dict[tuple[str, str], Price | None] = {}

    def __repr__(self) -> str:
        models = sum(map(len, self._snapshot.lists.values()))
        return (
            f"<PriceList {self.source} {self.version} of {self.date} [{models} models, {len(self._changes)} changed]>"
        )

    @classmethod
    def load(cls) -> "PriceList":
        """The list that comes with the relay."""
        return cls(_read(), {})

    def with_overrides(self, changes: Mapping[str, PriceChange]) -> "PriceList":
        """The same list with these changes on top, in place of any it had.

        A model is named as its provider names it; a canonical name (`claude-opus-4-5`) stands for every way to write
        it. A changed price has no long tier. A model the list does not know needs `input` and `output` at least; what
        else is not said costs as much as plain input there.
        """
        return PriceList(self._snapshot, dict(changes))

    def price(self, model: str, provider_type: str) -> Price | None:
        """The price of `model` (the upstream's own name) at a provider of this type; None where nobody knows it.

        Free is not unknown: Ollama's models cost nothing (`FREE`), unless configuration says otherwise. List prices
        only: no batch, fast mode or plan; of prices that change with the hour, the highest. Hot path.
        """
        key = (model, provider_type)
        try:
            return self._known[key]
        except KeyError:
            pass
        if len(model) > MAX_NAME:
            return None
        price = self._changed(model, self._listed(model, provider_type))
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        self._known[key] = price
        return price

    def _changed(self, model: str, listed: Price | None) -> Price | None:
        change = self._changes.get(model) or self._changes.get(canonical(model))
        if change is None or change == PriceChange():
            return listed
        base = listed
        if base is None:
            if change.input is None or change.output is None:
                return None
            written = change.input if change.cache_write_5m is None else change.cache_write_5m
            base = Price(change.input, change.output, change.input, written, written)
        said = {kind: value for kind in change.__struct_fields__ if (value := getattr(change, kind)) is not None}
        return replace(base, **said, long_above=0, long=None)

    def _listed(self, model: str, provider_type: str) -> Price | None:
        if provider_type in FREE_TYPES:
            return FREE
        name = canonical(model)
        owners = LISTS.get(provider_type, ())
        vendor, slash, bare = name.partition("/")
        if owners is _ANY_VENDOR and vendor + slash in VENDORS:
            owners, name = (VENDORS[vendor + slash],), bare
        lists = self._snapshot.lists
        price = next((found for owner in owners if (found := lists[owner].get(name)) is not None), None)
        if price is None or provider_type != "bedrock" or _WITHOUT_SURCHARGE.fullmatch(name):
            return price
        return _times(price, SURCHARGES.get(geography(model), REGIONAL))


def _times(price: Price, factor: float) -> Price:
    def dearer(value: float) -> float:
        return round(value * factor, 9)

    return Price(
        dearer(price.input),
        dearer(price.output),
        dearer(price.cache_read),
        dearer(price.cache_write_5m),
        dearer(price.cache_write_1h),
        price.long_above,
        None if price.long is None else _times(price.long, factor),
    )


@cache
def _read() -> _Snapshot:
    from importlib.resources import files

    return Decoder(_Snapshot).decode(files("cc_relay.ledger").joinpath("prices.json").read_bytes())
