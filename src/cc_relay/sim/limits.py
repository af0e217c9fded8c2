"""Rate limits a simulated provider holds each key to, and the headers that tell of them."""

from datetime import UTC, datetime
from math import ceil

from msgspec import Struct

from cc_relay.exchange import Headers

MINUTE = 60.0


class Allowance:
    """So much a minute, refilled steadily; what is charged afterwards may push it below zero."""

    def __init__(self, per_minute: int, now: float) -> None:
        self.per_minute = per_minute
        self._level = float(per_minute)
        self._seen_at = now

    def __repr__(self) -> str:
        return f"<Allowance {self._level:.1f} of {self.per_minute}>"

    def level(self, now: float) -> float:
        # A clock that steps backwards must not refill it.
        if now > self._seen_at:
            self._level = min(self.per_minute, self._level + (now - self._seen_at) * self.per_minute / MINUTE)
            self._seen_at = now
        return self._level

    def wait(self, amount: float, now: float) -> float:
        """Seconds until `amount` is there; more than the whole allowance is there once it is full."""
        missing = min(amount, self.per_minute) - self.level(now)
        return max(0.0, missing * MINUTE / self.per_minute)

    def charge(self, amount: float, now: float) -> None:
        self._level = self.level(now) - amount

    def full_at(self, now: float) -> float:
        return now + self.wait(self.per_minute, now)


class Limits(Struct, frozen=True):
    """What each key may use a minute; 0 is no limit. The names are those of the response headers."""

    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0


class KeyLimits:
    """The allowances of one key."""

    def __init__(self, limits: Limits, now: float) -> None:
        named = {
            "requests": limits.requests,
            "input-tokens": limits.input_tokens,
            "output-tokens": limits.output_tokens,
        }
        self._allowances = {name: Allowance(limit, now) for name, limit in named.items() if limit}

    def __repr__(self) -> str:
        return f"<KeyLimits {self._allowances}>"

    def try_admit(self, input_tokens: int, now: float) -> tuple[str, float] | None:
        """None when the request is in (and charged); else which limit is spent and the seconds until it is not."""
        asked = {"requests": 1, "input-tokens": input_tokens, "output-tokens": 1}
        waits = {name: allowance.wait(asked[name], now) for name, allowance in self._allowances.items()}
        spent = max(waits, key=waits.__getitem__, default=None)
        if spent is not None and waits[spent] > 0:
            return spent, waits[spent]
        for name in ("requests", "input-tokens"):
            if name in self._allowances:
                self._allowances[name].charge(asked[name], now)
        return None

    def charge_output(self, output_tokens: int, now: float) -> None:
        if "output-tokens" in self._allowances:
            self._allowances["output-tokens"].charge(output_tokens, now)

    def headers(self, now: float) -> Headers:
        """`anthropic-ratelimit-*` with RFC 3339 resets; `tokens` is the tightest one (Anthropic docs, rate limits)."""
        lines: Headers = []
        for name, allowance in self._allowances.items():
            lines += _lines(name, allowance, now, exact=name == "requests")
        tokens = [allowance for name, allowance in self._allowances.items() if name != "requests"]
        if tokens:
            lines += _lines("tokens", min(tokens, key=lambda one: one.level(now) / one.per_minute), now, exact=False)
        return lines


def _lines(name: str, allowance: Allowance, now: float, *, exact: bool) -> Headers:
    remaining = max(0, int(allowance.level(now)))
    if not exact:
        # Token counts are rounded to the nearest thousand on the wire.
        remaining = round(remaining, -3)
    reset = datetime.fromtimestamp(ceil(allowance.full_at(now)), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    prefix = f"anthropic-ratelimit-{name}".encode()
    return [
        (prefix + b"-limit", b"%d" % allowance.per_minute),
        (prefix + b"-remaining", b"%d" % min(remaining, allowance.per_minute)),
        (prefix + b"-reset", reset.encode()),
    ]
