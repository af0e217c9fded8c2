import pytest
from tests.support.providers import CLOUDS, provider

from cc_relay.providers.base import Provider, ProviderSettings
from cc_relay.providers.registry import TYPES, build
from cc_relay.providers.urls import parse_base_url


@pytest.mark.parametrize("type_", TYPES)
def test_every_type_builds_a_provider_of_its_name(type_: str) -> None:
    built: Provider = provider(type_, "https://host.test", name="mine")
    assert (built.name, built.type, str(built.origin)) == ("mine", type_, "https://host.test")


@pytest.mark.parametrize("type_", [name for name, found in TYPES.items() if found.base_url])
def test_the_table_says_where_a_type_lives(type_: str) -> None:
    built = build(ProviderSettings(name="mine", type=type_, base_url=""))
    assert built.origin == parse_base_url(TYPES[type_].base_url).origin


def test_a_type_there_is_not_is_named() -> None:
    with pytest.raises(ValueError, match=r"unknown type 'anthropc'.*anthropic, zai"):
        build(ProviderSettings(name="mine", type="anthropc", base_url=""))


def test_a_compatible_upstream_needs_a_base_url() -> None:
    with pytest.raises(ValueError, match=r"'mine'.*base_url"):
        build(ProviderSettings(name="mine", type="anthropic_compatible", base_url=""))


@pytest.mark.parametrize("type_", TYPES)
def test_keys_have_a_pool_for_each_family_of_models_or_one_for_all(type_: str) -> None:
    models = ("claude-opus-4-5", "claude-opus-4-8", "claude-opus-5-5")
    families = {
        "anthropic": {"opus-4.5-4.8", "claude-opus-5-5"},
        **{cloud: set(models) for cloud in CLOUDS},
    }
    built = provider(type_)
    assert {built.limit_family(model) for model in models} == families.get(type_, {""})
