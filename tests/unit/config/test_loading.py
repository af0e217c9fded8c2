"""From bytes on a disk to a configuration: every way a file can be wrong as a file."""

from pathlib import Path

import pytest
from tests.unit.config.helpers import ONE_PROVIDER, problems, read

import cc_relay.config
from cc_relay.config import Config, ConfigErrors, load


def fault(path: Path) -> str:
    with pytest.raises(ConfigErrors) as caught:
        load(path, {})
    return str(caught.value).removeprefix(str(path))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", ": is empty; `cc-relay config init` writes one to start from"),
        (b"# only words\n\n", ": is empty; `cc-relay config init` writes one to start from"),
        (b"{}", ": is empty; `cc-relay config init` writes one to start from"),
        (b"- a\n- b\n", ":1:1: must be a mapping of keys at the top"),
        (b"just text", ":1:1: must be a mapping of keys at the top"),
        (b"a: 1\nb: \xc3\xa4 \xff", ":2:6: is not UTF-8 text"),
        ("providers: []".encode("utf-16"), ":1:1: is UTF-16; save it as UTF-8"),
        (b"a: 1\nb: \x00", ":2:4: holds the character U+0000, which may not stand in a configuration"),
        (b" " * (4 * 1024 * 1024 + 1), ": is larger than 4194304 bytes"),
    ],
)
def test_a_file_that_is_none_says_so(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(content)
    assert fault(path) == message


def test_a_missing_file_a_directory_and_a_locked_one_say_so(tmp_path: Path) -> None:
    assert fault(tmp_path / "nowhere.yaml") == ": there is no such file"
    assert fault(tmp_path) == ": is a directory, not a file"
    assert fault(tmp_path / "x\0y").endswith(": is no path")


def test_a_file_that_may_not_be_read_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    # Nothing is locked to the superuser, as whom tests may run.
    monkeypatch.setattr(Path, "open", refuse)
    assert fault(tmp_path / "config.yaml") == ": may not be read (permission denied)"


def test_a_byte_order_mark_and_crlf_are_fine(tmp_path: Path) -> None:
    for name, text in {"c.yaml": ONE_PROVIDER, "c.toml": '[[providers]]\nname = "a"\ntype = "ollama"\n'}.items():
        path = tmp_path / name
        path.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
        assert load(path, {}).config.providers[0].name == "a"


def test_the_source_is_the_path_and_stands_before_each_problem(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(ONE_PROVIDER)
    assert load(path, {}).source == str(path)
    path.write_text("sever: {}\n" + ONE_PROVIDER)
    assert fault(path) == ":1:1: sever: unknown key; did you mean server?"


def test_all_problems_come_at_once_in_the_order_of_the_file() -> None:
    text = """\
    server:
      listen: 8787
      timeout_ms: -1
    routing:
      strategy: failovr
      default_provider: antropic
    providers:
      - name: anthropic
        type: anthropic
        keys:
          - key: "${MISSING}"
            rpm_limt: 5
      - name: anthropic
        type: zai
    """
    found = problems(text)
    places = [tuple(map(int, problem.split(":")[:2])) for problem in found]
    assert places == sorted(places)
    assert [place[0] for place in places] == [2, 3, 5, 6, 11, 12, 13, 13]
    assert "12:9: providers[0].keys[0].rpm_limt: unknown key; did you mean rpm_limit?" in found


def test_toml_is_the_same_format() -> None:
    text = """
    [server]
    listen = ":80"
    [[providers]]
    name = "a"
    type = "anthropic"
    keys = ["sk-1", { key = "sk-2", rpm_limt = 5 }]
    """
    assert problems(text, syntax="toml") == [
        "7:33: providers[0].keys[1].rpm_limt: unknown key; did you mean rpm_limit?"
    ]
    loaded = read(text.replace("limt", "limit"), syntax="toml")
    assert loaded.config.server.listen == ":80"
    assert loaded.config.providers[0].keys[1].rpm_limit == 5


def test_origins_say_where_keys_come_from_and_never_what_they_are() -> None:
    text = """\
    providers:
      - {name: one, type: zai, keys: [{key: "${KEY}"}]}
      - {name: some, type: zai, keys: ["${KEY}", sk-plain, {key: sk-plain-too}, "${X:-sk-default}"]}
      - {name: none, type: anthropic}
      - {name: local, type: ollama}
    """
    loaded = read(text, {"KEY": "sk-hidden"})
    assert loaded.origins == {
        "one": "${KEY} from the environment",
        "some": "${KEY} from the environment, 2 keys written in the file, the default of ${X}",
        "none": "no key: the client's own login passes through",
        "local": "no key",
    }
    assert "sk-" not in repr(loaded)


def test_the_older_place_of_the_relay_key_still_works() -> None:
    loaded = read("server: {api_key: sk-old}\n" + ONE_PROVIDER)
    assert loaded.config.server.auth.api_key.get_secret_value() == "sk-old"
    assert loaded.notices[0] == "server.api_key is the older name of server.auth.api_key"
    empty = read("server: {api_key: sk-old, auth: ~}\n" + ONE_PROVIDER)
    assert empty.config.server.auth == loaded.config.server.auth
    both = read("server: {api_key: sk-old, auth: {api_key: sk-new}}\n" + ONE_PROVIDER)
    assert both.config.server.auth.api_key.get_secret_value() == "sk-new"


def test_the_room_exports_its_names_and_no_others() -> None:
    assert cc_relay.config.Config is Config
    with pytest.raises(AttributeError, match="nonsense"):
        _ = cc_relay.config.nonsense
