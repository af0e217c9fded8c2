"""The doctor's probes: one call for each key of each provider."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from msgspec import Struct

from cc_relay.cli.configuration import assembled
from cc_relay.cli.diagnosis import Diagnosis, read_answer, read_error
from cc_relay.errors import Stage, UpstreamError
from cc_relay.exchange import Candidate, Credential
from cc_relay.net.upstream import UpstreamClient

if TYPE_CHECKING:
    from cc_relay.config import Loaded
    from cc_relay.exchange import Headers, UpstreamRequest
    from cc_relay.providers.base import Provider

PATIENCE = 10.0
"""Seconds one probe may take."""

LONGEST_ANSWER = 1 << 20

NO_KEY = Credential("no key", "")


class Probe(Struct, frozen=True):
    """One key of one provider; `where` says in words where the key comes from."""

    provider: Provider
    credential: Credential
    where: str


def probes_of(loaded: Loaded) -> list[Probe]:
    """One probe for each key of each provider the relay would serve; one without a key where there are none."""
    return [
        Probe(upstream.provider, credential, loaded.origins.get(upstream.provider.name, ""))
        for upstream in assembled(loaded.config).upstreams
        for credential in upstream.credentials or (NO_KEY,)
    ]


async def diagnose_all(probes: list[Probe]) -> list[Diagnosis]:
    """All at once, in the order of `probes`."""
    return list(await asyncio.gather(*map(diagnose, probes)))


async def diagnose(probe: Probe) -> Diagnosis:
    provider = probe.provider
    model = next(iter(provider.models), "")
    candidate = Candidate(provider.name, probe.credential, provider.upstream_model(model) or model)
    request = provider.prepare_probe(candidate)
    try:
        status, headers, body = await send_probe(request)
    except UpstreamError as error:
        return read_error(error, provider_type=provider.type, origin=provider.origin, where=probe.where)
    return read_answer(
        status,
        lambda: provider.read_failure(status, headers, body),
        origin=provider.origin,
        where=probe.where,
        is_login_only=not probe.credential.secret and provider.accepts_client_login,
    )


async def send_probe(request: UpstreamRequest) -> tuple[int, Headers, bytes]:
    """Send one request and read the whole answer. Raises UpstreamError."""
    loop = asyncio.get_running_loop()
    client = UpstreamClient(loop, os.environ)
    deadline_at = loop.time() + PATIENCE
    try:
        answer = await client.send(request, deadline_at)
        body = bytearray()
        try:
            while len(body) < LONGEST_ANSWER and (data := await answer.receive(deadline_at)) != b"":
                if data is None:
                    raise UpstreamError("the answer did not end in time", stage=Stage.BODY, timed_out=True)
                body += data
        finally:
            answer.close()
        return answer.status, answer.headers, bytes(body)
    finally:
        client.close()
