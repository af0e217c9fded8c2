"""Every dialect's answers: valid streams, the same message as JSON, and each dialect's own habits."""

import json

import pytest
from tests.support.stream_rules import assemble, final_usage
from tests.unit.sim.simulation import DIALECTS, GLOB, READ, Simulation, parsed

from cc_relay.sim.blocks import Text
from cc_relay.sim.script import Step

THINK = {"type": "enabled", "budget_tokens": 1024}
MODERN = {"type": "adaptive"}
SHAPES = {
    "text": {},
    "thinking": {"thinking": THINK},
    "tools": {"model": "sim-tools", "tools": [READ, GLOB]},
    "thinking and tools": {"model": "sim-tools=3+thinking", "tools": [READ, GLOB], "thinking": THINK},
    "cut off": {"max_tokens": 7},
}


def shaped(shape, dialect):
    """A shape in the words of a dialect: the newest Claude is not told how much to think."""
    fields = SHAPES[shape]
    return fields | {"thinking": MODERN} if dialect == "anthropic" and "thinking" in fields else fields


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("shape", SHAPES)
def test_every_stream_keeps_the_order_rules(dialect, shape):
    Simulation(dialect).events(**shaped(shape, dialect))


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_stream_and_its_json_are_the_same_message(dialect, shape):
    simulation = Simulation(dialect)
    body = parsed(simulation.ask(**shaped(shape, dialect) | {"stream": False}))
    twin = Simulation(dialect)
    events = twin.events(**shaped(shape, dialect))

    def kinds(blocks):
        return [(block["type"], block.get("name")) for block in blocks]

    assert kinds(assemble(events)) == kinds(body["content"])
    last = events[-2]
    assert last["delta"]["stop_reason"] == body["stop_reason"]
    assert last["usage"]["output_tokens"] == body["usage"]["output_tokens"]


def test_the_same_seed_and_request_give_the_same_bytes():
    assert Simulation(seed=3).ask().frames == Simulation(seed=3).ask().frames


def test_another_seed_gives_other_words():
    assert assemble(Simulation(seed=3).events()) != assemble(Simulation(seed=4).events())


def test_a_repeated_request_gets_the_same_words_under_a_new_id():
    simulation = Simulation()
    first, second = simulation.events(), simulation.events()
    assert assemble(first) == assemble(second)
    assert first[0]["message"]["id"] != second[0]["message"]["id"]


def test_output_usage_is_cumulative_and_counts_the_tokens_of_the_text():
    events = Simulation(text_tokens=100).events()
    assert events[0]["message"]["usage"]["output_tokens"] == 1
    assert final_usage(events)["output_tokens"] == 100


def test_max_tokens_is_respected():
    events = Simulation(text_tokens=100).events(max_tokens=7)
    assert events[-2]["delta"]["stop_reason"] == "max_tokens"
    assert final_usage(events)["output_tokens"] == 7


def test_a_cache_warming_request_gets_no_content():
    body = parsed(Simulation().ask(max_tokens=0, stream=False))
    assert body["content"] == []
    assert body["usage"]["output_tokens"] == 0


def test_a_stop_sequence_ends_the_text_before_it():
    simulation = Simulation()
    simulation.engine.script.load([Step(blocks=(Text("one two three"),), audience="side")])
    events = simulation.events(stop_sequences=["three", "two"])
    assert assemble(events)[0]["text"] == "one "
    assert events[-2]["delta"] == {"stop_reason": "stop_sequence", "stop_sequence": "two"}


def test_tool_calls_are_parallel_and_their_input_fits_the_schema():
    calls = [block for block in assemble(Simulation().events(**SHAPES["tools"])) if block["type"] == "tool_use"]
    assert [call["name"] for call in calls] == ["Read", "Glob"]
    assert set(calls[0]["input"]) == {"file_path"}
    assert calls[0]["id"] != calls[1]["id"]


