import pytest

from cc_relay.errors import Rejection
from cc_relay.providers.base import ProviderSettings
from cc_relay.providers.bedrock.models import (
    Names,
    asked_segment,
    base_id,
    counted_id,
    geography_of,
    path_segment,
)

PROFILE_ARN = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123"


def names(absent: frozenset[str] = frozenset(), **settings: object) -> Names:
    of = ProviderSettings(name="mine", type="bedrock", base_url="", **settings)
    return Names(of, lambda model: model, catalogue=("claude-opus-5-5",), absent=absent)


@pytest.mark.parametrize(
    ("model", "found"),
    [
        ("claude-sonnet-4-5", "anthropic.claude-sonnet-4-5-20250929-v1:0"),
        ("claude-sonnet-4-5-20250929", "anthropic.claude-sonnet-4-5-20250929-v1:0"),
        ("claude-opus-4-5", "anthropic.claude-opus-4-5-20251101-v1:0"),
        ("claude-haiku-4-5-20251001", "anthropic.claude-haiku-4-5-20251001-v1:0"),
        ("claude-opus-4-6", "anthropic.claude-opus-4-6-v1"),
        ("claude-sonnet-4-6", "anthropic.claude-sonnet-4-6"),
        ("claude-opus-4-7", "anthropic.claude-opus-4-7"),
        ("Claude-Opus-5-5", "anthropic.claude-opus-5-5"),
        ("claude-3-5-haiku-20241022", "anthropic.claude-3-5-haiku-20241022-v1:0"),
    ],
)
def test_every_model_has_an_id_of_bedrocks(model: str, found: str) -> None:
    assert base_id(model) == found


@pytest.mark.parametrize(
    ("region", "geography"),
    [
        ("us-east-1", "us"),
        ("us-gov-west-1", "us-gov"),
        ("ca-central-1", "us"),
        ("eu-central-2", "eu"),
        ("ap-northeast-1", "jp"),
        ("ap-southeast-2", "au"),
        ("ap-southeast-1", "global"),
        ("sa-east-1", "global"),
    ],
)
def test_a_region_has_its_profiles(region: str, geography: str) -> None:
    assert geography_of(region) == geography


def test_an_arn_is_one_segment_of_a_path() -> None:
    assert path_segment(PROFILE_ARN) == (
        "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile%2Fabc123"
    )


def test_the_colon_of_a_version_stays() -> None:
    model = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
    assert path_segment(model) == model


@pytest.mark.parametrize(
    "model",
    [
        "a;b",
        "a?b",
        "a#b",
        "a b",
        "a\tb",
        "a\x00b",
        "a%2Fb",
        "a\\b",
        "modèle",
        "",
        ".",
        "..",
        "a/../b",
        "a/.",
        "x" * 2049,
    ],
)
def test_an_id_that_would_break_the_path_is_refused(model: str) -> None:
    with pytest.raises(ValueError, match="no model id of Bedrock"):
        path_segment(model)
    with pytest.raises(Rejection, match="model: ") as refused:
        asked_segment(model)
    assert (refused.value.status, refused.value.error_type) == (400, "invalid_request_error")


@pytest.mark.parametrize(
    ("model", "found"),
    [
        ("us.anthropic.claude-opus-4-8", "anthropic.claude-opus-4-8"),
        ("us-gov.anthropic.claude-opus-4-8", "anthropic.claude-opus-4-8"),
        ("anthropic.claude-haiku-4-5-20251001-v1:0", "anthropic.claude-haiku-4-5-20251001-v1:0"),
        ("arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-opus-4-8", "anthropic.claude-opus-4-8"),
        ("arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.anthropic.claude-opus-4-8",
         "anthropic.claude-opus-4-8"),
        (PROFILE_ARN, None),
        ("arn:aws:bedrock:us-east-1:123456789012:provisioned-model/abc123abc123", None),
        ("my-model", None),
    ],
)  # fmt: skip
def test_tokens_are_counted_by_the_foundation_model(model: str, found: str | None) -> None:
    assert counted_id(model) == found


@pytest.mark.parametrize(
    "model",
    [
        "claude-opus-5-5",
        "anthropic.claude-opus-5-5",
        "global.anthropic.claude-opus-5-5",
        "us-gov.anthropic.claude-opus-5-5",
        PROFILE_ARN,
    ],
)
def test_claude_may_be_asked_for_by_any_name(model: str) -> None:
    assert names().resolve(model) == model


@pytest.mark.parametrize("model", ["gpt-7", "meta.llama3-1-70b-instruct-v1:0", "us.meta.llama3", "arn:aws:s3:::bucket"])
def test_other_models_are_not_served(model: str) -> None:
    assert names().resolve(model) is None


def test_a_listed_id_answers_to_anthropics_name_for_it() -> None:
    of = names(models=("eu.anthropic.claude-sonnet-4-5-20250929-v1:0",))
    assert of.resolve("claude-sonnet-4-5") == of.resolve("claude-sonnet-4-5-20250929")
    assert of.resolve("claude-sonnet-4-5") == "eu.anthropic.claude-sonnet-4-5-20250929-v1:0"
    assert of.resolve("claude-opus-5-5") is None


def test_a_mapping_wins() -> None:
    assert names(model_mapping={"claude-*": PROFILE_ARN}).resolve("claude-opus-5-5[1m]") == PROFILE_ARN


@pytest.mark.parametrize("settings", [{"models": ("claude opus",)}, {"model_mapping": {"claude-*": "a?b"}}])
def test_a_configured_id_that_would_break_the_path_is_refused_at_once(settings: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="no model id of Bedrock"):
        names(**settings)


def test_an_absent_model_is_served_only_when_configured() -> None:
    absent = frozenset({"claude-opus-4-6"})
    assert names(absent).resolve("claude-opus-4-6") is None
    assert names(absent, models=("claude-opus-4-6",)).resolve("claude-opus-4-6") == "claude-opus-4-6"
    assert names(absent, model_mapping={"mine": "claude-opus-4-6"}).resolve("mine") == "claude-opus-4-6"
