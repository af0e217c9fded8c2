"""Faults: what each does to an answer, and when a rule strikes."""

import pytest
from tests.support.stream_rules import assert_valid_stream
from tests.unit.sim.simulation import DIALECTS, MODELS, Simulation, header, parsed, request

from cc_relay.sim.faults import FAULTS, Action, FaultRule
from cc_relay.sim.reply import Ending
from cc_relay.sim.steering import read_model

REFUSALS = [name for name, fault in FAULTS.items() if fault.action is Action.REFUSE]
ANSWERS = (Action.REFUSE, Action.HTML, Action.GARBAGE)
BREAKS = [name for name, fault in FAULTS.items() if fault.action not in ANSWERS]


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("fault", REFUSALS)
def test_every_refusal_comes_in_the_envelope(dialect, fault):
    reply = Simulation(dialect).ask(model=f"{MODELS[dialect]}+{fault}")
    body = parsed(reply)
    assert reply.status >= 400
    assert body["type"] == "error"
    assert body["error"]["message"]
    assert body["request_id"]


@pytest.mark.parametrize(
    ("fault", "status", "error_type"),
    [
        ("429", 429, "rate_limit_error"),
        ("529", 529, "overloaded_error"),
        ("500", 500, "api_error"),
        ("401", 401, "authentication_error"),
        ("403", 403, "permission_error"),
        ("404", 404, "not_found_error"),
        ("413", 413, "request_too_large"),
    ],
)
def test_anthropic_uses_its_own_status_and_type(fault, status, error_type):
    reply = Simulation().ask(model=f"sim-{fault}")
    assert (reply.status, parsed(reply)["error"]["type"]) == (status, error_type)


def test_the_request_id_is_in_head_and_body():
    reply = Simulation().ask(model="sim-500")
    assert header(reply, b"request-id") == parsed(reply)["request_id"].encode()


def test_zai_speaks_in_numbers():
    simulation = Simulation("zai")
    assert parsed(simulation.ask(model="sim-429"))["error"]["type"] == "1302"
    broke = simulation.ask(model="sim-quota")
    assert (broke.status, parsed(broke)["error"]["type"]) == (429, "1113")


def test_ollama_names_the_model_it_does_not_have():
    reply = Simulation("ollama").ask(model="nothing:1b")
    assert reply.status == 404
    assert parsed(reply)["error"] == {
        "type": "not_found_error",
        "message": 'model "nothing:1b" not found, try pulling it first',
    }


def test_an_enforced_spend_limit_has_no_retry_after():
    reply = Simulation().ask(model="sim-quota")
    assert parsed(reply)["error"]["details"] == {"error_code": "enforced_spend_limit_reached"}
    assert header(reply, b"retry-after") is None


def test_a_spent_plan_says_so_in_the_unified_headers():
    reply = Simulation().ask(model="sim-plan=7200")
    assert header(reply, b"anthropic-ratelimit-unified-status") == b"rejected"
    assert header(reply, b"retry-after") == b"7200"


@pytest.mark.parametrize("fault", BREAKS)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_broken_stream_is_a_valid_one_cut_short(dialect, fault):
    reply = Simulation(dialect).ask(model=f"sim-{fault}")
    events = assert_valid_stream(reply.frames, is_complete=False)
    assert "message_stop" not in [event["type"] for event in events]


@pytest.mark.parametrize(
    ("fault", "has_head", "ending"),
    [
        ("reset", False, Ending.ABORT),
        ("reset-head", True, Ending.ABORT),
        ("reset-mid", True, Ending.ABORT),
        ("stall", False, Ending.HANG),
        ("stall-head", True, Ending.HANG),
        ("stall-mid", True, Ending.HANG),
        ("truncate", True, Ending.FINISH),
        ("short", True, Ending.ABORT),
    ],
)
@pytest.mark.parametrize("stream", [True, False])
def test_a_break_ends_as_its_name_says(fault, has_head, ending, stream):
    reply = Simulation().ask(model=f"sim-{fault}", stream=stream)
    assert (bool(reply.status), reply.ending) == (has_head, ending)


@pytest.mark.parametrize(("fault", "content_started"), [("error-in-band", False), ("error-mid", True)])
def test_an_error_event_is_the_last_event(fault, content_started):
    events = assert_valid_stream(Simulation().ask(model=f"sim-{fault}").frames, is_complete=False)
    kinds = [event["type"] for event in events]
    assert kinds[0] == "message_start"
    assert kinds[-1] == "error"
    assert ("content_block_delta" in kinds) is content_started
    assert events[-1]["error"]["type"] == "overloaded_error"


