"""Scripted plans: which request gets which step, and where a step breaks."""

import json

import pytest
from tests.support.stream_rules import assemble, assert_valid_stream
from tests.unit.sim.simulation import READ, Simulation, parsed, request

from cc_relay.sim.control import control
from cc_relay.sim.reply import Ending

AGENT = [(b"x-claude-code-agent-id", b"a1")]
TWO_TOOLS = [
    {"type": "thinking", "thinking": "let me look"},
    {"type": "tool_use", "name": "Read", "input": {"file_path": "/a"}},
    {"type": "tool_use", "name": "Read", "input": {"file_path": "/b"}, "id": "toolu_mine"},
]


def say(text, **fields):
    return {"blocks": [{"type": "text", "text": text}]} | fields


def scripted(*steps, **settings):
    simulation = Simulation(**settings)
    reply = control(simulation.engine, request(json.dumps(steps).encode(), path="/_sim/script"))
    assert reply.status == 200, reply.frames
    return simulation


def text_of(reply):
    return assemble(assert_valid_stream(reply.frames))[0].get("text")


def test_steps_come_in_order_to_requests_with_tools():
    simulation = scripted(say("one"), say("two"))
    assert text_of(simulation.ask(tools=[READ])) == "one"
    assert text_of(simulation.ask()) not in ("one", "two")
    assert text_of(simulation.ask(tools=[READ])) == "two"
    assert len(simulation.engine.script) == 0


def test_an_exhausted_script_answers_with_plain_text():
    events = scripted(say("one")).events
    events(tools=[READ])
    assert [block["type"] for block in assemble(events(tools=[READ]))] == ["text"]


def test_blocks_come_as_written():
    blocks = assemble(scripted({"blocks": TWO_TOOLS}).events(tools=[READ]))
    assert [block["type"] for block in blocks] == ["thinking", "tool_use", "tool_use"]
    assert blocks[0]["thinking"] == "let me look"
    assert blocks[1]["input"] == {"file_path": "/a"}
    assert blocks[1]["id"].startswith("toolu_")
    assert blocks[2]["id"] == "toolu_mine"


def test_a_step_may_wait_for_the_main_loop_an_agent_or_a_side_request():
    simulation = scripted(
        say("side", **{"for": "side"}), say("agent", **{"for": "agent"}), say("main", **{"for": "main"})
    )
    assert text_of(simulation.ask(tools=[READ])) == "main"
    assert text_of(simulation.ask(tools=[READ], headers=AGENT)) == "agent"
    assert text_of(simulation.ask()) == "side"


def test_a_step_may_wait_for_words_in_the_body():
    simulation = scripted(say("fish", match="salmon"), say("any"))
    assert text_of(simulation.ask(tools=[READ])) == "any"
    salmon = [{"role": "user", "content": "a salmon"}]
    assert text_of(simulation.ask(tools=[READ], messages=salmon)) == "fish"


@pytest.mark.parametrize(
    ("how", "ending", "last"),
    [
        ("reset", Ending.ABORT, "content_block_stop"),
        ("end", Ending.FINISH, "content_block_stop"),
        ("stall", Ending.HANG, "content_block_stop"),
        ("error", Ending.FINISH, "error"),
    ],
)
def test_a_stream_breaks_after_a_finished_block(how, ending, last):
    simulation = scripted({"blocks": TWO_TOOLS, "break": {"after_block": 2, "how": how}})
    reply = simulation.ask(tools=[READ])
    events = assert_valid_stream(reply.frames, is_complete=False)
    stops = [event["index"] for event in events if event["type"] == "content_block_stop"]
    assert stops == [0, 1]
    assert (reply.ending, events[-1]["type"]) == (ending, last)


def test_a_stream_breaks_inside_a_block():
    simulation = scripted({"blocks": TWO_TOOLS, "break": {"after_block": 0, "after_events": 2}})
    events = assert_valid_stream(simulation.ask(tools=[READ]).frames, is_complete=False)
    assert [event["type"] for event in events] == ["message_start", "content_block_start", "ping"]


def test_a_step_may_be_a_refusal():
    reply = scripted({"fault": "529"}).ask(tools=[READ])
    assert reply.status == 529


def test_a_step_is_answered_as_json_too():
    body = parsed(scripted({"blocks": TWO_TOOLS, "delay": 1.5}).ask(tools=[READ], stream=False))
    assert body["stop_reason"] == "tool_use"
    assert body["content"][1]["input"] == {"file_path": "/a"}


@pytest.mark.parametrize(
    "steps", [b"{}", b'[{"blocks":[{"type":"video"}]}]', b'[{"speling":1}]', b'[{"fault":"meteor"}]']
)
def test_a_wrong_script_is_refused_whole(steps):
    simulation = Simulation()
    assert control(simulation.engine, request(steps, path="/_sim/script")).status == 400
    assert len(simulation.engine.script) == 0
