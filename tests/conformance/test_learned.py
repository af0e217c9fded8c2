"""What a provider turns out to be unable to take: left out once, remembered, shown, put to the test again."""

import asyncio

import pytest
from tests.support.staged import CLAUDES, CLOUDS, MODEL, Json, Stage, assistant, staged, user

from cc_relay.cli.doctor import learned_lines
from cc_relay.config import Config

READ = {"name": "Read", "input_schema": {"type": "object", "properties": {}}}
OLDER, OLDEST = "claude-opus-4-7", "claude-sonnet-4-5"
BETA = "invented-2026-11-01"
OPEN = [way for way in CLAUDES if way in ("anthropic", "anthropic_compatible", "platform", "azure", "azure-by-entra")]
"""Where betas travel that nobody has heard of."""

CLAUDE = pytest.mark.parametrize("claude", CLAUDES)
MID_SYSTEM = [user("hello"), assistant("hi"), user("go"), {"role": "system", "content": "be brief"}]


def lacks(provider: Json) -> set[str]:
    return {one["capability"] for one in provider["shortcomings"]}


def forget(stage: Stage) -> None:
    """An hour passes, for what was refused."""
    assert stage.relay._running is not None
    memory = stage.relay._running.front._shells.shortcomings
    for lacking in memory._places.values():
        for capability in lacking:
            lacking[capability] = 0.0


