"""Where Vertex AI serves a project's models: hosts by location, paths by project."""

import re
from urllib.parse import urlsplit

from msgspec import Struct

from cc_relay.exchange import Origin
from cc_relay.providers.urls import parse_base_url

HOSTS = {
    "global": "aiplatform.googleapis.com",
    "us": "aiplatform.us.rep.googleapis.com",
    "eu": "aiplatform.eu.rep.googleapis.com",
}
"""The locations that are no region (Anthropic docs, Claude on Vertex AI); a region's own host begins with its name."""

COUNTING = {"global": "us-east5", "us": "us-east5", "eu": "europe-west1"}
"""Where to count tokens for the locations that cannot, without leaving their geography (Google Cloud docs, count-tokens
for Claude: single regions only)."""

_LOCATION = re.compile(r"[a-z]+(?:-[a-z0-9]+)*")
_PROJECT = re.compile(r"[A-Za-z0-9][A-Za-z0-9.:_-]*")
_GOOGLE_HOST = re.compile(r"(?:(?P<region>[a-z0-9-]+)-)?aiplatform(?:\.(?P<area>us|eu)\.rep)?\.googleapis\.com")


class Place(Struct, frozen=True):
    """One project in one location. `base_url` ends where `/projects/…` begins, `prefix` where a model's id does."""

    origin: Origin
    base_url: str
    prefix: str

    def target(self, segment: str, method: str) -> bytes:
        """The request target for a model's path segment and `rawPredict` or `streamRawPredict`."""
        return f"{self.prefix}{segment}:{method}".encode("ascii")


def place(project: str, location: str, base_url: str = "") -> Place:
    """The place of `location` ("": as `base_url` says, else `global`); `base_url` stands in for Google's own host.

    Raises ValueError for names that cannot be part of a host or a path, and for a base URL that is none.
    """
    location = location or _location_of(base_url)
    if not _PROJECT.fullmatch(project):
        raise ValueError(f"gcp_project_id {project!r} is no project id")
    if not _LOCATION.fullmatch(location):
        raise ValueError(f"gcp_region {location!r} is no location; write a region, global, us or eu")
    base_url = base_url or f"https://{HOSTS.get(location, f'{location}-aiplatform.googleapis.com')}/v1"
    path = urlsplit(base_url).path.rstrip("/")
    return Place(
        origin=parse_base_url(base_url).origin,
        base_url=base_url,
        prefix=f"{path}/projects/{project}/locations/{location}/publishers/anthropic/models/",
    )


def counting_place(project: str, location: str, base_url: str = "") -> Place:
    """The place that counts tokens for `location`."""
    location = location or _location_of(base_url)
    return place(project, COUNTING.get(location, location), base_url)


def _location_of(base_url: str) -> str:
    """The location whose host this is; `global` for hosts of somebody else's."""
    found = _GOOGLE_HOST.fullmatch(urlsplit(base_url).hostname or "")
    return "global" if found is None else found["region"] or found["area"] or "global"
