"""What sets one foreign upstream's reading of the Messages API apart from Claude's."""

import re

from msgspec import Struct

# fmt: off
FIELDS = frozenset({
    "model", "messages", "system", "max_tokens", "stream", "stop_sequences", "temperature", "top_p", "top_k",
    "tools", "tool_choice", "thinking", "output_config",
})
# fmt: on
"""The body fields of the published Messages API that every imitation of it knows."""


class Dialect(Struct, frozen=True):
    """One upstream's understanding of Claude Code's requests, as data.

    `has_adaptive_effort` says that leaving adaptive thinking out in favour of `output_config.effort` means the same
    there; elsewhere adaptive becomes a budget. `output_config` names the parts of that field understood, `betas` the
    `anthropic-beta` values, `server_tools` the beginnings of tool types the upstream runs itself.
    `max_tokens` caps answers by the beginning of the upstream's model name; a model that is not there has no cap.
    `text_only` matches the upstream's names (in lower case) of models that take neither images nor documents.
    """

    has_adaptive_effort: bool = False
    has_documents: bool = True
    has_image_urls: bool = True
    output_config: frozenset[str] = frozenset()
    betas: frozenset[bytes] = frozenset()
    server_tools: tuple[str, ...] = ()
    max_tokens: dict[str, int] = {}
    text_only: re.Pattern[str] | None = None
