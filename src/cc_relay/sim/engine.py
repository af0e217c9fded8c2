"""A simulated provider without its socket: a request and the time in, a reply out."""

from collections.abc import Callable
from hashlib import sha256
from math import ceil
from random import Random

import msgspec
from msgspec import Struct

from cc_relay.exchange import Headers, RelayRequest
from cc_relay.sim import listings, reply
from cc_relay.sim.ask import WireBody, client_tools, prefix_points, read_body, steering
from cc_relay.sim.blocks import Answer, InputUsage
from cc_relay.sim.compose import clip, compose, dice_for, dress, judge_safeguards
from cc_relay.sim.dialects import DIALECTS, ListShape
from cc_relay.sim.faults import FAULTS, Action, FaultBoard, Strike
from cc_relay.sim.frames import message, stream_frames
from cc_relay.sim.journal import Entry, Journal, credential, fingerprint
from cc_relay.sim.limits import KeyLimits, Limits
from cc_relay.sim.prompt_cache import PromptCache
from cc_relay.sim.refusals import Refused, envelope, id_headers, refusal, unified
from cc_relay.sim.reply import JSON, Reply, json_reply, whole
from cc_relay.sim.script import Script, Step
from cc_relay.sim.settings import SimSettings
from cc_relay.sim.steering import Steering
from cc_relay.sim.strictness import complaint, decoding_complaint
from cc_relay.sim.words import Book, count_input

NO_BUDGET = 1 << 30
OAUTH = "sk-ant-oat"
OAUTH_BETA = b"oauth-2025-04-20"


class Ask(Struct, frozen=True):
    """One Messages call on its way through the engine."""

    request: RelayRequest
    entry: Entry
    body: WireBody
    steered: Steering
    secret: str
    now: float


