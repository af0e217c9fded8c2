"""The faults a simulated provider knows, and the rules that decide which request meets one."""

from collections.abc import Callable
from enum import Enum
from random import Random

from msgspec import Struct


class Action(Enum):
    """What a fault does to an answer.

    REFUSE       an error answer of this provider's own shape
    HTML         a page where JSON or a stream was due
    RESET        the connection closes without an end of the answer
    STALL        nothing further comes, and the connection stays open
    CUT          the body ends politely, but too early
    SHORT        the body is shorter than its `content-length`
    ERROR_EVENT  an error event ends the stream
    GARBAGE      well-formed JSON that is nothing anybody asked for
    GARBLE       a frame that cannot be read ends the stream; where answers have no frames it is cut short
    """

    REFUSE = "refuse"
    HTML = "html"
    RESET = "reset"
    STALL = "stall"
    CUT = "cut"
    SHORT = "short"
    ERROR_EVENT = "error_event"
    GARBAGE = "garbage"
    GARBLE = "garble"


BEFORE_HEAD = -1
HALF_WAY = -2


class Fault(Struct, frozen=True):
    """One kind of fault.

    `after` counts the events that still go out: BEFORE_HEAD is no head either, HALF_WAY is half of them. `error` is
    the row of the dialect's error texts that an error event tells. `is_bare` tells it outside of what the protocol
    models, where the protocol has such a place.
    """

    name: str
    action: Action
    status: int = 200
    after: int = HALF_WAY
    error: str = "529"
    is_bare: bool = False


REFUSALS = (400, 401, 402, 403, 404, 409, 413, 429, 500, 502, 503, 504, 529)

FAULTS: dict[str, Fault] = {
    fault.name: fault
    for fault in (
        *(Fault(str(status), Action.REFUSE, status) for status in REFUSALS),
        Fault("quota", Action.REFUSE, 429),
        Fault("plan", Action.REFUSE, 429),
        Fault("no-safeguards", Action.REFUSE, 400),
        Fault("too-long", Action.REFUSE, 400),
        Fault("not-ready", Action.REFUSE, 529),
        Fault("model-error", Action.REFUSE, 500),
        Fault("expired", Action.REFUSE, 401),
        Fault("signature", Action.REFUSE, 401),
        Fault("html", Action.HTML),
        Fault("413-html", Action.HTML, 413),
        Fault("502-html", Action.HTML, 502),
        Fault("reset", Action.RESET, after=BEFORE_HEAD),
        Fault("reset-head", Action.RESET, after=0),
        Fault("reset-mid", Action.RESET),
        Fault("stall", Action.STALL, after=BEFORE_HEAD),
        Fault("stall-head", Action.STALL, after=0),
        Fault("stall-mid", Action.STALL),
        Fault("error-in-band", Action.ERROR_EVENT, after=1),
        Fault("error-mid", Action.ERROR_EVENT, error="stream-error"),
        Fault("error-first", Action.ERROR_EVENT, after=0, error="429"),
        Fault("error-bare", Action.ERROR_EVENT, after=0, error="500", is_bare=True),
        Fault("garbage", Action.GARBAGE),
        Fault("bad-crc", Action.GARBLE),
        Fault("bad-prelude", Action.GARBLE),
        Fault("cut-frame", Action.GARBLE),
        Fault("lying-length", Action.GARBLE),
        Fault("truncate", Action.CUT),
        Fault("empty", Action.CUT, after=0),
        Fault("short", Action.SHORT),
    )
}
"""Every fault by name; a model name and the control endpoint use the same names."""


class FaultRule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When to misbehave, and how.

    `count` requests meet the fault, then the rule is spent; None never spends it. `probability` is per matching
    request. `after_events` overrides where in the stream it strikes (-1: before the head). `retry_after` is seconds,
    sent with refusals. `message` replaces the error's text. `for_model` and `for_key` narrow the rule to one model
    name (without its steering words) or one credential; `everywhere` also hits model lists and token counts.
    `for_tokens` hits the endpoints that hand out credentials, and nothing else. `error` is the row of the dialect's
    error texts that an error event tells (a refusal's fault name, such as `504`).
    """

    fault: str
    count: int | None = None
    probability: float = 1.0
    after_events: int | None = None
    retry_after: int | None = None
    message: str | None = None
    for_model: str | None = None
    for_key: str | None = None
    everywhere: bool = False
    for_tokens: bool = False
    error: str | None = None


class Strike(Struct, frozen=True):
    """A fault on its way to one request."""

    fault: Fault
    after_events: int | None = None
    retry_after: int | None = None
    message: str | None = None
    error: str | None = None


class FaultBoard:
    """The rules in force, oldest first; the first that matches and whose dice agree strikes."""

    def __init__(self, rules: tuple[FaultRule, ...], dice: Random) -> None:
        self._dice = dice
        self._rules: list[tuple[FaultRule, int | None]] = []
        for rule in rules:
            self.add(rule)

    def __repr__(self) -> str:
        return f"<FaultBoard {[rule.fault for rule, _ in self._rules]}>"

    def add(self, rule: FaultRule) -> None:
        """Raises KeyError where no fault has that name."""
        if rule.fault not in FAULTS:
            raise KeyError(rule.fault)
        self._rules.append((rule, rule.count))

    def clear(self) -> None:
        self._rules.clear()

    def rules(self) -> list[tuple[FaultRule, int | None]]:
        """The rules with how many strikes each has left; None is no end."""
        return list(self._rules)

    def strike(self, *, model: str, key: str, is_messages: bool) -> Strike | None:
        """The fault this request meets, or None."""
        return self._find(
            lambda rule: (
                not rule.for_tokens
                and (is_messages or rule.everywhere)
                and rule.for_model in (None, model)
                and rule.for_key in (None, key)
            )
        )

    def strike_token(self) -> Strike | None:
        """The fault that meets who asks for a credential, or None."""
        return self._find(lambda rule: rule.for_tokens)

    def _find(self, is_meant: Callable[[FaultRule], bool]) -> Strike | None:
        for position, (rule, left) in enumerate(self._rules):
            if is_meant(rule) and (rule.probability >= 1.0 or self._dice.random() < rule.probability):
                self._spend(position, rule, left)
                return Strike(FAULTS[rule.fault], rule.after_events, rule.retry_after, rule.message, rule.error)
        return None

    def _spend(self, position: int, rule: FaultRule, left: int | None) -> None:
        if left is None:
            return
        if left <= 1:
            del self._rules[position]
        else:
            self._rules[position] = (rule, left - 1)
