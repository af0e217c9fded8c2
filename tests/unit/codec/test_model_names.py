"""Names of models: plain ones, and the pools they draw from."""

import pytest

from cc_relay.codec.model_names import MAX_NAME, canonical, geography, limit_family


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("claude-opus-5-5", "claude-opus-5-5"),
        ("claude-opus-4-5-20251101", "claude-opus-4-5"),
        ("claude-sonnet-5-5[1m]", "claude-sonnet-5-5"),
        ("anthropic.claude-opus-5-5", "claude-opus-5-5"),
        ("us.anthropic.claude-opus-4-5-20251101-v1:0", "claude-opus-4-5"),
        ("us-gov.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5"),
        ("global.anthropic.claude-opus-4-6-v1", "claude-opus-4-6"),
        ("claude-haiku-4-5@20251001", "claude-haiku-4-5"),
        ("claude-opus-5-5@default", "claude-opus-5-5"),
        ("bedrock/eu.anthropic.claude-haiku-4-5-20251001-v1:0", "claude-haiku-4-5"),
        ("vertex_ai/claude-opus-4-5@20251101", "claude-opus-4-5"),
        ("azure_ai/claude-fable-5-2", "claude-fable-5-2"),
        ("anthropic/claude-opus-4.5", "claude-opus-4-5"),
        ("arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-opus-5", "claude-opus-5"),
        ("claude-3-5-haiku-latest", "claude-3-5-haiku"),
        ("MiniMax-M3", "minimax-m3"),
        ("glm-5.3-flash[1m]", "glm-5.3-flash"),
        ("us.deepseek.r1-v1:0", "deepseek.r1"),
    ],
)
def test_what_a_cloud_a_region_or_a_date_adds_goes(model: str, name: str) -> None:
    assert canonical(model) == name


@pytest.mark.parametrize(
    "model", ["deepseek-v3", "qwen3:8b", "qwen/qwen3-coder-plus", "us.model", "claude-v1", "", "@"]
)
def test_what_only_looks_like_an_addition_stays(model: str) -> None:
    assert canonical(model) == model


def test_a_name_too_long_to_be_one_is_not_read() -> None:
    model = "A" * MAX_NAME + "@20251001"
    assert canonical(model) is model
    assert geography("us.anthropic." + model) == ""


@pytest.mark.parametrize(
    ("model", "place"),
    [
        ("us.anthropic.claude-opus-5", "us"),
        ("bedrock/us-gov.anthropic.claude-sonnet-4-5-20250929-v1:0", "us-gov"),
        ("Global.anthropic.claude-opus-5", "global"),
        ("anthropic.claude-opus-5", ""),
        ("claude-opus-5", ""),
    ],
)
def test_bedrocks_names_say_where_a_request_stays(model: str, place: str) -> None:
    assert geography(model) == place


@pytest.mark.parametrize(
    ("one", "other"),
    [("claude-opus-4-5-20251101", "claude-opus-4-8"), ("claude-sonnet-4-5", "claude-sonnet-4-6[1m]")],
)
def test_some_models_share_a_pool(one: str, other: str) -> None:
    assert limit_family(one) == limit_family(other)


def test_other_models_have_a_pool_each() -> None:
    models = ["claude-opus-4-6", "claude-opus-5", "claude-opus-5-5", "claude-sonnet-4-6", "claude-sonnet-5", "glm-5.3"]
    assert len(set(map(limit_family, models))) == len(models)
    assert limit_family("claude-opus-5-5@default") == "claude-opus-5-5"
