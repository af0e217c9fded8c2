"""One name for each model, whatever a cloud, a region or a date adds to it, and the rate-limit pool it draws from."""

import re
from functools import lru_cache

MAX_NAME = 200
"""Characters of a name worth reading; a longer one is nobody's model and stays as it is."""

_GEOGRAPHY = r"(?:us-gov|us|eu|apac|jp|au|in|global)\.(?=[a-z0-9]+\.)"
_READ_GEOGRAPHY = re.compile(rf"(?:.*/)?({_GEOGRAPHY})")
_PREFIXES = re.compile(
    r"(?:arn:[^/]*/|bedrock/|vertex_ai/|azure_ai/|anthropic/|" + _GEOGRAPHY + r"|anthropic\.)+(?=.)",  # a name is left
)
_VERTEX, _BEDROCK, _RELEASED_ON, _LONG_CONTEXT = r"@[^/@]*", r"-v\d+:\d+", r"-20\d{6}", r"\[1m\]"
_NAME = re.compile(rf"(.+?)(?:{_VERTEX}|{_BEDROCK}|{_RELEASED_ON}|{_LONG_CONTEXT})*")
# Bedrock has `claude-opus-4-6-v1` too; the `-v3` of a `deepseek-v3` is part of its name.
_CLAUDE = re.compile(rf"(claude-.+?)(?:{_VERTEX}|{_BEDROCK}|{_RELEASED_ON}|{_LONG_CONTEXT}|-v\d+|-latest)*")

_SHARED_POOLS = {
    "claude-opus-4-5": "opus-4.5-4.8",
    "claude-opus-4-6": "opus-4.5-4.8",
    "claude-opus-4-7": "opus-4.5-4.8",
    "claude-opus-4-8": "opus-4.5-4.8",
    "claude-sonnet-4-5": "sonnet-4.5-4.6",
    "claude-sonnet-4-6": "sonnet-4.5-4.6",
}
"""Models that draw from one pool (Anthropic API docs, rate limits page)."""


def canonical(model: str) -> str:
    """The model's plain name in lower case: what its price and its limits go by, never what goes on the wire.

    `us.anthropic.claude-opus-4-5-20251101-v1:0`, `vertex_ai/claude-opus-4-5@20251101` and `anthropic/claude-opus-4.5`
    are all `claude-opus-4-5`. Other vendors' names keep what only looks like such an addition. Hot path.
    """
    return _canonical(model) if len(model) <= MAX_NAME else model


def geography(model: str) -> str:
    """Where Bedrock keeps a request by its model's name: `us`, `eu`, `global`, …; empty where the name does not say."""
    found = _READ_GEOGRAPHY.match(model.lower()) if len(model) <= MAX_NAME else None
    return found[1][:-1] if found else ""


def limit_family(model: str) -> str:
    """The pool of requests and tokens that a Claude model draws from with its key. Hot path.

    `opus-4.5-4.8` for Opus 4.5 to 4.8 together, `sonnet-4.5-4.6` for the two Sonnets; any other model has a pool of
    its own, named like the model. Fast mode has limits of its own too; the request asks for it, not the name.
    """
    name = canonical(model)
    return _SHARED_POOLS.get(name, name)


@lru_cache(maxsize=1024)
def _canonical(model: str) -> str:
    name = model.lower()
    if prefixes := _PREFIXES.match(name):
        name = name[prefixes.end() :]
    if name.startswith("claude"):
        name = name.replace(".", "-")
    found = _CLAUDE.fullmatch(name) or _NAME.fullmatch(name)
    return found[1] if found else name
