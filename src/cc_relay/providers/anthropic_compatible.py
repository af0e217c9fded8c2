"""Any other Anthropic-shaped endpoint: DeepSeek, Kimi, Qwen, OpenRouter, vLLM, llama.cpp, LM Studio."""

import re

from cc_relay.providers.base import ProviderSettings
from cc_relay.providers.dialect import Dialect
from cc_relay.providers.foreign import Foreign, Traits

TRAITS = Traits(
    dialect=Dialect(
        output_config=frozenset({"effort", "format"}),
        betas=frozenset({b"interleaved-thinking-2025-05-14", b"fine-grained-tool-streaming-2025-05-14"}),
        # Under their own names, or behind a gateway's `vendor/`.
        text_only=re.compile(r"(?:.*/)?(?:deepseek|minimax-m[12]|glm-(?![\d.]+v))"),
    ),
    auth_style=None,
    claude_models=("claude", "anthropic/"),
    has_count=True,
)


def build(settings: ProviderSettings) -> Foreign:
    return Foreign(settings, TRAITS)
