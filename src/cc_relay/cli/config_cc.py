"""`cc-relay config cc`: point Claude Code at the relay, and back."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click
from msgspec import DecodeError

from cc_relay.cli import listener
from cc_relay.cli.claude_code.json_text import InvalidJson, value_at
from cc_relay.cli.claude_code.places import Memories, memory_file, read_text, settings_file
from cc_relay.cli.claude_code.settings import AUTH_TOKEN, BASE_URL, PLACEHOLDER, point, restore
from cc_relay.cli.configuration import CONFIG_OPTION, client_credential, load_configuration
from cc_relay.cli.exits import WrongInput, explain
from cc_relay.cli.files import write_atomically
from cc_relay.cli.lazy import LazyGroup

if TYPE_CHECKING:
    from cc_relay.config import Config

cc = LazyGroup(
    "cc",
    "Point Claude Code at the relay, and back.",
    {
        "init": ("cc_relay.cli.config_cc:init", "Point Claude Code at the relay."),
        "remove": ("cc_relay.cli.config_cc:remove", "Give Claude Code its own settings back."),
    },
)


def _check_url(_ctx: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    if value is None:
        return None
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise click.BadParameter("write the whole address, such as http://127.0.0.1:8787")
    # Claude Code adds /v1/messages itself; a base URL that ends in /v1 would give /v1/v1/messages.
    return value.rstrip("/").removesuffix("/v1")


@click.command(short_help="Point Claude Code at the relay.")
@click.option("--relay-url", metavar="URL", callback=_check_url, help="The relay, instead of the configured address.")
@CONFIG_OPTION
def init(relay_url: str | None, config_file: Path | None) -> None:
    """Point Claude Code at the relay.

    Sets ANTHROPIC_BASE_URL (and ANTHROPIC_AUTH_TOKEN where one is needed) in Claude Code's settings file and leaves
    everything else as it is. `cc-relay config cc remove` undoes it.
    """
    config = load_configuration(config_file).config
    wanted = wanted_environment(config, relay_url or listener.url(config.server.listen))
    path = settings_file(os.environ)
    with _complaints_about(path):
        memories = Memories(memory_file(os.environ))
        text = read_text(path)
        pointed = point(text, wanted, memories.recall(path))
        # Remembered first: after a crash in between there is nothing of ours to give back, and that is noticed.
        memories.keep(path, pointed.memory)
        if pointed.text != text:
            write_atomically(path, pointed.text.encode())
    where = wanted[BASE_URL]
    if pointed.text == text:
        click.echo(f"Claude Code already points at {where} ({path}); nothing to change.")
        return
    click.echo(f"Claude Code now points at {where} ({path}).")
    click.echo(_CREDENTIAL_NOTES[_credential_kind(wanted)])
    for name in _switches_that_ignore_us(pointed.text):
        click.echo(f"But {name} is set: Claude Code ignores the address then. Unset it.")
    click.echo("Next: `cc-relay serve`, then `claude`. Undo with `cc-relay config cc remove`.")


@click.command(short_help="Give Claude Code its own settings back.")
def remove() -> None:
    """Give Claude Code back what stood in its settings before `init`, and nothing else."""
    path = settings_file(os.environ)
    with _complaints_about(path):
        memories = Memories(memory_file(os.environ))
        memory = memories.recall(path)
        text = read_text(path)
        if memory is None or text is None:
            memories.keep(path, None)
            click.echo(f"Nothing in {path} is ours; nothing to change.")
            return
        restored = restore(text, memory)
        if restored.text is None:
            Path(os.path.realpath(path)).unlink()
        elif restored.text != text:
            write_atomically(path, restored.text.encode())
        memories.keep(path, None)
    for name in restored.left:
        click.echo(f"{name} was changed by hand since; it stays as it is.")
    click.echo(
        f"Claude Code's settings are as they were before ({path})."
        if restored.given_back
        else f"Nothing in {path} is ours; nothing to change."
    )


def wanted_environment(config: "Config", url: str) -> dict[str, str]:
    """What Claude Code's environment must hold to reach the relay at `url` and be let in.

    Where the user's own login passes through there is no token: it would take the login's place.
    """
    credential = client_credential(config)
    if not credential and config.server.auth.allow_subscription:
        return {BASE_URL: url}
    return {BASE_URL: url, AUTH_TOKEN: credential or PLACEHOLDER}


_CREDENTIAL_NOTES = {
    "login": "No token was set: your own Claude login stays in use and passes through.",
    "placeholder": f"{AUTH_TOKEN} holds a placeholder, so Claude Code asks for no login; the relay has the real key.",
    "credential": f"{AUTH_TOKEN} holds the relay's own credential from its configuration.",
}


# With one of these Claude Code talks to a cloud in its own dialect and reads no ANTHROPIC_BASE_URL.
_CLOUD_SWITCHES = ("CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX", "CLAUDE_CODE_USE_FOUNDRY")


def _switches_that_ignore_us(text: str) -> list[str]:
    return [name for name in _CLOUD_SWITCHES if (value_at(text, ("env", name)) or os.environ.get(name, "")) not in _OFF]


_OFF = ("", "0", "false", 0, False)


def _credential_kind(wanted: dict[str, str]) -> str:
    if AUTH_TOKEN not in wanted:
        return "login"
    return "placeholder" if wanted[AUTH_TOKEN] == PLACEHOLDER else "credential"


@contextmanager
def _complaints_about(path: Path) -> Iterator[None]:
    """Turn what can be wrong with the settings file into a sentence; the file is untouched then."""
    try:
        yield
    except InvalidJson as error:
        raise WrongInput(f"{path} is not valid settings JSON ({error}). It was left as it is; mend it.") from error
    except UnicodeDecodeError as error:
        raise WrongInput(f"{path} is not UTF-8 text. It was left as it is; mend it.") from error
    except DecodeError as error:
        memory = memory_file(os.environ)
        raise WrongInput(f"{memory} is damaged ({error}). Delete it; what it remembered is lost.") from error
    except OSError as error:
        raise WrongInput(f"{explain(error)}.") from error
