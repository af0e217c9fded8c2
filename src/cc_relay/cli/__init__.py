"""The command line: argv in, exit code out."""

import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run `cc-relay` on `sys.argv` and exit with its code."""
    if sys.argv[1:] == ["--version"]:
        # Answered before click is imported: shells and editors ask often.
        from cc_relay import __version__

        print(f"cc-relay {__version__}")
        sys.exit(0)
    from cc_relay.cli.app import run

    sys.exit(run(sys.argv[1:]))
