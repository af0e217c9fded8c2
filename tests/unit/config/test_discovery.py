"""Zero configuration."""

import sys

import pytest
from pydantic import SecretStr

from cc_relay.config import active_providers, discover, requires_auth
from cc_relay.config.discovery import has_module


def test_with_nothing_found_the_client_s_own_login_passes_through() -> None:
    loaded = discover({}, ollama_models=None)
    [provider] = loaded.config.providers
    assert (provider.name, provider.type, provider.keys) == ("anthropic", "anthropic", ())
    assert loaded.config.server.auth.allow_subscription
    assert loaded.source == "environment"
    assert loaded.notices == ()
    assert loaded.origins == {"anthropic": "no key: the client's own login passes through"}


@pytest.mark.parametrize(
    ("variable", "name", "mapping"),
    [
        ("ANTHROPIC_API_KEY", "anthropic", {}),
        ("ZAI_API_KEY", "zai", {}),
        ("MINIMAX_API_KEY", "minimax", {"*": "MiniMax-M3"}),
    ],
)
def test_a_key_in_the_environment_is_a_provider(variable: str, name: str, mapping: dict[str, str]) -> None:
    loaded = discover({variable: " sk-hidden\n"}, ollama_models=None)
    [provider] = loaded.config.providers
    assert (provider.name, provider.type, provider.model_mapping) == (name, name, mapping)
    assert provider.keys[0].key.get_secret_value() == "sk-hidden"
    assert loaded.origins == {name: f"${{{variable}}} from the environment"}
    assert not loaded.config.server.auth.allow_subscription
    assert not requires_auth(loaded.config)
    assert "sk-hidden" not in repr(loaded)


def test_everything_found_is_used_in_a_fixed_order() -> None:
    environ = {"MINIMAX_API_KEY": "m", "ZAI_API_KEY": "z", "ANTHROPIC_API_KEY": "a"}
    loaded = discover(environ, ollama_models=["qwen3:8b"])
    assert [provider.name for provider in active_providers(loaded.config)] == ["anthropic", "zai", "minimax", "ollama"]
    assert len({provider.effective_priority for provider in loaded.config.providers}) == 1


def test_an_ollama_takes_any_model_for_its_first_and_keeps_its_own_names() -> None:
    [provider] = discover({}, ollama_models=["qwen3:32b", "glm:cloud"]).config.providers
    assert provider.type == "ollama"
    assert provider.base_url == ""
    assert provider.model_mapping == {"qwen3:32b": "qwen3:32b", "glm:cloud": "glm:cloud", "*": "qwen3:32b"}


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("box", "http://box:11434"),
        (":5000", "http://127.0.0.1:5000"),
        ("0.0.0.0:5000", "http://127.0.0.1:5000"),
        ("http://[::1]:5000/", "http://[::1]:5000"),
        ("nonsense:port", ""),
        ("a b", ""),
    ],
)
def test_an_ollama_elsewhere_is_where_its_variable_says(host: str, url: str) -> None:
    assert discover({"OLLAMA_HOST": host}, ollama_models=["m"]).config.providers[0].base_url == url


def test_an_ollama_without_models_is_told_and_not_used() -> None:
    loaded = discover({}, ollama_models=[])
    assert [provider.type for provider in loaded.config.providers] == ["anthropic"]
    assert "`ollama pull`" in loaded.notices[0]


