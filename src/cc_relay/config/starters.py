"""The commented file to start from, in YAML and in TOML."""

from typing import Literal

_YAML = """\
# cc-relay: where Claude Code's requests go. Every key is described in docs/configuration.md.
# ${NAME} and ${NAME:-default} are filled in from the environment; keep keys out of this file.
# Check it with: cc-relay config validate

server:
  listen: "127.0.0.1:8787"
  auth:
    # What clients must send (x-api-key or Bearer). Required before listening on more than this machine.
    # api_key: "${RELAY_KEY}"
    # Claude Code's own login (Pro, Max, Team) passes through to Anthropic.
    allow_subscription: true

routing:
  strategy: failover        # the highest priority first, the next one when it fails; others: docs/routing.md
  # failover_timeout: 5000  # milliseconds to the first meaningful byte before the next is tried; 0 = off

providers:
  # Without keys: the login that the client brings. With keys: those.
  - name: anthropic
    type: anthropic
    priority: 2
    # keys:                 # several share the work; limits are learned from the provider's answers
    #   - key: "${ANTHROPIC_API_KEY}"

  # Enable what you have; the environment variables of a disabled provider need not exist.
  - name: zai
    type: zai
    enabled: false
    priority: 1
    keys:
      - key: "${ZAI_API_KEY}"

  - name: minimax
    type: minimax
    enabled: false
    keys:
      - key: "${MINIMAX_API_KEY}"
    model_mapping:
      "*": MiniMax-M3       # any model asked for becomes this one

  - name: ollama
    type: ollama
    enabled: false
    # base_url: "http://127.0.0.1:11434"
    model_mapping:
      "claude-haiku-*": "qwen3:8b"
      "*": "qwen3:32b"

  # Any server that speaks Anthropic's Messages API: DeepSeek, Kimi, OpenRouter, vLLM, llama.cpp, LM Studio …
  - name: deepseek
    type: anthropic_compatible
    enabled: false
    base_url: "https://api.deepseek.com/anthropic"
    auth_style: x-api-key   # or bearer
    keys:
      - key: "${DEEPSEEK_API_KEY}"
    model_mapping:
      "*": deepseek-v4-pro

  # Claude in a cloud. Without a token or key: what your cloud's own tools are logged in with (docs/providers.md).
  - name: bedrock
    type: bedrock
    enabled: false
    aws_region: "${AWS_REGION:-us-east-1}"
    # aws_profile: work     # or bearer_token: "${AWS_BEARER_TOKEN_BEDROCK}"

  - name: vertex
    type: vertex
    enabled: false
    gcp_project_id: "${GOOGLE_CLOUD_PROJECT}"
    gcp_region: "${CLOUD_ML_REGION:-global}"
    # credentials_file: /path/to/service-account.json

  - name: foundry
    type: azure
    enabled: false
    azure_resource_name: "${ANTHROPIC_FOUNDRY_RESOURCE}"
    keys:                   # or entra: true
      - key: "${ANTHROPIC_FOUNDRY_API_KEY}"

logging:
  level: info
  format: text              # or json
"""

_TOML = """\
# cc-relay: where Claude Code's requests go. Every key is described in docs/configuration.md.
# ${NAME} and ${NAME:-default} are filled in from the environment; keep keys out of this file.
# Check it with: cc-relay config validate

[server]
listen = "127.0.0.1:8787"

[server.auth]
# What clients must send (x-api-key or Bearer). Required before listening on more than this machine.
# api_key = "${RELAY_KEY}"
# Claude Code's own login (Pro, Max, Team) passes through to Anthropic.
allow_subscription = true

[routing]
strategy = "failover"      # the highest priority first, the next one when it fails; others: docs/routing.md
# failover_timeout = 5000  # milliseconds to the first meaningful byte before the next is tried; 0 = off

# Without keys: the login that the client brings. With keys: those.
[[providers]]
name = "anthropic"
type = "anthropic"
priority = 2
# keys = [{ key = "${ANTHROPIC_API_KEY}" }]

# Enable what you have; the environment variables of a disabled provider need not exist.
[[providers]]
name = "zai"
type = "zai"
enabled = false
priority = 1
keys = [{ key = "${ZAI_API_KEY}" }]

[[providers]]
name = "minimax"
type = "minimax"
enabled = false
keys = [{ key = "${MINIMAX_API_KEY}" }]
model_mapping = { "*" = "MiniMax-M3" }  # any model asked for becomes this one

[[providers]]
name = "ollama"
type = "ollama"
enabled = false
# base_url = "http://127.0.0.1:11434"

[providers.model_mapping]
"claude-haiku-*" = "qwen3:8b"
"*" = "qwen3:32b"

# Any server that speaks Anthropic's Messages API: DeepSeek, Kimi, OpenRouter, vLLM, llama.cpp, LM Studio …
[[providers]]
name = "deepseek"
type = "anthropic_compatible"
enabled = false
base_url = "https://api.deepseek.com/anthropic"
auth_style = "x-api-key"   # or bearer
keys = [{ key = "${DEEPSEEK_API_KEY}" }]
model_mapping = { "*" = "deepseek-v4-pro" }

# Claude in a cloud. Without a token or key: what your cloud's own tools are logged in with (docs/providers.md).
[[providers]]
name = "bedrock"
type = "bedrock"
enabled = false
aws_region = "${AWS_REGION:-us-east-1}"
# aws_profile = "work"     # or bearer_token = "${AWS_BEARER_TOKEN_BEDROCK}"

[[providers]]
name = "vertex"
type = "vertex"
enabled = false
gcp_project_id = "${GOOGLE_CLOUD_PROJECT}"
gcp_region = "${CLOUD_ML_REGION:-global}"
# credentials_file = "/path/to/service-account.json"

[[providers]]
name = "foundry"
type = "azure"
enabled = false
azure_resource_name = "${ANTHROPIC_FOUNDRY_RESOURCE}"
keys = [{ key = "${ANTHROPIC_FOUNDRY_API_KEY}" }]  # or entra = true

[logging]
level = "info"
format = "text"            # or json
"""


def starter(format: Literal["yaml", "toml"]) -> str:  # noqa: A002 - the word users know
    """A file that is valid as it stands: the client's own login to Anthropic, everything else ready to enable."""
    return {"yaml": _YAML, "toml": _TOML}[format]
