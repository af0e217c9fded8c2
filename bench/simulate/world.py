"""The world of the simulated day: five providers with their keys, limits, prices and bad hours, as one table."""

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from cc_relay.sim.limits import Limits

HOUR = 3600.0
MODEL = "claude-opus-5-5"


class Incident(Struct, frozen=True):
    """What goes wrong between two hours of the day.

    `kind`: "refused" (no connection), "overloaded" (529), "flapping" (529 in every other `period` seconds), "slow"
    (first tokens take `factor` times as long), "spent" (the provider's first key answers 429 without a word of when).
    """

    kind: str
    begins: float
    ends: float
    period: float = 10.0
    factor: float = 6.0

    def is_on(self, now: float) -> bool:
        if not self.begins * HOUR <= now < self.ends * HOUR:
            return False
        return self.kind != "flapping" or int(now / self.period) % 2 == 0


class Site(Struct, frozen=True):
    """One provider as it really is, and what its owner wrote of it.

    `limits` hold for each key. An answer names them where it `tells_limits`, a 429 its `retry-after` where it
    `says_when`; `is_configured` says that they stand in the relay's configuration. `first_token` is the median of a
    short prompt in seconds, `prefill` and `speed` are tokens a second read and written.
    """

    name: str
    type: str
    keys: int
    limits: Limits
    first_token: float
    prefill: float
    speed: float
    tells_limits: bool = False
    says_when: bool = False
    is_configured: bool = False
    upstream_model: str = MODEL
    incidents: tuple[Incident, ...] = ()


SITES = (
    Site(
        "anthropic", "anthropic", 14, Limits(50, 400_000, 24_000), first_token=1.2, prefill=20_000, speed=70,
        tells_limits=True, says_when=True,
        incidents=(Incident("overloaded", 10.5, 10.5 + 1 / 3), Incident("spent", 14, 15)),
    ),
    Site(
        "azure", "anthropic", 10, Limits(60, 400_000, 24_000), first_token=1.4, prefill=18_000, speed=65,
        says_when=True, is_configured=True, incidents=(Incident("flapping", 11.5, 12),),
    ),
    Site(
        "bedrock", "anthropic", 10, Limits(60, 400_000, 24_000), first_token=1.6, prefill=16_000, speed=60,
        is_configured=True, incidents=(Incident("refused", 15, 15 + 1 / 3),),
    ),
    Site(
        "vertex", "anthropic", 8, Limits(40, 300_000, 20_000), first_token=1.5, prefill=18_000, speed=65,
        incidents=(Incident("slow", 13.5, 14),),
    ),
    Site(
        "zai", "zai", 8, Limits(30, 300_000, 16_000), first_token=0.9, prefill=12_000, speed=55,
        upstream_model="glm-5",
    ),
)  # fmt: skip
"""By priority. Output is what runs short. A key has twenty developers, and where all providers get as many sessions,
the busiest minute in a hundred of a key asks for 14,000 to 16,000 tokens: the limits are 1.6 times that at the first
three providers, 1.3 and 1.1 times at the others. The first provider alone could carry everybody, at 1.4 times the
busiest minute of all.
"""


def tight(sites: Sequence[Site]) -> tuple[Site, ...]:
    """The company after it has doubled, with the keys it had: half the output for everyone.

    One developer's sub-agents use up a key by themselves for as long as they run.
    """
    limited = [replace(site.limits, output_tokens=site.limits.output_tokens // 2) for site in sites]
    return tuple(replace(site, limits=limits) for site, limits in zip(sites, limited, strict=True))


class Scale(Struct, frozen=True):
    """How much of the world is played: so many developers, `share` of each provider's keys, between two hours."""

    developers: int = 1000
    share: float = 1.0
    begins: float = 7.0
    ends: float = 24.0


WHOLE = Scale()
QUICK = Scale(200, 0.2)


def scaled(sites: Sequence[Site], scale: Scale) -> tuple[Site, ...]:
    """Fewer keys for fewer developers, so that each is as busy as in the whole; one at least."""
    return tuple(replace(site, keys=max(1, round(site.keys * scale.share))) for site in sites)
