"""How a simulated provider says no: the error answer in its dialect's own shape."""

from collections.abc import Callable

import msgspec
from msgspec import Struct

from cc_relay.exchange import Headers
from cc_relay.sim.dialects import Dialect
from cc_relay.sim.error_texts import ErrorText, Voice
from cc_relay.sim.reply import JSON, Reply, whole

INTERNAL_HOST = "http://internal.amazon.com/coral/com.amazon.bedrock/"
MODEL_SAYS = "The model returned the following errors: "

Json = dict[str, object]


class Refused(Exception):
    """The provider says no; `name` is a row of its error texts."""

    def __init__(
        self,
        name: str,
        *,
        message: str | None = None,
        retry_after: int | None = None,
        headers: Headers | None = None,
        **details: str,
    ) -> None:
        super().__init__(name)
        self.name, self.message, self.retry_after, self.details = name, message, retry_after, details
        self.headers = headers or []


class Setting(Struct, frozen=True):
    """Where an error is told. `facts` fill the gaps in its words; `in_list` wraps Google's in an array, as its streams
    do; `model_errors` is how Bedrock passes on what the model says."""

    dialect: Dialect
    request_id: str
    gateway_id: str
    facts: dict[str, str]
    in_list: bool = False
    model_errors: str = "text"

    def id_headers(self) -> Headers:
        pairs = ((self.dialect.request_header, self.request_id), (self.dialect.gateway_header, self.gateway_id))
        return [(name, value.encode()) for name, value in pairs if name is not None]


def refusal(refused: Refused, setting: Setting) -> Reply:
    """The error answer; only dialects that send limits send their headers, `retry-after` among them."""
    dialect = setting.dialect
    text = dialect.errors[refused.name]
    message = refused.message or words(text, setting.facts | refused.details)
    headers = JSON + setting.id_headers()
    if text.voice is Voice.AWS:
        headers += [(b"x-amzn-errortype", f"{text.type}:{INTERNAL_HOST}".encode())]
    if dialect.sends_limits:
        headers += refused.headers
    if refused.retry_after is not None and (dialect.sends_limits or dialect.sends_retry_after):
        headers += [(b"retry-after", b"%d" % refused.retry_after)]
    body = envelope(refused.name, message, setting, refused.retry_after)
    if dialect.name == "bedrock" and refused.name == "rejected":
        body = _as_bedrock_passes_it_on(message, setting)
    return whole(text.status, headers, body, refused.name)


def words(text: ErrorText, facts: dict[str, str]) -> str:
    """The text with its gaps filled; a gap nobody fills stays empty."""
    return text.message.format_map(_Facts(facts))


class _Facts(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return ""


def envelope(name: str, message: str, setting: Setting, retry_after: int | None = None) -> bytes:
    """The JSON of an error, in an answer or in an error event."""
    text = setting.dialect.errors[name]
    found = BODIES[text.voice](text, message, setting, retry_after)
    is_list = setting.in_list and text.voice is Voice.GOOGLE
    return msgspec.json.encode([found] if is_list else found)


def _anthropic(text: ErrorText, message: str, setting: Setting, retry_after: int | None) -> Json:
    error: Json = {"type": text.type, "message": message}
    if text.code is not None:
        error["details"] = {"error_code": text.code}
    return {"type": "error", "error": error, "request_id": setting.request_id}


def _aws(text: ErrorText, message: str, setting: Setting, retry_after: int | None) -> Json:
    body: Json = {"message": message}
    if text.type in ("ModelErrorException", "ModelStreamErrorException"):
        body["originalStatusCode"] = 500
    return body


def _google(text: ErrorText, message: str, setting: Setting, retry_after: int | None) -> Json:
    error: Json = {"code": text.status, "message": message, "status": text.type}
    if retry_after is not None:
        error["details"] = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{retry_after}s"}]
    return {"error": error}


def _azure(text: ErrorText, message: str, setting: Setting, retry_after: int | None) -> Json:
    return {"error": {"code": text.type, "message": message}}


BODIES: dict[Voice, Callable[[ErrorText, str, Setting, int | None], Json]] = {
    Voice.ANTHROPIC: _anthropic,
    Voice.AWS: _aws,
    Voice.GOOGLE: _google,
    Voice.AZURE: _azure,
}


def _as_bedrock_passes_it_on(message: str, setting: Setting) -> bytes:
    """What the model itself says reaches clients in three shapes (issue reports of Bedrock clients)."""
    plain = message.removeprefix(MODEL_SAYS)
    inner = _anthropic(ErrorText(400, "invalid_request_error", plain), plain, setting, None)
    match setting.model_errors:
        case "envelope":
            return msgspec.json.encode(inner)
        case "json":
            return msgspec.json.encode({"message": MODEL_SAYS + msgspec.json.encode(inner).decode()})
    return msgspec.json.encode({"message": message})


def unified(status: str, now: float) -> Headers:
    """The subscription headers; here resets are Unix seconds."""
    prefix = b"anthropic-ratelimit-unified-"
    reset = b"%d" % (int(now) + 3600)
    return [
        (prefix + b"status", status.encode()),
        (prefix + b"reset", reset),
        (prefix + b"representative-claim", b"five_hour"),
        (prefix + b"5h-status", status.encode()),
        (prefix + b"5h-reset", reset),
        (prefix + b"5h-utilization", b"1.0" if status == "rejected" else b"0.25"),
    ]
