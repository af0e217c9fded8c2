"""The smaller endpoints: lists, counts, control, and what the journal tells."""

import json

import pytest
from tests.unit.sim.simulation import Simulation, messages, parsed, request

from cc_relay.sim.control import control


def get(simulation, path, query=""):
    return simulation.send(request(method="GET", path=path, query=query))


def steer(simulation, method, name, body=b"", query=""):
    return control(simulation.engine, request(body, method=method, path=f"/_sim/{name}", query=query))


def test_models_are_listed_page_by_page():
    simulation = Simulation(models=("claude-extra-1",))
    everything = [model["id"] for model in parsed(get(simulation, "/v1/models", "limit=1000"))["data"]]
    seen, cursor = [], ""
    for _ in range(10):
        page = parsed(get(simulation, "/v1/models", f"limit=3{cursor}"))
        assert (page["first_id"], page["last_id"]) == (page["data"][0]["id"], page["data"][-1]["id"])
        seen += [model["id"] for model in page["data"]]
        cursor = f"&after_id={page['last_id']}"
        if not page["has_more"]:
            break
    assert seen == everything
    assert "claude-extra-1" in seen


def test_models_are_listed_backwards():
    simulation = Simulation()
    models = [model["id"] for model in parsed(get(simulation, "/v1/models"))["data"]]
    page = parsed(get(simulation, "/v1/models", f"limit=2&before_id={models[5]}"))
    assert [model["id"] for model in page["data"]] == models[3:5]
    assert page["has_more"]


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "after_id=nobody"])
def test_a_page_that_cannot_be_is_refused(query):
    assert get(Simulation(), "/v1/models", query).status == 400


def test_one_model_is_found_or_not():
    assert parsed(get(Simulation(), "/v1/models/claude-opus-5-5"))["display_name"] == "Claude Opus 5 5"
    assert get(Simulation(), "/v1/models/claude-none").status == 404


def test_zai_has_no_list_on_this_route_but_an_openai_one():
    assert get(Simulation("zai"), "/v1/models").status == 404
    assert parsed(get(Simulation("zai"), "/api/coding/paas/v4/models"))["object"] == "list"


def test_ollama_lists_its_models_in_two_shapes():
    simulation = Simulation("ollama")
    listed = [model["id"] for model in parsed(get(simulation, "/v1/models"))["data"]]
    tagged = [model["name"] for model in parsed(get(simulation, "/api/tags"))["models"]]
    assert listed == tagged == ["qwen3-coder:30b", "gpt-oss:20b", "llama3.3:70b"]
    assert "version" in parsed(get(simulation, "/api/version"))


@pytest.mark.parametrize(("dialect", "status"), [("anthropic", 200), ("zai", 404), ("minimax", 404), ("ollama", 404)])
def test_only_anthropic_counts_tokens(dialect, status):
    body = {"model": "sim-x", "messages": [{"role": "user", "content": "four score"}], "max_tokens": 1}
    assert Simulation(dialect).send(request(body, path="/v1/messages/count_tokens")).status == status


def test_a_count_is_what_the_message_will_cost():
    simulation = Simulation()
    counted = parsed(simulation.send(request(messages(), path="/v1/messages/count_tokens")))["input_tokens"]
    assert parsed(simulation.ask(stream=False))["usage"]["input_tokens"] == counted


def test_a_base_url_may_have_a_path():
    assert Simulation("zai").send(request(messages(), path="/api/anthropic/v1/messages")).status == 200


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"{", "not valid JSON"),
        (b'{"messages":[]}', "model: Field required"),
        (b'{"model":"claude-x","messages":[],"max_tokens":1}', "at least one message"),
        (b'{"model":"claude-x","messages":[{"role":"user","content":"x"}]}', "max_tokens: Field required"),
        (b'{"model":"claude-x","max_tokens":1,"messages":[{"role":"system","content":"x"}]}', "top-level 'system'"),
        (b'{"model":"claude-x","max_tokens":1,"messages":[{"role":"user"}]}', "messages.0.content: Field required"),
    ],
)
def test_what_is_wrong_is_said_in_anthropics_words(body, text):
    reply = Simulation().send(request(body))
    assert reply.status == 400
    assert text in parsed(reply)["error"]["message"]


