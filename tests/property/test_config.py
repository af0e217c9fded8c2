"""Laws of loading: nothing but ConfigErrors comes out, no secret comes out, and what was meant is what is read."""

import json
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_relay.config import Config, ConfigErrors, Loaded, discover, json_schema, parse, starter
from cc_relay.config.nodes import Plain, look_up, plain, walk
from cc_relay.config.positions import parse_yaml
from cc_relay.config.section import Section
from cc_relay.config.toml import find_positions, parse_toml

SECRET = "hunter2-hunter2"
SYNTAXES: list[Literal["yaml", "toml"]] = ["yaml", "toml"]

words = st.sampled_from(
    [
        "providers",
        "server",
        "routing",
        "keys",
        "name",
        "type",
        "zai",
        "key",
        "auth",
        "listen",
        "${A}",
        "${",
        "$$",
        "true",
    ]
)
yaml_tokens = st.one_of(
    words, st.sampled_from([*"[]{}:,-?&*!|>'\"%@`#\n\t ~\\", ": ", "- ", "<<: ", "\n  ", "&a ", "*a"])
)
toml_tokens = st.one_of(
    words,
    st.sampled_from(["[", "]", "[[", "]]", "{", "}", "=", " = ", ",", ".", '"', '"""', "'''", "\\", "\n", "#", "1"]),
)
texts = st.one_of(
    st.text(max_size=200),
    st.lists(yaml_tokens, max_size=60).map("".join),
    st.lists(toml_tokens, max_size=60).map("".join),
)
names = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=12)
models = st.text(
    st.characters(codec="ascii", categories=["L", "N"], include_characters="-.:@/"), min_size=1, max_size=16
)
counts = st.integers(0, 2**53 - 1)
keys = st.one_of(
    names.filter(lambda text: "$" not in text),
    st.fixed_dictionaries(
        {"key": names.filter(lambda text: "$" not in text)},
        optional={"rpm_limit": counts, "tpm_limit": counts, "priority": counts, "weight": counts},
    ),
)
providers = st.fixed_dictionaries(
    {
        "name": names.filter(lambda text: "$" not in text),
        "type": st.sampled_from(["anthropic", "ollama"]),
        "enabled": st.just(value=True),
    },
    optional={
        "models": st.lists(models, max_size=3),
        "model_mapping": st.dictionaries(models | models.map(lambda text: f"{text}*"), models, max_size=3),
        "keys": st.lists(keys, max_size=3),
        "priority": counts,
        "base_url": st.sampled_from(["https://a.example", "http://[::1]:99/x"]),
        "price": st.dictionaries(models, st.fixed_dictionaries({"input": st.floats(0, 1e9)}), max_size=2),
        "timeouts": st.fixed_dictionaries({}, optional={"connect_ms": counts, "idle_ms": counts}),
    },
)
documents = st.fixed_dictionaries(
    {"providers": st.lists(providers, min_size=1, max_size=4, unique_by=lambda provider: str(provider["name"]))},
    optional={
        "server": st.fixed_dictionaries(
            {}, optional={"timeout_ms": counts, "listen": st.sampled_from([":1", "[::1]:0"])}
        ),
        "routing": st.fixed_dictionaries(
            {}, optional={"debug": st.booleans(), "strategy": st.sampled_from(["shuffle"])}
        ),
        "logging": st.fixed_dictionaries({}, optional={"level": st.sampled_from(["debug", "warn"])}),
    },
)


def attempt(text: str, syntax: Literal["yaml", "toml"], environ: dict[str, str]) -> Loaded | ConfigErrors:
    try:
        return parse(text, format=syntax, source="c", environ=environ)
    except ConfigErrors as errors:
        return errors


