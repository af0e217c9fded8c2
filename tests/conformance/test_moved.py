"""Sessions that move between providers in the middle of their work, through a whole relay; no client notices."""

import json
from copy import deepcopy

import pytest
from tests.support.conversations import check_pairs
from tests.support.staged import CLAUDES, CLOUDS, Answer, Json, Stage, assistant, staged, user

READ = {"name": "Read", "input_schema": {"type": "object", "properties": {"path": {"type": "string"}}}}
ASK = {"tools": [READ], "thinking": {"type": "adaptive"}, "session": "session-1"}
THINKING = ("thinking", "redacted_thinking")

FROM_CLAUDE_TO_CLAUDE = [
    *((cloud, "anthropic") for cloud in CLAUDES if cloud not in ("anthropic", "anthropic_compatible")),
    *(("anthropic", cloud) for cloud in CLAUDES if cloud not in ("anthropic", "anthropic_compatible")),
    ("bedrock", "vertex"),
    ("vertex", "azure"),
    ("azure-by-entra", "bedrock-by-token"),
    ("mantle", "vertex-by-machine"),
    ("platform", "bedrock"),
    ("bedrock", "mantle"),
]
FOREIGN = ["zai", "minimax", "ollama"]
FROM_CLAUDE_TO_OTHERS = [(cloud, other) for cloud in ("anthropic", "bedrock", "vertex", "azure") for other in FOREIGN]
FROM_OTHERS_TO_CLAUDE = [
    (other, cloud) for cloud in ("anthropic", "bedrock", "mantle", "platform", "vertex", "azure") for other in FOREIGN
]


def answered(answer: Answer) -> Json:
    """The next user turn: a result for every call."""
    calls = [block for block in answer.content if block["type"] == "tool_use"]
    return user([{"type": "tool_result", "tool_use_id": call["id"], "content": "found"} for call in calls])


def kinds(messages: list[Json]) -> list[str]:
    return [block["type"] for message in messages if isinstance(message["content"], list)
            for block in message["content"]]  # fmt: skip