@pytest.mark.parametrize(
    ("history", "text"),
    [
        (["tool_use"], "ids were found without `tool_result` blocks"),
        (["tool_result"], "unexpected `tool_use_id`"),
        (["bad_id"], "String should match pattern"),
    ],
)
def test_broken_histories_are_refused(history, text):
    blocks = {
        "tool_use": {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "R", "input": {}}]},
        "bad_id": {"role": "assistant", "content": [{"type": "tool_use", "id": "f.Read:0", "name": "R", "input": {}}]},
        "tool_result": {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t9", "content": "x"}]},
    }
    turns = [{"role": "user", "content": "a"}, *(blocks[name] for name in history), {"role": "user", "content": "b"}]
    reply = Simulation().ask(messages=turns)
    assert reply.status == 400
    assert text in parsed(reply)["error"]["message"]


def test_a_missing_version_is_refused():
    bare = request(messages())
    headers = [line for line in bare.headers if line[0] != b"anthropic-version"]
    stripped = type(bare)(bare.method, bare.path, bare.query, headers, bare.body, bare.id, 0.0, dict(headers))
    assert Simulation().send(stripped).status == 400


def test_an_unknown_path_is_not_found():
    assert Simulation().send(request(path="/v1/nothing")).status == 404


def test_faults_are_added_listed_and_cleared():
    simulation = Simulation()
    added = parsed(steer(simulation, "POST", "faults", b'{"fault":"529","count":2}'))
    assert (added["faults"][0]["fault"], added["faults"][0]["left"]) == ("529", 2)
    simulation.ask()
    assert parsed(steer(simulation, "GET", "faults"))["faults"][0]["left"] == 1
    assert parsed(steer(simulation, "DELETE", "faults"))["faults"] == []
    assert simulation.ask().status == 200


@pytest.mark.parametrize("body", [b"{}", b'{"fault":"meteor"}', b'{"fault":"529","cuont":1}', b"["])
def test_a_wrong_fault_is_told(body):
    reply = steer(Simulation(), "POST", "faults", body)
    assert reply.status == 400
    assert parsed(reply)["error"]


def test_the_state_tells_what_arrived_without_secrets():
    simulation = Simulation()
    simulation.ask(key="sk-very-secret")
    state = steer(simulation, "GET", "state")
    last = parsed(state)["last"][0]
    assert last["path"] == "/v1/messages"
    assert "anthropic-version" in last["header_names"]
    assert last["body_size"] > 50
    assert len(last["key"]) == 12
    assert b"sk-very-secret" not in state.frames[0]


def test_whole_requests_are_told_on_demand_without_secrets():
    simulation = Simulation()
    simulation.ask(key="sk-very-secret", max_tokens=77)
    simulation.ask(max_tokens=78)
    reply = steer(simulation, "GET", "requests", query="bodies=1&last=2")
    bodies = [json.loads(seen["body"])["max_tokens"] for seen in parsed(reply)]
    assert bodies == [77, 78]
    assert b"sk-very-secret" not in reply.frames[0]
    assert ["anthropic-version", "2023-06-01"] in parsed(reply)[0]["headers"]


def test_everything_can_be_forgotten():
    simulation = Simulation(rpm=1)
    simulation.ask()
    steer(simulation, "POST", "faults", b'{"fault":"529"}')
    assert parsed(steer(simulation, "DELETE", "state"))["seen"] == 0
    assert simulation.ask().status == 200


def test_a_control_endpoint_nobody_knows_names_those_that_are():
    reply = steer(Simulation(), "GET", "nothing")
    assert reply.status == 404
    assert "POST /_sim/faults" in parsed(reply)["known"]


@pytest.mark.parametrize(
    "fields",
    [
        {"tools": [{"name": 7, "input_schema": {}}]},
        {"tools": [{"name": "R", "input_schema": {}, "cache_control": "now"}]},
    ],
)
def test_a_field_that_is_read_late_is_refused_all_the_same(fields):
    assert Simulation().ask(**fields).status == 400
