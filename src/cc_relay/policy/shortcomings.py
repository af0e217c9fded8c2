"""What upstreams refused of late although they should be able to: remembered for a while, and bounded."""

from collections import OrderedDict

from msgspec import Struct

LIFETIME = 3600.0
"""Seconds after which a shortcoming is put to the test again: providers roll capabilities out without a word."""

MOST = 10_000
"""How many places are remembered."""

MOST_EACH = 32
"""How many capabilities are remembered of one place."""

NOTHING: frozenset[str] = frozenset()


class Shortcoming(Struct, frozen=True):
    """A capability that `upstream` lacks for `subject` (a model, or one conversation), until `until`."""

    upstream: str
    subject: str
    capability: str
    until: float


class Shortcomings:
    """Capabilities by the place that lacks them: an upstream, and a model of its or one conversation there."""

    __slots__ = ("_lifetime", "_places")

    def __init__(self, lifetime: float = LIFETIME) -> None:
        self._lifetime = lifetime
        self._places: OrderedDict[tuple[str, str], dict[str, float]] = OrderedDict()

    def __bool__(self) -> bool:
        return bool(self._places)

    def __repr__(self) -> str:
        return f"<Shortcomings of {len(self._places)}>"

    def learn(self, upstream: str, subject: str, capability: str, now: float) -> None:
        """It was refused: leave it out there for a while."""
        place = upstream, subject
        lacking = self._places.setdefault(place, {})
        lacking.pop(capability, None)
        lacking[capability] = now + self._lifetime
        if len(lacking) > MOST_EACH:
            del lacking[next(iter(lacking))]
        self._places.move_to_end(place)
        if len(self._places) > MOST:
            self._places.popitem(last=False)

    def of(self, upstream: str, subject: str, now: float) -> frozenset[str]:
        """What is lacking there now. Hot path."""
        place = upstream, subject
        lacking = self._places.get(place)
        if lacking is None:
            return NOTHING
        current = {capability: until for capability, until in lacking.items() if until > now}
        if not current:
            del self._places[place]
        elif len(current) < len(lacking):
            self._places[place] = current
        return frozenset(current)

    def all(self, now: float) -> list[Shortcoming]:
        """Everything that is lacking now, for people."""
        return [
            Shortcoming(upstream, subject, capability, until)
            for (upstream, subject), lacking in self._places.items()
            for capability, until in lacking.items()
            if until > now
        ]