class Talk:
    """A client's conversation: it keeps what it was answered, and nobody may change that."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self.messages = [user("[sim thinking+tools=2] look around")]

    async def turn(self, **fields: object) -> Answer:
        """One more answer, with the results that are asked for."""
        before = deepcopy(self.messages)
        answer = await self._stage.ask(stream=True, messages=self.messages, **ASK | fields)
        assert answer.status == 200, answer.response.body
        assert self.messages == before
        self.messages += [assistant(answer.content)]
        if any(block["type"] == "tool_use" for block in answer.content):
            self.messages += [answered(answer)]
        else:
            self.messages += [user("[sim thinking+tools=2] go on")]
        return answer


@pytest.mark.parametrize(("home", "away"), FROM_CLAUDE_TO_CLAUDE)
async def test_thinking_moves_from_claude_to_claude(home: str, away: str) -> None:
    """There and back, in the middle of a tool loop: nothing of the conversation is lost."""
    async with staged(home, away) as stage:
        talk = Talk(stage)
        first = await talk.turn()
        stage.fault("529", count=1)
        held = deepcopy(talk.messages)
        second = await talk.turn()
        there = stage.sent(away)[-1]["messages"]
        held_later = deepcopy(talk.messages)
        third = await talk.turn()
        back = stage.sent(home)[-1]["messages"]
    assert [first.by, second.by, third.by] == [home, away, home]
    assert there == held
    assert back == held_later
    assert kinds(back).count("thinking") == 2


@pytest.mark.parametrize(("home", "away"), FROM_CLAUDE_TO_OTHERS)
async def test_another_family_gets_no_thinking_of_claudes(home: str, away: str) -> None:
    async with staged(home, away) as stage:
        talk = Talk(stage)
        first = await talk.turn()
        signatures = [block["signature"] for block in first.content if block["type"] == "thinking"]
        stage.fault("529", count=1)
        second = await talk.turn()
        there = stage.sent(away)[-1]
    assert [first.by, second.by] == [home, away]
    assert signatures
    assert all(signature not in json.dumps(there) for signature in signatures)
    check_pairs(there["messages"])
    assert kinds(there["messages"]).count("tool_use") == 2


@pytest.mark.parametrize(("home", "away"), FROM_OTHERS_TO_CLAUDE)
async def test_claude_gets_nothing_of_another_family(home: str, away: str) -> None:
    """The relay knows who spoke, so nothing is refused on the way."""
    async with staged(home, away) as stage:
        talk = Talk(stage)
        first = await talk.turn()
        stage.fault("529", count=1)
        second = await talk.turn()
        told = await stage.told(second)
        there = stage.sent(away)[-1]["messages"]
        third = await talk.turn()
    assert [first.by, second.by, third.by] == [home, away, home]
    assert any(block["type"] == "thinking" for block in first.content)
    assert [one["provider"] for one in told["attempts"]] == [home, away]
    assert not set(kinds(there)) & set(THINKING)
    check_pairs(there)
    assert kinds(there).count("tool_use") == 2


@pytest.mark.parametrize("home", FOREIGN)
@pytest.mark.parametrize("away", ["anthropic", "bedrock", "mantle", "platform", "vertex", "azure"])
async def test_a_relay_that_knows_nothing_of_a_conversation_learns_from_one_refusal(home: str, away: str) -> None:
    """It was restarted: the conversation with another family is news to it."""
    async with staged(home) as stage:
        talk = Talk(stage)
        await talk.turn()
        await talk.turn()
    async with staged(away) as later:
        answer = await later.ask(stream=True, messages=talk.messages, **ASK)
        told = await later.told(answer)
        provider = await later.provider(away)
        again = await later.ask(stream=True, messages=talk.messages, **ASK)
        told_again = await later.told(again)
    assert (answer.status, again.status) == (200, 200)
    assert len(told["attempts"]) == 2
    assert "asked again without the thinking in this conversation" in told["attempts"][0]["reason"]
    assert len(told_again["attempts"]) == 1, "it is remembered"
    assert provider["shortcomings"] == [], "of this conversation alone"


@pytest.mark.parametrize("claude", [way for way in CLAUDES if way != "anthropic_compatible"])
async def test_a_refused_signature_costs_one_conversation_its_thinking_and_no_other(claude: str) -> None:
    async with staged(claude) as stage:
        talk, other = Talk(stage), Talk(stage)
        await talk.turn()
        await other.turn(session="session-2")
        stage.fault("400", count=1, message="messages.1.content.0: Invalid `signature` in `thinking` block")
        await talk.turn()
        refused, mended = stage.sent()[-2:]
        await talk.turn()
        later = stage.sent()[-1]
        await other.turn(session="session-2")
        elsewhere = stage.sent()[-1]
    assert "thinking" in kinds(refused["messages"])
    assert "thinking" not in kinds(mended["messages"])
    assert "thinking" not in kinds(later["messages"])
    assert "thinking" in kinds(elsewhere["messages"])


@pytest.mark.parametrize("cloud", CLOUDS)
async def test_a_session_stays_where_its_cache_is(cloud: str) -> None:
    async with staged("anthropic", cloud, routing={"strategy": "round_robin", "debug": True}) as stage:
        talk = Talk(stage)
        by = {(await talk.turn()).by for _ in range(4)}
    assert len(by) == 1


@pytest.mark.parametrize("away", ["anthropic", "bedrock", "platform", "vertex", "azure"])
@pytest.mark.parametrize("is_known", [True, False])
async def test_manual_thinking_stops_where_its_beginning_is_lost(away: str, is_known: bool) -> None:
    """An older Claude refuses to think on in a tool loop that another family began."""
    older = {"model": "claude-sonnet-4-5", "thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 4000}
    async with staged("zai", away) as stage:
        talk = Talk(stage)
        await talk.turn(**older)
        stage.fault("529", count=1)
        if is_known:
            answer = await talk.turn(**older)
            told = await stage.told(answer)
    if not is_known:
        async with staged(away) as later:
            answer = await later.ask(stream=True, messages=talk.messages, **ASK | older)
            told = await later.told(answer)
    assert (answer.status, answer.by) == (200, away)
    assert len(told["attempts"]) == 2


@pytest.mark.parametrize("claude", [way for way in CLAUDES if way != "anthropic_compatible"])
async def test_tool_ids_of_another_family_are_rewritten_for_claude_alone(claude: str) -> None:
    calls = [{"type": "tool_use", "id": f"functions.Read:{n}", "name": "Read", "input": {}} for n in range(2)]
    results = [{"type": "tool_result", "tool_use_id": call["id"], "content": "x"} for call in calls]
    messages = [user("look"), assistant(calls), user(results)]
    async with staged(claude) as stage:
        answer = await stage.ask(messages=messages, tools=[READ])
        told = await stage.told(answer)
        first = stage.sent()[-1]["messages"]
        await stage.ask(messages=[*messages, assistant("done"), user("and?")], tools=[READ])
        second = stage.sent()[-1]["messages"]
    assert answer.status == 200
    assert len(told["attempts"]) == 2
    check_pairs(first)
    assert second[: len(first)] == first, "the same names in every turn, or the cache is lost"
