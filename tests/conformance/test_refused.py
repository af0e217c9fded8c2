"""Every way to reach a provider, through a whole relay: what its refusals become, and whose fault they are."""

import pytest
from tests.support.staged import PROJECT, other_than, staged

from cc_relay.sim.clouds.bedrock_models import ACCOUNT

REFUSALS = {
    # fault: status and error type for the client, where nobody else can answer
    "429": (429, "rate_limit_error"),
    "529": (529, "overloaded_error"),
    "500": (500, "api_error"),
    "too-long": (400, "invalid_request_error"),
    "400": (400, "invalid_request_error"),
}
COMPACTED_ON = {
    "bedrock": "Input is too long.",
    "bedrock-by-token": "Input is too long.",
    "vertex": "Input is too long.",
    "vertex-by-machine": "Input is too long.",
}
"""The whole message that Claude Code compacts on; elsewhere it begins as Anthropic's does."""

ELSEWHERE = pytest.mark.parametrize("cloud", ["bedrock", "bedrock-by-token", "mantle", "vertex", "azure"])
BOTH = pytest.mark.parametrize("stream", [True, False])


@BOTH
@pytest.mark.parametrize("fault", REFUSALS)
async def test_a_refusal_is_told_in_anthropics_words(way: str, fault: str, stream: bool) -> None:
    async with staged(way) as stage:
        stage.fault(fault)
        answer = await stage.ask(stream=stream)
        told = await stage.told(answer)
    assert (answer.status, answer.error["type"]) == REFUSALS[fault]
    assert answer.message["request_id"]
    assert told["status"] == answer.status


async def test_a_prompt_that_is_too_long_is_said_so_that_claude_code_compacts(way: str) -> None:
    async with staged(way) as stage:
        stage.fault("too-long")
        answer = await stage.ask(stream=True)
        told = await stage.told(answer)
    expected = COMPACTED_ON.get(way)
    message = answer.error["message"]
    assert message == expected if expected else message.startswith("prompt is too long: ")
    assert (len(told["attempts"]), told["outcome"]) == (1, "rejected")


async def test_a_wait_that_is_asked_for_is_passed_on(way: str) -> None:
    """A `retry-after`, or Google's RetryInfo; who tells none still gets a rest, whose length the next one is told."""
    async with staged(way) as stage:
        stage.fault("429", retry_after=7)
        answer = await stage.ask()
        again = await stage.ask()
        provider = await stage.provider(way)
        assert len(stage.seen()) == 1, "the key rests"
        assert stage.charged() == 0, "a throttle is no illness"
    waits = [int(one.response.header(b"retry-after") or b"0") for one in (answer, again)]
    assert answer.status == again.status == 429
    assert provider["keys"][0]["state"] == "OPEN" or provider["keys"][0]["coolings"]
    if way in TELLS_NO_WAIT:
        assert waits[0] == 0
        assert waits[1] >= 1
    else:
        assert waits[0] == 7
        assert waits[1] in (6, 7)


TELLS_NO_WAIT = {"bedrock", "bedrock-by-token", "mantle", "zai", "minimax", "ollama"}


@pytest.mark.parametrize("fault", ["500", "529", "503", "429", "html", "502-html", "reset", "garbage", "model-error"])
async def test_somebody_else_answers(way: str, fault: str) -> None:
    async with staged(way, other_than(way)) as stage:
        stage.fault(fault)
        answer = await stage.ask(stream=True)
        told = await stage.told(answer)
        charged = stage.charged()
    assert (answer.status, answer.by) == (200, other_than(way))
    assert [one["provider"] for one in told["attempts"]] == [way, other_than(way)]
    assert charged == (0 if fault == "429" else 1)


@ELSEWHERE
async def test_a_model_that_is_not_to_be_had_is_looked_for_elsewhere(cloud: str) -> None:
    async with staged(cloud, "anthropic") as stage:
        answer = await stage.ask(model="claude-opus-5-9")
        told = await stage.told(answer)
        charged = stage.charged()
    assert (answer.status, answer.by) == (200, "anthropic")
    assert [(one["status"], one["reason"]) for one in told["attempts"]] == [(404, "unknown_model"), (200, "")]
    assert charged == 0


@pytest.mark.parametrize("fault", ["403", "404"])
async def test_a_model_that_is_not_enabled_is_no_fault_of_the_key(fault: str) -> None:
    """Bedrock: one model's access is denied, another's may not be."""
    async with staged("bedrock", "anthropic") as stage:
        stage.fault(fault)
        first, second = await stage.ask(session="s1"), await stage.ask(session="s2")
        provider = await stage.provider("bedrock")
    assert (first.by, second.by) == ("anthropic", "anthropic")
    assert len(stage.seen()) == 2
    assert provider["keys"][0]["state"] == "CLOSED"