@given(text=texts, syntax=st.sampled_from(SYNTAXES))
def test_any_text_is_a_configuration_or_a_list_of_problems(text: str, syntax: Literal["yaml", "toml"]) -> None:
    outcome = attempt(text, syntax, {"A": "x"})
    if isinstance(outcome, ConfigErrors):
        assert outcome.problems
        lines = text.count("\n") + text.count("\r") + text.count("\x85") + text.count("\u2028") + text.count("\u2029")
        assert all(problem.line is None or 1 <= problem.line <= lines + 2 for problem in outcome.problems)
        assert all("\n" not in str(problem) for problem in outcome.problems)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words | st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


def field_names(section: type[Section]) -> list[str]:
    return list(section.model_fields)


@given(document=st.dictionaries(st.sampled_from(field_names(Config)), json_values, max_size=6))
def test_any_shape_under_known_keys_is_told_not_raised(document: dict[str, object]) -> None:
    attempt(as_yaml(document), "yaml", {"A": "x"})


@given(data=st.data(), syntax=st.sampled_from(SYNTAXES))
def test_a_mangled_starter_is_told_not_raised(data: st.DataObject, syntax: Literal["yaml", "toml"]) -> None:
    text = starter(syntax)
    begin = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(begin, min(len(text), begin + 40)))
    attempt(text[:begin] + data.draw(st.text(max_size=4)) + text[end:], syntax, {})


@given(document=documents)
def test_what_was_written_is_what_is_read(document: dict[str, object]) -> None:
    direct = Config.model_validate(document)
    assert parse(as_yaml(document), format="yaml", source="c", environ={}).config == direct
    assert parse(as_toml(document), format="toml", source="c", environ={}).config == direct


@given(document=documents)
def test_dumped_and_loaded_again_it_is_the_same(document: dict[str, object]) -> None:
    config = Config.model_validate(document)
    dumped = config.model_dump(mode="python", exclude={"cache"}, exclude_none=True)
    assert parse(as_yaml(reveal(dumped)), format="yaml", source="c", environ={}).config == config


@given(document=documents)
def test_every_value_of_a_toml_file_has_its_place(document: dict[str, object]) -> None:
    text = as_toml(document)
    root = parse_toml(text)
    places = find_positions(text)
    assert {loc for loc, _ in walk(root) if loc} <= set(places)
    lines = text.split("\n")
    for loc, (key, value) in places.items():
        node = look_up(root, loc)
        assert node is not None
        if isinstance(loc[-1], str) and not isinstance(node.value, list | dict):
            assert lines[key.line - 1][key.column - 1 :].startswith(json.dumps(loc[-1], ensure_ascii=False))
            assert lines[value.line - 1][value.column - 1 :].startswith(json.dumps(node.value, ensure_ascii=False))


@given(value=json_values)
def test_json_is_yaml(value: Plain) -> None:
    # Strings whose escapes YAML reads differently (surrogate halves) cannot occur: the text is written unescaped.
    assert plain(parse_yaml(as_yaml(value))) == value


@given(
    path=st.sampled_from(["auth", "key", "keys", "base_url", "state", "url", "model"]),
    before=st.text(max_size=3),
    after=st.text(max_size=3),
)
def test_a_secret_never_comes_out(path: str, before: str, after: str) -> None:
    secret = f"{before}{SECRET}{after}".replace("$", "$$")
    provider: dict[str, object] = {"name": "a", "type": "anthropic", "unknown": 1}
    document: dict[str, object] = {"providers": [provider]}
    match path:
        case "auth":
            document["server"] = {"auth": {"api_key": secret, "bearer_secret": [secret]}}
        case "key":
            provider["keys"] = [{"key": secret, "rpm_limit": -1}]
        case "keys":
            provider["keys"] = [secret, {"key": {"key": secret}}]
        case "base_url":
            provider["base_url"] = f"https://user:{secret}@host"
        case "state":
            document["state"] = {"backend": f"redis://:{secret}@host"}
            document["ledger"] = {"backend": f"mysql://:{secret}@host"}
        case "url":
            document["tracing"] = {"otlp_endpoint": f"https://host?{secret}"}
        case _:
            provider["bearer_token"] = {"x": secret}
            provider["aws_secret_access_key"] = secret
    outcome = attempt(as_yaml(document), "yaml", {})
    assert SECRET not in str(outcome)
    assert SECRET not in repr(outcome)


