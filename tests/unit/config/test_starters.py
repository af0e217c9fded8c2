"""The file to start from is valid as it stands, in both syntaxes the same."""

import re
from typing import Literal

import pytest
from tests.unit.config.helpers import read

from cc_relay.config import active_providers, json_schema, starter

SYNTAXES: list[Literal["yaml", "toml"]] = ["yaml", "toml"]


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_a_starter_is_valid_without_any_variable(syntax: Literal["yaml", "toml"]) -> None:
    loaded = read(starter(syntax), {}, syntax)
    assert loaded.notices == ()
    assert [provider.name for provider in active_providers(loaded.config)] == ["anthropic"]
    assert loaded.config.server.auth.allow_subscription


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_a_starter_is_valid_with_everything_enabled(syntax: Literal["yaml", "toml"]) -> None:
    text = starter(syntax).replace("enabled: false", "enabled: true").replace("enabled = false", "enabled = true")
    text = re.sub(r"^( *)# ((?:api_key|base_url|failover_timeout)[ :=].*)$", r"\1\2", text, flags=re.MULTILINE)
    environ = {"ZAI_API_KEY": "z", "MINIMAX_API_KEY": "m", "DEEPSEEK_API_KEY": "d", "RELAY_KEY": "r"}
    environ |= {"GOOGLE_CLOUD_PROJECT": "p", "ANTHROPIC_FOUNDRY_RESOURCE": "f", "ANTHROPIC_FOUNDRY_API_KEY": "k"}
    config = read(text, environ, syntax).config
    assert [p.type for p in active_providers(config)] == [
        "anthropic",
        "zai",
        "minimax",
        "ollama",
        "anthropic_compatible",
        "bedrock",
        "vertex",
        "azure",
    ]
    assert config.server.auth.api_key.get_secret_value() == "r"
    assert config.providers[3].base_url == "http://127.0.0.1:11434"


def test_both_starters_say_the_same() -> None:
    assert read(starter("yaml")).config == read(starter("toml"), syntax="toml").config


def test_the_starter_uses_only_sections_of_the_json_schema() -> None:
    used = set(re.findall(r"^([a-z]+):", starter("yaml"), flags=re.MULTILINE))
    properties = json_schema()["properties"]
    assert isinstance(properties, dict)
    assert used <= set(properties)
    assert used >= {"server", "routing", "providers", "logging"}
