"""Claude Code's settings: what we set is ours, and only that is given back."""

import json

import pytest

from cc_relay.cli.claude_code.json_text import InvalidJson
from cc_relay.cli.claude_code.settings import AUTH_TOKEN, BASE_URL, Memory, point, restore

URL = "http://127.0.0.1:8787"
WANTED = {BASE_URL: URL, AUTH_TOKEN: "cc-relay-placeholder"}


def pointed(text: str | None, wanted: dict[str, str] | None = None, memory: Memory | None = None) -> tuple[str, Memory]:
    result = point(text, wanted or WANTED, memory)
    assert result.memory is not None
    return result.text, result.memory


def environment(text: str) -> dict[str, str]:
    return json.loads(text.removeprefix("\ufeff"))["env"]


@pytest.mark.parametrize("blank", ["", " \n", "\ufeff"])
def test_a_blank_file_is_blank_again(blank: str) -> None:
    after, memory = pointed(blank)
    assert restore(after, memory).text == blank


def test_a_file_of_our_making_goes_away() -> None:
    after, memory = pointed(None)
    assert after == (
        '{\n  "env": {\n    "ANTHROPIC_BASE_URL": "http://127.0.0.1:8787",\n'
        '    "ANTHROPIC_AUTH_TOKEN": "cc-relay-placeholder"\n  }\n}\n'
    )
    assert restore(after, memory).text is None


def test_new_lines_are_laid_out_like_their_neighbours() -> None:
    after, _ = pointed('{\r\n\t"model": "opus",\r\n\t"env": {"A": "1"}\r\n}', {BASE_URL: URL})
    assert after == '{\r\n\t"model": "opus",\r\n\t"env": {"A": "1","ANTHROPIC_BASE_URL": "http://127.0.0.1:8787"}\r\n}'
    after, _ = pointed('{\r\n\t"model" : "opus"\r\n}', {BASE_URL: URL})
    assert after == (
        '{\r\n\t"model" : "opus",\r\n\t"env" : {\r\n\t\t"ANTHROPIC_BASE_URL" : "http://127.0.0.1:8787"\r\n\t}\r\n}'
    )


def test_what_the_person_added_since_stays() -> None:
    after, memory = pointed(None)
    edited = after.replace("{\n", '{\n  "model": "opus",\n', 1)
    text = restore(edited, memory).text
    assert text is not None
    assert json.loads(text) == {"model": "opus"}


def test_a_value_changed_by_hand_is_left_alone() -> None:
    after, memory = pointed('{"env": {"ANTHROPIC_BASE_URL": "https://old"}}')
    restored = restore(after.replace(URL, "https://mine"), memory)
    assert restored.text == '{"env": {"ANTHROPIC_BASE_URL": "https://mine"}}'
    assert (restored.left, restored.given_back) == ((BASE_URL,), (AUTH_TOKEN,))


def test_pointing_again_after_a_change_by_hand_remembers_that_change() -> None:
    after, memory = pointed('{"env": {"ANTHROPIC_BASE_URL": "https://old"}}')
    by_hand = after.replace(URL, "https://mine")
    again, memory = pointed(by_hand, memory=memory)
    assert restore(again, memory).text == '{"env": {"ANTHROPIC_BASE_URL": "https://mine"}}'


def test_a_credential_no_longer_needed_is_taken_out() -> None:
    after, memory = pointed('{"model": "opus"}')
    again, memory = pointed(after, {BASE_URL: URL}, memory)
    assert environment(again) == {BASE_URL: URL}
    assert restore(again, memory).text == '{"model": "opus"}'


def test_values_that_already_point_here_stay_the_persons_own() -> None:
    text = json.dumps({"env": WANTED})
    result = point(text, WANTED, None)
    assert (result.text, result.memory, result.changed) == (text, None, ())


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('{"env": }', "1:9"),
        ("[]", "object"),
        ('{"env": []}', "`env` must be an object"),
        ('{"env": null}', "`env` must be an object"),
        ('{"a": NaN}', "NaN"),
        ('{"a": 1} // note', "1:10"),
        ('{"a": ' + "[" * 100_000, "deep"),
    ],
)
def test_what_is_not_settings_json_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(InvalidJson, match=complaint):
        point(text, WANTED, None)
