"""The providers' side, as it really is: limits, prompt caches and bad hours that the relay has to find out about."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from math import ceil, inf

from msgspec import Struct

from bench.simulate.developers import Turn
from bench.simulate.world import Site
from cc_relay.exchange import FailureKind, Usage
from cc_relay.sim.limits import Allowance

CACHE_LIFETIME = 300.0
SHARED_PREFIX = 12_000
"""Tokens that all sessions' prompts begin with (system prompt and tools): who uses a key warms them for everyone."""

ERROR_SECONDS = 0.2
"""How long an upstream takes to say no."""

THOUSAND = 1000
"""To which remaining tokens are rounded on the wire (Anthropic API docs, rate limits page)."""

NO_HEADERS: Mapping[bytes, bytes] = {}


class Answer(Struct, frozen=True):
    """The first token comes at `first_at`, the last at `ends_at`."""

    first_at: float
    ends_at: float
    usage: Usage
    headers: Mapping[bytes, bytes]


class No(Struct, frozen=True):
    """An error answer at `first_at`; without a `status` nobody is there at all."""

    first_at: float
    kind: FailureKind
    status: int | None = None
    retry_after: float | None = None
    headers: Mapping[bytes, bytes] = NO_HEADERS


class Meter:
    """How far what was taken ran ahead of a limit: the most of all windows of taken minus limit x time.

    As long as `worst` stays below the burst, no window of any length was granted more than its limit and the burst.
    """

    __slots__ = ("_level", "_seen_at", "per_minute", "worst")

    def __init__(self, per_minute: float) -> None:
        self.per_minute = per_minute
        self._level = 0.0
        self._seen_at = -inf
        self.worst = 0.0

    def __repr__(self) -> str:
        return f"<Meter {self.worst:.0f} of {self.per_minute:.0f}>"

    @property
    def ratio(self) -> float:
        """The most of any minute, against limit and burst (a burst is a minute's worth)."""
        return (self.worst + self.per_minute) / (2 * self.per_minute)

    def take(self, amount: float, now: float) -> None:
        sunk = self._level - (now - self._seen_at) * self.per_minute / 60.0
        self._level = max(sunk, 0.0) + amount
        self._seen_at = now
        self.worst = max(self.worst, self._level)


class UpstreamKey:
    """One key: an organisation with limits and a prompt cache of its own."""

    __slots__ = ("_cache", "_shared_until", "_site", "inputs", "is_first", "meters", "outputs", "requests")

    def __init__(self, site: Site, now: float, *, is_first: bool) -> None:
        limits = site.limits
        self._site = site
        self.is_first = is_first
        self.requests = Allowance(limits.requests, now)
        self.inputs = Allowance(limits.input_tokens, now)
        self.outputs = Allowance(limits.output_tokens, now)
        self.meters = (Meter(limits.requests), Meter(limits.input_tokens), Meter(limits.output_tokens))
        self._cache: dict[str, tuple[int, float]] = {}
        self._shared_until = -inf

    def __repr__(self) -> str:
        return f"<UpstreamKey {self._site.name} [{len(self._cache)} prompts cached]>"

    def refusal(self, tokens: int, now: float) -> float | None:
        """Seconds until the request would be let in, for it is not now; None where it is."""
        wait = max(self.requests.wait(1, now), self.inputs.wait(tokens, now), self.outputs.wait(1, now))
        return wait if wait > 0.0 else None

    def admit(self, tokens: int, now: float) -> None:
        self.requests.charge(1, now)
        self.inputs.charge(tokens, now)
        self.meters[1].take(tokens, now)

    def finish(self, output: int, now: float) -> None:
        """The answer was written, and counts."""
        self.outputs.charge(output, now)
        self.meters[2].take(output, now)

    def cached(self, turn: Turn, now: float) -> int:
        """How much of the prompt lies in the cache."""
        tokens, used_at = self._cache.get(turn.conversation, (0, -inf))
        if now - used_at < CACHE_LIFETIME:
            return min(tokens, turn.prompt)
        return min(SHARED_PREFIX, turn.prompt) if now < self._shared_until else 0

    def warm(self, turn: Turn, now: float) -> None:
        """The prompt was read: it lies in the cache, and so does what all prompts begin with."""
        self._cache[turn.conversation] = (turn.prompt, now)
        self._shared_until = now + CACHE_LIFETIME

    def headers(self, now: float) -> Mapping[bytes, bytes]:
        if not self._site.tells_limits:
            return NO_HEADERS
        named: dict[bytes, bytes] = {}
        for names, allowance in zip(_NAMES, (self.requests, self.inputs, self.outputs), strict=True):
            limit = allowance.per_minute
            level = allowance.level(now)
            remaining = int(level) if level > 0 else 0
            if names is not _REQUESTS:
                remaining = min(round(remaining, -3), limit)
            named[names[0]] = b"%d" % limit
            named[names[1]] = b"%d" % remaining
            named[names[2]] = _moment(ceil(now + (limit - level) * 60 / limit))
        return named


