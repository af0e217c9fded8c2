"""Where the file is looked for."""

import subprocess
import sys
from pathlib import Path

import pytest

from cc_relay.config import find


@pytest.fixture
def places(tmp_path: Path) -> dict[str, Path]:
    """Every place of the search order, best first, each with a file."""
    homes = {"cwd": tmp_path / "cwd", "xdg": tmp_path / "xdg" / "cc-relay", "home": tmp_path / "home/.config/cc-relay"}
    files = {}
    for name, home in homes.items():
        home.mkdir(parents=True)
        for suffix in ("yaml", "toml"):
            files[f"{name}.{suffix}"] = home / f"config.{suffix}"
            files[f"{name}.{suffix}"].touch()
    return files


def test_the_search_order_is_the_working_directory_then_the_user(places: dict[str, Path], tmp_path: Path) -> None:
    environ = {"XDG_CONFIG_HOME": str(tmp_path / "xdg"), "HOME": str(tmp_path / "home")}
    for name in ("cwd.yaml", "cwd.toml", "xdg.yaml", "xdg.toml"):
        assert find(None, cwd=tmp_path / "cwd", environ=environ) == places[name]
        places[name].unlink()
    assert find(None, cwd=tmp_path / "cwd", environ=environ) is None


@pytest.mark.parametrize("xdg", ["", "relative"])
def test_without_an_absolute_xdg_directory_it_is_the_home_s(xdg: str, places: dict[str, Path], tmp_path: Path) -> None:
    environ = {"XDG_CONFIG_HOME": xdg, "HOME": str(tmp_path / "home")}
    assert find(None, cwd=tmp_path, environ=environ) == places["home.yaml"]


def test_an_explicit_path_is_taken_as_it_is(places: dict[str, Path], tmp_path: Path) -> None:
    assert find(Path("nowhere.yaml"), cwd=places["cwd.yaml"].parent, environ={}) == Path("nowhere.yaml")


def test_a_directory_is_no_file_and_no_home_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").mkdir()
    assert find(None, cwd=tmp_path, environ={}) is None


def test_looking_for_a_file_loads_neither_pydantic_nor_yaml() -> None:
    code = (
        "import sys; from cc_relay.config import ConfigErrors, find, is_loopback, parse_listen, starter;"
        "print({'pydantic', 'yaml', 'tomllib', 'difflib'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
