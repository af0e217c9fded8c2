"""Where the configuration file is."""

import os.path
from collections.abc import Mapping
from pathlib import Path

NAMES = ("config.yaml", "config.toml")


def find(explicit: Path | None, *, cwd: Path, environ: Mapping[str, str]) -> Path | None:
    """The file to load: `explicit` as it is, else the working directory's, else the user's; None: zero configuration.

    An explicit path is not checked here: loading it says what is wrong with it.
    """
    if explicit is not None:
        return explicit
    homes = [cwd, *_user_homes(environ)]
    candidates = (home / name for home in homes for name in NAMES)
    # os.path.isfile, for a directory that may not be searched is no reason to stop.
    return next((path for path in candidates if os.path.isfile(path)), None)  # noqa: PTH113


def _user_homes(environ: Mapping[str, str]) -> list[Path]:
    base = Path(environ.get("XDG_CONFIG_HOME", ""))
    # A relative XDG_CONFIG_HOME is to be ignored (XDG Base Directory Specification).
    if not base.is_absolute():
        base = Path(environ.get("HOME", "")) / ".config"
    return [base / "cc-relay"] if base.is_absolute() else []
