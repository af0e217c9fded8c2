"""`cc-relay doctor`: try every provider once, and say how to fix what fails."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cc_relay.cli import exits, listener
from cc_relay.cli.configuration import CONFIG_OPTION, load_configuration
from cc_relay.cli.table import columns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cc_relay.cli.diagnosis import Diagnosis
    from cc_relay.cli.probes import Probe
    from cc_relay.config import Config


@click.command(short_help="Try every provider once; say how to fix what fails.")
@CONFIG_OPTION
@click.pass_context
def doctor(ctx: click.Context, config_file: Path | None) -> None:
    """Try every enabled provider with the cheapest call it has. Exit code 1 where one of them fails."""
    import asyncio

    from cc_relay.cli.probes import diagnose_all, probes_of

    loaded = load_configuration(config_file)
    click.echo(f"Configuration: {loaded.source}.")
    for notice in loaded.notices:
        click.echo(f"Note: {notice}")
    probes = probes_of(loaded)
    diagnoses = asyncio.run(diagnose_all(probes))
    for line in columns(map(_row, probes, diagnoses)):
        click.echo(line)
    for line in learned_lines(loaded.config):
        click.echo(line)
    click.echo(claude_code_line(listener.url(loaded.config.server.listen)))
    if not probes:
        raise exits.WrongInput("no provider is enabled; see `cc-relay config init`.")
    ctx.exit(exits.OK if all(diagnosis.is_fine for diagnosis in diagnoses) else exits.WRONG_INPUT)


def learned_lines(config: Config) -> Iterator[str]:
    """What a running relay has learned that its providers refuse; nothing where none runs, or nothing was refused."""
    from cc_relay.cli.glance import left_out
    from cc_relay.cli.status import ask_admin

    overview = ask_admin(config, listener.reachable(config.server.listen))
    lines = [] if overview is None else list(left_out(overview))
    if lines:
        yield "The running relay leaves out what was refused:"
        yield from lines


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