class Engine:
    """Everything a simulated provider knows between requests. `now` is Unix seconds wherever it is asked for."""

    def __init__(self, settings: SimSettings) -> None:
        """Raises KeyError for a dialect or a fault nobody knows."""
        self.settings = settings
        self.dialect = DIALECTS[settings.dialect]
        self.journal = Journal()
        self.faults = FaultBoard(settings.faults, Random(settings.seed))  # noqa: S311 -- faults, not secrets
        self.script = Script()
        self._book = Book(settings.seed)
        self._cache = PromptCache()
        self._limits: dict[str, KeyLimits] = {}
        self._mark = sha256(f"{settings.dialect} {settings.seed}".encode()).digest()[:8]

    def __repr__(self) -> str:
        return f"<Engine {self.dialect.name} {self.journal!r}>"

    def forget(self) -> None:
        """As new: no journal, cache, used-up limits, script, or faults."""
        self.journal.forget()
        self.faults.clear()
        self.script.clear()
        self._cache.clear()
        self._limits.clear()

    def answer(self, request: RelayRequest, entry: Entry, now: float) -> Reply:
        """Answer anything but the control endpoints; notes model, key and kind of answer in `entry`."""
        try:
            found = self._route(request, entry, now)
        except Refused as refused:
            found = refusal(refused, self.dialect, self._request_id(entry))
        except msgspec.DecodeError as error:
            wrong = Refused("invalid", detail=decoding_complaint(error))
            found = refusal(wrong, self.dialect, self._request_id(entry))
        entry.note = found.note
        return found

    # -- routes ---------------------------------------------------------------------------------------------------

    def _route(self, request: RelayRequest, entry: Entry, now: float) -> Reply:
        endpoint = endpoint_of(request.path)
        method = "GET" if request.method == "HEAD" else request.method
        fixed = FIXED.get((self.dialect.name, endpoint)) or FIXED.get(("", endpoint))
        if method == "GET" and fixed is not None:
            return fixed(self)
        entry.key = fingerprint(credential(request))
        self._authenticate(request)
        if (method, endpoint) == ("POST", "/v1/messages"):
            return self._messages(self._read(request, entry, now))
        if (method, endpoint) == ("POST", "/v1/messages/count_tokens") and self.dialect.counts_tokens:
            return self._count(self._read(request, entry, now))
        if method == "GET" and endpoint.startswith("/v1/models"):
            self._maybe_refuse(self.faults.strike(model="", key=credential(request), is_messages=False), now)
            return self._models(endpoint, request.query)
        raise Refused("path")

    def _authenticate(self, request: RelayRequest) -> None:
        secret = credential(request)
        if self.settings.keys and secret not in self.settings.keys:
            raise Refused("401")
        if self.dialect.is_strict and secret.startswith(OAUTH):
            betas = b",".join(value for name, value in request.headers if name == b"anthropic-beta")
            if OAUTH_BETA not in betas:
                raise Refused("401", message="OAuth authentication is currently not supported.")

    def _read(self, request: RelayRequest, entry: Entry, now: float) -> Ask:
        if self.dialect.is_strict and request.header(b"anthropic-version") is None:
            raise Refused("invalid", detail="anthropic-version: header is required")
        body = read_body(request.body)
        entry.model = body.model
        return Ask(request, entry, body, steering(body), credential(request), now)

    def _messages(self, ask: Ask) -> Reply:
        steered = ask.steered
        wrong = complaint(ask.body, self.dialect)
        if wrong is not None:
            raise Refused("invalid", detail=wrong)
        strike = steered.strike or self.faults.strike(model=steered.model, key=ask.secret, is_messages=True)
        self._maybe_refuse(strike, ask.now)
        model = self.dialect.serves(steered.model, self.settings.models)
        if model is None:
            raise Refused("model", model=steered.model)
        return self._good(ask, model, strike)

    def _good(self, ask: Ask, model: str, strike: Strike | None) -> Reply:
        points = prefix_points(ask.body)
        usage = InputUsage(points[-1].tokens if points else 0)
        if self.dialect.caches:
            usage = self._cache.use(f"{ask.secret} {model}", points, ask.now)
        limits = self._admit(ask.secret, usage, ask.now)
        step = self._take_step(ask)
        answer = self._compose(ask, model, usage, step)
        headers = id_headers(self.dialect, self._request_id(ask.entry))
        if limits is not None:
            limits.charge_output(answer.output_tokens, ask.now)
            headers += limits.headers(ask.now)
        if ask.secret.startswith(OAUTH):
            headers += unified("allowed", ask.now)
        return self._write(ask, answer, headers, strike, step)

    def _take_step(self, ask: Ask) -> Step | None:
        """The scripted step for this request; a step that refuses does so here."""
        is_agent = ask.request.header(b"x-claude-code-agent-id") is not None
        step = self.script.take(ask.request.body, has_tools=bool(client_tools(ask.body)), is_agent=is_agent)
        if step is not None and step.fault is not None:
            self._maybe_refuse(Strike(FAULTS[step.fault]), ask.now)
        return step

    def _compose(self, ask: Ask, model: str, usage: InputUsage, step: Step | None) -> Answer:
        body = ask.body
        dice = dice_for(self.settings.seed, ask.request.body)
        blocks = (
            step.blocks
            if step and step.blocks
            else compose(body, ask.steered, self.dialect, self._book, self.settings.text_tokens, dice)
        )
        stops = body.stop_sequences or [] if self.dialect.has_stop_sequences else []
        clipped = clip(blocks, NO_BUDGET if body.max_tokens is None else body.max_tokens, stops)
        omits = body.thinking is not None and body.thinking.display == "omitted" and self.dialect.is_strict
        number = ask.entry.number
        dressed = dress(clipped.blocks, self.dialect, omits_thinking=omits, number=number, mark=self._mark)
        reason = "refusal" if "refusal" in ask.steered.words else clipped.stop_reason
        return Answer(
            message_id=self.dialect.message_id(number, self._mark),
            model=model,
            blocks=dressed,
            stop_reason=(step.stop_reason if step else None) or reason,
            stop_sequence=clipped.stop_sequence,
            input_usage=usage,
            output_tokens=clipped.output_tokens,
            safeguard_results=judge_safeguards(body, dressed) if self.dialect.is_strict else None,
        )

    def _write(self, ask: Ask, answer: Answer, headers: Headers, strike: Strike | None, step: Step | None) -> Reply:
        words = ask.steered.words
        speed = words.get("slow") or (5.0 if "slow" in words else self.settings.speed)
        first = words.get("wait") or self.settings.first_token
        if step is not None:
            speed = speed if step.speed is None else step.speed
            first = first if step.first_token is None else step.first_token
        delay = step.delay if step else 0.0
        note = "script" if step else "answer"
        frames = stream_frames(answer, self.dialect, self.settings.tokens_per_event)
        if ask.body.stream:
            events, due = reply.pace(frames.events, frames.tokens, speed, first)
            good = reply.stream(headers, events, due, note, delay)
        else:
            delay += first + (answer.output_tokens / speed if speed > 0 else 0.0)
            body = msgspec.json.encode(message(answer, self.dialect))
            good = whole(200, JSON + headers, body, note, delay)
        if step is not None:
            strike = step.strike(frames.block_ends) or strike
        return good if strike is None else self._strike(good, strike, ask.entry)

    # -- refusals -------------------------------------------------------------------------------------------------

    def _maybe_refuse(self, strike: Strike | None, now: float) -> None:
        if strike is None or strike.fault.action is not Action.REFUSE:
            return
        headers = unified("rejected", now) if strike.fault.name == "plan" and self.dialect.is_strict else []
        raise Refused(strike.fault.name, message=strike.message, retry_after=strike.retry_after, headers=headers)

    def _strike(self, good: Reply, strike: Strike, entry: Entry) -> Reply:
        if strike.fault.action is Action.ERROR_EVENT and not self.dialect.speaks_errors:
            # Ollama never sends an error event: its stream just ends.
            strike = msgspec.structs.replace(strike, fault=msgspec.structs.replace(strike.fault, action=Action.CUT))
        error = envelope("529", strike.message, self.dialect, self._request_id(entry))
        return reply.strike(good, strike.fault, strike.after_events, error)

    def _admit(self, secret: str, usage: InputUsage, now: float) -> KeyLimits | None:
        """Charge the key, or refuse. Cache reads are free (Anthropic docs, rate limits)."""
        settings = self.settings
        if not (settings.rpm or settings.itpm or settings.otpm):
            return None
        limits = self._limits.get(secret)
        if limits is None:
            limits = self._limits[secret] = KeyLimits(Limits(settings.rpm, settings.itpm, settings.otpm), now)
        spent = limits.try_admit(usage.input + usage.cache_write, now)
        if spent is not None:
            name, wait = spent
            message = None
            if self.dialect.sends_limits:
                message = f"This request would exceed your organization's rate limit of {name} per minute."
            raise Refused("429", message=message, retry_after=ceil(wait), headers=limits.headers(now))
        return limits if self.dialect.sends_limits else None

    # -- the smaller endpoints ------------------------------------------------------------------------------------

    def _request_id(self, entry: Entry) -> str:
        return self.dialect.request_id(entry.number, self._mark)

    def _count(self, ask: Ask) -> Reply:
        self._maybe_refuse(
            self.faults.strike(model=ask.steered.model, key=ask.secret, is_messages=False),
            ask.now,
        )
        points = prefix_points(ask.body)
        return json_reply(200, {"input_tokens": points[-1].tokens if points else count_input(0)}, "count_tokens")

    def _models(self, endpoint: str, query: str) -> Reply:
        models = listings.served(self.dialect, self.settings.models)
        wanted = endpoint.removeprefix("/v1/models").removeprefix("/")
        if self.dialect.lists is ListShape.OPENAI and not wanted:
            return json_reply(200, listings.openai_list(models, "library"), "models")
        if self.dialect.lists is not ListShape.ANTHROPIC:
            raise Refused("path")
        if wanted:
            if wanted not in models:
                raise Refused("model", model=wanted)
            return json_reply(200, listings.model_info(wanted), "model")
        found = listings.anthropic_list(models, query)
        if found is None:
            raise Refused("invalid", detail="limit or cursor: Input should be valid")
        return json_reply(200, found, "models")

    def listing(self) -> list[str]:
        """The models this provider lists."""
        return listings.served(self.dialect, self.settings.models)


def endpoint_of(path: str) -> str:
    """The path without what a base URL put in front: `/api/anthropic/v1/messages` is `/v1/messages`."""
    place = path.rfind("/v1/")
    return path if place < 0 else path[place:]


FIXED: dict[tuple[str, str], Callable[[Engine], Reply]] = {
    ("", "/api/hello"): lambda _: json_reply(200, {"message": "hello"}, "hello"),
    ("zai", "/api/coding/paas/v4/models"): lambda engine: json_reply(
        200, listings.openai_list(engine.listing(), "z-ai"), "models"
    ),
    ("ollama", "/"): lambda _: whole(200, [(b"content-type", b"text/plain")], b"Ollama is running", "hello"),
    ("ollama", "/api/tags"): lambda engine: json_reply(200, listings.ollama_tags(engine.listing()), "tags"),
    ("ollama", "/api/version"): lambda _: json_reply(200, {"version": "0.13.2"}, "version"),
    ("ollama", "/api/ps"): lambda _: json_reply(200, {"models": []}, "ps"),
}
"""Endpoints that need no credential, by dialect; "" is every dialect."""