def test_ollama_ends_a_failing_stream_in_silence():
    reply = Simulation("ollama").ask(model="sim-error-mid")
    assert "error" not in [event["type"] for event in assert_valid_stream(reply.frames, is_complete=False)]
    assert reply.ending is Ending.FINISH


def test_a_short_body_declares_more_than_it_sends():
    reply = Simulation().ask(model="sim-short")
    assert reply.length is not None
    assert reply.length > len(b"".join(reply.frames))


def test_html_comes_with_status_200():
    reply = Simulation().ask(model="sim-html")
    assert reply.status == 200
    assert header(reply, b"content-type") == b"text/html; charset=utf-8"


def test_garbage_is_json_that_nobody_asked_for():
    reply = Simulation().ask(model="sim-garbage")
    assert (reply.status, header(reply, b"content-type")) == (200, b"application/json")
    assert isinstance(parsed(reply), list)


def test_a_rule_chooses_which_error_ends_the_stream():
    rule = FaultRule(fault="error-mid", error="504")
    events = assert_valid_stream(Simulation(faults=(rule,)).ask().frames, is_complete=False)
    assert events[-1]["error"]["type"] == "timeout_error"


def test_a_rule_for_tokens_spares_everything_else():
    assert Simulation(faults=(FaultRule(fault="529", for_tokens=True, everywhere=True),)).ask().status == 200


def test_a_rule_strikes_as_often_as_it_counts():
    simulation = Simulation(faults=(FaultRule(fault="529", count=2),))
    assert [simulation.ask().status for _ in range(3)] == [529, 529, 200]


def test_a_rule_without_count_strikes_until_it_is_cleared():
    simulation = Simulation(faults=(FaultRule(fault="529"),))
    assert {simulation.ask().status for _ in range(5)} == {529}
    simulation.engine.faults.clear()
    assert simulation.ask().status == 200


def test_probability_is_seeded():
    def statuses(seed):
        simulation = Simulation(seed=seed, faults=(FaultRule(fault="529", probability=0.5),))
        return [simulation.ask().status for _ in range(40)]

    assert statuses(1) == statuses(1)
    assert statuses(1) != statuses(2)
    assert 10 < statuses(1).count(529) < 30


def test_a_rule_may_be_for_one_model_or_one_key():
    rules = (FaultRule(fault="529", for_model="claude-opus-5-5"), FaultRule(fault="401", for_key="sk-b"))
    simulation = Simulation(faults=rules)
    assert simulation.ask(model="claude-opus-5-5").status == 529
    assert simulation.ask(key="sk-b").status == 401
    assert simulation.ask().status == 200


def test_a_rule_spares_the_other_endpoints_unless_told():
    count = {"path": "/v1/messages/count_tokens"}
    body = {"model": "claude-sonnet-5-5", "messages": [{"role": "user", "content": "x"}], "max_tokens": 1}
    assert Simulation(faults=(FaultRule(fault="529"),)).send(request(body, **count)).status == 200
    assert Simulation(faults=(FaultRule(fault="529", everywhere=True),)).send(request(body, **count)).status == 529


def test_a_rule_chooses_where_the_stream_breaks_and_what_is_said():
    rule = FaultRule(fault="error-mid", after_events=3, message="gone fishing")
    events = assert_valid_stream(Simulation(faults=(rule,)).ask().frames, is_complete=False)
    assert [event["type"] for event in events] == ["message_start", "content_block_start", "ping", "error"]
    assert events[-1]["error"]["message"] == "gone fishing"


def test_a_refusal_carries_its_retry_after():
    simulation = Simulation(faults=(FaultRule(fault="429", retry_after=3),))
    assert header(simulation.ask(), b"retry-after") == b"3"


def test_an_unknown_fault_is_refused():
    with pytest.raises(KeyError):
        Simulation(faults=(FaultRule(fault="meteor"),))


@pytest.mark.parametrize(
    ("name", "model", "words", "fault"),
    [
        ("claude-sonnet-5-5+529", "claude-sonnet-5-5", {}, "529"),
        ("sim-429", "sim", {}, "429"),
        ("sim-tools=3+slow=5", "sim", {"tools": 3.0, "slow": 5.0}, None),
        ("claude-opus-5-5", "claude-opus-5-5", {}, None),
        ("sim-fast-model", "sim-fast-model", {}, None),
        ("model+unheard", "model+unheard", {}, None),
        ("sim-error-in-band", "sim", {}, "error-in-band"),
    ],
)
def test_model_names_carry_words(name, model, words, fault):
    steered = read_model(name)
    assert (steered.model, steered.words) == (model, words)
    assert (steered.strike.fault.name if steered.strike else None) == fault
