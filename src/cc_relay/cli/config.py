"""`cc-relay config`: write and check configuration."""

import os
from pathlib import Path
from typing import Literal

import click

from cc_relay.cli.claude_code.places import config_directory
from cc_relay.cli.configuration import assembled, find_file, load_file
from cc_relay.cli.exits import WrongInput, explain
from cc_relay.cli.files import PRIVATE, write_atomically
from cc_relay.cli.lazy import LazyGroup

config = LazyGroup(
    "config",
    "Write and check configuration; point Claude Code here.",
    {
        "init": ("cc_relay.cli.config:init", "Write a commented starter file."),
        "validate": ("cc_relay.cli.config:validate", "Check a file; every mistake at once."),
        "schema": ("cc_relay.cli.config:schema", "Print the JSON Schema, for editors."),
        "cc": ("cc_relay.cli.config_cc:cc", "Point Claude Code at the relay, and back."),
    },
)


@click.command(short_help="Write a commented starter file.")
@click.option("--toml", "as_toml", is_flag=True, help="TOML instead of YAML.")
@click.option("--force", is_flag=True, help="Overwrite a file that is there.")
@click.argument("path", required=False, type=click.Path(path_type=Path))
def init(as_toml: bool, force: bool, path: Path | None) -> None:  # noqa: FBT001  click's shape
    """Write a commented starter file to PATH (default: the user's own configuration directory).

    Only its owner may read it, for keys may go into it.
    """
    from cc_relay.config import starter

    form: Literal["yaml", "toml"] = "toml" if as_toml or (path is not None and path.suffix == ".toml") else "yaml"
    target = path or config_directory(os.environ) / f"config.{form}"
    if form == "toml" and target.suffix in {".yaml", ".yml"}:
        raise click.UsageError(f"{target} is named for YAML; drop --toml, or name it .toml.")
    if os.path.lexists(target) and not force:
        raise WrongInput(f"{target} is there already; --force overwrites it.")
    try:
        write_atomically(target, starter(form).encode(), mode=PRIVATE)
    except OSError as error:
        raise WrongInput(f"cannot write {explain(error)}.") from error
    click.echo(f"Wrote {target}. Put your keys in, check it with `cc-relay config validate`, then `cc-relay serve`.")
    used = find_file(None)
    if used is None or used.resolve() != target.resolve():
        click.echo(f"It is used with --config {target}" + (f"; {used} comes first." if used else "."))


@click.command(short_help="Check a file; every mistake at once.")
@click.argument("file", required=False, type=click.Path(path_type=Path))
def validate(file: Path | None) -> None:
    """Check FILE (default: the one that `serve` would use). Exit code 1 where something is wrong."""
    path = find_file(file)
    if path is None:
        raise WrongInput(
            f"no configuration found: neither ./config.yaml|toml nor {config_directory(os.environ)}/config.yaml|toml is"
            " there. Write one with `cc-relay config init`; without one `cc-relay serve` looks into the environment."
        )
    loaded = load_file(path)
    assembled(loaded.config)
    providers = sum(provider.enabled for provider in loaded.config.providers)
    click.echo(f"{path} is fine: {providers} enabled provider{'' if providers == 1 else 's'}.")
    for notice in loaded.notices:
        click.echo(f"Note: {notice}")


@click.command(short_help="Print the JSON Schema, for editors.")
def schema() -> None:
    """Print the JSON Schema of the configuration file."""
    from json import dumps

    from cc_relay.config import json_schema

    click.echo(dumps(json_schema(), indent=2))
