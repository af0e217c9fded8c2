"""The dialects: how each provider differs from Anthropic's own wire format, as a table."""

from base64 import b64encode
from collections.abc import Callable
from enum import Enum
from hashlib import blake2b
from uuid import UUID

from msgspec import Struct

from cc_relay.sim.clouds.error_texts import AZURE, BEDROCK, CLAUDE_ON_AWS, VERTEX
from cc_relay.sim.error_texts import ANTHROPIC, MINIMAX, OLLAMA, ZAI, ErrorText


class Thinks(Enum):
    """When models think: when ASKED, ALWAYS unless told not to, or by EFFORT (Ollama maps no `adaptive`)."""

    ASKED = "asked"
    ALWAYS = "always"
    EFFORT = "effort"


class ListShape(Enum):
    """How models are listed; NONE answers 404."""

    ANTHROPIC = "anthropic"
    OPENAI = "openai"
    NONE = "none"


def claude_signature(thinking: bytes) -> str:
    # Real ones are base64 whose first decoded byte is 0x12.
    return b64encode(b"\x12" + blake2b(thinking, digest_size=47, person=b"sim-claude").digest()).decode()


def is_claude_signature(signature: str) -> bool:
    """The structural check only: opaque to everybody but their maker."""
    return len(signature) >= 16 and signature[0] in "EC"


def hex_signature(thinking: bytes) -> str:
    return blake2b(thinking, digest_size=32, person=b"sim-foreign").hexdigest()


def claude_id(number: int, mark: bytes) -> str:
    return "msg_01" + _alphanumeric(number, mark)


def bedrock_id(number: int, mark: bytes) -> str:
    return "msg_bdrk_01" + _alphanumeric(number, mark)


def vertex_id(number: int, mark: bytes) -> str:
    return "msg_vrtx_01" + _alphanumeric(number, mark)


def bare_number(number: int, mark: bytes) -> str:
    """Z.AI: a date, a time and a hexadecimal tail, without a prefix."""
    return f"2026112306{number % 10_000:04d}" + mark.hex()[:16] + f"{number:04x}"[-4:]


def bare_hex(number: int, mark: bytes) -> str:
    return blake2b(b"%d" % number + mark, digest_size=16).hexdigest()


def ollama_id(number: int, mark: bytes) -> str:
    return "msg_" + bare_hex(number, mark)[:24]


def _alphanumeric(number: int, mark: bytes) -> str:
    tail = b64encode(blake2b(b"%d" % number + mark, digest_size=18).digest(), altchars=b"Qz").decode()
    return tail[:22]


class Dialect(Struct, frozen=True):
    """One provider's wire habits. Claims about third parties come from their public docs, sources and issue reports.

    `families` are model-name prefixes that are served; `stand_in` is what an unknown `claude-*` name silently becomes.
    `request_header` names the header with the request id, `gateway_header` that with the id of a cloud's gateway.
    `sign` None sends thinking without a signature. `splits_tool_input` False sends tool arguments in one delta.
    `counts_first` False leaves the input counts of `message_start` at zero until the last `message_delta`.
    `is_strict` checks histories as Anthropic does. `speaks_errors` False ends a failing stream in silence.
    `sends_limits` sends the rate-limit headers, `sends_retry_after` that header alone. `count_field` holds a count.
    """

    name: str
    models: tuple[str, ...]
    families: tuple[str, ...]
    errors: dict[str, ErrorText]
    message_id: Callable[[int, bytes], str]
    sign: Callable[[bytes], str] | None
    thinks: Thinks
    lists: ListShape
    stand_in: str | None = None
    request_header: bytes | None = b"request-id"
    gateway_header: bytes | None = None
    tool_prefix: str = "toolu_01"
    pings: bool = True
    caches: bool = True
    counts_tokens: bool = False
    counts_first: bool = True
    splits_tool_input: bool = True
    count_field: str = "input_tokens"
    sends_limits: bool = False
    sends_retry_after: bool = False
    speaks_errors: bool = True
    is_strict: bool = False
    has_stop_sequences: bool = True

    def tool_id(self, number: int, position: int, mark: bytes) -> str:
        return self.tool_prefix + _alphanumeric(number, mark + b"tool%d" % position)

    def request_id(self, number: int, mark: bytes) -> str:
        return "req_01" + _alphanumeric(number, mark + b"request")

    def gateway_id(self, number: int, mark: bytes) -> str:
        return str(
            UUID(bytes=blake2b(b"%d" % number + mark, digest_size=16, person=b"sim-gateway").digest(), version=4)
        )

    def serves(self, model: str) -> str | None:
        """The name this provider answers with for `model`; None where it has no such model."""
        if model == "sim" or model.startswith(("sim-", *self.families)) or model in self.models:
            return model
        if self.stand_in is not None and model.startswith("claude"):
            return self.stand_in
        return None


