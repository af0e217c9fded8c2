"""The doctor's probes: one call for each key of each provider."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from msgspec import Struct

from cc_relay.cli.configuration import assembled
from cc_relay.cli.diagnosis import Diagnosis, no_credential, read_answer, read_error
from cc_relay.errors import CredentialError, Stage, UpstreamError
from cc_relay.exchange import Candidate, Credential
from cc_relay.net.upstream import UpstreamClient
from cc_relay.runtime.fleet import Fleet

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cc_relay.config import Loaded
    from cc_relay.exchange import Headers, UpstreamRequest
    from cc_relay.providers.base import Provider
    from cc_relay.runtime.credentials.kept import KeptCredential

PATIENCE = 10.0
"""Seconds one probe may take."""

RENEWAL_PATIENCE = 30.0
"""Seconds that getting a cloud's credential may take: some ask a program, or a server that is not there."""

LONGEST_ANSWER = 1 << 20

CLOUDS = frozenset({"bedrock", "vertex", "azure"})

NO_KEY = Credential("no key", "")


class Probe(Struct, frozen=True):
    """One key of one provider; `where` says in words where the key comes from.

    `source` gives a credential that does not last, in place of `credential`. `is_guess`: nobody said which models the
    provider has.
    """

    provider: Provider
    credential: Credential
    where: str
    source: KeptCredential | None = None
    is_guess: bool = False


def probes_of(loaded: Loaded, environ: Mapping[str, str] = os.environ) -> list[Probe]:
    """One probe for each key of each provider the relay would serve; one without a key where there are none."""
    fleet = Fleet()
    snapshot = assembled(loaded.config, fleet, environ)
    open_ended = {
        one.name
        for one in loaded.config.providers
        if one.type == "azure" and not (one.models or one.model_mapping or one.azure_deployment_id)
    }
    return [
        Probe(
            upstream.provider,
            credential,
            loaded.origins.get(upstream.provider.name, ""),
            fleet.source_of(upstream.provider.name),
            upstream.provider.name in open_ended,
        )
        for upstream in snapshot.upstreams
        for credential in upstream.credentials or (NO_KEY,)
    ]


async def diagnose_all(probes: list[Probe]) -> list[Diagnosis]:
    """All at once, in the order of `probes`."""
    return list(await asyncio.gather(*map(diagnose, probes)))


async def diagnose(probe: Probe) -> Diagnosis:
    try:
        credential = await credential_of(probe)
    except CredentialError as error:
        return no_credential(error, where=probe.where)
    provider = probe.provider
    request = provider.prepare_probe(Candidate(provider.name, credential, probed_model(provider)))
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
        provider_type=provider.type,
        is_guess=probe.is_guess,
    )


async def credential_of(probe: Probe) -> Credential:
    """The probe's own, or what its source gives now. Raises CredentialError."""
    if probe.source is None:
        return probe.credential
    try:
        return await probe.source.renew(None, asyncio.get_running_loop().time() + RENEWAL_PATIENCE)
    finally:
        await probe.source.stop()


def probed_model(provider: Provider) -> str:
    """The first one configured; clouds know best which of theirs is everywhere."""
    if provider.type in CLOUDS:
        return ""
    model = next(iter(provider.models), "")
    return provider.upstream_model(model) or model


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
