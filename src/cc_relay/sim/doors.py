"""Which door each dialect has."""

from collections.abc import Callable

from cc_relay.sim.call import Door
from cc_relay.sim.clouds.aws import AwsDesk, AwsGate
from cc_relay.sim.clouds.azure import AzureGate, EntraDesk
from cc_relay.sim.clouds.bedrock import BedrockDoor
from cc_relay.sim.clouds.surfaces import FOUNDRY, MANTLE
from cc_relay.sim.clouds.tokens import Tokens
from cc_relay.sim.clouds.vertex import VertexDoor
from cc_relay.sim.dialects import Dialect
from cc_relay.sim.first_party import FirstPartyDoor
from cc_relay.sim.gate import KeyGate
from cc_relay.sim.settings import SimSettings

MakeDoor = Callable[[Dialect, SimSettings, Tokens], Door]


def open_door(dialect: Dialect, settings: SimSettings, tokens: Tokens) -> Door:
    """The door of this dialect; Anthropic's own where it has none. Raises ValueError for a key that is none."""
    return DOORS.get(dialect.name, _first_party)(dialect, settings, tokens)


def _first_party(dialect: Dialect, settings: SimSettings, tokens: Tokens) -> Door:
    return FirstPartyDoor(dialect, settings, KeyGate(settings, is_strict=dialect.is_strict))


def _mantle(dialect: Dialect, settings: SimSettings, tokens: Tokens) -> Door:
    gate = AwsGate("bedrock-mantle", settings, tokens)
    return FirstPartyDoor(dialect, settings, gate, prefix="/anthropic", surface=MANTLE, desk=AwsDesk(tokens))


def _platform(dialect: Dialect, settings: SimSettings, tokens: Tokens) -> Door:
    gate = AwsGate("aws-external-anthropic", settings, tokens, asks_workspace=True)
    return FirstPartyDoor(dialect, settings, gate, desk=AwsDesk(tokens))


def _azure(dialect: Dialect, settings: SimSettings, tokens: Tokens) -> Door:
    gate, desk = AzureGate(settings, tokens), EntraDesk(settings, tokens)
    return FirstPartyDoor(dialect, settings, gate, prefix="/anthropic", surface=FOUNDRY, desk=desk)


DOORS: dict[str, MakeDoor] = {
    "bedrock": BedrockDoor,
    "mantle": _mantle,
    "platform": _platform,
    "vertex": VertexDoor,
    "azure": _azure,
}