@ELSEWHERE
async def test_a_model_that_nobody_has_is_a_404_that_names_it(cloud: str) -> None:
    async with staged(cloud) as stage:
        answer = await stage.ask(model="claude-opus-5-9")
    assert (answer.status, answer.error["type"]) == (404, "not_found_error")


LEAKS = {
    "bedrock": "User: arn:aws:sts::{account}:assumed-role/team/me is not authorized to perform: bedrock:InvokeModel on "
    "resource: arn:aws:bedrock:us-east-1:{account}:inference-profile/us.anthropic.claude-opus-5-5",
    "mantle": "arn:aws:iam::{account}:user/me may not do that",
    "platform": "account {account} is not allowed",
    "vertex": "Project `{project}` is not allowed to use Publisher Model `projects/{project}/models/x`",
    "azure": "/subscriptions/5ab1c0de-0000-4000-8000-000000000001/resourceGroups/team-{project}/x is not allowed",
}


@pytest.mark.parametrize("fault", ["400", "403", "404", "429", "500"])
@pytest.mark.parametrize("cloud", LEAKS)
async def test_no_error_names_an_account(cloud: str, fault: str) -> None:
    """Nor does the log, the trace, or the status: `staged` looks through all of them."""
    async with staged(cloud) as stage:
        stage.fault(fault, message=LEAKS[cloud].format(account=ACCOUNT, project=PROJECT))
        answer = await stage.ask()
        await stage.told(answer)
        await stage.provider(cloud)
    assert answer.status >= 400
    assert "5ab1c0de" not in str(answer.response)


@pytest.mark.parametrize("cloud", ["bedrock", "bedrock-by-token"])
async def test_no_exception_names_an_account(cloud: str) -> None:
    async with staged(cloud) as stage:
        stage.fault("error-mid", error="400", after_events=6, message=LEAKS["bedrock"].format(account=ACCOUNT))
        answer = await stage.ask(stream=True)
    assert answer.events[-1]["type"] == "error"


@pytest.mark.parametrize("cloud", ["bedrock", "vertex"])
@pytest.mark.parametrize(
    "name", ["../../../admin", "x/../y", "x y", "x?y", "x#y", "x%2e%2e", "x\r\ny: z", "é", "a" * 3000, "."]
)
async def test_a_model_id_never_leaves_its_place_in_a_path(cloud: str, name: str) -> None:
    async with staged(cloud) as stage:
        answers = [await stage.ask(model=model) for model in (name, f"claude-{name}", f"anthropic.claude-{name}")]
        assert all(answer.status in (400, 404) for answer in answers)
        assert all("invalid_request_error" in str(one.error) or "not_found" in str(one.error) for one in answers)
        segments = [entry.request.path.count("/") for entry in stage.seen()]
        assert all("?" not in entry.request.path and not entry.request.query for entry in stage.seen())
    assert set(segments) <= {3 if cloud == "bedrock" else 9}


async def test_a_count_that_is_not_allowed_is_not_supported() -> None:
    words = f"User: arn:aws:iam::{ACCOUNT}:user/me is not authorized to perform: bedrock:CountTokens"
    async with staged("bedrock") as stage:
        stage.fault("403", everywhere=True, message=words)
        answer = await stage.ask(path="/v1/messages/count_tokens", max_tokens=None)
    assert (answer.status, answer.error["type"]) == (501, "not_supported")


async def test_a_count_is_got_where_it_can_be() -> None:
    words = f"User: arn:aws:iam::{ACCOUNT}:user/me is not authorized to perform: bedrock:CountTokens"
    async with staged("bedrock", "vertex") as stage:
        stage.fault("403", everywhere=True, message=words)
        answer = await stage.ask(path="/v1/messages/count_tokens", max_tokens=None)
    assert (answer.status, answer.message) == (200, {"input_tokens": 3})


async def test_what_is_refused_whatever_is_left_out_is_the_clients_to_hear() -> None:
    async with staged("azure", "anthropic") as stage:
        stage.fault("400", message="context_hint: Extra inputs are not permitted")
        answer = await stage.ask(context_hint="x")
        told = await stage.told(answer)
        provider = await stage.provider("azure")
    assert (answer.status, answer.error["message"]) == (400, "context_hint: Extra inputs are not permitted")
    assert len(told["attempts"]) == 2
    assert provider["shortcomings"] == [], "it did not help, so nothing was learned"
