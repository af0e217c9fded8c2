"""The keys of one provider: which is offered first, what is reserved on each, and which are out."""

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from math import inf

from cc_relay.exchange import Refusal
from cc_relay.policy.affinity import rendezvous
from cc_relay.policy.cooldown import outage_seconds, throttle_seconds
from cc_relay.policy.key import CREDENTIAL, PLAN, RATE, THROTTLED, Key, KeySettings
from cc_relay.policy.key_limits import Amounts, LimitReport
from cc_relay.policy.key_order import ORDERS, Dice
from cc_relay.policy.lease import Lease

_MOST_TOKENS = 1e12
_REMEMBERED_PLACES = 200_000
"""How many (session, key) pairs the memo of `rank_for` may hold: 1.6 MB of references."""


class KeyPool:
    """Hot path: one request asks for the first of `rank` or `rank_for`, reserves it, and later ends its lease.

    A pool assembled by a reload takes over the live keys of the last one by name, where their configured limits are
    the same (`carried`); of two settings with one name the first counts.
    """

    __slots__ = ("_has_choice", "_is_by_limits", "_order", "_places", "_tiers", "_turn", "keys", "strategy")

    def __init__(
        self,
        settings: Sequence[KeySettings],
        *,
        strategy: str = "least_loaded",
        carried: Mapping[str, Key] | None = None,
    ) -> None:
        named: dict[str, KeySettings] = {}
        for one in settings:
            named.setdefault(one.name, one)
        self.keys = tuple(_take_over(one, carried or {}) for one in named.values())
        self.strategy = strategy
        self._order = ORDERS[strategy]
        self._has_choice = len(self.keys) > 1
        # Whose limits are fullest is asked by one order only.
        self._is_by_limits = self._has_choice and strategy == "least_loaded"
        self._tiers = _tiers(self.keys)
        self._places: OrderedDict[str, Sequence[Key]] = OrderedDict()
        self._turn = max((key.turn for key in self.keys), default=0.0)
        for key in self.keys:
            key.stride = 1.0 if strategy == "round_robin" else key.share

    def __repr__(self) -> str:
        open_leases = sum(key.in_flight for key in self.keys)
        return f"<KeyPool {self.strategy} [{len(self.keys)} keys | {open_leases} leases]>"

    def rank(self, now: float, dice: Dice) -> Iterator[Key]:
        """Every key once, best first: by priority, then as the strategy says. Lazy: mostly only the first is taken."""
        tiers = self._tiers
        if len(tiers) == 1:
            return self._order(tiers[0], now, dice) if len(self.keys) > 1 else iter(self.keys)
        return (key for tier in tiers for key in self._order(tier, now, dice))

    def rank_for(self, session: str) -> Sequence[Key]:
        """Every key once, in the order that is this session's own: stable, and by priority first."""
        if len(self.keys) < 2:
            return self.keys
        places = self._places
        found = places.get(session)
        if found is not None:
            places.move_to_end(session)
            return found
        while places and len(places) * len(self.keys) >= _REMEMBERED_PLACES:
            places.popitem(last=False)
        places[session] = found = [
            tier[index]
            for tier in self._tiers
            for index in rendezvous(session, [(key.name, key.settings.weight) for key in tier])
        ]
        return found

    def reserve(
        self,
        key: Key,
        family: str,
        input: float,  # noqa: A002 (the name of these tokens)
        output: float,
        now: float,
    ) -> Lease | Refusal:
        """One request of about so many tokens on `key`: all of its limits are charged, or none."""
        limits = key.families.get(family) or key.limits_of(family, now)
        if key.open_until > now or limits.cooled_until > now:
            refusal = _standing_refusal(key, limits.family, now)
            if refusal is not None:
                return refusal
        if not (0.0 <= input <= _MOST_TOKENS and 0.0 <= output <= _MOST_TOKENS):
            input, output = _bounded(input), _bounded(output)  # noqa: A001
        if limits.buckets:
            amounts = (1.0, input, output, input + output)
            if not limits.try_take(amounts, now):
                # By our own count nothing is left: the next answer's word is wanted at once.
                limits.relearn_at = -inf
                return Refusal(RATE, limits.available_at(amounts, now))
            if self._is_by_limits:
                key.full_at = limits.full_at()
        is_trial = key.strikes > 0
        if is_trial:
            key.begin_trial(now)
        key.in_flight += 1
        key.pressure = key.in_flight * key.share
        if self._has_choice:
            # Start-time fair queueing: a key that was away does not get everything once it is back.
            turn = key.turn
            if turn < self._turn:
                turn = self._turn
            else:
                self._turn = turn
            key.turn = turn + key.stride
        limits.leases += 1
        limits.input += input
        limits.promise(output, now)
        limits.used_at = now
        return Lease(key, limits.family, input, output, is_trial)

    def settle(self, lease: Lease, input: float, output: float, now: float) -> None:  # noqa: A002
        """The request was served; it counts so many tokens by the upstream's rules (cache reads mostly do not)."""
        if not (0.0 <= input <= _MOST_TOKENS and 0.0 <= output <= _MOST_TOKENS):
            input, output = _bounded(input), _bounded(output)  # noqa: A001
        lease.end(1.0, input, output, now)

    def give_back(self, lease: Lease, now: float, *, was_counted: bool) -> None:
        """The request used no tokens; `was_counted`: the upstream saw it (a 429 too), so it counts as a request.

        A trial that ended like this proved nothing: another request may try.
        """
        lease.end(1.0 if was_counted else 0.0, 0.0, 0.0, now)
        if lease.is_trial:
            lease.key.end_trial()

    def is_curious(self, lease: Lease, now: float) -> bool:
        """Whether it is worth reading what an ordinary answer says of the limits of `lease`. Hot path."""
        return now >= lease.key.families[lease.family].relearn_at

    def learn(
        self, key: Key, family: str, reports: Sequence[LimitReport], now: float, *, own: Lease | None = None
    ) -> None:
        """Believe what an answer says of its key's limits, over what was configured or guessed.

        `own` is the still open lease of the request that was answered: the levels have its request and its input in
        already, not yet its output. What other open leases hold is taken off. For an answer that came whole, settle
        first and leave `own` out.
        """
        if not reports:
            return
        limits = key.families.get(family) or key.limits_of(family, now)
        learned = limits.learn(reports, now)
        if not learned:
            return
        if own is not None and own.is_open and own.key is key and own.family == limits.family:
            own.note_seen(limits, learned)
        if limits.leases:
            limits.withhold(learned, now)

    def cool(self, key: Key, family: str, retry_after: float | None, now: float, dice: Dice) -> float:
        """A 429: `family` of `key` waits, or the whole key where there are no families. Returns until when.

        As long as was said (seconds; the latest word counts, an hour at most); unsaid, a jittered backoff of up to
        30 s that grows with the throttles in a row. Several at once are one.
        """
        limits = key.limits_of(family, now)
        is_cooling = key.cooled_until(limits.family, now) > 0.0
        if is_cooling and not (retry_after is not None and retry_after > 0.0):
            return limits.cooled_until
        limits.cooled_until = now + throttle_seconds(retry_after, limits.throttles, dice)
        limits.throttles += not is_cooling
        return limits.cooled_until if limits.family else key.throttle(limits.cooled_until, now)

    def spend(self, key: Key, retry_after: float | None, now: float) -> float:
        """A plan or spend limit is reached: the key is out, and every other of its organisation. Returns until when.

        As long as was said (seconds, 6 h at most); unsaid, 60 s and twice as long each time, up to 15 min.
        """
        until = _shut(key, PLAN, retry_after, now)
        if key.organisation:
            for mate in self.keys:
                if mate.organisation == key.organisation:
                    mate.shut(PLAN, until, key.strikes)
        return until

    def refuse(self, key: Key, now: float) -> float:
        """The credential was refused (401, 403): the key is out as for an unsaid `spend`. Returns until when."""
        return _shut(key, CREDENTIAL, None, now)

    def restore(self, key: Key) -> None:
        """An operator's or a probe's word that the key works."""
        key.restore()

    def readmit(self) -> None:
        """There is a new credential: who is out because of the old one is back."""
        for key in self.keys:
            if key.reason == CREDENTIAL:
                key.shut("", 0.0, 0)

    def succeed(self, key: Key, family: str) -> None:
        """A request was served: backoffs start anew, a trial is passed.

        Outside a trial it says nothing of an outage: the request may have begun before.
        """
        limits = key.families.get(family)
        if limits is not None and limits.throttles:
            limits.throttles = 0
        if key.is_on_trial:
            key.shut("", 0.0, 0)

    def free_at(self, family: str, input: float, output: float, now: float) -> float:  # noqa: A002
        """The earliest instant at which some key could be reserved: `now` if one can; `inf` without keys."""
        amounts = (1.0, input, output, input + output)
        earliest = inf
        for key in self.keys:
            at = _free_at(key, family, amounts, now)
            if at <= now:
                return now
            earliest = min(earliest, at)
        return earliest

    def is_out(self, now: float, family: str = "") -> Refusal | None:
        """The soonest refusal where every key is out (for `family`, if it is named), so that the provider is, too."""
        soonest: Refusal | None = None
        for key in self.keys:
            refusal = _standing_refusal(key, family, now)
            if refusal is None:
                return None
            if soonest is None or refusal.retry_at < soonest.retry_at:
                soonest = refusal
        return soonest


