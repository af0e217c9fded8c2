import pytest

from cc_relay.providers.names import ModelNames


def names(*models: str, known: tuple[str, ...] = ("claude", "glm"), **mapping: str) -> ModelNames:
    return ModelNames(models, mapping, known=known, catalogue=("glm-5.3",))


def test_an_exact_entry_wins_over_a_pattern() -> None:
    served = names(**{"claude-*": "glm-5.3", "claude-haiku-5-5": "glm-4.5-air"})
    assert served.resolve("claude-haiku-5-5") == "glm-4.5-air"
    assert served.resolve("claude-opus-5-5") == "glm-5.3"


def test_the_longest_pattern_wins() -> None:
    served = names(**{"*": "any", "claude-*": "claude", "claude-haiku-*": "haiku", "claude-h*": "h"})
    assert served.resolve("claude-haiku-5-5") == "haiku"
    assert served.resolve("claude-hero") == "h"
    assert served.resolve("gpt-9") == "any"


def test_the_longest_pattern_wins_whatever_comes_first() -> None:
    assert names(**{"claude-haiku-*": "haiku", "claude-*": "claude"}).resolve("claude-haiku-5-5") == "haiku"


def test_a_list_of_models_closes_the_door_to_others() -> None:
    served = names("glm-5.3", **{"claude-opus-5-5": "glm-5.2"})
    assert served.resolve("glm-5.3") == "glm-5.3"
    assert served.resolve("claude-opus-5-5") == "glm-5.2"
    assert served.resolve("glm-4.6") is None


def test_without_a_list_the_type_knows_its_own_in_any_case() -> None:
    assert names().resolve("GLM-5.3") == "GLM-5.3"
    assert names().resolve("qwen3") is None


def test_a_mapping_does_not_hide_what_the_type_knows() -> None:
    assert names(fast="glm-4.5-air").resolve("glm-5.3") == "glm-5.3"


def test_no_name_is_nobodys() -> None:
    assert names(known=("",)).resolve("") is None
    assert names(known=("",)).resolve("[1m]") is None


@pytest.mark.parametrize("asked", ["glm-5.3[1m]", "glm-5.3[1M]", "glm-5.3"])
def test_the_long_context_suffix_is_never_on_the_wire(asked: str) -> None:
    assert names().resolve(asked) == "glm-5.3"
    assert names("glm-5.3[1m]").resolve(asked) == "glm-5.3"
    assert names(**{"glm-5.3[1m]": "mapped[1m]"}).resolve(asked) == "mapped"


def test_a_listing_shows_models_and_mapped_names_but_no_patterns() -> None:
    assert names("glm-5.3", **{"claude-*": "glm-5.3", "fast": "glm-4.5-air"}).listed == ("glm-5.3", "fast")


def test_a_listing_falls_back_to_the_catalogue() -> None:
    assert names().listed == ("glm-5.3",)
    assert names(**{"claude-*": "glm-5.3"}).listed == ("glm-5.3",)
