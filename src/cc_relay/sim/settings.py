"""What a simulated provider is told to be."""

from typing import Literal

from msgspec import Struct

from cc_relay.exchange import AwsKeys
from cc_relay.sim.faults import FaultRule

EXAMPLE_KEYS = AwsKeys("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
"""The key pair of AWS's own examples: nobody's."""


class SimSettings(Struct, frozen=True, kw_only=True):
    """One simulated provider.

    `dialect` names a row of `cc_relay.sim.dialects`. `speed` is output tokens a second and `first_token` the seconds
    until the first content; 0 is as fast as possible. `text_tokens` is the length of an answer nobody steered,
    `tokens_per_event` how many tokens one delta carries. `keys` are the credentials that are let in; empty lets in
    everybody. `rpm`, `itpm`, `otpm` limit each key a minute; 0 is no limit. `models` are served beside the dialect's
    own, `NAME=MODEL` under another name: a deployment, an inference profile. `faults` are in force from the start.

    The clouds ask for more. `aws_keys` may sign, for `region` (empty is us-east-1; for Vertex, the one location that
    has the models, empty is every one). `project` is the one Google project let in, `quota_project` the one that may
    pay; `tenant`, and `client_id` with `client_secret`, are who may ask for tokens; `workspace` is the one that Claude
    Platform on AWS knows: empty is anyone. `service_account_key` is a public key in PEM that signed requests for tokens
    are held against; empty takes their word. `token_lifetime` is how many seconds a token is good for; `clock_offset`
    is how many seconds this provider's clock is ahead of everybody's. `model_errors` is how Bedrock passes on what the
    model says: as `text` after a phrase of its own, as Anthropic's `json` after that phrase, or the `envelope` alone.
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
    aws_keys: tuple[AwsKeys, ...] = (EXAMPLE_KEYS,)
    region: str = ""
    project: str = ""
    quota_project: str = ""
    workspace: str = ""
    tenant: str = ""
    client_id: str = ""
    client_secret: str = ""
    service_account_key: str = ""
    token_lifetime: float = 3600.0
    clock_offset: float = 0.0
    model_errors: Literal["text", "json", "envelope"] = "text"

    def aliases(self) -> dict[str, str]:
        """The names beside the dialect's own, and the model behind each."""
        return {name: model or name for name, _, model in (one.partition("=") for one in self.models)}