CLAUDES = (
    "claude-opus-5-5",
    "claude-sonnet-5-5",
    "claude-haiku-5-5",
    "claude-opus-5",
    "claude-sonnet-5",
    "claude-opus-4-8",
    "claude-sonnet-4-6",
    "claude-opus-4-5-20251101",
    "claude-sonnet-4-5-20250929",
    "claude-haiku-4-5-20251001",
)

DIALECTS: dict[str, Dialect] = {
    dialect.name: dialect
    for dialect in (
        Dialect(
            name="anthropic",
            models=CLAUDES,
            families=("claude-",),
            errors=ANTHROPIC,
            message_id=claude_id,
            sign=claude_signature,
            thinks=Thinks.ASKED,
            lists=ListShape.ANTHROPIC,
            counts_tokens=True,
            sends_limits=True,
            is_strict=True,
        ),
        Dialect(
            name="bedrock",
            models=(),
            families=(),
            errors=BEDROCK,
            message_id=bedrock_id,
            sign=claude_signature,
            thinks=Thinks.ASKED,
            lists=ListShape.NONE,
            request_header=None,
            gateway_header=b"x-amzn-requestid",
            tool_prefix="toolu_bdrk_01",
            pings=False,
            counts_tokens=True,
            count_field="inputTokens",
            is_strict=True,
        ),
        Dialect(
            name="mantle",
            models=(
                "anthropic.claude-fable-5",
                "anthropic.claude-opus-5-5",
                "anthropic.claude-sonnet-5-5",
                "anthropic.claude-haiku-5-5",
                "anthropic.claude-opus-5",
                "anthropic.claude-sonnet-5",
                "anthropic.claude-opus-4-8",
                "anthropic.claude-opus-4-7",
                "anthropic.claude-haiku-4-5",
            ),
            families=(),
            errors=CLAUDE_ON_AWS,
            message_id=bedrock_id,
            sign=claude_signature,
            thinks=Thinks.ASKED,
            lists=ListShape.NONE,
            gateway_header=b"x-amzn-requestid",
            tool_prefix="toolu_bdrk_01",
            counts_tokens=True,
            is_strict=True,
        ),
        Dialect(
            name="platform",
            models=CLAUDES,
            families=("claude-",),
            errors=CLAUDE_ON_AWS,
            message_id=claude_id,
            sign=claude_signature,
            thinks=Thinks.ASKED,
            lists=ListShape.ANTHROPIC,
            gateway_header=b"x-amzn-requestid",
            counts_tokens=True,
            sends_limits=True,
            is_strict=True,
        ),
        Dialect(
            name="vertex",
            models=(
                "claude-fable-5-2",
                "claude-opus-5-5",
                "claude-sonnet-5-5",
                "claude-haiku-5-5",
                "claude-opus-5",
                "claude-sonnet-5",
                "claude-opus-4-8",
                "claude-opus-4-7",
                "claude-opus-4-6",
                "claude-sonnet-4-6",
                "claude-opus-4-5@20251101",
                "claude-sonnet-4-5@20250929",
                "claude-haiku-4-5@20251001",
            ),
            families=(),
            errors=VERTEX,
            message_id=vertex_id,
            sign=claude_signature,
            thinks=Thinks.ASKED,
            lists=ListShape.NONE,
            tool_prefix="toolu_vrtx_01",
            counts_tokens=True,
            is_strict=True,
        ),
        Dialect(
            name="azure",
            models=CLAUDES,
            families=(),
            errors=AZURE,
            message_id=claude_id,
            sign=claude_signature,
            thinks=Thinks.ASKED,
            lists=ListShape.NONE,
            gateway_header=b"apim-request-id",
            counts_tokens=True,
            sends_retry_after=True,
            is_strict=True,
        ),
        Dialect(
            name="zai",
            models=("glm-5.3", "glm-5.3-flash", "glm-5.2", "glm-4.7", "glm-4.6", "glm-4.5-air"),
            families=("glm-",),
            errors=ZAI,
            message_id=bare_number,
            sign=hex_signature,
            thinks=Thinks.ALWAYS,
            lists=ListShape.NONE,
            stand_in="glm-5.3",
            request_header=b"x-log-id",
            tool_prefix="call_",
            counts_first=False,
        ),
        Dialect(
            name="minimax",
            models=("MiniMax-M3", "MiniMax-M3.1-Flash", "MiniMax-M2.7"),
            families=("MiniMax-",),
            errors=MINIMAX,
            message_id=bare_hex,
            sign=hex_signature,
            thinks=Thinks.ALWAYS,
            lists=ListShape.ANTHROPIC,
            tool_prefix="call_function_",
        ),
        Dialect(
            name="ollama",
            models=("qwen3-coder:30b", "gpt-oss:20b", "llama3.3:70b"),
            families=(),
            errors=OLLAMA,
            message_id=ollama_id,
            sign=None,
            thinks=Thinks.EFFORT,
            lists=ListShape.OPENAI,
            request_header=None,
            tool_prefix="call_",
            pings=False,
            caches=False,
            splits_tool_input=False,
            speaks_errors=False,
            has_stop_sequences=False,
        ),
    )
}