def test_a_tool_loop_ends_after_the_results():
    history = [
        {"role": "user", "content": "go"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1", "name": "Read", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "x"}]},
    ]
    events = Simulation().events(model="sim-tools", tools=[READ], messages=history)
    assert events[-2]["delta"]["stop_reason"] == "end_turn"


def test_omitted_thinking_is_a_signature_alone():
    events = Simulation().events(thinking={"type": "adaptive", "display": "omitted"})
    deltas = [event["delta"]["type"] for event in events if event["type"] == "content_block_delta"]
    assert deltas[0] == "signature_delta"
    assert "thinking_delta" not in deltas


def test_omitted_thinking_is_still_paid_for():
    shown = final_usage(Simulation().events(thinking={"type": "adaptive", "display": "summarized"}))
    omitted = final_usage(Simulation().events(thinking={"type": "adaptive", "display": "omitted"}))
    assert shown["output_tokens"] == omitted["output_tokens"] > 60


@pytest.mark.parametrize(
    ("dialect", "begins"), [("anthropic", "E"), ("zai", None), ("minimax", None), ("ollama", "none")]
)
def test_each_dialect_signs_thinking_in_its_own_way(dialect, begins):
    block = assemble(Simulation(dialect).events(**shaped("thinking", dialect)))[0]
    assert block["type"] == "thinking"
    if begins == "none":
        assert "signature" not in block
    elif begins:
        assert block["signature"].startswith(begins)
    else:
        assert block["signature"]
        assert block["signature"][0] not in "EC"


def test_claude_refuses_thinking_another_provider_signed():
    block = assemble(Simulation("zai").events())[0]
    history = [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": [block]},
        {"role": "user", "content": "b"},
    ]
    reply = Simulation().ask(messages=history)
    assert reply.status == 400
    assert "messages.1.content.0: Invalid `signature` in `thinking` block" in parsed(reply)["error"]["message"]


def test_claude_takes_its_own_thinking_back():
    simulation = Simulation()
    block = assemble(simulation.events(thinking={"type": "adaptive", "display": "omitted"}))[0]
    history = [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": [block]},
        {"role": "user", "content": "b"},
    ]
    simulation.events(messages=history)


def test_ollama_sends_tool_arguments_in_one_delta_and_no_pings():
    events = Simulation("ollama").events(**SHAPES["tools"])
    arguments = [event for event in events if event.get("delta", {}).get("type") == "input_json_delta"]
    assert len(arguments) == 2
    assert all(json.loads(event["delta"]["partial_json"]) for event in arguments)
    assert "ping" not in [event["type"] for event in events]


def test_ollama_counts_no_cache():
    assert set(Simulation("ollama").events()[0]["message"]["usage"]) == {"input_tokens", "output_tokens"}


def test_ollama_maps_adaptive_thinking_to_nothing_but_effort_to_thinking():
    adaptive = {"type": "adaptive"}
    assert assemble(Simulation("ollama").events(thinking=adaptive))[0]["type"] == "text"
    thinks = Simulation("ollama").events(thinking=adaptive, output_config={"effort": "high"})
    assert assemble(thinks)[0]["type"] == "thinking"


def test_zai_counts_input_only_at_the_end():
    events = Simulation("zai").events()
    assert events[0]["message"]["usage"]["input_tokens"] == 0
    assert final_usage(events)["input_tokens"] > 0


def test_zai_serves_unknown_claude_names_with_a_model_of_its_own():
    assert Simulation("zai").events(model="claude-opus-5-5")[0]["message"]["model"] == "glm-5.3"


def test_zai_message_ids_are_bare_numbers():
    assert Simulation("zai").events()[0]["message"]["id"].startswith("2026")


def test_the_wanted_format_is_answered_with_json_that_fits():
    schema = {"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]}
    config = {"format": {"type": "json_schema", "schema": schema}}
    text = assemble(Simulation().events(output_config=config))[0]["text"]
    assert list(json.loads(text)) == ["title"]


def test_compaction_gets_its_summary():
    events = Simulation().events(messages=[{"role": "user", "content": "answer in <summary> tags"}])
    assert assemble(events)[0]["text"].startswith("<summary>")


def test_safeguards_are_answered_for_every_tool_call():
    fields = SHAPES["tools"] | {"safeguards": [{"type": "dangerous_tool_use", "classifier_context": {}}]}
    simulation = Simulation()
    events = simulation.events(**fields)
    calls = [block["id"] for block in assemble(events) if block["type"] == "tool_use"]
    (verdict,) = events[-2]["delta"]["safeguard_results"]
    assert verdict["status"]["type"] == "available"
    assert list(verdict["status"]["tool_uses"]) == calls
    assert verdict["status"]["tool_uses"][calls[0]] == {"type": "evaluated", "outcome": "not_flagged"}
    assert "safeguard_results" in parsed(simulation.ask(**fields | {"stream": False}))


def test_without_safeguards_there_are_no_results():
    assert "safeguard_results" not in Simulation().events()[-2]["delta"]


def test_paced_frames_follow_the_speed_after_the_first_token():
    reply = Simulation(speed=10, first_token=2.0, text_tokens=20, tokens_per_event=1).ask()
    assert len(reply.due) == len(reply.frames)
    assert reply.due[0] == 0
    assert reply.due[-1] == pytest.approx(4.0)


def test_a_long_wait_for_the_first_token_is_filled_with_pings():
    reply = Simulation(first_token=25.0).ask()
    assert [b"ping" in frame for frame in reply.frames[:4]] == [False, True, True, False]
    assert reply.due[:4] == [0.0, 10.0, 20.0, 25.0]


def test_a_slow_model_name_slows_json_down_as_well():
    assert Simulation(text_tokens=60).ask(model="sim-slow=20", stream=False).delay == pytest.approx(3.0)
