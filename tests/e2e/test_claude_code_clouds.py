"""The real Claude Code client, served by clouds, and moved between them; opt-in: `./dev test claude-code`."""

import os
from pathlib import Path

import pytest
from tests.support.e2e_claude import Claude, find_program
from tests.support.e2e_clouds import CloudStage, open_clouds
from tests.support.e2e_sim import Json, Seen

from cc_relay.sim.dialects import claude_signature

pytestmark = pytest.mark.claude_code

if "CC_RELAY_CLAUDE_CODE" not in os.environ:
    pytest.skip("opt-in: ./dev test claude-code", allow_module_level=True)
if find_program() is None:
    pytest.skip("Claude Code is not installed here: ./dev test claude-code needs npm", allow_module_level=True)

ALL = ("bedrock", "mantle", "platform", "vertex", "azure")
THOUGHT: Json = {"type": "thinking", "thinking": "First a mark. 世界", "signature": claude_signature(b"a thought")}


def text(words: str) -> Json:
    return {"type": "text", "text": words}


def bash(command: str, name: str) -> Json:
    return {"type": "tool_use", "name": "Bash", "id": name, "input": {"command": command, "description": "Mark"}}


def kinds(request: Seen) -> list[str]:
    """The types of all content blocks of a request's history, in order."""
    return [
        str(block["type"])
        for message in request.json()["messages"]
        if isinstance(message["content"], list)
        for block in message["content"]
    ]


def session(stage: CloudStage, home: Path, prompt: str, *, model: str = "claude-opus-4-8") -> Claude:
    return Claude(prompt, "--model", model, relay_url=stage.url, home=home, tools=("Bash",))


def assert_ended_well(claude: Claude, words: str) -> None:
    result = claude.result()
    assert (result["exit_code"], result["is_error"], result["result"]) == (0, False, words), claude.lines
    assert claude.of_type("system", "api_retry") == []


@pytest.mark.parametrize("dialect", ALL)
def test_a_conversation_with_thinking_and_tools_is_the_same_in_every_cloud(dialect: str, tmp_path: Path) -> None:
    with open_clouds(tmp_path, dialect) as stage:
        cloud = stage.clouds[dialect]
        cloud.script(
            {"blocks": [THOUGHT, bash("echo one >> marks", "toolu_1"), bash("echo two >> marks", "toolu_2")]},
            {"blocks": [text("Two marks.")]},
        )
        with session(stage, tmp_path / "home", "Leave two marks") as claude:
            assert_ended_well(claude, "Two marks.")
        assert sorted((tmp_path / "home" / "work" / "marks").read_text().split()) == ["one", "two"]
        last = cloud.messages[-1]
        assert [kind for kind in kinds(last) if kind != "text"] == [
            "thinking", "tool_use", "tool_use", "tool_result", "tool_result",
        ]  # fmt: skip
        assert {one.outcome for one in cloud.messages} == {"answered"}
        assert {line.status for line in stage.relay.log if line.path == "/v1/messages"} == {200}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("bedrock", "vertex"),
        ("vertex", "anthropic"),
        ("anthropic", "bedrock"),
        ("azure", "mantle"),
        ("platform", "azure"),
    ],
)
def test_a_cloud_that_fails_in_the_middle_is_not_noticed_and_thinking_moves_along(
    before: str, after: str, tmp_path: Path
) -> None:
    with open_clouds(tmp_path, before, after) as stage:
        first, second = stage.clouds.values()
        first.script({"blocks": [THOUGHT, bash("echo one >> marks", "toolu_1")]}, {"fault": "529"})
        second.script({"blocks": [bash("echo two >> marks", "toolu_2")]}, {"blocks": [text("Two marks.")]})
        with session(stage, tmp_path / "home", "Leave two marks") as claude:
            claude.wait_for(lambda line: "toolu_1" in line)
            first.fault("529")
            assert_ended_well(claude, "Two marks.")
        assert (tmp_path / "home" / "work" / "marks").read_text() == "one\ntwo\n"
        assert "thinking" in kinds(second.messages[-1])


@pytest.mark.parametrize(("before", "after"), [("zai", "bedrock"), ("zai", "anthropic"), ("vertex", "zai")])
def test_a_conversation_that_changes_family_is_cleaned_for_the_other_and_goes_on(
    before: str, after: str, tmp_path: Path
) -> None:
    with open_clouds(tmp_path, before, after) as stage:
        first, second = stage.clouds.values()
        thought = {"type": "thinking", "thinking": "A mark."} if before == "zai" else THOUGHT
        first.script({"blocks": [thought, bash("echo one >> marks", "call.functions:0")]}, {"fault": "529"})
        second.script({"blocks": [bash("echo two >> marks", "toolu_2")]}, {"blocks": [text("Two marks.")]})
        with session(stage, tmp_path / "home", "Leave two marks") as claude:
            claude.wait_for(lambda line: "call.functions:0" in line)
            first.fault("529")
            assert_ended_well(claude, "Two marks.")
        assert (tmp_path / "home" / "work" / "marks").read_text() == "one\ntwo\n"
        assert "thinking" not in kinds(second.messages[-1])
