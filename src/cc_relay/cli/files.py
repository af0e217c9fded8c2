"""Files written whole or not at all."""

import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

PRIVATE = 0o600


def write_atomically(path: Path, data: bytes, *, mode: int | None = None) -> None:
    """Replace what `path` leads to (through symbolic links) with `data`, in one step that a crash cannot split.

    `mode` None keeps the permissions of the file that is there, or makes a private one. Raises OSError.
    """
    target = Path(os.path.realpath(path))
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".tmp")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            _dress(descriptor, target, mode)
            os.fsync(descriptor)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    _sync_directory(target.parent)


def _dress(descriptor: int, target: Path, mode: int | None) -> None:
    """Give the new file the old one's owner and permissions."""
    try:
        before = target.stat()
    except FileNotFoundError:
        os.fchmod(descriptor, PRIVATE if mode is None else mode)
        return
    with suppress(PermissionError):  # only root gives files away; the person's own file stays theirs anyway
        os.fchown(descriptor, before.st_uid, before.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(before.st_mode) if mode is None else mode)


def _sync_directory(directory: Path) -> None:
    with suppress(OSError):  # some file systems refuse; the rename itself is done
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
