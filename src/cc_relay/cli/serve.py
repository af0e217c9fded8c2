"""`cc-relay serve`: run the relay until it is told to stop."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cc_relay.cli.configuration import CONFIG_OPTION, LISTEN_OPTION, assembled, load_configuration
from cc_relay.cli.exits import WrongInput, cannot_listen, explain
from cc_relay.config import is_loopback

if TYPE_CHECKING:
    from cc_relay.config import Config

LEVELS = ("debug", "info", "warn", "error")


@click.command(short_help="Run the relay.")
@CONFIG_OPTION
@LISTEN_OPTION
@click.option("--log-level", type=click.Choice(LEVELS, case_sensitive=False), help="How much to log.")
@click.option("--log-format", type=click.Choice(["json", "text"]), help="How log lines look.")
@click.option("--debug", is_flag=True, help="Log everything, and show a traceback when something breaks.")
@click.option("--insecure", is_flag=True, help="Listen beyond this machine although clients need no credential.")
@click.pass_context
def serve(
    ctx: click.Context,
    config_file: Path | None,
    listen: str | None,
    log_level: str | None,
    log_format: str | None,
    debug: bool,  # noqa: FBT001  click's shape
    insecure: bool,  # noqa: FBT001  click's shape
) -> None:
    """Run the relay until it is told to stop.

    Without a configuration file the providers are found in the environment (ANTHROPIC_API_KEY, ZAI_API_KEY, …, a
    running Ollama). With none of them your own Claude login passes through to Anthropic.
    """
    loaded = load_configuration(config_file)
    address = listen or loaded.config.server.listen
    if not insecure:
        check_exposure(loaded.config, address)
    assembled(loaded.config)
    from cc_relay.runtime.admin import NoAdminPort
    from cc_relay.runtime.serve import ServeOptions, run

    options = ServeOptions(listen=listen, log_level=log_level, log_format=log_format, debug=debug, insecure=insecure)
    try:
        code = run(loaded, options)
    except OSError as error:
        if error.filename:  # the log's file
            raise WrongInput(f"{explain(error)}.") from error
        if isinstance(error, NoAdminPort):
            raise cannot_listen(f"{error.address} for the admin port", error, "admin.listen") from error
        raise cannot_listen(address, error) from error
    ctx.exit(code)


def check_exposure(config: "Config", listen: str) -> None:
    """Raise WrongInput where other machines could use the relay, and with it the owner's keys, without a credential."""
    from cc_relay.config import requires_auth

    if is_loopback(listen) or requires_auth(config):
        return
    raise WrongInput(
        f"{listen} can be reached from other machines, and the relay would let everybody in. Set server.auth.api_key "
        "in the configuration, or listen on 127.0.0.1, or add --insecure if something else guards the port."
    )
