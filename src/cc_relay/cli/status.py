"""`cc-relay status`: is the relay running, and with which providers?"""

from pathlib import Path
from typing import TYPE_CHECKING

import click
from msgspec import DecodeError, Struct, json

from cc_relay.cli import exits, listener
from cc_relay.cli.configuration import CONFIG_OPTION, LISTEN_OPTION, client_credential, load_configuration
from cc_relay.cli.glance import glance, state
from cc_relay.cli.http_get import NoAnswer, get
from cc_relay.cli.table import columns
from cc_relay.config import Listen, parse_listen
from cc_relay.management.views import Overview

if TYPE_CHECKING:  # pydantic is behind it
    from cc_relay.config import Config


class Provider(Struct):
    """One row of `GET /v1/providers`."""

    name: str
    type: str = ""
    base_url: str = ""
    models: list[str] = []
    state: str = ""


class Health(Struct):
    status: str


class Providers(Struct):
    data: list[Provider] = []


class Status(Struct):
    """What `status --json` prints. `problem` is "" where there is none, `overview` what the admin port told."""

    running: bool
    url: str
    ready: bool = False
    problem: str = ""
    providers: list[Provider] = []
    overview: Overview | None = None


@click.command(short_help="Is the relay running, and with which providers?")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@CONFIG_OPTION
@LISTEN_OPTION
@click.pass_context
def status(
    ctx: click.Context,
    as_json: bool,  # noqa: FBT001  click's shape
    config_file: Path | None,
    listen: str | None,
) -> None:
    """Ask the relay at the configured address how it is: its providers, their breakers and keys.

    Exit code 0: running; 3: not running.
    """
    config = load_configuration(config_file).config
    address = listener.reachable(listen or config.server.listen)
    found = ask(address, client_credential(config))
    if found.running:
        found.overview = ask_admin(config, address)
    click.echo(json.encode(found).decode() if as_json else describe(found))
    ctx.exit(exits.OK if found.running else exits.UNREACHABLE)


def ask(address: Listen, credential: str) -> Status:
    """The relay's own answers. `credential` is what its clients must send, "" for nothing."""
    where = f"http://{address}"
    try:
        code, body = get(address, "/health")
        if code != 200 or json.decode(body, type=Health).status != "ok":
            return Status(running=False, url=where, problem="what answers there is no cc-relay")
        ready, _ = get(address, "/readyz")
        code, body = get(address, "/v1/providers", credential=credential)
    except NoAnswer as error:
        return Status(running=False, url=where, problem=str(error))
    except DecodeError:
        return Status(running=False, url=where, problem="what answers there is no cc-relay")
    found = Status(running=True, url=where, ready=ready == 200)
    if code == 200:
        found.providers = json.decode(body, type=Providers).data
    else:
        found.problem = _PROVIDER_PROBLEMS.get(code, f"/v1/providers answered {code}")
    return found


def ask_admin(config: "Config", address: Listen) -> Overview | None:
    """What the configured admin port knows of the relay at `address`; None where it is closed, locked or another's."""
    try:
        code, body = get(
            listener.reachable(config.admin.listen),
            "/api/v1/status",
            credential=config.admin.token.get_secret_value(),
        )
        if code != 200:
            return None
        overview = json.decode(body, type=Overview)
        # A second relay on this machine may have found the usual admin port taken by the first.
        return overview if parse_listen(overview.listen).port == address.port else None
    except (NoAnswer, DecodeError, ValueError):
        return None


_PROVIDER_PROBLEMS = {401: "it runs with another credential than this configuration names"}


def describe(found: Status) -> str:
    if not found.running:
        return f"Not running: {found.problem} ({found.url}). Start it with `cc-relay serve`."
    readiness = click.style("ready", fg="green") if found.ready else click.style("not ready", fg="yellow")
    lines = [f"Running at {found.url}, {readiness}."]
    if found.problem:
        lines.append(f"But {found.problem}.")
    if found.overview is not None:
        lines += glance(found.overview)
    elif found.providers:
        lines += ["", *columns(map(_row, found.providers), heading=("PROVIDER", "TYPE", "STATE", "MODELS", "BASE URL"))]
    return "\n".join(lines)


def _row(provider: Provider) -> tuple[str, ...]:
    models = str(len(provider.models)) if provider.models else "any"
    return provider.name, provider.type, state(provider.state), models, provider.base_url
