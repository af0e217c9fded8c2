"""YAML: scalars of version 1.2, places, duplicates, aliases, bounds."""

import pytest

from cc_relay.config.nodes import MAX_NODES, plain
from cc_relay.config.positions import parse_yaml, resolve
from cc_relay.config.problems import ConfigErrors


def fault(text: str) -> str:
    with pytest.raises(ConfigErrors) as caught:
        parse_yaml(text)
    return "\n".join(map(str, caught.value.problems))


@pytest.mark.parametrize("text", ["yes", "no", "on", "off", "Y", "2026-01-01", "12:30:00", "1_000", "0b1", "1.2.3"])
def test_what_yaml_1_1_converts_stays_text(text: str) -> None:
    assert plain(parse_yaml(f"key: {text}")) == {"key": text}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("010", 10),
        ("0o17", 15),
        ("0xfF", 255),
        ("-7", -7),
        ("+7", 7),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("5.", 5.0),
        ("-.inf", float("-inf")),
        ("true", True),
        ("FALSE", False),
        ("~", None),
        ("", None),
        ("null", None),
        ("9" * 61, "9" * 61),
    ],
)
def test_a_plain_scalar_means_what_the_core_schema_says(text: str, value: object) -> None:
    resolved = resolve(text)
    assert resolved == value
    assert type(resolved) is type(value)


def test_a_quoted_scalar_is_text() -> None:
    assert plain(parse_yaml("a: '1'\nb: \"true\"\nc: |\n  2\n")) == {"a": "1", "b": "true", "c": "2\n"}


def test_a_key_is_its_text() -> None:
    assert plain(parse_yaml("4.6: a\ntrue: b\n010: c")) == {"4.6": "a", "true": "b", "010": "c"}


def test_a_tag_of_the_core_schema_is_obeyed() -> None:
    assert plain(parse_yaml("a: !!str 5\nb: !!float 5\nc: !!int 5\nd: !!seq [1]")) == {
        "a": "5",
        "b": 5,
        "c": 5,
        "d": [1],
    }


@pytest.mark.parametrize(
    "text", ["a: !!python/object:os.system x", "a: !mine [1]", "a: !!int x", "a: !!timestamp 2026-01-01"]
)
def test_any_other_tag_is_refused(text: str) -> None:
    assert "tag" in fault(text)


def test_a_duplicate_key_names_the_first_and_every_one_is_reported() -> None:
    assert fault("a: 1\nb: {c: 1, c: 2}\na: 3\n").splitlines() == [
        "2:11: c: duplicate key; it is already set on line 2",
        "3:1: a: duplicate key; it is already set on line 1",
    ]


def test_anchors_and_merge_keys_work_and_explicit_keys_win() -> None:
    text = """
base: &base {x: 1, y: 1}
other: &other {y: 2, z: 2}
one: {y: 0, <<: *base}
two: {<<: [*base, *other]}
copy: *base
"""
    tree = plain(parse_yaml(text))
    assert isinstance(tree, dict)
    assert tree["one"] == {"y": 0, "x": 1}
    assert tree["two"] == {"x": 1, "y": 1, "z": 2}
    assert tree["copy"] == {"x": 1, "y": 1}


def test_an_alias_of_a_text_may_be_a_key() -> None:
    assert plain(parse_yaml("a: &name b\n*name : 1")) == {"a": "b", "b": 1}


def test_a_quoted_merge_key_is_an_ordinary_one() -> None:
    assert plain(parse_yaml("'<<': 1")) == {"<<": 1}


def test_an_alias_is_a_copy_of_its_own() -> None:
    tree = parse_yaml("a: &a {k: v}\nb: *a")
    tree.entries["a"].node.entries["k"].node.value = "changed"
    assert plain(tree.entries["b"].node) == {"k": "v"}


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a: *b", "1:4: alias *b has no anchor before it"),
        ("a: &a [*a]", "1:8: alias *a stands inside its own anchor"),
        ("<<: 5", "1:1: << takes a mapping, or a list of mappings"),
        ("? [1]\n: 2", "1:3: a key must be text"),
        ("? {a: 1}\n: 2", "1:3: a key must be text"),
        ("a: &x [1]\n? *x\n: 2", "2:3: a key must be text"),
        ("a: 1\n--- \nb: 2", "2:1: a second document begins here"),
        ("a: [1", "2:1: is not YAML"),
        ("a:\n\tb: 1", "2:1: a tab may not indent YAML"),
        ("a: 'x", "1:6: is not YAML"),
        ('a: "\\ud800"', "1:7: is not YAML"),
    ],
)
def test_a_fault_has_its_place(text: str, place: str) -> None:
    assert fault(text).startswith(place)


def test_an_alias_bomb_is_refused() -> None:
    levels = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    assert f"more than {MAX_NODES} values; do its aliases multiply?" in fault("\n".join(levels))


@pytest.mark.parametrize("opener", ["[", "{a: ", "- "])
def test_a_hundred_thousand_levels_are_refused(opener: str) -> None:
    assert "levels deep" in fault(opener * 100_000)


def test_aliases_cannot_get_around_the_depth() -> None:
    nested = "a: &a " + "[" * 20 + "]" * 20
    assert "levels deep" in fault(nested + "\nb: " + "[" * 20 + "*a" + "]" * 20)


def test_an_empty_document_is_nothing() -> None:
    assert plain(parse_yaml("# nothing\n")) is None
