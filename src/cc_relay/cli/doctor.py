"""`cc-relay doctor`: try every provider once, and say how to fix what fails."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click
from msgspec import Struct

from cc_relay.cli import exits, listener
from cc_relay.cli.configuration import CONFIG_OPTION, load_configuration
from cc_relay.cli.table import columns
from cc_relay.exchange import Candidate, Credential

if TYPE_CHECKING:
    from cc_relay.cli.diagnosis import Diagnosis
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


@click.command(short_help="Try every provider once; say how to fix what fails.")
@CONFIG_OPTION
@click.pass_context
def doctor(ctx: click.Context, config_file: Path | None) -> None:
    """Try every enabled provider with the cheapest call it has. Exit code 1 where one of them fails."""
    loaded = load_configuration(config_file)
    click.echo(f"Configuration: {loaded.source}.")
    for notice in loaded.notices:
        click.echo(f"Note: {notice}")
    probes = probes_of(loaded)
    diagnoses = asyncio.run(diagnose_all(probes))
    for line in columns(map(_row, probes, diagnoses)):
        click.echo(line)
    click.echo(claude_code_line(listener.url(loaded.config.server.listen)))
    if not probes:
        raise exits.WrongInput("no provider is enabled; see `cc-relay config init`.")
    ctx.exit(exits.OK if all(diagnosis.is_fine for diagnosis in diagnoses) else exits.WRONG_INPUT)


def probes_of(loaded: Loaded) -> list[Probe]:
    """One probe for each key of each provider the relay would serve; one without a key where there are none."""
    from cc_relay.runtime.assemble import assemble

    return [
        Probe(upstream.provider, credential, loaded.origins.get(upstream.provider.name, ""))
        for upstream in assemble(loaded).upstreams
        for credential in upstream.credentials or (NO_KEY,)
    ]


async def diagnose_all(probes: list[Probe]) -> list[Diagnosis]:
    """All at once, in the order of `probes`."""
    return list(await asyncio.gather(*map(diagnose, probes)))


async def diagnose(probe: Probe) -> Diagnosis:
    from cc_relay.cli.diagnosis import read_answer, read_error
    from cc_relay.errors import UpstreamError

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
    from cc_relay.errors import Stage, UpstreamError
    from cc_relay.net.upstream import UpstreamClient

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


def claude_code_line(url: str) -> str:
    """Whether Claude Code's settings point at this relay."""
    from cc_relay.cli.claude_code.json_text import InvalidJson, check, value_at
    from cc_relay.cli.claude_code.places import read_text, settings_file
    from cc_relay.cli.claude_code.settings import BASE_URL

    path = settings_file(os.environ)
    try:
        text = read_text(path)
        if text is not None:
            check(text)
        current = None if text is None else value_at(text, ("env", BASE_URL))
    except (OSError, ValueError, InvalidJson) as error:
        return f"Claude Code: {path} cannot be read ({error})."
    current = current or os.environ.get(BASE_URL)
    if current == url:
        return f"Claude Code: points here ({url})."
    advice = f"`cc-relay config cc init` points it at {url}"
    return f"Claude Code: points at {current}; {advice}." if current else f"Claude Code: does not point here; {advice}."


def _row(probe: Probe, diagnosis: Diagnosis) -> tuple[str, ...]:
    mark = click.style("ok", fg="green") if diagnosis.is_fine else click.style("problem", fg="red")
    text = f"{diagnosis.finding}: {diagnosis.fix}" if diagnosis.fix else diagnosis.finding
    return mark, probe.provider.name, probe.credential.fingerprint, probe.where, f"{text}."
