"""What each dialect says when it refuses: status, type and words, as tables keyed by fault name."""

from enum import Enum

from msgspec import Struct


class Voice(Enum):
    """Whose error it is: the shape of its body."""

    ANTHROPIC = "anthropic"
    AWS = "aws"
    GOOGLE = "google"
    AZURE = "azure"


class ErrorText(Struct, frozen=True):
    """`type` is the voice's own name for the error.

    `code` is Anthropic's `details.error_code`; None leaves `details` out.
    """

    status: int
    type: str
    message: str
    code: str | None = None
    voice: Voice = Voice.ANTHROPIC


ANTHROPIC: dict[str, ErrorText] = {
    "400": ErrorText(400, "invalid_request_error", "messages: at least one message is required"),
    "401": ErrorText(401, "authentication_error", "invalid x-api-key"),
    "402": ErrorText(402, "billing_error", "Your credit balance is too low to access the Anthropic API."),
    "403": ErrorText(403, "permission_error", "Your API key does not have permission to use the specified resource."),
    "404": ErrorText(404, "not_found_error", "Not found"),
    "409": ErrorText(409, "conflict_error", "The request conflicts with another one."),
    "413": ErrorText(413, "request_too_large", "Request exceeds the maximum size"),
    "429": ErrorText(
        429, "rate_limit_error", "This request would exceed your account's rate limit. Please try again later."
    ),
    "500": ErrorText(500, "api_error", "Internal server error"),
    "502": ErrorText(502, "api_error", "Bad gateway"),
    "503": ErrorText(503, "api_error", "Service unavailable"),
    "504": ErrorText(504, "timeout_error", "The request timed out."),
    "529": ErrorText(529, "overloaded_error", "Overloaded"),
    "quota": ErrorText(
        429, "rate_limit_error", "You have reached your enforced spend limit.", "enforced_spend_limit_reached"
    ),
    "plan": ErrorText(429, "rate_limit_error", "This request would exceed your account's rate limit."),
    "no-safeguards": ErrorText(400, "invalid_request_error", "safeguards: Extra inputs are not permitted"),
    "model": ErrorText(404, "not_found_error", "model: {model}"),
    "too-long": ErrorText(400, "invalid_request_error", "prompt is too long: 1000001 tokens > 1000000 maximum"),
    "not-ready": ErrorText(529, "overloaded_error", "Overloaded"),
    "model-error": ErrorText(500, "api_error", "Internal server error"),
    "stream-error": ErrorText(529, "overloaded_error", "Overloaded"),
    "expired": ErrorText(401, "authentication_error", "OAuth token has expired."),
    "signature": ErrorText(401, "authentication_error", "Invalid bearer token"),
    "invalid": ErrorText(400, "invalid_request_error", "{detail}"),
    "rejected": ErrorText(400, "invalid_request_error", "{detail}"),
    "path": ErrorText(404, "not_found_error", "Not found"),
}
"""Refusals by fault name, and more: `model` is not served, `invalid` reads wrong, `rejected` is the model's own no."""

ZAI: dict[str, ErrorText] = ANTHROPIC | {
    # Their error.type is a business code in a string; the HTTP status only roughly fits.
    "400": ErrorText(400, "1210", "Invalid API parameter, please check the documentation."),
    "401": ErrorText(401, "1000", "Authentication Failed"),
    "402": ErrorText(429, "1113", "Insufficient balance or no resource package. Please recharge."),
    "403": ErrorText(403, "1220", "You do not have permission to access this API."),
    "404": ErrorText(404, "1211", "Unknown Model, please check the model code."),
    "413": ErrorText(400, "1261", "Prompt exceeds max length"),
    "429": ErrorText(429, "1302", "High concurrency usage of this API, please reduce concurrency or contact us."),
    "500": ErrorText(500, "500", "Internal network failure"),
    "529": ErrorText(429, "1312", "The model is currently overloaded, please try again later."),
    "quota": ErrorText(429, "1113", "Insufficient balance or no resource package. Please recharge."),
    "plan": ErrorText(429, "1308", "Usage limit reached for 5 hour. Your limit will reset at 2026-11-23 11:00:00"),
    "no-safeguards": ErrorText(400, "1210", "Invalid API parameter: safeguards"),
    "model": ErrorText(400, "1211", "Unknown Model, please check the model code."),
    "too-long": ErrorText(400, "1261", "Prompt exceeds max length"),
    "invalid": ErrorText(400, "1214", "{detail}"),
    "rejected": ErrorText(400, "1214", "{detail}"),
}

MINIMAX: dict[str, ErrorText] = ANTHROPIC | {
    "401": ErrorText(401, "authentication_error", "login fail: Please carry the API secret key in the request header"),
    "402": ErrorText(402, "billing_error", "insufficient balance (1008)"),
    "429": ErrorText(429, "rate_limit_error", "rate limit exceeded(RPM) (1002)"),
    "500": ErrorText(500, "api_error", "unknown error (1000)"),
    "quota": ErrorText(402, "billing_error", "insufficient balance (1008)"),
    "plan": ErrorText(429, "rate_limit_error", "usage limit exceeded (2056)"),
    "model": ErrorText(400, "invalid_request_error", "invalid params, unknown model '{model}' (2013)"),
}

OLLAMA: dict[str, ErrorText] = ANTHROPIC | {
    "400": ErrorText(400, "invalid_request_error", "messages is required"),
    "401": ErrorText(401, "authentication_error", "unauthorized"),
    "402": ErrorText(402, "api_error", "payment required"),
    "409": ErrorText(409, "api_error", "conflict"),
    "413": ErrorText(413, "api_error", "request entity too large"),
    "429": ErrorText(429, "rate_limit_error", "too many concurrent requests"),
    "500": ErrorText(500, "api_error", "llama runner process has terminated: exit status 2"),
    "503": ErrorText(503, "overloaded_error", "server busy, please try again.  maximum pending requests exceeded"),
    "504": ErrorText(504, "api_error", "gateway timeout"),
    "529": ErrorText(529, "overloaded_error", "overloaded"),
    "quota": ErrorText(429, "rate_limit_error", "you have reached your hourly usage limit"),
    "plan": ErrorText(429, "rate_limit_error", "you have reached your weekly usage limit"),
    "model": ErrorText(404, "not_found_error", 'model "{model}" not found, try pulling it first'),
    "path": ErrorText(404, "not_found_error", "404 page not found"),
}
