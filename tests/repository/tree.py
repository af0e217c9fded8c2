"""The repository as its tests see it: files, modules, rooms."""

import ast
import subprocess
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src"
PACKAGE = SOURCE / "cc_relay"


@cache
def files() -> list[Path]:
    """Every file git knows or would take: tracked ones, and new ones that are not ignored."""
    # `safe.directory`: in CI the checkout may belong to another user, and HOME has no settings.
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return sorted(path for name in listed.split("\0") if name and (path := ROOT / name).is_file())


@cache
def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def name_of(module: Path) -> str:
    """`cc_relay.net.wire`; a package's own name for its `__init__`."""
    parts = module.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def tree_of(module: Path) -> ast.Module:
    return ast.parse(module.read_text(), str(module))


@cache
def project() -> dict[str, Any]:  # as TOML is
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def rooms() -> set[str]:
    """The rooms of the layers contract."""
    [contract] = project()["tool"]["importlinter"]["contracts"]
    return {room.strip() for layer in contract["layers"] for room in layer.split("|")}
