"""One upstream key as it lives: what is open on it, what it may use, and whether it is out."""

from math import inf

from msgspec import Struct

from cc_relay.policy.affinity import is_roomy
from cc_relay.policy.cooldown import LONGEST
from cc_relay.policy.key_limits import KINDS, Limits

RATE = "rate"
THROTTLED = "throttled"
PLAN = "plan"
CREDENTIAL = "credential"
"""Why a key refuses: a limit we know is used up, a 429, a spent plan, a refused credential."""

MOST_FAMILIES = 64
TRIAL_SECONDS = 5.0
"""How long a key that comes back from an outage lets nobody else in while one request tries it."""


class KeySettings(Struct, frozen=True):
    """What the configuration says of a key. `name` is its fingerprint.

    Limits are by the minute and hold for each model family; zero or less is no limit until one is learned. Higher
    priorities come first; a weight of zero or less is for when nothing else is free.
    """

    name: str
    rpm: float = 0
    itpm: float = 0
    otpm: float = 0
    tpm: float = 0
    priority: int = 1
    weight: int = 1

    @property
    def limits(self) -> tuple[float, float, float, float]:
        """In the order of KINDS."""
        return (self.rpm, self.itpm, self.otpm, self.tpm)


class KeyState(Struct, frozen=True):
    """Whether the key's circuit is open, why, and until when (monotonic); closed: no reason, 0."""

    is_open: bool
    reason: str = ""
    until: float = 0.0


CLOSED = KeyState(is_open=False)


class Key:
    """The live state of one key, which outlives the configuration it came with.

    `open_until` is when a key that is out may be tried again, `strikes` how many outages it had in a row.
    `organisation` is what its answers name, "" while none did. What ranking reads is plain and kept up to date:
    `pressure` (leases in flight by weight), `full_at` (when the limits of the family last reserved will be whole
    again), `turn` (how far it is in the rotation, `stride` a lease) and `tier` (those of a higher one come first).
    """

    __slots__ = (
        "families",
        "full_at",
        "in_flight",
        "is_on_trial",
        "name",
        "open_until",
        "organisation",
        "pressure",
        "reason",
        "settings",
        "share",
        "stride",
        "strikes",
        "tier",
        "turn",
        "weight",
    )

    def __init__(self, settings: KeySettings) -> None:
        self.name = settings.name
        self.in_flight = 0
        self.organisation = ""
        self.families: dict[str, Limits] = {}
        self.open_until = 0.0
        self.reason = ""
        self.strikes = 0
        self.is_on_trial = False
        self.pressure = 0.0
        self.full_at = 0.0
        self.turn = 0.0
        self.stride = 1.0
        self.configure(settings)

    def __repr__(self) -> str:
        out = f", {self.reason} until {self.open_until:.1f}" if self.open_until else ""
        return f"<Key {self.name} [{self.in_flight} in flight, {len(self.families)} families{out}]>"

    def configure(self, settings: KeySettings) -> None:
        """Take over what may change without a new key: priority and weight."""
        self.settings = settings
        self.weight = max(settings.weight, 1)
        self.tier = settings.priority, settings.weight > 0
        self.share = 1.0 / self.weight
        self.pressure = self.in_flight * self.share

    def limits_of(self, family: str, now: float) -> Limits:
        """The limits of `family`, made where there are none.

        Of too many families the idle one that was used (or cooled) the longest ago goes; where all are busy, the
        key's own ("") stands in.
        """
        return self.families.get(family) or self._add_family(family, now)

    def _add_family(self, family: str, now: float) -> Limits:
        if len(self.families) >= MOST_FAMILIES and family:
            idle = [limits for limits in self.families.values() if limits.family and not limits.leases]
            if not idle:
                return self.limits_of("", now)
            del self.families[min(idle, key=lambda limits: max(limits.used_at, limits.cooled_until)).family]
        limits = self.families[family] = Limits(family, self.settings.limits, now)
        return limits

    def is_open(self, now: float) -> bool:
        """True while the whole key is out."""
        if self.open_until > now and self.open_until - now > LONGEST:
            self.open_until = 0.0
        return self.open_until > now

    def cooled_until(self, family: str, now: float) -> float:
        """Until when `family` waits after a 429; 0 when it does not."""
        limits = self.families.get(family)
        if limits is None or not now < limits.cooled_until <= now + LONGEST:
            return 0.0
        return limits.cooled_until

    def state(self, now: float) -> KeyState:
        """Of the key as a whole; a family that cools on its own is in `coolings`."""
        return KeyState(is_open=True, reason=self.reason, until=self.open_until) if self.is_open(now) else CLOSED

    def coolings(self, now: float) -> list[tuple[str, float]]:
        """The families that wait after a 429, each until when."""
        return [(family, until) for family in self.families if (until := self.cooled_until(family, now))]

    def utilisation(self, now: float) -> list[tuple[str, str, float, float]]:
        """Every bucket: family, kind, limit a minute, level (negative when it owes)."""
        return [
            (limits.family, KINDS[index], bucket.burst, bucket.level(now))
            for limits in self.families.values()
            for index, bucket in limits.buckets.items()
        ]

    def load(self, now: float) -> float:
        """How much of the tightest limit is used: 0 idle, 1 nothing left, above it owes; 0 without limits."""
        return max((1.0 - level / limit for _, _, limit, level in self.utilisation(now) if limit), default=0.0)

    def has_room(self, family: str, now: float) -> bool:
        """Whether a session may settle here."""
        if self.open_until > now:
            return False
        limits = self.families.get(family)
        return limits is None or is_roomy(limits.room(now), now - limits.cooled_until if limits.cooled_until else inf)

    def shut(self, reason: str, until: float, strikes: int) -> None:
        self.reason = reason
        self.open_until = until
        self.strikes = strikes
        self.is_on_trial = False

    def throttle(self, until: float, now: float) -> float:
        """Cool the whole key; an outage that lasts longer stays. Returns until when it is out."""
        is_outage = self.reason != THROTTLED and not self.is_on_trial
        if is_outage and self.is_open(now) and self.open_until > until:
            return self.open_until
        self.reason = THROTTLED
        self.open_until = until
        return until

    def begin_trial(self, now: float) -> None:
        """After an outage one request tries the key; the others come back when it has answered, or seems lost."""
        self.is_on_trial = True
        self.open_until = now + TRIAL_SECONDS

    def end_trial(self) -> None:
        """It proved nothing, and the next request is one again."""
        if self.is_on_trial:
            self.is_on_trial = False
            self.open_until = 0.0

    def restore(self) -> None:
        """Forget every outage and cooling."""
        self.shut("", 0.0, 0)
        for limits in self.families.values():
            limits.cooled_until = 0.0
            limits.throttles = 0
