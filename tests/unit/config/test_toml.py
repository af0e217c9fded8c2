"""TOML: values and places."""

import pytest

from cc_relay.config.nodes import key_position, plain, value_position
from cc_relay.config.problems import ConfigErrors
from cc_relay.config.toml import parse_toml

TEXT = (
    '''# comment with [brackets] and "quotes"
top = 1
[server]
listen = "x" # [not.a.table]
auth.api_key = """
[providers]
"""
[[providers]]
name = 'a'
keys = [
  "one",  # first
  { key = "two", rpm_limit = 5 },
]
[[providers]]
name = "b"
[providers.model_mapping]
"claude-*" = "x]y"
'single' = '''
    "'''multi\nline'''"
    """
[[providers.keys]]
key = "three"
[[providers.keys]]
when = 1979-05-27 07:32:00
key = "four"
"""
)


@pytest.mark.parametrize(
    ("loc", "key", "value"),
    [
        (("top",), (2, 1), (2, 7)),
        (("server",), (3, 1), (3, 1)),
        (("server", "listen"), (4, 1), (4, 10)),
        (("server", "auth", "api_key"), (5, 1), (5, 16)),
        (("providers", 0, "name"), (9, 1), (9, 8)),
        (("providers", 0, "keys", 0), (11, 3), (11, 3)),
        (("providers", 0, "keys", 1, "rpm_limit"), (12, 18), (12, 30)),
        (("providers", 1), (14, 1), (14, 1)),
        (("providers", 1, "model_mapping", "claude-*"), (17, 1), (17, 14)),
        (("providers", 1, "model_mapping", "single"), (18, 1), (18, 12)),
        (("providers", 1, "keys", 0, "key"), (21, 1), (21, 7)),
        (("providers", 1, "keys", 1, "key"), (24, 1), (24, 7)),
    ],
)
def test_every_kind_of_key_is_found(loc: tuple[str | int, ...], key: object, value: object) -> None:
    root = parse_toml(TEXT)
    assert key_position(root, loc) == key
    assert value_position(root, loc) == value


def test_a_date_is_its_text() -> None:
    assert plain(parse_toml("a = 2026-01-01")) == {"a": "2026-01-01"}


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a = ", "1:5: is not TOML"),
        ("a = 1\nb = [1,\n", "3:1: is not TOML"),
        ("a = 1\na = 2", "2:6: is not TOML: cannot overwrite a value"),
        ("a = 1979-99-99", "1:9: is not TOML: expected newline"),
        ("a = 1979-02-31", "1:5: is not TOML: invalid date or datetime"),
        ("a = " + "[" * 100_000, "nested too deep"),
        ("a = " + "[" * 100 + "]" * 100, "nested more than 32 levels deep"),
        (".".join(["a"] * 500) + " = 1", "nested more than 32 levels deep"),
        ("a = " + "9" * 5000, "holds a number that is too long"),
        ("a = [" + "1," * 60_000 + "]", "more than 50000 values"),
    ],
)
def test_a_fault_has_its_place(text: str, place: str) -> None:
    with pytest.raises(ConfigErrors) as caught:
        parse_toml(text)
    assert str(caught.value).startswith(place)
