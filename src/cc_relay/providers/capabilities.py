"""The names of what an upstream may lack."""

BETAS = "betas"
ADAPTIVE_THINKING = "adaptive_thinking"
ENABLED_THINKING = "enabled_thinking"
DISABLED_THINKING = "disabled_thinking"
FORCED_TOOL_CHOICE = "forced_tool_choice"
SYSTEM_MESSAGES = "system_messages"
SAMPLING = "sampling"
THINKING_HISTORY = "thinking_history"
FOREIGN_HISTORY = "foreign_history"
TOOL_IDS = "tool_ids"


def is_lasting(capability: str) -> bool:
    """Whether it is remembered for the upstream's model; else for one conversation only."""
    return capability not in {THINKING_HISTORY, FOREIGN_HISTORY, TOOL_IDS}


def describe(capability: str) -> str:
    """For people."""
    return capability
