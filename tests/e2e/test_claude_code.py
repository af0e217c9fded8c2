"""The real Claude Code client through the relay; opt-in: `./dev test claude-code`."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.support.e2e_claude import Claude, find_program
from tests.support.e2e_sim import Json, Seen
from tests.support.e2e_stage import NOWHERE, RelayProcess, Stage, write_config
from tests.support.e2e_tap import Message, Tap
from tests.support.http1 import Head

from cc_relay.sim.dialects import claude_signature

pytestmark = pytest.mark.claude_code

# Here and not in a mark, so that it is said once and not for each test.
if "CC_RELAY_CLAUDE_CODE" not in os.environ:
    pytest.skip("opt-in: ./dev test claude-code", allow_module_level=True)
if find_program() is None:
    pytest.skip("Claude Code is not installed here: ./dev test claude-code needs npm", allow_module_level=True)

Run = Callable[..., Claude]
TOOLS = ("Bash", "Read", "Agent")


@pytest.fixture
def run(stage: Stage, tmp_path: Path) -> Iterator[Run]:
    """Start a session against the relay; it is ended with the test."""
    with ExitStack() as sessions:

        def start(prompt: str, *arguments: str, tools: tuple[str, ...] = TOOLS, **environ: str) -> Claude:
            return sessions.enter_context(
                Claude(prompt, *arguments, relay_url=stage.url, home=tmp_path / "home", tools=tools, environ=environ)
            )

        yield start


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """The directory the client works in."""
    place = tmp_path / "home" / "work"
    place.mkdir(parents=True)
    return place


def text(words: str) -> Json:
    return {"type": "text", "text": words}


def bash(command: str, number: int = 1) -> Json:
    return {
        "type": "tool_use",
        "name": "Bash",
        "id": f"toolu_bash_{number}",
        "input": {"command": command, "description": "Leave a mark"},
    }


def blocks(request: Seen, kind: str) -> list[Json]:
    """All content blocks of one kind in a request's history."""
    return [
        block
        for message in request.json()["messages"]
        if isinstance(message["content"], list)
        for block in message["content"]
        if block["type"] == kind
    ]


def assert_ended_well(session: Claude, words: str) -> None:
    result = session.result()
    assert (result["exit_code"], result["is_error"], result["result"]) == (0, False, words), session.lines
    assert session.of_type("system", "api_retry") == []


def test_a_text_answer(run: Run, stage: Stage) -> None:
    stage.first.script({"blocks": [text("Grüße, 世界, 🦀.")]})

    assert_ended_well(run("Hello"), "Grüße, 世界, 🦀.")
    assert [one.outcome for one in stage.first.messages] == ["answered"]
    assert [(line.status, line.outcome) for line in stage.relay.log] == [(200, "delivered")]


def test_two_parallel_tool_calls_run_once_each(run: Run, work: Path, stage: Stage) -> None:
    (work / "note.txt").write_text("a note to read\n")
    read = {"type": "tool_use", "name": "Read", "id": "toolu_read", "input": {"file_path": str(work / "note.txt")}}
    stage.first.script({"blocks": [text("Both."), read, bash("echo mark >> marks")]}, {"blocks": [text("Both done.")]})

    assert_ended_well(run("Read the note and leave a mark"), "Both done.")
    assert (work / "marks").read_text() == "mark\n"
    results = {one["tool_use_id"]: str(one["content"]) for one in blocks(stage.first.messages[-1], "tool_result")}
    assert set(results) == {"toolu_read", "toolu_bash_1"}
    assert "a note to read" in results["toolu_read"]


def test_thinking_comes_back_verbatim_with_its_signature(run: Run, work: Path, stage: Stage) -> None:
    signature = claude_signature(b"a thought")
    thought = {"type": "thinking", "thinking": "First a mark. 世界", "signature": signature}
    redacted = {"type": "redacted_thinking", "data": "EncryptedThoughts+/=="}
    stage.first.script(
        {"blocks": [thought, redacted, bash("echo one >> marks", 1)]},
        {"blocks": [bash("echo two >> marks", 2)]},
        {"blocks": [text("Two marks.")]},
    )

    assert_ended_well(run("Leave two marks"), "Two marks.")
    assert (work / "marks").read_text() == "one\ntwo\n"
    last = stage.first.messages[-1]
    assert [block["signature"] for block in blocks(last, "thinking")] == [signature]
    assert [block["data"] for block in blocks(last, "redacted_thinking")] == [redacted["data"]]
    # The simulator answers like the API, which refuses thinking it did not sign.
    assert [one.outcome for one in stage.first.messages] == ["answered"] * 3


