"""Exit codes, and the exceptions that carry them."""

import click

OK = 0
WRONG_INPUT = 1
USAGE = 2
UNREACHABLE = 3
BUG = 70
INTERRUPTED = 128 + 2
BROKEN_PIPE = 128 + 13


class WrongInput(click.ClickException):
    """The user's input is wrong; the message says what to do about it."""

    exit_code = WRONG_INPUT


class Unreachable(click.ClickException):
    """The relay is not running, or does not answer."""

    exit_code = UNREACHABLE


def explain(error: OSError) -> str:
    """An operating system's complaint as part of a sentence: `~/x.yaml: Permission denied`."""
    reason = error.strerror or str(error)
    return f"{error.filename}: {reason}" if error.filename else reason
