"""The demand: developers at work with Claude Code, each turn drawn from dice of the developer's own."""

from collections.abc import Callable
from math import exp, log
from random import Random
from typing import Protocol

from msgspec import Struct

from bench.simulate.timeline import Timeline

HOUR = 3600.0

SYSTEM = 15_000
"""Tokens of a prompt before anybody said anything: system prompt, tools, reminders."""
SUB_AGENT_SYSTEM = 8_000
COMPACT_AT = 150_000
SUMMARY = 8_000
"""Tokens that a compacted conversation goes on with."""

TURNS = (10, 60)
"""Of a session; any number between is as likely, on a logarithmic scale, as with all pairs here."""
GAP = (5.0, 60.0)
"""Seconds between an answer and the next request: tools run, somebody reads."""
PAUSE = (60.0, 240.0)
BREAK = (300.0, 2400.0)
NEW_TOKENS = (200, 6_000)
OUTPUT = (200, 2_000)
BURST = (2, 6)
SUB_TURNS = (2, 6)
SUB_GAP = (1.0, 8.0)

PAUSES, BREAKS, BURSTS = 0.08, 0.02, 0.05
"""How many of the turns are followed by one."""

SESSIONS = (1, 2, 2, 3, 3, 4)
"""A day's sessions of a developer: one of these."""

WORK_BEGINS, WORK_ENDS = 8.0, 18.5

RETRIES = 10
"""Claude Code's own, after which somebody has to press a key."""
GAVE_UP_SECONDS = 60.0


class Turn(Struct, frozen=True):
    """One request: a `prompt` of so many tokens in `size` bytes, to be answered with `output` tokens.

    `cacheable` of the prompt's tokens could be read from a cache if the conversation had one key for itself. `luck`
    stretches the time to the first token.
    """

    session: str
    conversation: str
    prompt: int
    size: int
    output: int
    cacheable: int
    luck: float
    is_main: bool


class Relay(Protocol):
    def serve(self, turn: Turn, done: "Callable[[float | None], None]") -> None:
        """Answer a turn, then call `done`: with None, or with the seconds a refusal told to wait (0: unsaid)."""


