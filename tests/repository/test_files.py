"""What a clone holds: scripts that run, a lock without addresses, nothing of the machine it was written on."""

import os
import re
import subprocess
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from tests.repository.tree import ROOT, files, project

LOCK = ROOT / "requirements" / "dev.lock"

# Put together here, so that this file does not hold what it looks for.
SOMEBODYS_HOME = re.compile(r"(?<![\w.~$}])(?:/(?:home|Users)/[\w.-]+|/(?:root)\b(?!-))")
UNFINISHED = re.compile(r"\b(?:" + "|".join(["TO" + "DO", "FIX" + "ME", "X" * 3]) + r")\b")

LOCK_LINE = re.compile(
    r"""
    [a-z0-9][a-z0-9._-]*==[\w.!+]+ (\ ;\ [^:@/]+)? \ \\     # a release, where it applies
    | \ \ \ \ --hash=sha256:[0-9a-f]{64} (\ \\)?            # one of its files
    """,
    re.VERBOSE,
)


def texts() -> list[tuple[str, str]]:
    found = []
    for path in files():
        try:
            found.append((str(path.relative_to(ROOT)), path.read_text()))
        except UnicodeDecodeError:
            continue
    return found


def occurrences(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{name}:{number}: {match[0]}"
        for name, text in texts()
        for number, line in enumerate(text.splitlines(), 1)
        if (match := pattern.search(line))
    ]


@pytest.mark.parametrize("script", ["dev", ".ci/run"])
def test_a_script_is_executable_bash(script: str) -> None:
    path = ROOT / script

    assert os.access(path, os.X_OK)
    assert path.read_text().startswith("#!/usr/bin/env bash\n")
    subprocess.run(["bash", "-n", path], check=True)


def test_no_file_names_somebodys_home() -> None:
    assert occurrences(SOMEBODYS_HOME) == []


def test_no_file_names_the_place_of_this_clone() -> None:
    # A short one (`/src`) would be found in honest text.
    if len(ROOT.parts) > 2:
        assert occurrences(re.compile(re.escape(str(ROOT)) + r"\b")) == []


def test_nothing_is_left_for_later() -> None:
    assert occurrences(UNFINISHED) == []


def test_the_lock_holds_releases_and_hashes_and_nothing_else() -> None:
    assert [line for line in LOCK.read_text().splitlines() if not LOCK_LINE.fullmatch(line)] == []


def test_the_lock_knows_every_requirement() -> None:
    locked = {line.partition("==")[0] for line in LOCK.read_text().splitlines() if not line.startswith(" ")}
    groups = project()["dependency-groups"]
    required = [*project()["project"]["dependencies"], *groups["dev"], *groups["build"]]

    assert {canonicalize_name(Requirement(line).name) for line in required} - locked == set()


def test_what_is_generated_is_ignored() -> None:
    generated = {"__pycache__", ".venv", ".hypothesis", ".mypy_cache", ".pytest_cache", ".ruff_cache", "uv.lock"}

    assert [str(path) for path in files() if generated & set(Path(path).relative_to(ROOT).parts)] == []