def test_every_byte_of_a_conversation_passes_unchanged(stage: Stage, tmp_path: Path) -> None:
    thought = {"type": "thinking", "thinking": "First a mark. 世界", "signature": claude_signature(b"a thought")}
    stage.first.script({"blocks": [thought, bash("touch mark")]}, {"blocks": [text("Touched. 🦀")]})
    with (
        Tap(stage.first.url) as upstream,
        RelayProcess(write_config(tmp_path, first=upstream.url, second=stage.second.url)) as relay,
        Tap(relay.url) as downstream,
        Claude("Touch it", relay_url=downstream.url, home=tmp_path / "home", tools=("Bash",)) as session,
    ):
        assert_ended_well(session, "Touched. 🦀")

    asked, forwarded = messages_of(downstream.requests), messages_of(upstream.requests)
    assert [body for _, body in asked] == [body for _, body in forwarded]
    assert len(asked) == 2
    for (head, _), (forwarded_head, _) in zip(asked, forwarded, strict=True):
        assert head.first_line == forwarded_head.first_line
        assert headers_of(head) == headers_of(forwarded_head)
    assert [body for _, body in messages_of(downstream.answers)] == [body for _, body in messages_of(upstream.answers)]


def messages_of(messages: list[Message]) -> list[Message]:
    return [message for message in messages if message[0].first_line[0] != "HEAD"]


def headers_of(head: Head) -> dict[str, str]:
    """What a request's header says; credentials, names of the next hop and encodings are the relay's to write."""
    own = {b"authorization", b"x-api-key", b"host", b"connection", b"accept-encoding"}
    return {name.decode(): value.decode() for name, value in head.headers if name not in own}


def test_four_agents_work_at_once(run: Run, stage: Stage) -> None:
    agents = [
        {
            "type": "tool_use",
            "name": "Agent",
            "id": f"toolu_agent_{number}",
            "input": {
                "description": f"Agent {number}",
                "prompt": f"You are agent number {number}.",
                "subagent_type": "general-purpose",
                "run_in_background": False,
            },
        }
        for number in range(4)
    ]
    stage.first.script(
        {"for": "main", "blocks": agents},
        *[{"for": "agent", "delay": 2, "blocks": [text(f"Agent done {number}.")]} for number in range(4)],
        {"for": "main", "blocks": [text("All four are done.")]},
    )

    assert_ended_well(run("Start four agents"), "All four are done.")
    asked = [one for one in stage.first.messages if one.header("x-claude-code-agent-id")]
    assert len(asked) == 4
    # Each is answered two seconds after it came, so that those who came within two were open together.
    arrivals = [one.at for one in asked]
    assert max(arrivals) - min(arrivals) < 2
    results = blocks(stage.first.messages[-1], "tool_result")
    assert sorted(result["tool_use_id"] for result in results) == [agent["id"] for agent in agents]


@pytest.mark.parametrize("how", ["reset", "error", "end"])
def test_a_tool_finished_before_a_break_runs_once(how: str, run: Run, work: Path, stage: Stage) -> None:
    broken = {"after_block": 1, "after_events": 2, "how": how}
    stage.first.script(
        {"speed": 10, "break": broken, "blocks": [bash("echo mark >> marks"), text("This text is cut off. " * 5)]},
        {"blocks": [text("Recovered.")]},
    )

    assert_ended_well(run("Leave a mark"), "Recovered.")
    assert (work / "marks").read_text() == "mark\n"
    assert [result["tool_use_id"] for result in blocks(stage.first.messages[-1], "tool_result")] == ["toolu_bash_1"]
    assert [line.outcome for line in stage.relay.log][:1] == ["broken"]
    assert stage.second.messages == []


def test_a_client_that_is_ended_is_noticed_upstream(run: Run, stage: Stage) -> None:
    stage.first.script({"speed": 5, "blocks": [text("And so on. " * 500)]})
    session = run("Talk for a while", "--include-partial-messages")
    session.wait_for(lambda line: '"content_block_delta"' in line)
    session.kill()

    assert stage.relay.logged("gone").status == 200
    stage.first.wait_until_cancelled()


def test_a_very_long_prompt_arrives_whole(run: Run, stage: Stage) -> None:
    stage.first.script({"blocks": [text("That was long.")]})
    prompt = "The end of a long line. " * 70_000

    assert_ended_well(run(prompt), "That was long.")
    request = stage.first.messages[-1]
    assert request.body_size > 1_600_000
    assert request.body.count("The end of a long line. ") >= 69_999


def test_auto_mode_gets_its_verdict_and_asks_nobody_else(run: Run, work: Path, stage: Stage) -> None:
    stage.first.script({"blocks": [bash("touch mark")]}, {"blocks": [text("Touched.")]})

    assert_ended_well(run("Touch the mark", "--permission-mode", "auto", tools=()), "Touched.")
    assert (work / "mark").exists()
    requests = stage.first.messages
    assert len(requests) == 2
    for request in requests:
        assert request.json()["safeguards"][0]["type"] == "dangerous_tool_use"
        assert "dangerous-tool-use-2026-09-03" in (request.header("anthropic-beta") or "")


