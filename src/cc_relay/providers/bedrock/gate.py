"""The way in to one surface: where it is, and how a request proves itself there."""

import re
from collections.abc import Callable
from urllib.parse import urlsplit

from cc_relay.exchange import Credential, Headers, Origin, Translation, UpstreamRequest
from cc_relay.providers.base import ProviderSettings
from cc_relay.providers.forwarding import credential_line
from cc_relay.providers.sigv4 import Signer
from cc_relay.providers.urls import Endpoint, parse_base_url

DOMAINS = (("cn-", "amazonaws.com.cn"), ("eusc-", "amazonaws.eu"))
"""Where regions outside the usual domain live, by how their names begin (botocore, endpoints)."""

USUAL_DOMAIN = "amazonaws.com"
USUAL_REGION = "us-east-1"
"""What signatures name where a base URL of somebody else's is all that is known, as in Anthropic's SDK."""

_REGION = re.compile(r"[a-z]{2,6}(?:-[a-z0-9]+)+")
_HOST = re.compile(r"(?:bedrock-runtime|bedrock-runtime-fips|bedrock-mantle|aws-external-anthropic)\.([a-z0-9-]+)\..+")


class Gate:
    """One surface in one region.

    `base_url` is the surface's own, with `{region}` and `{domain}` to be filled in; the settings' goes before it.
    `service` is what signatures name. Raises ValueError for a region or a base URL that is none.
    """

    def __init__(self, settings: ProviderSettings, *, base_url: str, service: str, auth_style: str) -> None:
        region = settings.region or _region_of(settings.base_url)
        if not region:
            raise ValueError(f"provider {settings.name!r} of type {settings.type} needs aws_region")
        if not _REGION.fullmatch(region):
            raise ValueError(f"aws_region {region!r} is no region")
        domain = next((domain for begin, domain in DOMAINS if region.startswith(begin)), USUAL_DOMAIN)
        self.region = region
        self.base_url = (settings.base_url or base_url.format(region=region, domain=domain)).rstrip("/")
        self.endpoint = parse_base_url(self.base_url)
        self.origin: Origin = self.endpoint.origin
        self._signer = Signer(region, service)
        self._auth_style = auth_style
        self._timeouts = settings.timeouts

    def __repr__(self) -> str:
        return f"<Gate {self.origin} in {self.region}>"

    @property
    def whole_path(self) -> Endpoint:
        """The endpoint with its path exactly as it was configured."""
        return Endpoint(self.origin, urlsplit(self.base_url).path)

    def request(
        self,
        credential: Credential,
        target: bytes,
        headers: Headers,
        body: bytes,
        *,
        method: bytes = b"POST",
        translate: Callable[[], Translation] | None = None,
    ) -> UpstreamRequest:
        """The request, proved by a signature where the credential signs, else by its secret. Hot path."""
        seal = None
        if credential.aws is not None:
            seal = self._signer.seal(credential.aws, method, self.origin, target, headers, body)
        else:
            proof = credential_line(credential, auth_style=self._auth_style, accepts_client_login=False)
            headers = headers if proof is None else [*headers, proof]
        return UpstreamRequest(self.origin, method, target, headers, body, self._timeouts, seal, translate)


def _region_of(base_url: str) -> str:
    """The region whose host this is; the usual one for somebody else's, "" where there is no host at all."""
    if not base_url:
        return ""
    found = _HOST.fullmatch(urlsplit(base_url).hostname or "")
    return USUAL_REGION if found is None else found[1]
