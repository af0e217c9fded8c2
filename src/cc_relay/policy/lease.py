"""What is reserved on a key for one request."""

from msgspec import Struct

from cc_relay.policy.key import Key
from cc_relay.policy.key_limits import INPUT, REQUESTS, TOKENS, Limits

_INPUT_BITS = 1 << INPUT | 1 << TOKENS


class Lease(Struct, eq=False):
    """A key reserved for one request, with the tokens reserved for it; ended exactly once, by the pool.

    `is_trial`: its request tries a key that comes back from an outage. `seen` has a bit for every kind of limit whose
    level, as the upstream told it, has this request in already.
    """

    key: Key
    family: str
    input: float
    output: float
    is_trial: bool = False
    is_open: bool = True
    seen: int = 0

    def __repr__(self) -> str:
        state = "open" if self.is_open else "ended"
        return f"<Lease {self.key.name} {self.family!r} {self.input:g} in, {self.output:g} out, {state}>"

    def note_seen(self, limits: Limits, kinds: int) -> None:
        """The upstream has counted this request in its levels of `kinds` (bits)."""
        new = kinds & ~self.seen
        if new & 1 << REQUESTS:
            limits.seen += 1
        if new & _INPUT_BITS and not self.seen & _INPUT_BITS:
            limits.input -= self.input
        self.seen |= new & (1 << REQUESTS | _INPUT_BITS)

    def end(self, requests: float, input: float, output: float, now: float) -> None:  # noqa: A002 (what it is called)
        """Correct the buckets from what was reserved to what was used; what the upstream has counted stays."""
        assert self.is_open, f"ended twice: {self!r}"
        self.is_open = False
        key = self.key
        key.in_flight -= 1
        key.pressure = key.in_flight * key.share
        limits = key.families[self.family]
        limits.leases -= 1
        limits.end_promise(self.output, output, now)
        if limits.buckets:
            self._correct(limits, requests, input, output, now)
        if not self.seen:
            limits.input -= self.input
        else:
            self._forget_seen(limits)
        if not limits.leases:
            limits.input = 0.0

    def _correct(self, limits: Limits, requests: float, input: float, output: float, now: float) -> None:  # noqa: A002
        reserved, seen = self.input, self.seen
        taken = (1.0, reserved, self.output, reserved + self.output)
        if not seen:
            limits.correct(taken, (requests, input, output, input + output), now)
            return
        counted = 1.0 if seen & 1 << REQUESTS else requests
        by_input = reserved if seen & 1 << INPUT else input
        by_tokens = reserved if seen & 1 << TOKENS else input
        limits.correct(taken, (counted, by_input, output, by_tokens + output), now)

    def _forget_seen(self, limits: Limits) -> None:
        if self.seen & 1 << REQUESTS:
            limits.seen -= 1
        if not self.seen & _INPUT_BITS:
            limits.input -= self.input