def _take_over(settings: KeySettings, carried: Mapping[str, Key]) -> Key:
    key = carried.get(settings.name)
    if key is None or key.settings.limits != settings.limits:
        return Key(settings)
    key.configure(settings)
    return key


def _tiers(keys: Sequence[Key]) -> list[tuple[Key, ...]]:
    """By falling priority; inside one, keys without a weight come after those that have one."""
    ranks = sorted({key.tier for key in keys}, reverse=True)
    return [tuple(key for key in keys if key.tier == rank) for rank in ranks]


def _standing_refusal(key: Key, family: str, now: float) -> Refusal | None:
    """Why `key` is out or `family` cools, until the later of both; None when it may be tried."""
    limits = key.families.get(family)
    if not key.open_until > now and (limits is None or not limits.cooled_until > now):
        return None
    cooled_until = key.cooled_until(family, now)
    if key.is_open(now) and key.open_until >= cooled_until:
        return Refusal(key.reason, key.open_until)
    return Refusal(THROTTLED, cooled_until) if cooled_until else None


def _shut(key: Key, reason: str, said: float | None, now: float) -> float:
    """Out for what was said, else for a backoff; of several refusals at once only the first lengthens it."""
    is_known = key.is_open(now) and key.reason == reason and not key.is_on_trial
    if is_known and not (said is not None and said > 0.0):
        return key.open_until
    until = now + outage_seconds(said, key.strikes)
    key.shut(reason, until, key.strikes + (not is_known))
    return until


def _free_at(key: Key, family: str, amounts: Amounts, now: float) -> float:
    refusal = _standing_refusal(key, family, now)
    at = refusal.retry_at if refusal is not None else now
    limits = key.families.get(family)
    return at if limits is None else max(at, limits.available_at(amounts, now))


def _bounded(tokens: float) -> float:
    return min(tokens, _MOST_TOKENS) if tokens > 0.0 else 0.0
