"""Exit codes, and the exceptions that carry them."""

import errno

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


def explain(error: OSError) -> str:
    """An operating system's complaint as part of a sentence: `~/x.yaml: Permission denied`."""
    reason = error.strerror or str(error)
    return f"{error.filename}: {reason}" if error.filename else reason


_LISTEN_FAILURES = {
    errno.EADDRINUSE: "something listens there already; is a relay running (`cc-relay status`)?",
    errno.EADDRNOTAVAIL: "this machine has no such address.",
    errno.EACCES: "ports below 1024 need special rights.",
}


def cannot_listen(address: str, error: OSError, setting: str = "--listen") -> WrongInput:
    """Why nobody can listen at `address`, and what to do: `setting` is where another one is chosen."""
    why = _LISTEN_FAILURES.get(error.errno or 0, f"{explain(error)}.")
    return WrongInput(f"cannot listen on {address}: {why} Choose another address with {setting}.")