class Conversation:
    """A main agent, or a sub-agent, turn by turn; `ended` is called when it is over."""

    __slots__ = (
        "_bytes_a_token",
        "_dice",
        "_ended",
        "_failures",
        "_is_main",
        "_name",
        "_number",
        "_prefix",
        "_prompt",
        "_relay",
        "_session",
        "_sub_agents",
        "_timeline",
        "_turn",
        "_turns_left",
        "_used_at",
    )

    def __init__(
        self,
        relay: Relay,
        timeline: Timeline,
        dice: Random,
        session: str,
        name: str,
        ended: Callable[[], None],
        *,
        is_main: bool,
    ) -> None:
        self._relay = relay
        self._timeline = timeline
        self._dice = dice
        self._session = session
        self._name = name
        self._ended = ended
        self._is_main = is_main
        self._number = 0
        self._failures = 0
        self._sub_agents = 0
        self._used_at = float("-inf")
        self._prefix = 0
        self._turns_left = int(between(dice, TURNS if is_main else SUB_TURNS))
        # The relay takes four bytes for a token; code and prose, English and not, differ.
        self._bytes_a_token = between(dice, (3.0, 5.0))
        self._prompt = (SYSTEM if is_main else SUB_AGENT_SYSTEM) + int(between(dice, NEW_TOKENS))
        self._turn: Turn | None = None

    def __repr__(self) -> str:
        return f"<Conversation {self._name} {self._prompt} tokens, {self._turns_left} turns left>"

    def ask(self) -> None:
        """Send the next turn."""
        dice, now = self._dice, self._timeline.now
        if self._prompt > COMPACT_AT:
            self._number += 1
            self._prompt = SYSTEM + SUMMARY
            self._used_at = float("-inf")
        is_alive = now - self._used_at < 300.0
        self._turn = Turn(
            session=self._session,
            conversation=f"{self._name}.{self._number}",
            prompt=self._prompt,
            size=int(self._prompt * self._bytes_a_token),
            output=int(between(dice, OUTPUT)),
            cacheable=self._prefix if is_alive else min(self._prompt, 12_000),
            luck=exp(dice.gauss(0.0, 0.35)),
            is_main=self._is_main,
        )
        self._send()

    def _send(self) -> None:
        assert self._turn is not None
        self._relay.serve(self._turn, self._heard)

    def _heard(self, refused: float | None) -> None:
        if refused is None:
            self._answered()
        else:
            self._retry(refused)

    def _retry(self, said: float) -> None:
        """What Claude Code does after an error: the same bytes again, after what it was told, or a backoff."""
        self._failures += 1
        wait = max(said, min(32.0, 0.5 * 2.0**self._failures))
        if self._failures > RETRIES or said >= GAVE_UP_SECONDS:
            self._failures = 0
            wait = max(said, GAVE_UP_SECONDS)
        self._timeline.at(self._timeline.now + wait, self._send)

    def _answered(self) -> None:
        turn = self._turn
        assert turn is not None
        dice, timeline = self._dice, self._timeline
        self._failures = 0
        self._turn = None
        self._used_at = timeline.now
        self._prefix = turn.prompt
        self._prompt += turn.output + int(between(dice, NEW_TOKENS))
        self._turns_left -= 1
        if self._turns_left <= 0:
            self._ended()
        elif self._is_main and dice.random() < BURSTS:
            self._call_sub_agents()
        else:
            timeline.at(timeline.now + self._gap(), self.ask)

    def _gap(self) -> float:
        dice = self._dice
        if not self._is_main:
            return between(dice, SUB_GAP)
        lot = dice.random()
        if lot < BREAKS:
            return between(dice, BREAK)
        return between(dice, PAUSE if lot < BREAKS + PAUSES else GAP)

    def _call_sub_agents(self) -> None:
        """Several at once; the main agent waits for all of them."""
        dice, timeline = self._dice, self._timeline
        self._sub_agents = dice.randint(*BURST)
        for number in range(self._sub_agents):
            name = f"{self._name}/{self._turns_left}-{number}"
            # Dice of its own: who is faster must not change what anybody says.
            own = Random(dice.getrandbits(64))
            sub = Conversation(self._relay, timeline, own, self._session, name, self._sub_agent_ended, is_main=False)
            timeline.at(timeline.now + own.random(), sub.ask)

    def _sub_agent_ended(self) -> None:
        self._sub_agents -= 1
        if not self._sub_agents:
            self._timeline.at(self._timeline.now + between(self._dice, GAP), self.ask)


class Developer:
    """A day's sessions, one after the other, each begun at an hour of the developer's choice or when there is time."""

    __slots__ = ("_begins", "_dice", "_name", "_relay", "_timeline")

    def __init__(self, relay: Relay, timeline: Timeline, number: int, seed: int, begins: float, ends: float) -> None:
        """`begins` and `ends` are the hours of the working day."""
        self._relay = relay
        self._timeline = timeline
        self._name = f"dev-{number}"
        self._dice = dice = Random(f"{seed}/{number}")
        self._begins = sorted(_hour(dice, begins, ends) * HOUR for _ in range(dice.choice(SESSIONS)))
        self._next()

    def __repr__(self) -> str:
        return f"<Developer {self._name} {len(self._begins)} sessions left>"

    def _next(self) -> None:
        if not self._begins:
            return
        begins = self._begins.pop(0)
        session = f"{self._name}-{len(self._begins)}"
        # Dice of its own, so that what one session throws never depends on how the last one went.
        dice = Random(self._dice.getrandbits(64))
        main = Conversation(self._relay, self._timeline, dice, session, session, self._next, is_main=True)
        self._timeline.at(begins, main.ask)


def between(dice: Random, bounds: tuple[float, float]) -> float:
    """Any number between, each size as likely as any other."""
    low, high = bounds
    return low * exp(dice.random() * log(high / low))


def _hour(dice: Random, begins: float, ends: float) -> float:
    """Most work in the middle of the morning and of the afternoon."""
    middle = (begins + ends) / 2
    half = (ends - begins) / 2
    peak = middle + half * (0.4 if dice.random() < 0.5 else -0.4)
    return min(max(dice.gauss(peak, half * 0.35), begins), ends)