CASES = {
    # what a request asks for; the model that does not have it; the words of the refusal; what is learned
    "field": (
        {"context_hint": {"a": 1}},
        "context_hint: Extra inputs are not permitted",
        "field:context_hint",
    ),
    "nested field": (
        {"output_config": {"effort": "low", "verbosity": "high"}},
        "output_config.verbosity: Extra inputs are not permitted",
        "field:output_config.verbosity",
    ),
    "enabled thinking": (
        {"model": "claude-new-9", "thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 2000},
        '"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive"',
        "enabled_thinking",
    ),
    "adaptive thinking": (
        {"model": "claude-new-9", "thinking": {"type": "adaptive"}},
        "adaptive thinking is not supported on this model",
        "adaptive_thinking",
    ),
    "forced tools": (
        {"model": "claude-new-9", "tools": [READ], "tool_choice": {"type": "any"}},
        'tool_choice: type "tool" and "any" are not supported for this model.',
        "forced_tool_choice",
    ),
    "system messages": (
        {"model": "claude-new-9", "messages": MID_SYSTEM},
        "role 'system' is not supported on this model",
        "system_messages",
    ),
    "sampling": (
        {"model": "claude-new-9", "temperature": 0.5},
        "`temperature` is deprecated for this model.",
        "sampling",
    ),
    "effort": (
        {"model": "claude-new-9", "output_config": {"effort": "low"}},
        "This model does not support the effort parameter.",
        "effort",
    ),
}
NEVER_SENT = {
    ("bedrock", "field"), ("bedrock-by-token", "field"), ("vertex", "field"), ("vertex-by-machine", "field"),
    ("anthropic_compatible", "field"), ("anthropic_compatible", "nested field"),
}  # fmt: skip
"""Fields these do not get in the first place."""

NEW = ("claude-new-9=claude-fable-9",)
"""A model that no table knows yet, served under its name everywhere."""


@pytest.mark.parametrize(
    ("claude", "case"), [(way, case) for way in CLAUDES for case in CASES if (way, case) not in NEVER_SENT]
)
async def test_a_refusal_is_mended_once_and_remembered(claude: str, case: str) -> None:
    asked, words, capability = CASES[case]
    served = ("us.anthropic.claude-new-9=claude-fable-9", "anthropic.claude-new-9=claude-fable-9", *NEW)
    async with staged(claude, sim={"models": served}) as stage:
        stage.fault("400", count=1, message=words)
        first = await stage.ask(**asked)
        told = await stage.told(first)
        second = await stage.ask(**asked)
        told_again = await stage.told(second)
        provider = await stage.provider(claude)
        explained = await stage.admin("/api/v1/status")
        forget(stage)
        third = await stage.ask(**asked)
        told_later = await stage.told(third)
        forgotten = await stage.provider(claude)
        refused, mended, remembered, tested = stage.sent()
    assert (first.status, second.status, third.status) == (200, 200, 200)
    assert [one["status"] for one in told["attempts"]] == [400, 200]
    assert "asked again without" in told["attempts"][0]["reason"]
    assert [one["status"] for one in told_again["attempts"]] == [200]
    assert [one["status"] for one in told_later["attempts"]] == [200]
    assert lacks(provider) == {capability}
    assert lacks(forgotten) == set()
    assert explained["providers"][0]["shortcomings"][0]["retry_in_ms"] > 3_500_000
    assert refused != mended == remembered
    assert tested == refused


@pytest.mark.parametrize("claude", OPEN)
async def test_a_beta_nobody_knows_is_left_out_after_one_refusal(claude: str) -> None:
    headers = {"anthropic-beta": f"{BETA},context-1m-2025-08-07"}
    async with staged(claude) as stage:
        words = f"Unexpected value(s) `{BETA}` for the `anthropic-beta` header. Please consult our documentation"
        stage.fault("400", count=1, message=words)
        answer = await stage.ask(headers=headers)
        provider = await stage.provider(claude)
        refused, mended = [entry.request.header(b"anthropic-beta") for entry in stage.seen()]
    assert answer.status == 200
    assert BETA.encode() in (refused or b"")
    assert mended == b"context-1m-2025-08-07"
    assert lacks(provider) == {f"beta:{BETA}"}


@pytest.mark.parametrize("cloud", ["bedrock", "mantle", "vertex"])
async def test_a_beta_nobody_knows_never_reaches_a_cloud_that_fails_on_it(cloud: str) -> None:
    async with staged(cloud) as stage:
        answer = await stage.ask(headers={"anthropic-beta": f"{BETA},oauth-2025-04-20,files-api-2025-04-14"})
        told = await stage.told(answer)
    assert (answer.status, len(told["attempts"])) == (200, 1)


async def test_bedrock_says_of_no_beta_which_one_it_means() -> None:
    headers = {"anthropic-beta": "context-1m-2025-08-07"}
    async with staged("bedrock") as stage:
        stage.fault("400", count=1, message="invalid beta flag")
        answer = await stage.ask(headers=headers)
        provider = await stage.provider("bedrock")
        refused, mended = stage.sent()
    assert answer.status == 200
    assert refused["anthropic_beta"] == ["context-1m-2025-08-07"]
    assert "anthropic_beta" not in mended
    assert lacks(provider) == {"betas"}


@pytest.mark.parametrize("errors", ["text", "json", "envelope"])
async def test_bedrock_wraps_what_the_model_says(errors: str) -> None:
    """However it is wrapped, it is understood, and what cannot be mended arrives in the model's own words."""
    async with staged("bedrock", sim={"model_errors": errors}) as stage:
        mended = await stage.ask(
            model=OLDEST,
            messages=[user("a"), assistant([call("functions.Read:0")]), user([result("functions.Read:0")])],
        )
        told = await stage.told(mended)
        broken = await stage.ask(messages=[user("b"), assistant([call("toolu_1")]), user("no result")])
    assert mended.status == 200
    assert len(told["attempts"]) == 2
    assert (broken.status, broken.error["type"]) == (400, "invalid_request_error")
    assert broken.error["message"].startswith("messages.1: `tool_use` ids were found without")


def call(id_: str) -> Json:
    return {"type": "tool_use", "id": id_, "name": "Read", "input": {}}


def result(id_: str) -> Json:
    return {"type": "tool_result", "tool_use_id": id_, "content": "x"}


@pytest.mark.parametrize(
    ("claude", "model"),
    [(way, model) for way in CLAUDES for model in (MODEL, OLDER, OLDEST) if (way, model) != ("mantle", OLDEST)],
)
async def test_every_generation_gets_what_it_takes(claude: str, model: str) -> None:
    """Claude Code's settings for one model, sent to another: known beforehand in the clouds, learned at Anthropic."""
    asked: Json = {
        "model": model,
        "max_tokens": 3000,
        "thinking": {"type": "adaptive"} if model == OLDEST else {"type": "enabled", "budget_tokens": 1024},
        "messages": MID_SYSTEM,
        "tools": [READ],
        "output_config": {"effort": "low"},
    }
    async with staged(claude) as stage:
        answer = await stage.ask(**asked)
        told = await stage.told(answer)
    assert answer.status == 200, answer.response.body
    if claude in CLOUDS:
        assert len(told["attempts"]) == 1


@CLAUDE
async def test_what_cannot_be_left_out_is_the_clients_to_mend(claude: str) -> None:
    """Claude Code sends the request again without safeguards when the error names them."""
    async with staged(claude) as stage:
        stage.fault("no-safeguards")
        answer = await stage.ask(safeguards={"mode": "auto"})
        told = await stage.told(answer)
    assert (answer.status, answer.error["type"]) == (400, "invalid_request_error")
    assert "safeguards" in answer.error["message"]
    assert len(told["attempts"]) == 1


async def test_one_places_shortcoming_is_nobody_elses() -> None:
    async with staged("bedrock", "vertex") as stage:
        stage.fault("400", count=1, message="output_config.verbosity: Extra inputs are not permitted")
        asked = {"output_config": {"effort": "low", "verbosity": "high"}}
        await stage.ask(**asked)
        stage.fault("529")
        await stage.ask(**asked)
        other = await stage.provider("vertex")
        there = stage.sent("vertex")[-1]
    assert there["output_config"] == asked["output_config"]
    assert lacks(other) == set()


async def test_what_was_learned_is_told_by_explain() -> None:
    async with staged("azure") as stage:
        stage.fault("400", count=1, message="output_config.verbosity: Extra inputs are not permitted")
        answer = await stage.ask(output_config={"verbosity": "high"})
        told = await stage.told(answer)
    assert told["attempts"][0]["reason"] == "capability; asked again without the field output_config.verbosity"


async def test_the_doctor_tells_what_a_running_relay_leaves_out() -> None:
    async with staged("anthropic") as stage:
        stage.fault("400", count=1, message="context_hint: Extra inputs are not permitted")
        host, port = stage.relay.address
        config = Config.model_validate(
            {
                "server": {"listen": f"{host}:{port}"},
                "admin": {"listen": stage.relay.admin.where.removeprefix("http://")},
            }
        )
        before = await asyncio.to_thread(lambda: list(learned_lines(config)))
        await stage.ask(context_hint={"a": 1})
        after = await asyncio.to_thread(lambda: list(learned_lines(config)))
    assert before == []
    assert after[0] == "The running relay leaves out what was refused:"
    assert "the field context_hint" in after[-1]
