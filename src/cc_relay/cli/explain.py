"""`cc-relay explain`: why a request went where it went."""

import json
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

import click
import msgspec

from cc_relay.cli import exits, listener
from cc_relay.cli.configuration import CONFIG_OPTION, find_file, load_file
from cc_relay.cli.http_get import NoAnswer, get
from cc_relay.cli.story import story
from cc_relay.config import Listen
from cc_relay.management.views import Failed, RequestView
from cc_relay.runtime.lines import escaped

T = TypeVar("T")

# Sent where another address was named on purpose: the configured token is for the configured address.
TOKEN_VARIABLE = "CC_RELAY_ADMIN_TOKEN"  # noqa: S105  its name

_UNKNOWN = "unknown_request"
_NO_ADMIN_PORT = "what answers there is not the admin port of this version of cc-relay"
_LOCKED_OUT = {401, 403}


class Unreachable(click.ClickException):
    """There is nobody to ask."""

    exit_code = exits.UNREACHABLE


def _read_admin(_ctx: click.Context, _parameter: click.Parameter, value: str | None) -> Listen | None:
    if value is None:
        return None
    if value.startswith("https://"):
        raise click.BadParameter("the admin port speaks plain HTTP; reach a distant one through an SSH tunnel.")
    try:
        return listener.reachable(value.removeprefix("http://").rstrip("/"))
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def _read_token(_ctx: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None and not _can_travel(value):
        raise click.BadParameter("a token that fits into a header is made of printable ASCII characters.")
    return value


@click.command(short_help="Why did a request go where it went?")
@click.argument("request_id", metavar="REQUEST_ID")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@CONFIG_OPTION
@click.option(
    "--admin", metavar="URL", callback=_read_admin, help="The admin port (host:port), instead of the configured one."
)
@click.option(
    "--token",
    metavar="TOKEN",
    envvar=TOKEN_VARIABLE,
    show_envvar=True,
    callback=_read_token,
    help="What the admin port asks for, instead of the configured one.",
)
def explain(
    request_id: str,
    as_json: bool,  # noqa: FBT001  click's shape
    config_file: Path | None,
    admin: Listen | None,
    token: str | None,
) -> None:
    """Tell why the request REQUEST_ID (the x-request-id of its answer) went where it went.

    Candidates and their ranks, what refused, every attempt. The relay remembers its newest requests only.

    Exit code 1: it does not know that one; 3: it is not running.
    """
    if admin is None:
        address, configured = configured_admin(config_file)
        token = configured if token is None else token
    else:
        address = admin
    body = ask(address, request_id, token or "")
    view = _decoded(body, RequestView, address)
    click.echo(as_text(body) if as_json else story(view))


def configured_admin(config_file: Path | None) -> tuple[Listen, str]:
    """Where the admin port of the configuration is, and its token."""
    from cc_relay.config import Config

    path = find_file(config_file)
    # Zero configuration has the usual admin port; looking around for providers would tell nothing about it.
    config = Config() if path is None else load_file(path).config
    token = config.admin.token.get_secret_value()
    if not _can_travel(token):
        raise exits.WrongInput("admin.token cannot be sent: use printable ASCII characters.")
    return listener.reachable(config.admin.listen), token


def ask(address: Listen, request_id: str, token: str) -> bytes:
    """The JSON of a `RequestView`. Raises WrongInput where the relay says no, Unreachable where there is no relay."""
    try:
        status, body = get(
            address, f"/api/v1/requests/{quote(request_id, safe='', errors='surrogateescape')}", credential=token
        )
    except NoAnswer as error:
        raise Unreachable(f"{error} (http://{address}). Is the relay running (`cc-relay status`)?") from error
    if status == 200:
        return body
    problem = _decoded(body, Failed, address).error
    if status in _LOCKED_OUT:
        raise exits.WrongInput(f"{escaped(problem.message)} `explain` takes --token, or the variable {TOKEN_VARIABLE}.")
    if problem.code == _UNKNOWN:
        raise exits.WrongInput(escaped(problem.message))
    raise Unreachable(f"the admin port (http://{address}) answered {status}: {escaped(problem.message)}")


def as_text(body: bytes) -> str:
    """The same JSON, indented, in ASCII: whatever stands in it, a terminal only shows it."""
    return json.dumps(msgspec.json.decode(body), indent=2)


def _decoded(body: bytes, kind: type[T], address: Listen) -> T:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Unreachable(f"{_NO_ADMIN_PORT} (http://{address}).") from error


def _can_travel(token: str) -> bool:
    return token.isascii() and token.isprintable()
