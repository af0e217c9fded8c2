"""`explain`: whom it asks, with what, and what it makes of the answer."""

import json
from pathlib import Path

import pytest
from msgspec.json import encode
from tests.support.admin import REQUEST

from cc_relay.cli import explain
from cc_relay.cli.app import run
from cc_relay.cli.http_get import NoAnswer
from cc_relay.config import Listen
from cc_relay.management.views import Failed, Problem

TOKEN = "t0ken"
FOUND = (200, encode(REQUEST))


class Port:
    """The admin port: gives `answer` to whoever asks, and remembers the question."""

    def __init__(self) -> None:
        self.answer: tuple[int, bytes] | NoAnswer = FOUND
        self.asked: list[tuple[str, str, str]] = []

    def get(self, address: Listen, path: str, *, credential: str = "") -> tuple[int, bytes]:
        self.asked.append((str(address), path, credential))
        if isinstance(self.answer, NoAnswer):
            raise self.answer
        return self.answer

    def fails(self, status: int, code: str, message: str) -> None:
        self.answer = status, encode(Failed(error=Problem(code=code, message=message)))


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Port:
    """Nothing is configured where the command runs."""
    monkeypatch.chdir(tmp_path)
    port = Port()
    monkeypatch.setattr(explain, "get", port.get)
    return port


def configure(path: Path, listen: str = "0.0.0.0:7001", token: str = TOKEN) -> Path:
    path.write_text(
        json.dumps({"admin": {"listen": listen, "token": token}, "providers": [{"name": "a", "type": "anthropic"}]})
    )
    return path


def test_without_a_configuration_the_usual_port_is_asked(port: Port, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", "req_1"]) == 0
    assert port.asked == [("127.0.0.1:8788", "/api/v1/requests/req_1", "")]
    assert capsys.readouterr().out.startswith("req_1: POST /v1/messages, claude-opus-5-5\n")


def test_the_configured_port_is_asked_with_its_token(port: Port) -> None:
    configure(Path("config.yaml"))

    assert run(["explain", "req_1"]) == 0
    assert port.asked == [("127.0.0.1:7001", "/api/v1/requests/req_1", TOKEN)]


def test_a_file_can_be_named(port: Port, tmp_path: Path) -> None:
    other = configure(tmp_path / "other.yaml", listen="[::1]:7002")

    assert run(["explain", "req_1", "--config", str(other)]) == 0
    assert port.asked == [("[::1]:7002", "/api/v1/requests/req_1", TOKEN)]


def test_a_configured_token_is_not_sent_elsewhere(port: Port) -> None:
    configure(Path("config.yaml"))

    assert run(["explain", "req_1", "--admin", "http://relay.example:7003/"]) == 0
    assert port.asked == [("relay.example:7003", "/api/v1/requests/req_1", "")]


def test_a_token_of_the_command_line_or_the_environment_is_sent(port: Port, monkeypatch: pytest.MonkeyPatch) -> None:
    configure(Path("config.yaml"))
    run(["explain", "req_1", "--token", "mine"])
    monkeypatch.setenv("CC_RELAY_ADMIN_TOKEN", "from-the-environment")
    run(["explain", "req_1", "--admin", "127.0.0.1:7003"])

    assert [credential for _, _, credential in port.asked] == ["mine", "from-the-environment"]


@pytest.mark.parametrize(
    ("request_id", "path"), [("a/../b?c#d", "a%2F..%2Fb%3Fc%23d"), ("a b\n", "a%20b%0A"), ("\udcff", "%FF")]
)
def test_an_id_stays_one_part_of_the_path(port: Port, request_id: str, path: str) -> None:
    run(["explain", request_id])

    assert [asked for _, asked, _ in port.asked] == [f"/api/v1/requests/{path}"]


def test_json_is_what_was_sent_and_nothing_a_terminal_obeys(port: Port, capsys: pytest.CaptureFixture[str]) -> None:
    told = json.loads(FOUND[1]) | {"reason": "\x1b[2J\x7f\x9b\u202e€", "a field of tomorrow": 1}
    port.answer = 200, json.dumps(told, ensure_ascii=False).encode()

    assert run(["explain", "req_1", "--json"]) == 0
    shown = capsys.readouterr().out
    assert json.loads(shown) == told
    assert all(line.isprintable() for line in shown.splitlines())


def test_an_unknown_id_is_wrong_input(port: Port, capsys: pytest.CaptureFixture[str]) -> None:
    port.fails(404, "unknown_request", "No such request.\x1b[2J")

    assert run(["explain", "req_2"]) == 1
    assert capsys.readouterr().err == "Error: No such request.\\x1b[2J\n"


def test_nobody_there_is_not_running(port: Port, capsys: pytest.CaptureFixture[str]) -> None:
    port.answer = NoAnswer("nothing listens there")

    assert run(["explain", "req_1"]) == 3
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("Error: nothing listens there (http://127.0.0.1:8788). Is the relay running")


@pytest.mark.parametrize(("status", "code"), [(401, "unauthorized"), (403, "foreign_host")])
def test_a_locked_port_says_how_to_get_in(
    port: Port, status: int, code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    port.fails(status, code, "Not you.")

    assert run(["explain", "req_1"]) == 1
    assert capsys.readouterr().err == "Error: Not you. `explain` takes --token, or the variable CC_RELAY_ADMIN_TOKEN.\n"


@pytest.mark.parametrize(
    "answer",
    [
        (200, b"<html>"),
        (200, b"{}"),
        (200, FOUND[1][:-1]),
        (200, b'{"x":' + b"[" * 100_000),
        (200, FOUND[1].replace(b'"input":7', b'"input":' + b"9" * 400)),
        (200, FOUND[1].replace(b'"path":"/v1', b'"path":"\\ud800')),
        (404, b"not found"),
        (501, b'{"type":"error","error":{"type":"not_supported","message":"no"}}'),
    ],
    ids=["html", "empty", "cut", "deep", "huge", "half a character", "plain", "data plane"],
)
@pytest.mark.parametrize("options", [[], ["--json"]], ids=["story", "json"])
def test_what_is_no_admin_port_is_not_running(
    port: Port, answer: tuple[int, bytes], options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    port.answer = answer

    assert run(["explain", "req_1", *options]) == 3
    assert "what answers there is not the admin port" in capsys.readouterr().err


def test_any_other_failure_is_passed_on(port: Port, capsys: pytest.CaptureFixture[str]) -> None:
    port.fails(500, "internal", "The relay failed on this request; its log says why.")

    assert run(["explain", "req_1"]) == 3
    assert "answered 500: The relay failed on this request" in capsys.readouterr().err


@pytest.mark.parametrize("admin", ["8788", "https://127.0.0.1:8788", "http://u:p@127.0.0.1:8788", "http://h:1/x", ""])
def test_an_address_that_is_none_is_a_usage_error(port: Port, admin: str) -> None:
    assert run(["explain", "req_1", "--admin", admin]) == 2
    assert port.asked == []


@pytest.mark.parametrize("token", ["a\nb", "é", "a\x00"])
def test_a_token_that_fits_into_no_header_is_not_sent(port: Port, token: str) -> None:
    assert run(["explain", "req_1", "--token", token]) == 2
    configure(Path("config.yaml"), token=token)
    assert run(["explain", "req_1"]) == 1
    assert port.asked == []
