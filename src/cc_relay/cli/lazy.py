"""A click group whose commands are imported only when they run."""

from collections.abc import Mapping, Sequence
from importlib import import_module

import click
from click.shell_completion import CompletionItem


class LazyGroup(click.Group):
    """Commands by name; each entry is (where to find it as `module:attribute`, its line in the help).

    Listing and completing names read the entries alone.
    """

    def __init__(
        self, name: str, summary: str, entries: Mapping[str, tuple[str, str]], params: Sequence[click.Parameter] = ()
    ) -> None:
        super().__init__(
            name=name, help=summary, params=list(params), context_settings={"help_option_names": ["-h", "--help"]}
        )
        self.entries = entries

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.entries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.entries:
            return None
        module, _, attribute = self.entries[cmd_name][0].partition(":")
        command = getattr(import_module(module), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{self.entries[cmd_name][0]} is no command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in self.entries.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        names = [
            CompletionItem(name, help=line) for name, (_, line) in self.entries.items() if name.startswith(incomplete)
        ]
        # Past this class: `Group` would load every command to ask for its help.
        return names + click.Command.shell_complete(self, ctx, incomplete)
