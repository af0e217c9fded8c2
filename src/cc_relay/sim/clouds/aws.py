"""AWS's door: signatures and API keys believed or not, and the endpoints on a machine that hand out temporary keys."""

from time import gmtime, strftime

from cc_relay.exchange import AwsKeys, RelayRequest
from cc_relay.sim.clouds.sigv4 import Unbelieved, verify
from cc_relay.sim.clouds.tokens import Tokens
from cc_relay.sim.journal import credential
from cc_relay.sim.refusals import Refused
from cc_relay.sim.reply import Reply, json_reply, whole
from cc_relay.sim.settings import SimSettings

DEFAULT_REGION = "us-east-1"
ROLE = "simulated-role"
IMDS_TOKEN = b"simulated-imds-token"
CONTAINER_PATH = "/aws/credentials"
ROLE_PATH = "/latest/meta-data/iam/security-credentials/"
PLAIN = [(b"content-type", b"text/plain")]


class AwsGate:
    """Lets in who signed for this region and service with a known key, and API keys that were configured.

    `asks_workspace` refuses requests without `anthropic-workspace-id`.
    """

    def __init__(self, service: str, settings: SimSettings, tokens: Tokens, *, asks_workspace: bool = False) -> None:
        self._service, self._settings, self._tokens = service, settings, tokens
        self._asks_workspace = asks_workspace
        self._keys = {keys.access_key_id: keys for keys in settings.aws_keys}

    def __repr__(self) -> str:
        return f"<AwsGate {self._service} {len(self._keys)} keys>"

    def admit(self, request: RelayRequest, now: float) -> str:
        """The API key, or the access key id that signed. Raises Refused."""
        secret = self._believe(request, now)
        if self._asks_workspace:
            self._check_workspace(request.header(b"anthropic-workspace-id"))
        return secret

    def _believe(self, request: RelayRequest, now: float) -> str:
        if not (request.header(b"authorization") or b"").startswith(b"AWS4"):
            secret = credential(request)
            if secret and secret in self._settings.keys:
                return secret
            raise Refused("bearer" if secret else "unsigned")
        region = self._settings.region or DEFAULT_REGION
        try:
            name = verify(request, region, self._service, self._find, now + self._settings.clock_offset)
        except Unbelieved as error:
            raise Refused(error.row, message=error.detail) from error
        issued = self._tokens.find_keys(name)
        if issued is not None and issued[1] <= now:
            raise Refused("expired")
        return name

    def _find(self, access_key_id: str) -> AwsKeys | None:
        issued = self._tokens.find_keys(access_key_id)
        return issued[0] if issued else self._keys.get(access_key_id)

    def _check_workspace(self, sent: bytes | None) -> None:
        if not sent:
            raise Refused("invalid", detail="anthropic-workspace-id: header is required")
        if self._settings.workspace not in ("", sent.decode("latin-1")):
            raise Refused("404", message="Workspace not found.")


class AwsDesk:
    """A container's credentials endpoint, and the instance metadata service (version 2 only).

    `AWS_CONTAINER_CREDENTIALS_FULL_URI={url}/aws/credentials`; `AWS_EC2_METADATA_SERVICE_ENDPOINT={url}/`.
    """

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    def __repr__(self) -> str:
        return f"<AwsDesk {self._tokens!r}>"

    def __call__(self, request: RelayRequest, now: float) -> Reply | None:
        if (request.method, request.path) == ("GET", CONTAINER_PATH):
            return json_reply(200, self._document(now), "token")
        if (request.method, request.path) == ("PUT", "/latest/api/token"):
            seconds = request.header(b"x-aws-ec2-metadata-token-ttl-seconds") or b"21600"
            lines = [*PLAIN, (b"x-aws-ec2-metadata-token-ttl-seconds", seconds)]
            return whole(200, lines, IMDS_TOKEN, "token")
        if request.method != "GET" or not request.path.startswith(ROLE_PATH):
            return None
        if request.header(b"x-aws-ec2-metadata-token") != IMDS_TOKEN:
            return whole(401, PLAIN, b"Unauthorized", "token")
        if request.path == ROLE_PATH:
            return whole(200, PLAIN, ROLE.encode(), "token")
        return json_reply(200, {"Code": "Success", "Type": "AWS-HMAC", **self._document(now)}, "token")

    def _document(self, now: float) -> dict[str, object]:
        keys = self._tokens.issue_keys(now)
        return {
            "AccessKeyId": keys.access_key_id,
            "SecretAccessKey": keys.secret_access_key,
            "Token": keys.session_token,
            "Expiration": _iso(now + self._tokens.lifetime),
            "LastUpdated": _iso(now),
        }


def _iso(at: float) -> str:
    return strftime("%Y-%m-%dT%H:%M:%SZ", gmtime(at))