@pytest.mark.parametrize(
    ("environ", "kind", "settings", "origin"),
    [
        (
            {"AWS_BEARER_TOKEN_BEDROCK": "never-shown", "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "AKID"},
            "bedrock",
            {"aws_region": "us-east-1", "bearer_token": "never-shown", "aws_access_key_id": ""},
            "${AWS_BEARER_TOKEN_BEDROCK} from the environment",
        ),
        (
            {
                "AWS_ACCESS_KEY_ID": "AKID",
                "AWS_SECRET_ACCESS_KEY": "never-shown",
                "AWS_SESSION_TOKEN": "never-shown-too",
                "AWS_DEFAULT_REGION": "eu-west-1",
            },
            "bedrock",
            {
                "aws_region": "eu-west-1",
                "aws_access_key_id": "AKID",
                "aws_secret_access_key": "never-shown",
                "aws_session_token": "never-shown-too",
            },
            "${AWS_ACCESS_KEY_ID} from the environment",
        ),
        (
            {"AWS_PROFILE": "work", "AWS_REGION": "us-west-2"},
            "bedrock",
            {"aws_region": "us-west-2", "aws_profile": "work"},
            "AWS profile work",
        ),
        (
            {"GOOGLE_CLOUD_PROJECT": "other", "ANTHROPIC_VERTEX_PROJECT_ID": "mine", "CLOUD_ML_REGION": "global"},
            "vertex",
            {"gcp_project_id": "mine", "gcp_region": "global"},
            "Google's application default credentials",
        ),
        (
            {"ANTHROPIC_FOUNDRY_API_KEY": "never-shown", "ANTHROPIC_FOUNDRY_RESOURCE": "res-1"},
            "azure",
            {"azure_resource_name": "res-1", "entra": False},
            "${ANTHROPIC_FOUNDRY_API_KEY} from the environment",
        ),
    ],
)
def test_a_cloud_in_the_environment_is_a_provider(
    environ: dict[str, str], kind: str, settings: dict[str, object], origin: str
) -> None:
    loaded = discover(environ, ollama_models=None, is_installed=lambda _: True)
    [provider] = active_providers(loaded.config)
    assert (provider.name, provider.type) == (kind, kind)
    found = {name: getattr(provider, name) for name in settings}
    assert {
        name: value.get_secret_value() if isinstance(value, SecretStr) else value for name, value in found.items()
    } == settings
    assert loaded.origins == {kind: origin}
    assert loaded.notices == ()
    assert "never-shown" not in repr(loaded)


@pytest.mark.parametrize(
    "environ",
    [
        {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"},
        {"AWS_ACCESS_KEY_ID": "x", "AWS_REGION": "us-east-1"},
        {"AWS_REGION": "us-east-1"},
        {"GOOGLE_CLOUD_PROJECT": "x"},
        {"ANTHROPIC_FOUNDRY_API_KEY": "x"},
        {"ANTHROPIC_FOUNDRY_RESOURCE": "x"},
    ],
)
def test_half_a_cloud_is_none(environ: dict[str, str]) -> None:
    assert [one.name for one in discover(environ, ollama_models=None).config.providers] == ["anthropic"]


def test_a_profile_that_cannot_be_read_is_told_and_not_used() -> None:
    environ = {"AWS_PROFILE": "work", "AWS_REGION": "us-west-2"}
    loaded = discover(environ, ollama_models=None, is_installed=lambda name: name != "botocore")
    assert [one.name for one in loaded.config.providers] == ["anthropic"]
    assert "pip install 'cc-relay[bedrock]'" in loaded.notices[0]


def test_a_library_is_found_without_importing_it() -> None:
    assert has_module("this_is_no_library") is False
    assert has_module("antigravity") is True
    assert "antigravity" not in sys.modules


def test_what_is_no_region_is_told_and_not_used() -> None:
    environ = {"AWS_BEARER_TOKEN_BEDROCK": "never-shown", "AWS_REGION": "Frankfurt am Main"}
    loaded = discover(environ, ollama_models=None)
    assert [one.name for one in loaded.config.providers] == ["anthropic"]
    assert loaded.notices == ("a provider bedrock in the environment is ignored: its aws_region is not valid",)


@pytest.mark.parametrize("cloud", ["BEDROCK", "VERTEX", "FOUNDRY"])
def test_a_clouds_address_meant_for_clients_is_no_upstream(cloud: str) -> None:
    environ = {
        "AWS_BEARER_TOKEN_BEDROCK": "t", "AWS_REGION": "us-east-1",
        "GOOGLE_CLOUD_PROJECT": "p", "CLOUD_ML_REGION": "eu",
        "ANTHROPIC_FOUNDRY_API_KEY": "k", "ANTHROPIC_FOUNDRY_RESOURCE": "r",
        f"ANTHROPIC_{cloud}_BASE_URL": "http://127.0.0.1:8787",
    }  # fmt: skip
    providers = discover(environ, ollama_models=None).config.providers
    assert [(one.name, one.base_url) for one in providers] == [("bedrock", ""), ("vertex", ""), ("azure", "")]


@pytest.mark.parametrize("key", ["two words", "\udcff", "sk-ä", "a\nb"])
def test_a_variable_that_cannot_be_a_key_is_told_and_not_used(key: str) -> None:
    loaded = discover({"ANTHROPIC_API_KEY": key}, ollama_models=None)
    assert loaded.config.providers[0].keys == ()
    assert loaded.notices[0].startswith("ANTHROPIC_API_KEY is ignored")
    assert key not in loaded.notices[0]


def test_an_address_meant_for_clients_is_no_upstream() -> None:
    loaded = discover({"ANTHROPIC_API_KEY": "a", "ANTHROPIC_BASE_URL": "http://127.0.0.1:8787"}, ollama_models=None)
    assert loaded.config.providers[0].base_url == ""
