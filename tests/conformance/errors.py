"""The corpus of errors: what upstreams answer, and what it has to mean."""

import json
from dataclasses import dataclass, field

from cc_relay.exchange import FailureKind, Headers

TRANSIENT, THROTTLE, PLAN = FailureKind.TRANSIENT, FailureKind.THROTTLE, FailureKind.PLAN
CREDENTIAL, CLIENT, CAPABILITY = FailureKind.CREDENTIAL, FailureKind.CLIENT, FailureKind.CAPABILITY
UNKNOWN_MODEL = FailureKind.UNKNOWN_MODEL

DATE = (b"date", b"Mon, 23 Nov 2026 10:00:00 GMT")
DATE_SECONDS = 1_795_428_000
HTML = b"<html><head><title>Too large</title></head><body>cloudflare <script>x</script></body></html>"


@dataclass(frozen=True)
class Answer:
    """One error answer. `type_` is the provider type it comes from ("": it means the same from any)."""

    name: str
    status: int
    body: bytes
    kind: FailureKind
    seen: tuple[int, str]
    type_: str = ""
    headers: Headers = field(default_factory=list)
    retry_after: float | None = None
    message: str = ""
    is_verbatim: bool = False


def anthropic(error_type: str, message: str, **details: str) -> bytes:
    error: dict[str, object] = {"type": error_type, "message": message}
    if details:
        error["details"] = details
    return json.dumps({"type": "error", "error": error, "request_id": "req_up"}).encode()


def openai(message: str, code: object = None, error_type: str = "BadRequestError") -> bytes:
    return json.dumps({"error": {"message": message, "type": error_type, "param": None, "code": code}}).encode()


def verbatim(status: int, error_type: str, kind: FailureKind, message: str = "As it came.", **more: object) -> Answer:
    """An answer in Anthropic's words, which passes as it came whoever sent it."""
    name = f"{status} {error_type}: {message}"
    body = anthropic(error_type, message)
    return Answer(name, status, body, kind, (status, error_type), message=message, is_verbatim=True, **more)


def zai(code: str, status: int, kind: FailureKind, seen: tuple[int, str], **more: object) -> Answer:
    body = json.dumps({"type": "error", "error": {"type": code, "message": "As Z.AI says it."}, "request_id": "2026"})
    return Answer(f"Z.AI {code}", status, body.encode(), kind, seen, "zai", **more)


def minimax(code: int, status: int, kind: FailureKind, seen: tuple[int, str]) -> Answer:
    return Answer(
        f"MiniMax {code}", status, anthropic("api_error", f"as MiniMax says it ({code})"), kind, seen, "minimax"
    )


REJECTED = [
    DATE,
    (b"anthropic-ratelimit-unified-status", b"rejected"),
    (b"anthropic-ratelimit-unified-reset", str(DATE_SECONDS + 3600).encode()),
]
SPENT = anthropic("rate_limit_error", "Spend cap.", error_code="enforced_spend_limit_reached")
RESET = "Usage limit reached for 5 hour. Your limit will reset at {}"

