"""One request, as a door hands it to the engine, and what a door is."""

from enum import Enum
from typing import Protocol

from msgspec import Struct

from cc_relay.exchange import RelayRequest
from cc_relay.sim.ask import WireBody
from cc_relay.sim.blocks import Answer
from cc_relay.sim.error_texts import ErrorText
from cc_relay.sim.reply import InBand, Reply


class Endpoint(Enum):
    """What is asked for: a message, its token count, something listed, something anybody may know, or a credential."""

    MESSAGES = "messages"
    COUNT = "count"
    LIST = "list"
    PUBLIC = "public"
    CREDENTIAL = "credential"


class Call(Struct, frozen=True):
    """`body` is what is asked in Anthropic's terms, for MESSAGES and COUNT; `found` answers the other endpoints.

    `secret` is the credential, or of one that is never sent (AWS's) its public name.
    """

    endpoint: Endpoint
    secret: str = ""
    body: WireBody | None = None
    found: Reply | None = None


class Door(Protocol):
    """How a provider is entered and left: its paths and credentials, and the wire its answers take."""

    def receive(self, request: RelayRequest, now: float) -> Call:
        """Raises Refused, and msgspec.DecodeError for what is no Messages body."""

    def resolve(self, model: str) -> str:
        """The name this provider answers with for `model`. Raises Refused."""

    def write(self, reply: Reply, answer: Answer) -> Reply:
        """A good answer as it leaves."""

    def in_band(self, text: ErrorText, message: str, envelope: bytes, *, is_bare: bool) -> InBand:
        """An error after a good head; `envelope` is the same error in the body of an answer."""
