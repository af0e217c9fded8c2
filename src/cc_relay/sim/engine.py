"""A simulated provider without its socket: a request and the time in, a reply out."""

from hashlib import sha256
from math import ceil
from random import Random

import msgspec
from msgspec import Struct

from cc_relay.exchange import Headers, RelayRequest
from cc_relay.sim import reply
from cc_relay.sim.ask import WireBody, client_tools, prefix_points, steering
from cc_relay.sim.blocks import Answer, InputUsage
from cc_relay.sim.call import Call, Endpoint
from cc_relay.sim.clouds.tokens import Tokens
from cc_relay.sim.compose import clip, compose, dice_for, dress, judge_safeguards
from cc_relay.sim.dialects import DIALECTS
from cc_relay.sim.doors import open_door
from cc_relay.sim.faults import FAULTS, Action, FaultBoard, Strike
from cc_relay.sim.frames import message, stream_frames
from cc_relay.sim.gate import OAUTH, betas
from cc_relay.sim.journal import Entry, Journal, credential, fingerprint
from cc_relay.sim.limits import KeyLimits, Limits
from cc_relay.sim.model_rules import model_complaint
from cc_relay.sim.prompt_cache import PromptCache
from cc_relay.sim.refusals import Refused, Setting, envelope, refusal, unified, words
from cc_relay.sim.reply import JSON, Reply, json_reply, whole
from cc_relay.sim.script import Script, Step
from cc_relay.sim.settings import SimSettings
from cc_relay.sim.steering import Steering
from cc_relay.sim.strictness import complaint, decoding_complaint
from cc_relay.sim.words import Book, count_input

NO_BUDGET = 1 << 30


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
        """Raises KeyError for a dialect or a fault nobody knows, ValueError for a key that is none."""
        self.settings = settings
        self.dialect = DIALECTS[settings.dialect]
        self.journal = Journal()
        self.faults = FaultBoard(settings.faults, Random(settings.seed))  # noqa: S311 -- faults, not secrets
        self.script = Script()
        self.tokens = Tokens(settings.token_lifetime, settings.seed)
        self._door = open_door(self.dialect, settings, self.tokens)
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
            found = self._serve(request, entry, now)
        except Refused as refused:
            found = refusal(refused, self._setting(entry))
        except msgspec.DecodeError as error:
            found = refusal(Refused("invalid", detail=decoding_complaint(error)), self._setting(entry))
        entry.note = found.note
        return found

    def _serve(self, request: RelayRequest, entry: Entry, now: float) -> Reply:
        entry.key = fingerprint(credential(request))
        call = self._door.receive(request, now)
        match call.endpoint:
            case Endpoint.PUBLIC:
                entry.key = ""
            case Endpoint.CREDENTIAL:
                entry.key, entry.is_secret = "", True
                return self._hand_out(call, entry)
            case Endpoint.LIST:
                self._maybe_refuse(self.faults.strike(model="", key=call.secret, is_messages=False), now)
            case Endpoint.MESSAGES:
                return self._messages(self._ask(call, request, entry, now))
            case Endpoint.COUNT:
                return self._count(self._ask(call, request, entry, now))
        assert call.found is not None, call
        return call.found

    def _ask(self, call: Call, request: RelayRequest, entry: Entry, now: float) -> Ask:
        assert call.body is not None, call
        entry.model = call.body.model
        return Ask(request, entry, call.body, steering(call.body), call.secret, now)

    def _messages(self, ask: Ask) -> Reply:
        steered = ask.steered
        wrong = complaint(ask.body, self.dialect)
        if wrong is not None:
            raise Refused("rejected", detail=wrong)
        strike = steered.strike or self.faults.strike(model=steered.model, key=ask.secret, is_messages=True)
        self._maybe_refuse(strike, ask.now)
        model = self._door.resolve(steered.model)
        if self.dialect.is_strict:
            wrong = model_complaint(ask.body, model, _betas(ask))
            if wrong is not None:
                raise Refused("rejected", detail=wrong)
        return self._good(ask, model, strike)

    def _good(self, ask: Ask, model: str, strike: Strike | None) -> Reply:
        points = prefix_points(ask.body)
        usage = InputUsage(points[-1].tokens if points else 0)
        if self.dialect.caches:
            usage = self._cache.use(f"{ask.secret} {model}", points, ask.now)
        limits = self._admit(ask.secret, usage, ask.now)
        step = self._take_step(ask)
        answer = self._compose(ask, model, usage, step)
        headers = self._setting(ask.entry).id_headers()
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
        asked = ask.steered.words
        speed = asked.get("slow") or (5.0 if "slow" in asked else self.settings.speed)
        first = asked.get("wait") or self.settings.first_token
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
        good = self._door.write(good, answer)
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
        setting, row = self._setting(entry), strike.error or strike.fault.error
        text = self.dialect.errors[row]
        message = strike.message or words(text, setting.facts)
        body = envelope(row, message, setting)
        in_band = self._door.in_band(text, message, body, is_bare=strike.fault.is_bare)
        return reply.strike(good, strike.fault, strike.after_events, in_band)

    def _hand_out(self, call: Call, entry: Entry) -> Reply:
        """A credential, unless a fault is in the way; refusals there are OAuth's (RFC 6749, 5.2)."""
        assert call.found is not None, call
        strike = self.faults.strike_token()
        if strike is None:
            return call.found
        if strike.fault.action is not Action.REFUSE:
            return self._strike(call.found, strike, entry)
        text = self.dialect.errors[strike.fault.name]
        error = "temporarily_unavailable" if text.status >= 500 else "invalid_grant"
        told = {"error": error, "error_description": strike.message or words(text, {})}
        return json_reply(text.status, told, strike.fault.name)

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

    def _setting(self, entry: Entry) -> Setting:
        settings, dialect = self.settings, self.dialect
        return Setting(
            dialect,
            dialect.request_id(entry.number, self._mark),
            dialect.gateway_id(entry.number, self._mark) if dialect.gateway_header else "",
            {"model": entry.model, "project": settings.project or "sim-project"},
            in_list=entry.request.path.endswith(":streamRawPredict"),
            model_errors=settings.model_errors,
        )

    def _count(self, ask: Ask) -> Reply:
        self._maybe_refuse(
            self.faults.strike(model=ask.steered.model, key=ask.secret, is_messages=False),
            ask.now,
        )
        points = prefix_points(ask.body)
        tokens = points[-1].tokens if points else count_input(0)
        return json_reply(200, {self.dialect.count_field: tokens}, "count_tokens")


def _betas(ask: Ask) -> list[str]:
    """The betas of a request, from its header and from its body."""
    return betas(ask.request) + ask.body.anthropic_beta
