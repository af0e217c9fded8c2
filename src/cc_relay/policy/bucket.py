"""One limit of an upstream as a token bucket: it refills steadily, and it may owe."""

from math import inf

MINUTE = 60.0

LEAST = 1e-3
"""The smallest burst: less would be nothing at all, or a division by it."""
_MOST = 1e15
_SLACK = 1e-7
"""The part of a burst that may be missing: what rounding can lose until the moment `available_at` names."""

_LOOK_AGAIN = 1.0
"""Seconds. Only a lease that ends can free what is held, and that is heard of anyway."""

_BELIEVED_FROM = 1 / 8
"""The part of a limit that must be missing for its reset to tell a rate; below it, whole seconds drown the answer."""
_ROUNDING = 5.0
"""Seconds a reset may be off (whole seconds, two clocks) and still mean a minute's refill."""
_SHORTEST_RESET = 1.0
_LONGEST_REFILL = 3600.0


class TokenBucket:
    """`burst` at most, refilled by `rate` a second; true use above an estimate takes the level below zero.

    `held` of the burst are taken here and not yet upstream, where they go when an answer is written: nothing refills
    in their place until `held_until`, or they and what had come in for them could be used within one moment.

    Amounts that are not positive numbers take and return nothing. A clock that steps backwards refills nothing by
    that step, and from there on time counts as ever. What it owes is at most one burst, so that no absurd count
    blocks it for long. A bucket without a burst grants nothing.
    """

    __slots__ = ("_level", "_seen_at", "burst", "held", "held_until", "rate")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self.rate = _bounded(rate)
        self.burst = _bounded(burst) if burst >= LEAST else 0.0
        self.held = 0.0
        self.held_until = -inf
        self._level = self.burst
        self._seen_at = now if -inf < now < inf else 0.0

    def __repr__(self) -> str:
        return f"<TokenBucket {self._level:.1f} of {self.burst:g}, +{self.rate:g}/s>"

    def hold(self, amount: float, now: float) -> None:
        """So much is held from now on; what has refilled until now was bounded by what was held until now."""
        if now != self._seen_at:
            self.level(now)
        self.held = amount

    def level(self, now: float) -> float:
        """What is there; negative when it owes."""
        elapsed = now - self._seen_at
        if elapsed > 0.0 and now < inf:
            level = self._level + elapsed * self.rate
            most = self.burst
            if self.held and now < self.held_until:
                most = max(0.0, most - self.held)
            if level > most:
                level = most
            self._level = level
            self._seen_at = now
        elif elapsed < 0.0 and now > -inf:
            self._seen_at = now
        return self._level

    def try_take(self, amount: float, now: float) -> bool:
        """Take `amount`, or nothing. More than the burst is taken as the burst: it passes when the bucket is full."""
        if not amount > 0.0:
            return True
        burst = self.burst
        if amount > burst:
            amount = burst
        level = self._level if now == self._seen_at else self.level(now)
        if amount - level > burst * _SLACK or not burst:
            return False
        self._level = level - amount
        return True

    def has(self, amount: float, now: float) -> bool:
        """Whether `try_take` would succeed."""
        return not amount > 0.0 or (
            self.burst > 0.0 and min(amount, self.burst) - self.level(now) <= self.burst * _SLACK
        )

    def take(self, amount: float, now: float) -> None:
        """Take `amount` whether it is there or not."""
        if amount > 0.0:
            self._level = max(self.level(now) - amount, -self.burst)

    def refund(self, amount: float, now: float) -> None:
        """Put back what `try_take` took for `amount`; never above the burst."""
        if amount > 0.0:
            self._level = min(self.level(now) + min(amount, self.burst), self.burst)

    def correct(self, taken: float, used: float, now: float) -> None:
        """Make what `try_take` took for `taken` what it would have been for `used`, in debt if need be."""
        if used > taken:
            self.take(used - taken, now)
        elif used < taken:
            burst = self.burst
            if taken > burst:
                taken = burst
            if used < taken:
                level = (self._level if now == self._seen_at else self.level(now)) + taken - used
                if level > burst:
                    level = burst
                self._level = level

    def available_at(self, amount: float, now: float) -> float:
        """When `try_take` of `amount` will succeed if nobody else takes: `now`, later, or `inf` for never.

        Where something held is in the way, when it is worth asking again: it may be let go at any moment.
        """
        needed = min(amount, self.burst)
        missing = needed - self.level(now)
        if amount > 0.0 and not self.burst:
            return inf
        if not missing > 0.0:
            return now
        if not self.rate:
            return inf
        at = now + missing / self.rate
        if at < self.held_until and needed > self.burst - self.held:
            return max(at, min(self.held_until, now + _LOOK_AGAIN))
        return at

    def full_at(self) -> float:
        """When it is full, if nobody takes; `inf` for never. Past instants mean that it is full by now."""
        missing = self.burst - self._level
        if not missing:
            return self._seen_at
        return self._seen_at + missing / self.rate if self.rate else inf

    def learn(self, limit: float | None, remaining: float | None, reset_in: float | None, now: float) -> bool:
        """Believe what an upstream says: `limit` a minute, `remaining` of it, and full again in `reset_in` seconds.

        None is unsaid, and so is a limit or reset that is not above zero, a remainder below it, what is no number.
        A reset that disagrees with a minute's refill sets the rate (fixed windows, longer periods), within bounds.
        Returns whether the level was told; where it was not, what has been taken stays taken.
        """
        level = self.level(now)
        if limit is not None and limit >= LEAST and limit != self.burst:
            limit = min(limit, _MOST)
            self._level = max(min(level + limit - self.burst, limit), -limit)
            self.burst = limit
            self.rate = limit / MINUTE
        if remaining is None or not remaining >= 0.0:
            return False
        burst = self.burst
        if remaining > burst:
            remaining = burst
        self._level = remaining
        missing = burst - remaining
        if reset_in is not None and reset_in > 0.0 and missing > burst * _BELIEVED_FROM:
            self.rate = _rate_by(burst, missing, reset_in)
        else:
            self.rate = burst / MINUTE
        return True


def _rate_by(burst: float, missing: float, reset_in: float) -> float:
    by_the_minute = missing * MINUTE / burst
    if -_ROUNDING <= reset_in - by_the_minute <= _ROUNDING:
        return burst / MINUTE
    return max(missing / max(reset_in, _SHORTEST_RESET), burst / _LONGEST_REFILL)


def _bounded(value: float) -> float:
    return min(value, _MOST) if value > 0.0 else 0.0
