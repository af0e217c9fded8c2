"""The door to Amazon Bedrock: its runtime, with the model in the path and a binary stream, and its lists."""

import re
from base64 import b64decode
from urllib.parse import parse_qs, unquote

import msgspec
from msgspec import Raw, Struct

from cc_relay.exchange import Headers, RelayRequest
from cc_relay.sim.ask import Fields, WireBody, read_body, read_string
from cc_relay.sim.blocks import Answer
from cc_relay.sim.call import Call, Endpoint
from cc_relay.sim.clouds import bedrock_models, event_stream
from cc_relay.sim.clouds.aws import DEFAULT_REGION, AwsDesk, AwsGate
from cc_relay.sim.clouds.surfaces import BEDROCK, EXTRA, surface_complaint
from cc_relay.sim.clouds.tokens import Tokens
from cc_relay.sim.dialects import Dialect
from cc_relay.sim.error_texts import ErrorText
from cc_relay.sim.frames import PING
from cc_relay.sim.model_rules import SPEAKS_2026, generation
from cc_relay.sim.refusals import Refused
from cc_relay.sim.reply import InBand, Reply, json_reply
from cc_relay.sim.settings import SimSettings
from cc_relay.sim.steering import read_model

RUNTIME = re.compile(r"/model/([^/]+)/(invoke|invoke-with-response-stream|count-tokens)")
PROFILE = re.compile(r"/inference-profiles/(.+)")
FOUNDATION = re.compile(r"/foundation-models/(.+)")
VERSION, NEW_VERSION = "bedrock-2023-05-31", "2026-10-21"
METRICS = "amazon-bedrock-invocationMetrics"
PAGE = 100


class _Invocation(Struct):
    body: str


class _CountInput(Struct, rename="camel"):
    invoke_model: _Invocation


class _CountRequest(Struct):
    input: _CountInput


class BedrockDoor:
    """`/model/{id}/…`, `/inference-profiles` and `/foundation-models`, signed for the service `bedrock`."""

    def __init__(self, dialect: Dialect, settings: SimSettings, tokens: Tokens) -> None:
        self._dialect, self._settings = dialect, settings
        self._gate = AwsGate("bedrock", settings, tokens)
        self._desk = AwsDesk(tokens)
        self._region = settings.region or DEFAULT_REGION

    def __repr__(self) -> str:
        return f"<BedrockDoor {self._region}>"

    def receive(self, request: RelayRequest, now: float) -> Call:
        """Raises Refused, and msgspec.DecodeError for what is no Messages body."""
        issued = self._desk(request, now)
        if issued is not None:
            return Call(Endpoint.CREDENTIAL, found=issued)
        secret = self._gate.admit(request, now)
        found = RUNTIME.fullmatch(request.path)
        if found is not None and request.method == "POST":
            model = unquote(found[1])
            if found[2] == "count-tokens":
                return Call(Endpoint.COUNT, secret, _read_count(request.body, model))
            return Call(Endpoint.MESSAGES, secret, _read(request.body, model, stream=found[2] != "invoke"))
        if request.method != "GET":
            raise Refused("path")
        return Call(Endpoint.LIST, secret, found=json_reply(200, self._list(request), "models"))

    def resolve(self, model: str) -> str:
        """Anthropic's name of the model that an id, a profile or an ARN reaches. Raises Refused."""
        return bedrock_models.resolve(model, self._region, self._settings.aliases())

    def write(self, reply: Reply, answer: Answer) -> Reply:
        """Count tokens in headers; a stream leaves in frames, without pings, its last event with AWS's own metrics."""
        if reply.length is not None:
            counts: Headers = [
                (b"x-amzn-bedrock-input-token-count", b"%d" % answer.input_usage.input),
                (b"x-amzn-bedrock-output-token-count", b"%d" % answer.output_tokens),
                (b"x-amzn-bedrock-cache-read-input-token-count", b"%d" % answer.input_usage.cache_read),
                (b"x-amzn-bedrock-cache-write-input-token-count", b"%d" % answer.input_usage.cache_write),
            ]
            return msgspec.structs.replace(reply, headers=reply.headers + counts)
        kept = [number for number, frame in enumerate(reply.frames) if frame != PING]
        lines = [line for line in reply.headers if line[0] != b"content-type"]
        lines += [
            (b"content-type", event_stream.MEDIA_TYPE),
            (b"x-amzn-bedrock-content-type", b"application/json"),
        ]
        events = [_data(reply.frames[number]) for number in kept]
        events[-1] = _with_metrics(events[-1], answer)
        return msgspec.structs.replace(
            reply,
            headers=lines,
            frames=[event_stream.chunk(event) for event in events],
            due=[reply.due[number] for number in kept] if reply.due else [],
        )

    def in_band(self, text: ErrorText, message: str, envelope: bytes, *, is_bare: bool) -> InBand:
        """An exception frame, or an error frame that no service model knows."""
        frame = event_stream.bare_error(text, message) if is_bare else event_stream.exception(text, message)
        return InBand(frame, envelope, event_stream.garble)

    def _list(self, request: RelayRequest) -> object:
        path, aliases = unquote(request.path), self._settings.aliases()
        listed = bedrock_models.profiles(self._region, aliases)
        if path == "/inference-profiles":
            return _profile_page(listed, request.query)
        if path == "/foundation-models":
            return {"modelSummaries": bedrock_models.foundation_models(self._region)}
        if (found := PROFILE.fullmatch(path)) is not None:
            names = ("inferenceProfileId", "inferenceProfileArn")
            return _the_one([one for one in listed if found[1] in (one[name] for name in names)])
        if (found := FOUNDATION.fullmatch(path)) is not None:
            every = bedrock_models.foundation_models(self._region)
            return {"modelDetails": _the_one([one for one in every if found[1] in (one["modelId"], one["modelArn"])])}
        raise Refused("path")