# fmt: off
ANSWERS = [
    verbatim(400, "invalid_request_error", CLIENT, "messages: at least one message is required"),
    verbatim(400, "invalid_request_error", CLIENT, "prompt is too long: 210000 tokens > 200000 maximum"),
    verbatim(400, "invalid_request_error", PLAN, "You have reached your specified API usage limits."),
    verbatim(400, "invalid_request_error", PLAN, "Your credit balance is too low to access the Anthropic API."),
    verbatim(401, "authentication_error", CREDENTIAL),
    verbatim(402, "billing_error", PLAN),
    verbatim(403, "permission_error", CREDENTIAL),
    verbatim(404, "not_found_error", UNKNOWN_MODEL, "model: claude-none"),
    verbatim(404, "not_found_error", CLIENT, "File not found."),
    verbatim(409, "conflict_error", TRANSIENT),
    verbatim(413, "request_too_large", CLIENT),
    verbatim(429, "rate_limit_error", THROTTLE, headers=[(b"retry-after", b"17")], retry_after=17.0),
    verbatim(429, "rate_limit_error", THROTTLE, "Soon.", headers=[(b"retry-after-ms", b"250")], retry_after=0.25),
    verbatim(
        429,
        "rate_limit_error",
        THROTTLE,
        "At a date.",
        headers=[DATE, (b"retry-after", b"Mon, 23 Nov 2026 10:01:30 GMT")],
        retry_after=90.0,
    ),
    verbatim(
        429,
        "rate_limit_error",
        THROTTLE,
        "At a date by an unknown clock.",
        headers=[(b"retry-after", b"Mon, 23 Nov 2026 10:01:30 GMT")],
    ),
    verbatim(429, "rate_limit_error", PLAN, "Five hours are used up.", headers=REJECTED, retry_after=3600.0),
    verbatim(429, "billing_error", PLAN, "The team's budget is spent."),
    Answer("a tier's spend cap", 429, SPENT, PLAN, (429, "rate_limit_error"), is_verbatim=True),
    verbatim(500, "api_error", TRANSIENT),
    verbatim(501, "not_supported", UNKNOWN_MODEL),
    verbatim(504, "timeout_error", TRANSIENT),
    verbatim(529, "overloaded_error", TRANSIENT),
    *(
        verbatim(400, "invalid_request_error", CAPABILITY, message)
        for message in (
            "messages.1.content.0: Invalid `signature` in `thinking` block",
            "Invalid `data` in `redacted_thinking` block",
            "messages.3.content.0: The block is bound to a different conversation. Remove the block.",
            "messages.1.content.0: `thinking` blocks in the latest assistant message cannot be modified.",
            "messages.1.content.0: Expected `thinking` or `redacted_thinking`, but found `tool_use`.",
            "messages.1.content.0.thinking.signature: Field required",
            '"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive"',
            "adaptive thinking is not supported on this model",
            '"qwen2" does not support thinking',
            'tool_choice: type "tool" and "any" are not supported for this model.',
            "This model does not support assistant message prefill. The conversation must end with a user message.",
            'messages: Unexpected role "system". The Messages API accepts a top-level `system` parameter',
            "role 'system' is not supported on this model",
            "messages.0: use the top-level 'system' parameter for the initial system prompt",
            "messages.1.role: Input should be 'user' or 'assistant'",
            "Unexpected value(s) `x-2026` for the `anthropic-beta` header",
            "invalid beta flag",
            "context_management: Extra inputs are not permitted",
            "messages.1.content.0.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'",
            "invalid image source type: url. Only base64 images are supported.",
        )
    ),
    verbatim(
        400,
        "invalid_request_error",
        CLIENT,
        "tool_use ids were found without `tool_result` blocks immediately after: toolu_1.",
    ),
    # What stands in between, or speaks for the upstream.
    Answer("a page for 413", 413, HTML, CLIENT, (413, "request_too_large"), message="web page"),
    Answer("a piece of a page", 502, b"<p>Bad gateway</p>", TRANSIENT, (502, "api_error"), message="web page"),
    Answer("a page for 502", 502, HTML, TRANSIENT, (502, "api_error"), message="web page"),
    Answer("a page for 200", 200, HTML, TRANSIENT, (502, "api_error"), message="web page"),
    Answer("an origin that is down", 521, b"error code: 521", TRANSIENT, (521, "api_error"), message="error code: 521"),
    Answer("nothing at all", 500, b"", TRANSIENT, (500, "api_error"), message="empty body"),
    Answer("half of a body", 500, b'{"type":"err', TRANSIENT, (500, "api_error"), message='{"type":"err'),
    Answer("a list", 400, b"[1]", CLIENT, (400, "invalid_request_error"), message="[1]"),
    Answer("an error without words", 500, b'{"error":{}}', TRANSIENT, (500, "api_error"), message="no explanation"),
    Answer("teapots", 418, b"short and stout", CLIENT, (418, "invalid_request_error"), message="short and stout"),
    Answer("no such method", 405, b"", UNKNOWN_MODEL, (405, "invalid_request_error")),
    Answer("no API here", 404, b"404 page not found", TRANSIENT, (404, "not_found_error"), message="page not found"),
    # Imitations of Anthropic in words of their own.
    *(
        Answer(f"{name} from {type_}", status, body, kind, seen, type_, message=message)
        for type_ in ("zai", "minimax", "ollama", "anthropic_compatible")
        for name, status, body, kind, seen, message in (
            ("vLLM's overflow", 400, openai("This model's maximum context length is 32768 tokens.", 400), CLIENT,
             (400, "invalid_request_error"), "prompt is too long: This model's maximum"),
            ("OpenAI's overflow", 400, openai("Too much.", "context_length_exceeded"), CLIENT,
             (400, "invalid_request_error"), "prompt is too long: Too much."),
            ("llama.cpp's overflow", 400, openai("the request exceeds the available context size.", 400), CLIENT,
             (400, "invalid_request_error"), "prompt is too long: "),
            ("an unknown model", 404, openai("The model `x` does not exist.", "model_not_found"), UNKNOWN_MODEL,
             (404, "not_found_error"), "does not exist"),
            ("no quota", 429, openai("You exceeded your quota.", "insufficient_quota"), PLAN,
             (429, "rate_limit_error"), "quota"),
            ("a throttle", 429, openai("Slow down.", 429), THROTTLE, (429, "rate_limit_error"), "Slow down."),
            ("a busy server", 503, openai("Loading model", 503, "unavailable_error"), TRANSIENT,
             (529, "overloaded_error"), "Loading model"),
            ("FastAPI's validation", 422,
             b'{"detail":[{"loc":["body","max_tokens"],"msg":"field required","type":"missing"}]}', CLIENT,
             (400, "invalid_request_error"), "body.max_tokens: field required"),
            ("FastAPI's detail", 401, b'{"detail":"Invalid key"}', CREDENTIAL, (401, "authentication_error"),
             "Invalid key"),
            ("old vLLM", 400, b'{"object":"error","message":"bad temperature","code":400}', CLIENT,
             (400, "invalid_request_error"), "bad temperature"),
            ("a gateway's msg", 401, b'{"code":401,"msg":"token expired","success":false}', CREDENTIAL,
             (401, "authentication_error"), "token expired"),
            ("LM Studio's polite refusal", 200,
             b'{"error":"Unexpected endpoint or method. (POST /v1/messages/count_tokens). Returning 200 anyway"}',
             UNKNOWN_MODEL, (501, "not_supported"), "Unexpected endpoint"),
            ("markup in a message", 500, openai("<html><script>alert(1)</script></html>"), TRANSIENT,
             (500, "api_error"), "web page"),
            ("OpenRouter without credit", 402, openai("Insufficient credits", 402), PLAN, (402, "billing_error"),
             "Insufficient credits"),
            ("an overload that came with a 200", 200, anthropic("overloaded_error", "Busy."), TRANSIENT,
             (529, "overloaded_error"), "Busy."),
        )
    ),
    # Z.AI: the code decides, not the status.
    zai("1001", 401, CREDENTIAL, (401, "authentication_error")),
    zai("1112", 429, CREDENTIAL, (403, "permission_error")),
    zai("1113", 429, PLAN, (402, "billing_error")),
    zai("1210", 400, CLIENT, (400, "invalid_request_error")),
    zai("1211", 400, UNKNOWN_MODEL, (404, "not_found_error")),
    zai("1220", 403, CREDENTIAL, (403, "permission_error")),
    zai("1261", 400, CLIENT, (400, "invalid_request_error"), message="prompt is too long: As Z.AI says it."),
    zai("1301", 400, CLIENT, (400, "invalid_request_error")),
    zai("1302", 429, THROTTLE, (429, "rate_limit_error")),
    zai("1304", 429, PLAN, (429, "rate_limit_error")),
    zai("1305", 429, THROTTLE, (429, "rate_limit_error"), headers=[(b"retry-after", b"3")], retry_after=3.0),
    zai("1309", 429, PLAN, (402, "billing_error")),
    zai("1310", 429, PLAN, (429, "rate_limit_error")),
    zai("1311", 403, UNKNOWN_MODEL, (403, "permission_error")),
    zai("1312", 429, TRANSIENT, (529, "overloaded_error")),
    zai("1113", 200, PLAN, (402, "billing_error")),
    zai("9999", 429, THROTTLE, (429, "rate_limit_error")),
    Answer("Z.AI in OpenAI's shape", 429, openai("High concurrency.", "1302", ""), THROTTLE, (429, "rate_limit_error"),
           "zai"),
    Answer("Z.AI's window", 400,
           anthropic("invalid_request_error", "The model has reached its context window limit."), CLIENT,
           (400, "invalid_request_error"), "zai", message="prompt is too long: The model has reached"),
    Answer("Z.AI's reset in an unnamed zone", 429, anthropic("1308", RESET.format("2026-11-23 12:00:00")), PLAN,
           (429, "rate_limit_error"), "zai", headers=[DATE]),
    Answer("Z.AI's reset in a named zone", 429, anthropic("1308", RESET.format("2026-11-23 19:00:00 +08:00")), PLAN,
           (429, "rate_limit_error"), "zai", headers=[DATE], retry_after=3600.0),
    Answer("Z.AI's reset without a clock", 429, anthropic("1308", RESET.format("2026-11-23T11:00:00Z")), PLAN,
           (429, "rate_limit_error"), "zai"),
    Answer("Z.AI's reset on no day", 429, anthropic("1308", RESET.format("2026-13-45 11:00:00 Z")), PLAN,
           (429, "rate_limit_error"), "zai", headers=[DATE]),
    # MiniMax: the code at the end of the message decides.
    minimax(1008, 500, PLAN, (402, "billing_error")),
    minimax(1004, 500, CREDENTIAL, (401, "authentication_error")),
    minimax(1002, 500, THROTTLE, (429, "rate_limit_error")),
    minimax(2013, 400, CLIENT, (400, "invalid_request_error")),
    minimax(2056, 500, PLAN, (429, "rate_limit_error")),
    minimax(1000, 500, TRANSIENT, (500, "api_error")),
    Answer("MiniMax's own shape", 200, b'{"base_resp":{"status_code":2049,"status_msg":"invalid api key"}}', CREDENTIAL,
           (401, "authentication_error"), "minimax", message="invalid api key (2049)"),
    Answer("MiniMax's window", 400,
           anthropic("invalid_request_error", "invalid params, context window exceeds limit (2013)"), CLIENT,
           (400, "invalid_request_error"), "minimax", message="prompt is too long: "),
    # Ollama: what to do about it.
    Answer("Ollama's missing model", 404,
           anthropic("not_found_error", 'model "qwen3:8b" not found, try pulling it first'), UNKNOWN_MODEL,
           (404, "not_found_error"), "ollama", message="ollama pull qwen3:8b"),
    Answer("Ollama's own API", 404, b'{"error":"model \'llama3\' not found"}', UNKNOWN_MODEL, (404, "not_found_error"),
           "ollama", message="ollama pull llama3"),
]
# fmt: on