class Provider:
    """One site, open for attempts."""

    __slots__ = ("keys", "refused", "site")

    def __init__(self, site: Site, names: Sequence[str], now: float) -> None:
        self.site = site
        self.keys = {name: UpstreamKey(site, now, is_first=not number) for number, name in enumerate(names)}
        self.refused = 0

    def __repr__(self) -> str:
        return f"<Provider {self.site.name} [{len(self.keys)} keys]>"

    def send(self, name: str, turn: Turn, now: float) -> Answer | No:
        """What will come of the turn, sent now with the key of that name; limits are charged, the cache is not yet."""
        site, key = self.site, self.keys[name]
        key.meters[0].take(1, now)
        slowness = 1.0
        for incident in site.incidents:
            if not incident.is_on(now):
                continue
            if incident.kind == "slow":
                slowness = incident.factor
            elif incident.kind == "refused":
                return No(now + 0.05, FailureKind.TRANSIENT)
            elif incident.kind != "spent":
                return No(now + ERROR_SECONDS, FailureKind.TRANSIENT, 529)
            elif key.is_first:
                return No(now + ERROR_SECONDS, FailureKind.PLAN, 429)
        read = key.cached(turn, now)
        fresh = turn.prompt - read
        wait = key.refusal(fresh, now)
        if wait is not None:
            self.refused += 1
            retry_after = ceil(wait) if site.says_when else None
            return No(now + ERROR_SECONDS, FailureKind.THROTTLE, 429, retry_after, key.headers(now))
        key.admit(fresh, now)
        first_at = now + (site.first_token * turn.luck + fresh / site.prefill) * slowness
        usage = Usage(cache_read=read, cache_write_5m=fresh, output=turn.output, is_complete=True)
        return Answer(first_at, first_at + turn.output / site.speed, usage, key.headers(now))

    def is_out(self, name: str, now: float) -> bool:
        """Whether an incident keeps that key from answering."""
        is_first = self.keys[name].is_first
        return any(
            one.is_on(now) and (is_first if one.kind == "spent" else one.kind != "slow") for one in self.site.incidents
        )

    def is_well(self, now: float) -> bool:
        """What a health probe would find."""
        return not any(one.is_on(now) and one.kind not in {"slow", "spent"} for one in self.site.incidents)


def _names(kind: bytes) -> tuple[bytes, bytes, bytes]:
    prefix = b"anthropic-ratelimit-" + kind
    return prefix + b"-limit", prefix + b"-remaining", prefix + b"-reset"


_NAMES = (_REQUESTS, _INPUT, _OUTPUT) = (_names(b"requests"), _names(b"input-tokens"), _names(b"output-tokens"))


@lru_cache(maxsize=256)
def _moment(seconds: int) -> bytes:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ").encode()