def _the_one(found: list[dict[str, object]]) -> dict[str, object]:
    if not found:
        raise Refused("404", message="The requested resource could not be found.")
    return found[0]


def _profile_page(listed: list[dict[str, object]], query: str) -> dict[str, object]:
    """`nextToken` is the position of the next one, which nobody has to know."""
    wanted = {name: values[-1] for name, values in parse_qs(query).items()}
    kind, start, size = wanted.get("type"), wanted.get("nextToken", "0"), wanted.get("maxResults", str(PAGE))
    if not start.isdecimal() or not size.isdecimal() or not 1 <= int(size) <= 1000:
        raise Refused("invalid", detail="maxResults or nextToken failed to satisfy constraint")
    kept = [one for one in listed if kind in (None, one["type"])]
    until = int(start) + int(size)
    page: dict[str, object] = {"inferenceProfileSummaries": kept[int(start) : until]}
    return page | ({"nextToken": str(until)} if until < len(kept) else {})


def _read(raw: bytes, model: str, *, stream: bool) -> WireBody:
    """The body of an invocation. Raises Refused, msgspec.DecodeError."""
    fields = msgspec.json.decode(raw, type=Fields)
    for name in ("model", "stream"):
        if name in fields:
            raise Refused("invalid", detail=EXTRA.format(name))
    _check_version(fields, model)
    wrong = surface_complaint(BEDROCK, fields, body_betas(fields))
    if wrong is not None:
        raise Refused("invalid", detail=wrong)
    body = read_body(raw)
    body.model, body.stream = model, stream
    return body


def _read_count(raw: bytes, model: str) -> WireBody:
    """The body that a token count wraps. Raises Refused, msgspec.DecodeError."""
    # Counts know foundation models only, and refuse before they look at the body.
    bedrock_models.resolve_for_count(read_model(model).model)
    wrapped = msgspec.json.decode(raw, type=_CountRequest).input.invoke_model.body
    try:
        inner = b64decode(wrapped, validate=True)
    except ValueError:
        raise Refused("400") from None
    body = _read(inner, model, stream=False)
    if "tools" in msgspec.json.decode(inner, type=Fields) and not body.tools:
        raise Refused("invalid", detail="tools: List should have at least 1 item after validation, not 0")
    return body


def _check_version(fields: Fields, model: str) -> None:
    version = read_string(fields, "anthropic_version")
    if "anthropic_version" not in fields:
        raise Refused("invalid", detail="anthropic_version: Field required")
    if version == VERSION:
        return
    name = generation(model)
    if version != NEW_VERSION or (name and name not in SPEAKS_2026):
        raise Refused("invalid", detail=f"anthropic_version: Input should be '{VERSION}'")


def body_betas(fields: Fields) -> list[str]:
    """The betas of the body; Bedrock takes an array and nothing else. Raises Refused."""
    try:
        return msgspec.json.decode(fields.get("anthropic_beta", Raw(b"[]")), type=list[str])
    except msgspec.ValidationError:
        raise Refused("invalid", detail="anthropic_beta: Input should be a valid list") from None


def _data(frame: bytes) -> bytes:
    """The JSON of one server-sent event."""
    return frame[frame.index(b"data: ") + 6 :].rstrip(b"\n")


def _with_metrics(event: bytes, answer: Answer) -> bytes:
    usage = answer.input_usage
    metrics = {
        "inputTokenCount": usage.input,
        "outputTokenCount": answer.output_tokens,
        "invocationLatency": 1000 + 10 * answer.output_tokens,
        "firstByteLatency": 250,
        "cacheReadInputTokenCount": usage.cache_read,
        "cacheWriteInputTokenCount": usage.cache_write,
    }
    return msgspec.json.encode(msgspec.json.decode(event, type=dict[str, object]) | {METRICS: metrics})
