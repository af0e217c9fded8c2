"""Where Claude Code keeps its settings, and where we keep what we remember of them."""

from collections.abc import Mapping
from pathlib import Path

from msgspec import json

from cc_relay.cli.claude_code.settings import Memory
from cc_relay.cli.files import write_atomically


def settings_file(environ: Mapping[str, str]) -> Path:
    """Claude Code's own user settings: `$CLAUDE_CONFIG_DIR/settings.json`, else `~/.claude/settings.json`."""
    directory = environ.get("CLAUDE_CONFIG_DIR", "")
    return (Path(directory) if directory else _home(environ) / ".claude").absolute() / "settings.json"


def memory_file(environ: Mapping[str, str]) -> Path:
    """Ours: `claude-code.json` in the user's configuration directory for cc-relay."""
    return config_directory(environ) / "claude-code.json"


def config_directory(environ: Mapping[str, str]) -> Path:
    base = Path(environ.get("XDG_CONFIG_HOME", ""))
    # A relative XDG_CONFIG_HOME is to be ignored (XDG Base Directory Specification).
    return (base if base.is_absolute() else _home(environ) / ".config") / "cc-relay"


def read_text(path: Path) -> str | None:
    """The file with its line ends as they are; None where there is none. Raises OSError, UnicodeDecodeError."""
    try:
        return path.read_bytes().decode()
    except FileNotFoundError:
        return None


class Memories:
    """What we remember, by settings file. Raises OSError; msgspec.DecodeError where the file is damaged."""

    def __init__(self, path: Path) -> None:
        self._path = path
        text = read_text(path)
        self._known = {} if text is None else json.decode(text, type=dict[str, Memory])

    def recall(self, settings: Path) -> Memory | None:
        return self._known.get(str(settings))

    def keep(self, settings: Path, memory: Memory | None) -> None:
        """Write down `memory` (None: forget); an empty file is removed."""
        before = dict(self._known)
        if memory is None:
            self._known.pop(str(settings), None)
        else:
            self._known[str(settings)] = memory
        if self._known == before:
            return
        if self._known:
            write_atomically(self._path, json.format(json.encode(self._known)) + b"\n")
        else:
            self._path.unlink(missing_ok=True)


def _home(environ: Mapping[str, str]) -> Path:
    home = environ.get("HOME", "")
    return Path(home) if home else Path.home()
