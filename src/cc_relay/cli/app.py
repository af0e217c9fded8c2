"""The `cc-relay` command itself: which commands there are, and what an unexpected end looks like."""

import os
import sys
import traceback
from collections.abc import Sequence

import click

from cc_relay import __version__
from cc_relay.cli import exits
from cc_relay.cli.lazy import LazyGroup

PROGRAM = "cc-relay"
COMPLETION_VARIABLE = "_CC_RELAY_COMPLETE"

COMMANDS = {
    "serve": ("cc_relay.cli.serve:serve", "Run the relay."),
    "demo": ("cc_relay.cli.demo:demo", "Try it out: simulated providers, the relay, live traffic."),
    "status": ("cc_relay.cli.status:status", "Is the relay running, and with which providers?"),
    "doctor": ("cc_relay.cli.doctor:doctor", "Try every provider once; say how to fix what fails."),
    "explain": ("cc_relay.cli.explain:explain", "Why did a request go where it went?"),
    "config": ("cc_relay.cli.config:config", "Write and check configuration; point Claude Code here."),
}


def _show_version(ctx: click.Context, _parameter: click.Parameter, value: bool) -> None:  # noqa: FBT001  click's shape
    if value and not ctx.resilient_parsing:
        click.echo(f"{PROGRAM} {__version__}")
        ctx.exit()


app = LazyGroup(
    PROGRAM,
    "One Anthropic-compatible endpoint for Claude Code, in front of many providers.\n\n"
    "New here? Start with `cc-relay demo`, or `cc-relay serve` followed by `cc-relay config cc init`.",
    COMMANDS,
    params=[
        click.Option(
            ["--version"], is_flag=True, is_eager=True, expose_value=False, callback=_show_version, help="Show it."
        ),
        click.Option(["--debug"], is_flag=True, expose_value=False, help="Show a traceback when something breaks."),
    ],
)


def run(arguments: Sequence[str]) -> int:
    """Run one command line (without the program's name) and return the exit code."""
    try:
        return _run(arguments)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        return exits.INTERRUPTED
    except BrokenPipeError:
        # The reader left, which is its right; what is still buffered must not complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return exits.BROKEN_PIPE
    except Exception as error:  # noqa: BLE001  the last line of defence: whatever reaches it is a bug of ours
        return _report_bug(error, with_traceback=_wants_traceback(arguments))


def _run(arguments: Sequence[str]) -> int:
    if COMPLETION_VARIABLE in os.environ:
        app.main(list(arguments), prog_name=PROGRAM, complete_var=COMPLETION_VARIABLE)
    try:
        with app.make_context(PROGRAM, list(arguments)) as context:
            context.color = False if os.environ.get("NO_COLOR") else None  # https://no-color.org
            app.invoke(context)
    except click.exceptions.Exit as end:
        return end.exit_code
    finally:
        sys.stdout.flush()
    return exits.OK


def _wants_traceback(arguments: Sequence[str]) -> bool:
    return "--debug" in arguments or os.environ.get("CC_RELAY_DEBUG", "") not in {"", "0"}


def _report_bug(error: Exception, *, with_traceback: bool) -> int:
    if with_traceback:
        traceback.print_exception(error)
    said = str(error).partition("\n")[0]
    advice = "the traceback above" if with_traceback else "what the same command prints with CC_RELAY_DEBUG=1"
    click.echo(
        f"{PROGRAM} {__version__}: {type(error).__name__}{': ' + said if said else ''}. "
        f"This is a bug of ours; please report it together with {advice}.",
        err=True,
    )
    return exits.BUG
