"""`config cc`: Claude Code's settings file, edited and given back."""

import json
from pathlib import Path

import pytest

from cc_relay.cli.app import run

URL = "http://127.0.0.1:8787"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Claude Code's settings file of a user with an API key in the environment; it does not exist yet."""
    home = tmp_path / "home"
    (home / ".claude").mkdir(parents=True)
    for name in ("CLAUDE_CONFIG_DIR", "XDG_CONFIG_HOME", "ZAI_API_KEY", "MINIMAX_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-api-test")
    monkeypatch.setattr("cc_relay.cli.ollama.installed_models", lambda _environ: None)
    monkeypatch.chdir(tmp_path)
    return home / ".claude" / "settings.json"


def memory_of(settings: Path) -> Path:
    return settings.parent.parent / ".config" / "cc-relay" / "claude-code.json"


def environment(settings: Path) -> dict[str, str]:
    return json.loads(settings.read_text())["env"]


def write_config(text: str) -> None:
    Path("config.yaml").write_text(text + "\nproviders: [{name: a, type: anthropic, keys: [{key: k}]}]\n")


def test_init_and_remove_leave_no_trace(settings: Path) -> None:
    settings.write_bytes(before := b'{\n\t"model": "opus"\n}')
    assert run(["config", "cc", "init"]) == 0
    assert environment(settings) == {"ANTHROPIC_BASE_URL": URL, "ANTHROPIC_AUTH_TOKEN": "cc-relay-placeholder"}
    assert run(["config", "cc", "remove"]) == 0
    assert settings.read_bytes() == before
    assert not memory_of(settings).exists()


def test_a_file_of_our_making_is_private_and_goes_away(settings: Path) -> None:
    assert run(["config", "cc", "init"]) == 0
    assert settings.stat().st_mode & 0o777 == 0o600
    assert memory_of(settings).stat().st_mode & 0o777 == 0o600
    assert run(["config", "cc", "remove"]) == 0
    assert not settings.exists()


def test_a_second_init_says_that_there_is_nothing_to_do(settings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["config", "cc", "init"])
    first = settings.read_bytes()
    capsys.readouterr()
    assert run(["config", "cc", "init"]) == 0
    assert "nothing to change" in capsys.readouterr().out
    assert settings.read_bytes() == first


def test_the_relays_own_key_is_what_claude_code_sends(settings: Path) -> None:
    write_config("server: {listen: '0.0.0.0:9000', auth: {api_key: secret}}")
    assert run(["config", "cc", "init"]) == 0
    assert environment(settings) == {"ANTHROPIC_BASE_URL": "http://127.0.0.1:9000", "ANTHROPIC_AUTH_TOKEN": "secret"}


def test_a_login_that_passes_through_is_not_replaced_by_a_token(
    settings: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    assert run(["config", "cc", "init"]) == 0
    assert environment(settings) == {"ANTHROPIC_BASE_URL": URL}
    assert "your own Claude login stays in use" in capsys.readouterr().out


def test_another_relay_can_be_named(settings: Path) -> None:
    assert run(["config", "cc", "init", "--relay-url", "https://relay.example/v1/"]) == 0
    assert environment(settings)["ANTHROPIC_BASE_URL"] == "https://relay.example"


@pytest.mark.usefixtures("settings")
def test_a_relay_url_without_a_scheme_is_a_usage_error() -> None:
    assert run(["config", "cc", "init", "--relay-url", "127.0.0.1:8787"]) == 2


def test_the_credential_is_never_printed(settings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_config("server: {auth: {api_key: very-secret}}")
    run(["config", "cc", "init"])
    run(["config", "cc", "remove"])
    assert "very-secret" not in "".join(capsys.readouterr())
    assert not settings.exists()


def test_settings_elsewhere_are_found(settings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "other"))
    assert run(["config", "cc", "init"]) == 0
    assert environment(tmp_path / "other" / "settings.json")["ANTHROPIC_BASE_URL"] == URL
    assert not settings.exists()


@pytest.mark.parametrize("command", ["init", "remove"])
@pytest.mark.parametrize("damage", [b'{"env": ', b"\xff\xfe{}", b'{"env": []}'])
def test_a_damaged_file_is_left_as_it_is(
    settings: Path, command: str, damage: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    run(["config", "cc", "init"])
    settings.write_bytes(damage)
    capsys.readouterr()
    assert run(["config", "cc", command]) == 1
    assert "left as it is" in capsys.readouterr().err
    assert settings.read_bytes() == damage


def test_a_damaged_memory_is_named(settings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["config", "cc", "init"])
    before = settings.read_bytes()
    memory_of(settings).write_text("{")
    assert run(["config", "cc", "remove"]) == 1
    assert str(memory_of(settings)) in capsys.readouterr().err
    assert settings.read_bytes() == before


@pytest.mark.parametrize("text", [None, '{"env": {"ANTHROPIC_BASE_URL": "https://mine"}}'])
def test_remove_says_when_nothing_is_ours(settings: Path, text: str | None, capsys: pytest.CaptureFixture[str]) -> None:
    if text is not None:
        settings.write_text(text)
    assert run(["config", "cc", "remove"]) == 0
    assert "is ours" in capsys.readouterr().out
    assert (settings.read_text() if settings.exists() else None) == text


def test_remove_leaves_a_value_changed_by_hand_and_says_so(settings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["config", "cc", "init"])
    settings.write_text(settings.read_text().replace(URL, "https://mine"))
    assert run(["config", "cc", "remove"]) == 0
    assert "ANTHROPIC_BASE_URL was changed by hand since" in capsys.readouterr().out
    assert environment(settings) == {"ANTHROPIC_BASE_URL": "https://mine"}


def test_a_link_into_ones_dotfiles_stays_a_link(settings: Path, tmp_path: Path) -> None:
    target = tmp_path / "dotfiles.json"
    target.write_text("{}")
    settings.symlink_to(target)
    run(["config", "cc", "init"])
    assert settings.is_symlink()
    run(["config", "cc", "remove"])
    assert settings.is_symlink()
    assert target.read_text() == "{}"


def test_a_file_made_behind_a_dangling_link_goes_away_alone(settings: Path, tmp_path: Path) -> None:
    settings.symlink_to(tmp_path / "dotfiles.json")
    run(["config", "cc", "init"])
    assert (tmp_path / "dotfiles.json").exists()
    run(["config", "cc", "remove"])
    assert not (tmp_path / "dotfiles.json").exists()
    assert settings.is_symlink()


def test_a_client_that_ignores_the_base_url_is_mentioned(settings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings.write_text('{"env": {"CLAUDE_CODE_USE_BEDROCK": "1"}}')
    assert run(["config", "cc", "init"]) == 0
    assert "CLAUDE_CODE_USE_BEDROCK" in capsys.readouterr().out
