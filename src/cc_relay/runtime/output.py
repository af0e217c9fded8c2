"""Where lines end up: standard error, standard output, or a file."""

import os
import select
import sys
from pathlib import Path


class Output:
    """A place that takes bytes, slowly perhaps."""

    def __init__(self, name: str) -> None:
        """`name` is "stderr", "stdout" or a path, which is appended to. Raises OSError, for a path with its name."""
        standard = {"stderr": sys.stderr, "stdout": sys.stdout}
        stream = standard.get(name)
        self.name = name
        self._owns = stream is None
        if stream is not None:
            self._descriptor = stream.fileno()
        else:
            # A standard stream is None where the process was started without one.
            path = os.devnull if name in standard else Path(name).expanduser()
            self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self.is_terminal = os.isatty(self._descriptor)

    def __repr__(self) -> str:
        return f"<Output {self.name}>"

    def write(self, data: bytes) -> None:
        """Write all of it, however long that takes. Raises OSError where nobody takes it any more."""
        while data:
            try:
                data = data[os.write(self._descriptor, data) :]
            except BlockingIOError:
                # Somebody who shares the descriptor has made it non-blocking; a parent written in Node does.
                ready = select.poll()
                ready.register(self._descriptor, select.POLLOUT)
                ready.poll()

    def close(self) -> None:
        """Close a file; the standard streams belong to the process."""
        if self._owns:
            os.close(self._descriptor)
