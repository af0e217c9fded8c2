"""Claude Platform on AWS: Anthropic's whole API, run by Anthropic, behind an AWS account."""

from cc_relay.codec.model_names import limit_family
from cc_relay.exchange import Headers, RelayRequest
from cc_relay.providers.anthropic import MODELS
from cc_relay.providers.base import ProviderSettings
from cc_relay.providers.bedrock.native import Native, Traits
from cc_relay.providers.claude_surfaces import SURFACES
from cc_relay.providers.forwarding import open_list, with_betas

WORKSPACE = b"anthropic-workspace-id"
"""Every request here has to name the workspace that pays (Anthropic docs, Claude Platform on AWS)."""


def spell(model: str) -> str:
    return model


def _headers(request: RelayRequest, betas: tuple[bytes, ...] | None, workspace: str) -> Headers:
    """Everything, as to Anthropic itself; a client's own workspace counts only where none is configured."""
    headers = open_list(request, None)
    if betas is not None:
        headers = with_betas(headers, betas)
    if workspace:
        headers = [line for line in headers if line[0] != WORKSPACE]
        headers.append((WORKSPACE, workspace.encode()))
    return headers


TRAITS = Traits(
    surface=SURFACES["platform"],
    base_url="https://aws-external-anthropic.{region}.api.aws",
    service="aws-external-anthropic",
    known=("claude",),
    catalogue=MODELS,
    spell=spell,
    limit_family=limit_family,
    headers=_headers,
    has_side_endpoints=True,
)


class Platform(Native):
    """The provider of this surface. Raises ValueError for settings that describe none."""

    def __init__(self, settings: ProviderSettings) -> None:
        super().__init__(settings, TRAITS)
