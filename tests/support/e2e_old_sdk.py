"""A script for an interpreter that has a 0.x `anthropic`: every scenario's outcome, as one JSON object.

`python e2e_old_sdk.py BASE_URL KEY SPOILED…`; it shares nothing with the tests but this. SPOILED are further relays,
one for each fault that takes keys out: whoever asks there next is answered by nobody.
"""

import json
import sys
from collections.abc import Callable, Sequence

import anthropic
import httpx

MODEL = "claude-sonnet-5-5"
FAULTS = ("400", "404", "413", "500", "503", "529")
SPOILING = ("402", "429=7")
SCHEMA = {"type": "object", "properties": {"file_path": {"type": "string"}}}
TOOLS = [{"name": name, "description": name, "input_schema": SCHEMA} for name in ("Read", "Glob")]
Outcome = object


def ask(client: anthropic.Anthropic, model: str = MODEL, **more: object) -> anthropic.types.Message:
    return client.messages.create(model=model, max_tokens=200, messages=[{"role": "user", "content": "Hello"}], **more)


def stream(client: anthropic.Anthropic, model: str = MODEL, **more: object) -> Outcome:
    """The kinds of a stream's raw events, and the message they make."""
    with client.messages.stream(
        model=model, max_tokens=2000, messages=[{"role": "user", "content": "Hello"}], **more
    ) as events:
        raw = [event.type for event in events if event.type.startswith(("message_", "content_block_"))]
        message = events.get_final_message()
        provider = events.response.headers["x-cc-relay-provider"]
    return {"first": raw[0], "last": raw[-1], "message": message.model_dump(mode="json"), "provider": provider}


def create(client: anthropic.Anthropic) -> Outcome:
    raw = client.messages.with_raw_response.create(
        model=MODEL, max_tokens=200, messages=[{"role": "user", "content": "Hello"}]
    )
    sent = raw.http_request.headers
    return {
        "message": raw.parse().model_dump(mode="json"),
        "credentials": [sent.get("x-api-key"), sent.get("authorization")],
        "request_id": raw.headers["request-id"],
    }


def errors(client: anthropic.Anthropic) -> Outcome:
    return {fault: error_of(ask, client, f"{MODEL}+{fault}") for fault in FAULTS}


def spoiling_errors(client: anthropic.Anthropic, relays: Sequence[str]) -> Outcome:
    return {
        fault.partition("=")[0]: error_of(ask, client.with_options(base_url=relay), f"{MODEL}+{fault}")
        for fault, relay in zip(SPOILING, relays, strict=True)
    }


def error_of(call: Callable[..., object], *arguments: object) -> Outcome:
    """What the exception of a call knows; None where there is none."""
    try:
        call(*arguments)
    except anthropic.APIStatusError as error:
        return {
            "class": type(error).__name__,
            "status": error.status_code,
            "request_id": error.request_id,
            "body": error.body,
            "retry_after": error.response.headers.get("retry-after"),
        }
    except (anthropic.APIConnectionError, httpx.TransportError) as error:
        return {"class": type(error).__name__}
    return None


def models(client: anthropic.Anthropic) -> Outcome:
    return {
        "whole": [model.id for model in client.models.list(limit=1000)],
        "paged": [model.id for model in client.models.list(limit=3)],
        "one": client.models.retrieve(MODEL).display_name,
    }


def wrong_key(client: anthropic.Anthropic) -> Outcome:
    return error_of(ask, client.with_options(api_key="wrong", max_retries=3))


SCENARIOS: dict[str, Callable[[anthropic.Anthropic], Outcome]] = {
    "version": lambda _: anthropic.__version__,
    "create": create,
    "text": stream,
    "tools": lambda client: stream(client, f"{MODEL}+tools=2+thinking", tools=TOOLS, thinking={"type": "adaptive"}),
    "count": lambda client: (
        client.messages.count_tokens(model=MODEL, messages=[{"role": "user", "content": "Hello"}]).input_tokens
    ),
    "models": models,
    "errors": errors,
    "wrong_key": wrong_key,
    "bearer": lambda client: (
        ask(
            client.with_options(api_key="", auth_token=client.api_key, default_headers={"x-api-key": anthropic.Omit()})
        ).type
    ),
    # What the first provider does with these models, the test arranges.
    "overloaded": lambda client: stream(client, "claude-haiku-5-5"),
    "early_error": lambda client: stream(client, "claude-opus-4-8"),
    "unreachable": lambda client: stream(client, "claude-nowhere-1"),
    "break": lambda client: error_of(stream, client, "claude-sonnet-4-6"),
}


def main(base_url: str, key: str, *spoiled: str) -> None:
    with anthropic.Anthropic(base_url=base_url, api_key=key, max_retries=0, timeout=20) as client:
        outcomes = {name: scenario(client) for name, scenario in SCENARIOS.items()}
        json.dump(outcomes | {"spoiling_errors": spoiling_errors(client, spoiled)}, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
