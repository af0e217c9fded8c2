"""Talk to a simulated cloud without a socket."""

import json
from time import time
from typing import Any

from tests.support.sim_clouds import relay_request, sign

from cc_relay.exchange import AwsKeys
from cc_relay.sim.engine import Engine
from cc_relay.sim.reply import Reply
from cc_relay.sim.settings import EXAMPLE_KEYS, SimSettings

HOST = "https://cloud.example"


class Cloud:
    """An engine of one cloud, on the real clock: botocore signs by it."""

    def __init__(self, dialect: str, **settings: Any) -> None:
        self.engine = Engine(SimSettings(dialect=dialect, **settings))

    def send(
        self,
        method: str,
        target: str,
        body: dict[str, Any] | bytes = b"",
        *,
        headers: dict[str, str] | None = None,
        late: float = 0.0,
    ) -> Reply:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        now = time() + late
        request = relay_request(method, HOST + target, {"host": "cloud.example", **(headers or {})}, raw)
        return self.engine.answer(request, self.engine.journal.begin(request, now), now)

    def signed(
        self,
        method: str,
        target: str,
        body: dict[str, Any] | bytes = b"",
        *,
        service: str = "bedrock",
        headers: dict[str, str] | None = None,
        keys: AwsKeys = EXAMPLE_KEYS,
        region: str = "us-east-1",
        late: float = 0.0,
    ) -> Reply:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        signed = sign(method, HOST + target, raw, headers=headers, keys=keys, region=region, service=service)
        return self.send(method, target, raw, headers=signed, late=late)


def parsed(reply: Reply) -> Any:
    return json.loads(b"".join(reply.frames))


def header(reply: Reply, name: bytes) -> bytes | None:
    return dict(reply.headers).get(name)
