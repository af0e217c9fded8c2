"""The configuration a command works with: a file, or what the environment offers."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cc_relay.cli import ollama
from cc_relay.cli.exits import WRONG_INPUT, WrongInput
from cc_relay.config import ConfigErrors, find, parse_listen

if TYPE_CHECKING:  # pydantic behind them is heavy; `--help` and mistyped options need none of it
    from collections.abc import Mapping

    from cc_relay.config import Config, Loaded
    from cc_relay.relay.snapshot import Snapshot
    from cc_relay.runtime.fleet import Fleet


def _check_listen(_ctx: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    if value is None:
        return None
    try:
        return str(parse_listen(value))
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


CONFIG_OPTION = click.option(
    "--config",
    "config_file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The configuration to use (YAML or TOML).",
)
LISTEN_OPTION = click.option(
    "--listen", metavar="HOST:PORT", callback=_check_listen, help="The address, instead of the configured one."
)


class BrokenConfiguration(click.ClickException):
    """A file with problems: one line each, then how many."""

    exit_code = WRONG_INPUT

    def __init__(self, source: Path, errors: ConfigErrors) -> None:
        super().__init__(f"{source} has {_count(len(errors.problems), 'problem')}.")
        self.problems = errors.problems

    def show(self, file: object = None) -> None:
        for problem in self.problems:
            click.echo(str(problem), err=True)
        click.echo(f"Error: {self.message}", err=True)


def find_file(explicit: Path | None) -> Path | None:
    """The file a command reads: `explicit`, else the first of the places of `searched_places` that holds one."""
    return find(explicit, cwd=Path.cwd(), environ=os.environ)


def load_file(path: Path) -> "Loaded":
    """Raises BrokenConfiguration with every problem at once, an unreadable file among them."""
    from cc_relay.config import load

    try:
        return load(path, os.environ)
    except ConfigErrors as errors:
        raise BrokenConfiguration(path, errors) from errors


def load_configuration(explicit: Path | None) -> "Loaded":
    """The file's configuration, or without a file what the environment offers (zero configuration)."""
    from cc_relay.config import discover

    path = find_file(explicit)
    if path is not None:
        return load_file(path)
    return discover(os.environ, ollama_models=ollama.installed_models(os.environ))


def assembled(config: "Config", fleet: "Fleet | None" = None, environ: "Mapping[str, str]" = os.environ) -> "Snapshot":
    """What the relay would run with, over `fleet`: the last check of a configuration. Raises WrongInput."""
    from cc_relay.runtime.assemble import assemble

    try:
        return assemble(config, fleet=fleet, environ=environ)
    except ValueError as error:
        raise WrongInput(f"{error}.") from error


def client_credential(config: "Config") -> str:
    """What a client must send to this relay as Bearer; "" where it need not send anything of ours."""
    auth = config.server.auth
    key = auth.api_key.get_secret_value()
    return key or (auth.bearer_secret.get_secret_value() if auth.allow_bearer else "")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
