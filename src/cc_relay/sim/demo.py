"""The two providers of the demo: quick enough to watch, unwell often enough to show what a relay is for."""

from cc_relay.sim.faults import FaultRule
from cc_relay.sim.settings import SimSettings


def demo_settings(seed: int = 1) -> dict[str, SimSettings]:
    """What is simulated, by provider type. Every fault strikes before the first content, where a relay can mend it."""
    return {
        "anthropic": SimSettings(
            dialect="anthropic",
            seed=seed,
            speed=120.0,
            first_token=0.15,
            rpm=600,
            itpm=2_000_000,
            otpm=400_000,
            faults=(
                FaultRule(fault="529", probability=0.10),
                FaultRule(fault="reset", probability=0.04),
                FaultRule(fault="error-in-band", probability=0.04),
                FaultRule(fault="429", probability=0.02, retry_after=2),
            ),
        ),
        "zai": SimSettings(
            dialect="zai",
            seed=seed + 1,
            speed=90.0,
            first_token=0.25,
            faults=(FaultRule(fault="500", probability=0.02),),
        ),
    }