@given(
    environ=st.dictionaries(
        st.sampled_from(
            ["ANTHROPIC_API_KEY", "ZAI_API_KEY", "MINIMAX_API_KEY", "OLLAMA_HOST", "AWS_REGION", "AWS_PROFILE"]
        ),
        st.text(max_size=12) | st.text("\udc80\udcff", max_size=3),
    ),
    ollama=st.none() | st.lists(st.text(max_size=8), max_size=3),
)
def test_any_environment_gives_a_configuration(environ: dict[str, str], ollama: list[str] | None) -> None:
    loaded = discover(environ, ollama_models=ollama)
    assert loaded.config.providers
    assert set(loaded.origins) == {provider.name for provider in loaded.config.providers}


def check_against(schema: dict[str, object], value: object, root: dict[str, object]) -> None:
    """The part of JSON Schema that matters here: known keys, required keys, choices."""
    reference = schema.get("$ref")
    if isinstance(reference, str):
        definitions = root["$defs"]
        assert isinstance(definitions, dict)
        return check_against(definitions[reference.rsplit("/", 1)[1]], value, root)
    if isinstance(schema.get("anyOf"), list) and isinstance(value, dict):
        options = [option for option in schema["anyOf"] if option.get("type") == "object"]  # type: ignore[attr-defined]
        return check_against(options[0], value, root)
    if "enum" in schema:
        assert value in schema["enum"]  # type: ignore[operator]  # a JSON array
    if isinstance(value, list):
        for item in value:
            check_against(schema["items"], item, root)  # type: ignore[arg-type]  # a JSON object
    if isinstance(value, dict) and isinstance(schema.get("properties"), dict):
        properties = schema["properties"]
        assert set(value) <= set(properties)  # type: ignore[call-overload]  # a JSON object
        assert set(schema.get("required", ())) <= set(value)  # type: ignore[call-overload]  # a JSON array
        for key, item in value.items():
            check_against(properties[key], item, root)  # type: ignore[index]  # a JSON object
    return None


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_the_schema_takes_the_starter(syntax: Literal["yaml", "toml"]) -> None:
    tree = plain(parse_yaml(starter("yaml")) if syntax == "yaml" else parse_toml(starter("toml")))
    check_against(json_schema(), tree, json_schema())
    assert isinstance(tree, dict)
    with pytest.raises(AssertionError):
        check_against(json_schema(), tree | {"servr": {}}, json_schema())


@given(document=documents)
def test_the_schema_takes_what_the_loader_takes(document: dict[str, object]) -> None:
    check_against(SCHEMA, document, SCHEMA)


SCHEMA = json_schema()


def as_yaml(value: object) -> str:
    """As JSON, which YAML contains; but for the few characters that YAML wants escaped."""
    text = json.dumps(value, ensure_ascii=False)
    return "".join(
        c if c.isprintable() or c == "\n" else f"\\U{ord(c):08x}" if ord(c) > 0xFFFF else f"\\u{ord(c):04x}"
        for c in text
    )


def as_toml(document: dict[str, object]) -> str:
    lines = []
    for section, value in document.items():
        if isinstance(value, dict):
            lines += [f"[{section}]", *_pairs(value)]
        elif isinstance(value, list):
            for item in value:
                lines += [f"[[{section}]]", *_pairs(item)]
    return "\n".join(lines)


def _pairs(table: dict[str, object]) -> list[str]:
    return [f"{json.dumps(key)} = {_toml_value(value)}" for key, value in table.items()]


def _toml_value(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(_pairs(value)) + " }"
    if isinstance(value, list):
        return "[\n  " + ",\n  ".join(map(_toml_value, value)) + "\n]"
    return json.dumps(value)


def reveal(value: object) -> object:
    """Secrets as their text; tuples as lists."""
    if isinstance(value, dict):
        return {key: reveal(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [reveal(item) for item in value]
    get: object = getattr(value, "get_secret_value", None)
    return get() if callable(get) else value
