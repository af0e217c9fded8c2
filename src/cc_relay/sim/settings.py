"""What a simulated provider is told to be."""

from msgspec import Struct

from cc_relay.sim.faults import FaultRule


class SimSettings(Struct, frozen=True, kw_only=True):
    """One simulated provider.

    `dialect` names a row of `cc_relay.sim.dialects`. `speed` is output tokens a second and `first_token` the seconds
    until the first content; 0 is as fast as possible. `text_tokens` is the length of an answer nobody steered,
    `tokens_per_event` how many tokens one delta carries. `keys` are the credentials that are let in; empty lets in
    everybody. `rpm`, `itpm`, `otpm` limit each key a minute; 0 is no limit. `models` are served beside the dialect's
    own. `faults` are in force from the start.
    """

    dialect: str = "anthropic"
    seed: int = 1
    speed: float = 0.0
    first_token: float = 0.0
    text_tokens: int = 60
    tokens_per_event: int = 4
    keys: tuple[str, ...] = ()
    rpm: int = 0
    itpm: int = 0
    otpm: int = 0
    models: tuple[str, ...] = ()
    faults: tuple[FaultRule, ...] = ()
