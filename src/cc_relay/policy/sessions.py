"""Which upstream served a session last: a bounded memory that forgets the idle."""

from collections import OrderedDict

from msgspec import Struct


class Home(Struct, frozen=True):
    """Where a session's prompt cache lies: `cached` tokens at `provider`, under the key with that fingerprint.

    `at` is the loop's clock when the cache was last used.
    """

    provider: str
    key: str
    cached: int
    at: float


class SessionMemory:
    """The homes of the sessions remembered last: at most `size`, each for `ttl` seconds.

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
        """The session's home; None when it has none, or was idle for too long."""
        entry = self._homes.get(session)
        if entry is None or now - entry[1] >= self._ttl:
            return None
        return entry[0]

    def remember(self, session: str, home: Home, now: float) -> None:
        """Make this the session's home; when the memory is full, the one idle for longest is forgotten."""
        homes = self._homes
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
