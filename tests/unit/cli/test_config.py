"""`config`: starter files and their mistakes."""

import json
from pathlib import Path

import pytest

from cc_relay.cli.app import run


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, and an empty working directory beside it."""
    (tmp_path / "home").mkdir()
    (tmp_path / "work").mkdir()
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-api-test")
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "home"


@pytest.mark.parametrize(
    ("arguments", "name"),
    [([], "home/.config/cc-relay/config.yaml"), (["--toml"], "home/.config/cc-relay/config.toml")],
)
def test_the_starter_goes_where_it_is_found_and_is_fine(
    arguments: list[str], name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["config", "init", *arguments]) == 0
    assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
    capsys.readouterr()
    assert run(["config", "validate"]) == 0
    assert capsys.readouterr().out.startswith(f"{tmp_path / name} is fine: 1 enabled provider")


def test_a_path_named_toml_gets_toml() -> None:
    assert run(["config", "init", "mine.toml"]) == 0
    assert run(["config", "validate", "mine.toml"]) == 0


def test_a_path_named_for_the_other_format_is_a_usage_error() -> None:
    assert run(["config", "init", "--toml", "mine.yaml"]) == 2
    assert not Path("mine.yaml").exists()


def test_a_file_that_is_there_is_overwritten_by_force_only(capsys: pytest.CaptureFixture[str]) -> None:
    Path("config.yaml").write_text("mine")
    Path("config.yaml").chmod(0o644)
    assert run(["config", "init", "config.yaml"]) == 1
    assert "--force" in capsys.readouterr().err
    assert Path("config.yaml").read_text() == "mine"
    assert run(["config", "init", "--force", "config.yaml"]) == 0
    assert Path("config.yaml").stat().st_mode & 0o777 == 0o600
    assert run(["config", "validate"]) == 0


def test_a_file_that_comes_first_is_mentioned(capsys: pytest.CaptureFixture[str]) -> None:
    run(["config", "init", "config.yaml"])
    assert "comes first" not in capsys.readouterr().out
    run(["config", "init"])
    assert "config.yaml comes first" in capsys.readouterr().out


def test_a_starter_that_cannot_be_written_is_the_users_to_mend(capsys: pytest.CaptureFixture[str]) -> None:
    Path("file").touch()
    assert run(["config", "init", "file/config.yaml"]) == 1
    assert "cannot write" in capsys.readouterr().err


def test_every_mistake_is_told_with_its_place(capsys: pytest.CaptureFixture[str]) -> None:
    Path("config.yaml").write_text("server:\n  lisen: x\nproviders:\n  - name: a\n    type: antropic\n")
    assert run(["config", "validate"]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    lines = said.err.splitlines()
    assert lines[0].startswith("config.yaml:2:3: server.lisen: ") or "config.yaml:2:3: server.lisen: " in lines[0]
    assert lines[0].endswith("did you mean listen?")
    assert "config.yaml:5:11: " in lines[1]
    assert lines[-1].endswith("config.yaml has 2 problems.")


def test_a_file_that_is_not_there_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["config", "validate", "nowhere.yaml"]) == 1
    assert "nowhere.yaml: there is no such file" in capsys.readouterr().err


def test_without_a_file_the_places_are_told(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["config", "validate"]) == 1
    said = capsys.readouterr().err
    assert "./config.yaml" in said
    assert f"{home}/.config/cc-relay/config.yaml" in said
    assert "config init" in said


def test_notices_follow_the_good_news(capsys: pytest.CaptureFixture[str]) -> None:
    Path("config.toml").write_text(
        'ledger = {retention_days = 3}\n[[providers]]\nname = "a"\ntype = "anthropic"\nkeys = [{key = "k"}]\n'
    )
    assert run(["config", "validate"]) == 0
    assert "Note: ledger: " in capsys.readouterr().out


def test_the_schema_is_json_schema(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["config", "schema"]) == 0
    assert json.loads(capsys.readouterr().out)["$schema"] == "https://json-schema.org/draft/2020-12/schema"
