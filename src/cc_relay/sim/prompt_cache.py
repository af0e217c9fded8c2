"""The prompt cache of a simulated provider: a repeated prefix is read, a new one is written."""

from cc_relay.sim.ask import PrefixPoint
from cc_relay.sim.blocks import InputUsage

LOOKBACK = 20
"""How many blocks before a breakpoint are compared (Anthropic docs, prompt caching)."""
MINIMUM = 1024
"""Prefixes shorter than this many LLM tokens are never cached (Anthropic docs, prompt caching; varies by model)."""
CAPACITY = 50_000


class PromptCache:
    """Remembers prefixes for each owner: one credential and model."""

    def __init__(self) -> None:
        self._expires_at: dict[tuple[str, bytes], float] = {}

    def __repr__(self) -> str:
        return f"<PromptCache {len(self._expires_at)} prefixes>"

    def use(self, owner: str, points: list[PrefixPoint], now: float) -> InputUsage:
        """Read what is known of this prompt, remember what is marked, and count both."""
        total = points[-1].tokens if points else 0
        marked = [
            position for position, point in enumerate(points) if point.ttl is not None and point.tokens >= MINIMUM
        ]
        if not marked:
            return InputUsage(total)
        found = self._find(owner, points, marked, now)
        read = points[found].tokens if found is not None else 0
        writes = {300.0: 0, 3600.0: 0}
        counted = read
        for position in marked:
            point = points[position]
            ttl = point.ttl or 300.0
            writes[ttl] += max(0, point.tokens - counted)
            counted = max(counted, point.tokens)
            self._expires_at[owner, point.digest] = now + ttl
        self._forget(now)
        return InputUsage(total - counted, read, writes[300.0], writes[3600.0])

    def clear(self) -> None:
        self._expires_at.clear()

    def _find(self, owner: str, points: list[PrefixPoint], marked: list[int], now: float) -> int | None:
        """The longest known prefix that a breakpoint reaches back to."""
        for position in reversed(marked):
            for candidate in range(position, max(-1, position - LOOKBACK), -1):
                if self._expires_at.get((owner, points[candidate].digest), 0.0) > now:
                    return candidate
        return None

    def _forget(self, now: float) -> None:
        if len(self._expires_at) > CAPACITY:
            self._expires_at = {key: at for key, at in self._expires_at.items() if at > now}
            for key in list(self._expires_at)[: max(0, len(self._expires_at) - CAPACITY)]:
                del self._expires_at[key]