@pytest.mark.parametrize(
    "fault",
    ["401", "429", "quota", "500", "502-html", "529", "html", "reset", "reset-head", "stall", "error-in-band", "empty"],
)
def test_an_unwell_first_provider_is_not_noticed(fault: str, run: Run, work: Path, stage: Stage) -> None:
    stage.first.fault(fault, retry_after=60)
    stage.second.script({"blocks": [bash("echo mark >> marks")]}, {"blocks": [text("Nothing happened.")]})

    assert_ended_well(run("Leave a mark"), "Nothing happened.")
    assert (work / "marks").read_text() == "mark\n"
    assert [one.answer for one in stage.first.messages] == [fault]
    assert {(line.provider, line.outcome) for line in stage.relay.log} == {("second", "delivered")}
    # The second request goes to where the first left the conversation in a cache.
    assert [line.attempts for line in stage.relay.log] == [2, 1]


def test_a_rate_limit_of_every_key_is_waited_out_and_not_noticed(stage: Stage, tmp_path: Path) -> None:
    for sim in (stage.first, stage.second):
        sim.fault("429", count=1, retry_after=2)
    stage.first.script({"blocks": [text("Nothing happened.")]})
    config = write_config(tmp_path, first=stage.first.url, second=stage.second.url, max_wait=20_000)
    with RelayProcess(config) as relay, Claude("Hello", relay_url=relay.url, home=tmp_path / "home") as session:
        assert_ended_well(session, "Nothing happened.")
        assert [line.attempts for line in relay.log] == [3]


def test_a_first_provider_that_refuses_connections_is_not_noticed(run: Run, stage: Stage) -> None:
    stage.first.script({"blocks": [text("Nothing happened.")]})

    assert_ended_well(run("Hello", "--model", NOWHERE), "Nothing happened.")
    assert [(line.provider, line.attempts) for line in stage.relay.log] == [("first", 2)]


def test_the_clients_own_retry_is_told_how_long_to_wait(run: Run, stage: Stage) -> None:
    for sim in (stage.first, stage.second):
        sim.fault("429", count=1, retry_after=2)
    stage.first.script({"blocks": [text("Patience.")]})
    session = run("Hello")

    assert session.result()["result"] == "Patience."
    retries = session.of_type("system", "api_retry")
    assert [retry["error_status"] for retry in retries] == [429]
    assert 2000 <= retries[0]["retry_delay_ms"] <= 3000


def test_a_wrong_credential_ends_the_session_at_once_and_says_what_to_do(run: Run, stage: Stage) -> None:
    session = run("Hello", ANTHROPIC_AUTH_TOKEN="wrong")
    result = session.result()

    assert result["is_error"] is True
    assert "set ANTHROPIC_AUTH_TOKEN" in result["result"]
    assert session.of_type("system", "api_retry") == []
    assert stage.first.seen == []


def test_a_refused_key_of_the_relay_ends_the_session_at_once_and_names_the_provider(run: Run, stage: Stage) -> None:
    for sim in (stage.first, stage.second):
        sim.fault("401")
    session = run("Hello")
    result = session.result()

    assert result["is_error"] is True
    assert "refused the relay's own credential" in result["result"]
    assert session.of_type("system", "api_retry") == []


def test_when_every_provider_is_overloaded_the_client_hears_of_an_overload(run: Run, stage: Stage) -> None:
    for sim in (stage.first, stage.second):
        sim.fault("529")
    session = run("Hello")
    result = session.result()

    assert result["is_error"] is True
    # With an Opus model this client gives up after three in a row.
    assert "Repeated 529 Overloaded errors" in result["result"]
    assert {retry["error_status"] for retry in session.of_type("system", "api_retry")} == {529}


def test_both_credentials_at_once_are_both_replaced(run: Run, stage: Stage) -> None:
    stage.first.script({"blocks": [text("In.")]})

    assert_ended_well(run("Hello", ANTHROPIC_API_KEY="sk-ant-somebody"), "In.")
    request = stage.first.messages[0]
    assert request.header("authorization") is None
    assert request.header("x-api-key") is not None


def test_models_of_the_relay_are_discovered(run: Run, stage: Stage, tmp_path: Path) -> None:
    stage.first.script({"blocks": [text("Hello.")]})
    session = run("Hello", CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY="1")

    assert_ended_well(session, "Hello.")
    found = (tmp_path / "home" / ".claude" / "cache" / "gateway-models.json").read_text()
    assert "claude-haiku-5-5" in found


def test_the_context_command_counts_in_one_burst(run: Run, stage: Stage) -> None:
    session = run("/context")

    assert session.result()["is_error"] is False
    counts = [one for one in stage.first.seen if one.path == "/v1/messages/count_tokens"]
    assert len(counts) > 10
    assert {one.outcome for one in counts} == {"answered"}
