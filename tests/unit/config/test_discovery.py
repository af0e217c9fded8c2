"""Zero configuration."""

import pytest

from cc_relay.config import active_providers, discover, requires_auth


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
    ("environ", "word"),
    [
        ({"AWS_ACCESS_KEY_ID": "x", "AWS_REGION": "us-east-1"}, "AWS"),
        ({"AWS_PROFILE": "x", "AWS_DEFAULT_REGION": "us-east-1"}, "AWS"),
        ({"GOOGLE_CLOUD_PROJECT": "x", "CLOUD_ML_REGION": "global"}, "Google"),
        ({"ANTHROPIC_FOUNDRY_API_KEY": "x", "ANTHROPIC_FOUNDRY_RESOURCE": "y"}, "Foundry"),
    ],
)
def test_a_cloud_that_is_not_served_yet_is_told(environ: dict[str, str], word: str) -> None:
    [notice] = discover(environ, ollama_models=None).notices
    assert word in notice
    assert discover(dict(list(environ.items())[:1]), ollama_models=None).notices == ()


@pytest.mark.parametrize("key", ["two words", "\udcff", "sk-ä", "a\nb"])
def test_a_variable_that_cannot_be_a_key_is_told_and_not_used(key: str) -> None:
    loaded = discover({"ANTHROPIC_API_KEY": key}, ollama_models=None)
    assert loaded.config.providers[0].keys == ()
    assert loaded.notices[0].startswith("ANTHROPIC_API_KEY is ignored")
    assert key not in loaded.notices[0]


def test_an_address_meant_for_clients_is_no_upstream() -> None:
    loaded = discover({"ANTHROPIC_API_KEY": "a", "ANTHROPIC_BASE_URL": "http://127.0.0.1:8787"}, ollama_models=None)
    assert loaded.config.providers[0].base_url == ""
