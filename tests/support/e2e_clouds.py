"""The installed relay in front of simulated clouds, each a process of its own, the first named first in line."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from msgspec import Struct
from tests.support.e2e_sim import SimProcess
from tests.support.e2e_stage import RELAY_KEY, RelayProcess, environ

AWS = (
    "aws_region: us-east-1, aws_access_key_id: AKIDEXAMPLE, "
    "aws_secret_access_key: wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
)
"""The simulator's example keys."""

CLOUDS: dict[str, tuple[str, str]] = {
    "anthropic": ("", "type: anthropic, keys: [key]"),
    "zai": ("", "type: zai, keys: [key], model_mapping: {'*': glm-5}"),
    "bedrock": ("", f"type: bedrock, {AWS}"),
    "mantle": ("/anthropic", f"type: bedrock, surface: mantle, {AWS}"),
    "platform": ("", f"type: bedrock, surface: platform, aws_workspace_id: workspace, {AWS}"),
    "vertex": ("/v1", "type: vertex, gcp_project_id: project, gcp_region: us-east5, access_token: token"),
    "azure": ("/anthropic", "type: azure, keys: [key]"),
}
"""By the simulator's dialect: what follows its URL in a configuration, and the rest of the provider's entry."""

ARGUMENTS: dict[str, tuple[str, ...]] = {
    "platform": ("--workspace", "workspace"),
    "vertex": ("--project", "project", "--key", "token"),
}
"""How a simulator is told whom to let in, where it does not let everybody or the examples in."""

CONFIG = """
server:
  listen: "127.0.0.1:0"
  auth: {{api_key: {key}}}
admin: {{listen: "127.0.0.1:0"}}
routing: {{debug: true, retry: {{base_ms: 1, max_ms: 1}}}}
health:
  health_check: {{enabled: false}}
  circuit_breaker: {{failure_threshold: 1000}}
providers:
{providers}
"""


class CloudStage(Struct):
    """A running relay and its clouds, by dialect, in the order of their priority."""

    relay: RelayProcess
    clouds: dict[str, SimProcess]

    @property
    def url(self) -> str:
        return self.relay.url


@contextmanager
def open_clouds(directory: Path, *dialects: str) -> Iterator[CloudStage]:
    """Start all of them, and stop them at the end."""
    with ExitStack() as running:
        clouds = {
            dialect: running.enter_context(
                SimProcess(
                    *("--dialect", dialect, "--seed", "1", *ARGUMENTS.get(dialect, ())),
                    environ=environ(directory),
                    directory=directory,
                )
            )
            for dialect in dialects
        }
        config = directory / "clouds.yaml"
        entries = [
            f'  - {{name: {dialect}, base_url: "{cloud.url}{CLOUDS[dialect][0]}", priority: {9 - place},'
            f" {CLOUDS[dialect][1]}}}"
            for place, (dialect, cloud) in enumerate(clouds.items())
        ]
        config.write_text(CONFIG.format(key=RELAY_KEY, providers="\n".join(entries)))
        yield CloudStage(running.enter_context(RelayProcess(config)), clouds)
