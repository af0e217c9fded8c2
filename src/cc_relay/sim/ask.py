"""What a simulated provider reads from a Messages request."""

from hashlib import blake2b

import msgspec
from msgspec import Raw, Struct

from cc_relay.sim.steering import Steering, merge, read_model, read_prompt
from cc_relay.sim.words import count_input

Fields = dict[str, Raw]
SECONDS = {"5m": 300.0, "1h": 3600.0}


class WireMessage(Struct):
    role: str
    content: str | list[Fields]


class WireThinking(Struct):
    type: str
    display: str | None = None
    budget_tokens: int | None = None


class WireFormat(Struct):
    type: str = ""
    schema: Raw = Raw(b"{}")


class WireOutputConfig(Struct):
    effort: str | None = None
    format: WireFormat | None = None


class WireBody(Struct, kw_only=True):
    """The fields of a Messages body that change an answer; all others are taken as they come.

    `model` is "" where the body has none: some clouds name it in the path.
    """

    model: str = ""
    messages: list[WireMessage]
    max_tokens: int | None = None
    stream: bool = False
    system: str | list[Fields] | None = None
    tools: list[Fields] = []
    tool_choice: Fields | None = None
    temperature: Raw = Raw()
    top_p: Raw = Raw()
    top_k: Raw = Raw()
    thinking: WireThinking | None = None
    output_config: WireOutputConfig | None = None
    stop_sequences: list[str] | None = None
    safeguards: Raw = Raw()
    anthropic_beta: list[str] = []


class Tool(Struct, frozen=True):
    """A tool the client runs. `schema` is the JSON of its input schema."""

    name: str
    schema: Raw


class PrefixPoint(Struct, frozen=True):
    """The prompt up to the end of one block. `ttl` is seconds where a cache breakpoint stands, else None."""

    digest: bytes
    tokens: int
    ttl: float | None


class CacheControl(Struct):
    type: str = "ephemeral"
    ttl: str = "5m"


def read_body(body: bytes) -> WireBody:
    """Raises msgspec.DecodeError (or its ValidationError) for what is no Messages body."""
    return BODY.decode(body)


BODY = msgspec.json.Decoder(WireBody)


def steering(body: WireBody) -> Steering:
    """What the model name and the last turn's text ask of the simulation."""
    return merge(read_model(body.model), read_prompt(_last_text(body)))


def _last_text(body: WireBody) -> bytes:
    if not body.messages:
        return b""
    content = last_turn(body).content
    if isinstance(content, str):
        return content.encode()
    return b"\n".join(bytes(block["text"]) for block in content if "text" in block)


def client_tools(body: WireBody) -> list[Tool]:
    """The tools the client runs itself: those with an input schema. Server tools have a type and none."""
    return [
        Tool(msgspec.json.decode(tool["name"], type=str), tool["input_schema"])
        for tool in body.tools
        if "input_schema" in tool and "name" in tool
    ]


def last_turn(body: WireBody) -> WireMessage:
    """The last message that is not the system's."""
    for message in reversed(body.messages):
        if message.role != "system":
            return message
    return body.messages[-1]


def has_tool_results(message: WireMessage) -> bool:
    return not isinstance(message.content, str) and any(block_type(block) == "tool_result" for block in message.content)


def block_type(block: Fields) -> str:
    return read_string(block, "type")


def read_string(block: Fields, name: str) -> str:
    """A string field, or "" where it is missing or something else."""
    raw = bytes(block.get(name, b'""'))
    return msgspec.json.decode(raw, type=str) if raw[:1] == b'"' else ""


def prefix_points(body: WireBody) -> list[PrefixPoint]:
    """The prompt block by block in the order the cache sees it: tools, system, messages.

    The cache_control of a block is not part of what is compared (Anthropic docs, prompt caching).
    """
    running = blake2b(digest_size=16)
    points: list[PrefixPoint] = []
    size = 0

    def add(block: Fields) -> None:
        nonlocal size
        for name, value in block.items():
            if name != "cache_control":
                raw = bytes(value)
                running.update(name.encode())
                running.update(raw)
                size += len(raw)
        points.append(PrefixPoint(running.digest(), count_input(size), _breakpoint(block)))

    for tool in body.tools:
        add(tool)
    for block in _blocks(body.system):
        add(block)
    for message in body.messages:
        running.update(message.role.encode())
        for block in _blocks(message.content):
            add(block)
    return points


def _blocks(content: str | list[Fields] | None) -> list[Fields]:
    if content is None:
        return []
    if isinstance(content, str):
        return [{"type": Raw(b'"text"'), "text": Raw(msgspec.json.encode(content))}]
    return content


def _breakpoint(block: Fields) -> float | None:
    raw = bytes(block.get("cache_control", b"null"))
    if raw == b"null":
        return None
    return SECONDS.get(msgspec.json.decode(raw, type=CacheControl).ttl, SECONDS["5m"])
