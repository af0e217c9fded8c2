"""What each generation of Claude does not take, whoever serves it.

Sources: Anthropic API docs, "Thinking troubleshooting", "Effort", "Mid-conversation system messages", "Models
overview"; the tables of LiteLLM (model_prices_and_context_window.json) for the models that came after them.
"""

import re
from functools import lru_cache

from cc_relay.codec.model_names import canonical
from cc_relay.providers.capabilities import (
    ADAPTIVE_THINKING,
    CACHE_TTL,
    DISABLED_ABOVE_HIGH,
    DISABLED_THINKING,
    EFFORT,
    EFFORT_ABOVE_HIGH,
    EFFORT_XHIGH,
    ENABLED_THINKING,
    MAX_TOKENS,
    SAMPLING,
    SYSTEM_MESSAGES,
    THINKING,
)

_NOTHING: frozenset[str] = frozenset()
_ALWAYS_ON = frozenset({ENABLED_THINKING, DISABLED_THINKING, SAMPLING})
_ADAPTIVE = frozenset({ENABLED_THINKING, SAMPLING})
_BEFORE_SYSTEM_MESSAGES = frozenset({SYSTEM_MESSAGES})
_4_5 = frozenset({ADAPTIVE_THINKING, SYSTEM_MESSAGES, f"{MAX_TOKENS}64000"})
_BEFORE_4_5 = frozenset({ADAPTIVE_THINKING, EFFORT, SYSTEM_MESSAGES, CACHE_TTL})
_BEFORE_3_7 = _BEFORE_4_5 | {THINKING}

# A forced `tool_choice`, which the newest models refuse too, is not here: turning it into `auto` changes what is
# asked, so that happens only once it was refused.
LACKS: dict[str, frozenset[str]] = {
    "claude-fable-5": _ALWAYS_ON,
    "claude-fable-5-1": _ALWAYS_ON,
    "claude-fable-5-2": _ALWAYS_ON,
    "claude-mythos-5": _ALWAYS_ON,
    "claude-mythos-5-1": _ALWAYS_ON,
    "claude-mythos-5-2": _ALWAYS_ON,
    "claude-mythos-preview": _BEFORE_SYSTEM_MESSAGES | {DISABLED_THINKING},
    "claude-opus-5-5": _ALWAYS_ON,
    "claude-sonnet-5-5": _ALWAYS_ON,
    "claude-haiku-5-5": _ADAPTIVE,
    "claude-opus-5": _ADAPTIVE | {DISABLED_ABOVE_HIGH},
    "claude-sonnet-5": _ADAPTIVE,
    "claude-opus-4-8": _ADAPTIVE,
    "claude-opus-4-7": _ADAPTIVE | _BEFORE_SYSTEM_MESSAGES,
    "claude-opus-4-6": _BEFORE_SYSTEM_MESSAGES | {EFFORT_XHIGH},
    "claude-sonnet-4-6": _BEFORE_SYSTEM_MESSAGES | {EFFORT_XHIGH},
    "claude-opus-4-5": _4_5 | {EFFORT_ABOVE_HIGH},
    "claude-sonnet-4-5": _4_5 | {EFFORT},
    "claude-haiku-4-5": _4_5 | {EFFORT},
    "claude-opus-4-1": _BEFORE_4_5 | {f"{MAX_TOKENS}32000"},
    "claude-opus-4": _BEFORE_4_5 | {f"{MAX_TOKENS}32000"},
    "claude-sonnet-4": _BEFORE_4_5 | {f"{MAX_TOKENS}64000"},
    "claude-3-7-sonnet": _BEFORE_4_5 | {f"{MAX_TOKENS}64000"},
    "claude-3-5-sonnet": _BEFORE_3_7 | {f"{MAX_TOKENS}8192"},
    "claude-3-5-haiku": _BEFORE_3_7 | {f"{MAX_TOKENS}8192"},
    "claude-3-opus": _BEFORE_3_7 | {f"{MAX_TOKENS}4096"},
    "claude-3-haiku": _BEFORE_3_7 | {f"{MAX_TOKENS}4096"},
}
"""By canonical name. A model that is not here is newer than this table, and takes whatever it is sent."""

_VERSION = re.compile(r"claude-[a-z]+-(\d+)(?:-(\d+))?|claude-(\d+)(?:-(\d+))?-[a-z]+")


@lru_cache(maxsize=1024)
def model_lacks(model: str) -> frozenset[str]:
    """The capabilities that `model` (any cloud's name for it) is known not to have."""
    return LACKS.get(canonical(model), _NOTHING)


@lru_cache(maxsize=1024)
def version(model: str) -> tuple[int, int] | None:
    """A Claude model's generation, (4, 5) for `claude-opus-4-5`; None where its name does not say."""
    found = _VERSION.fullmatch(canonical(model))
    if found is None:
        return None
    return int(found[1] or found[3]), int(found[2] or found[4] or 0)
