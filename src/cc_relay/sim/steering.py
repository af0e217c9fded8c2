"""The words a model name or a prompt may carry to steer the answer.

Grammar of a name: `MODEL(+WORD[=NUMBER])*`, or `sim-WORD[=NUMBER](+WORD[=NUMBER])*`. So `claude-sonnet-5-5+529`,
`sim-529` and `claude-opus-5-5+tools=2+slow=5` are all understood; unknown words leave the name as it is.
Grammar of a prompt: `[sim WORD[=NUMBER](+WORD[=NUMBER])*]` anywhere in the last turn; a relay that maps model names
leaves it alone.
"""

import re

from msgspec import Struct

from cc_relay.sim.faults import FAULTS, Strike

SHAPES = frozenset({"text", "thinking", "tools", "slow", "wait", "refusal"})
"""Words that shape a good answer: tokens of text or of thinking, number of tool calls, tokens a second, seconds until
the first content."""

PREFIX = "sim-"
IN_PROMPT = re.compile(rb"\[sim ([a-z0-9=.+-]+)\]")


class Steering(Struct, frozen=True):
    """A model name, read. `words` maps each shaping word to its number, None where it has none."""

    model: str
    words: dict[str, float | None] = {}
    strike: Strike | None = None


def read_model(name: str) -> Steering:
    """Part a model name from its steering words."""
    model, *words = name.split("+")
    if model.startswith(PREFIX):
        # `sim-thinking` is model and word at once; `sim-nothing-known` is only a model.
        words.insert(0, model.removeprefix(PREFIX))
        parsed = [_read_word(word) for word in words]
        known = [word for word in parsed if word is not None]
        return _steer(model if parsed[0] is None else "sim", known)
    parsed = [_read_word(word) for word in words]
    if None in parsed:
        return Steering(name)
    return _steer(model, [word for word in parsed if word is not None])


def read_prompt(text: bytes) -> Steering:
    """The steering of a prompt; without a model. Unknown words are passed over."""
    found = IN_PROMPT.search(text)
    if found is None:
        return Steering("")
    parsed = [_read_word(word) for word in found[1].decode().split("+")]
    return _steer("", [word for word in parsed if word is not None])


def merge(name: Steering, prompt: Steering) -> Steering:
    """Both at once; the prompt's words win."""
    return Steering(name.model, name.words | prompt.words, prompt.strike or name.strike)


def _read_word(word: str) -> tuple[str, float | None] | None:
    name, separator, number = word.partition("=")
    if name not in SHAPES and name not in FAULTS:
        return None
    try:
        return name, float(number) if separator else None
    except ValueError:
        return None


def _steer(model: str, words: list[tuple[str, float | None]]) -> Steering:
    shapes = {name: number for name, number in words if name in SHAPES}
    strike = None
    for name, number in words:
        if name in FAULTS:
            seconds = None if number is None else int(number)
            strike = Strike(FAULTS[name], retry_after=seconds)
    return Steering(model, shapes, strike)
