"""Where each session's cache lies: a bounded memory that forgets the idle."""

from collections import OrderedDict

from msgspec import Struct

from cc_relay.policy.affinity import CACHE_LIFETIME


class Home(Struct, frozen=True):
    """Where a session's prompt cache lies: `cached` tokens at `provider`, under the key with that fingerprint.

    `at` is the loop's clock when the cache was last used, `model` the one asked for ("": any), for which it counts.
    """

    provider: str
    key: str
    cached: int
    at: float
    model: str = ""

    def is_warm(self, model: str, now: float) -> bool:
        """Whether the cache is still there for `model`."""
        return now - self.at < CACHE_LIFETIME and (self.model == model or not self.model)

    def is_beside(self, other: "Home") -> bool:
        """Whether both are at one key."""
        return self.key == other.key and self.provider == other.provider


class SessionMemory:
    """The homes of the sessions remembered last: at most `size`, each for `ttl` seconds.

    An excursion makes no new home: a session that was served elsewhere while its cache at home lives goes back there,
    and so does one that had a word with another model on the side. Where its cache at home is dead, it has moved.

    Only `remember` counts as use: a session asks often while its upstream is down, and that makes no cache warmer.
    A size or a time to live of 0 remembers nothing.
    """

    __slots__ = ("_homes", "_size", "_ttl")

    def __init__(self, size: int, ttl: float) -> None:
        self._size = size
        self._ttl = ttl
        # In the order they were remembered, so the idle stand first.
        self._homes: OrderedDict[str, tuple[Home, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._homes)

    def __repr__(self) -> str:
        return f"<SessionMemory {len(self._homes)} of {self._size} | {self._ttl:g} s>"

    def recall(self, session: str, now: float) -> Home | None:
        """The session's home; None when it has none, or was idle for too long. Hot path."""
        entry = self._homes.get(session)
        if entry is None or now - entry[1] >= self._ttl:
            return None
        return entry[0]

    def remember(self, session: str, place: Home, now: float) -> None:
        """The session was served at `place`. Hot path.

        When the memory is full, the session idle for longest is forgotten.
        """
        homes = self._homes
        entry = homes.get(session)
        home = place if entry is None or now - entry[1] >= self._ttl else settled(entry[0], place, now)
        homes[session] = (home, now)
        homes.move_to_end(session)
        if len(homes) > self._size:
            homes.popitem(last=False)

    def forget_idle(self, now: float) -> int:
        """Drop who was idle for too long, and say how many. Costs what it drops; to be called now and then."""
        dropped = 0
        while self._homes:
            session, (_, used_at) = next(iter(self._homes.items()))
            if now - used_at < self._ttl:
                break
            del self._homes[session]
            dropped += 1
        return dropped

    def configure(self, size: int, ttl: float) -> None:
        """Take a reload's bounds; of too many, the last remembered stay."""
        self._size = size
        self._ttl = ttl
        while len(self._homes) > max(size, 0):
            self._homes.popitem(last=False)


def settled(home: Home, place: Home, now: float) -> Home:
    """Where a session is at home that was at `home`, and was served at `place`."""
    if now - home.at >= CACHE_LIFETIME:
        return place
    is_aside = place.model != home.model and place.cached < home.cached
    return home if is_aside or not home.is_beside(place) else place
