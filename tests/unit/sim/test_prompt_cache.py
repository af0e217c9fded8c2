"""The prompt cache: repeated prefixes are read, new ones written, each for its key and its time."""

from tests.support.stream_rules import final_usage
from tests.unit.sim.simulation import Simulation

MARK = {"cache_control": {"type": "ephemeral"}}
LONG = "a prefix long enough to be kept " * 200


def system(**fields):
    return [{"type": "text", "text": LONG} | MARK | fields]


def usage(simulation, **fields):
    counted = final_usage(simulation.events(**{"system": system()} | fields))
    return (
        counted["input_tokens"],
        counted["cache_creation_input_tokens"],
        counted["cache_read_input_tokens"],
    )


def test_a_prefix_is_written_once_and_then_read():
    simulation = Simulation()
    rest, written, read = usage(simulation)
    assert written > 1024
    assert read == 0
    assert usage(simulation) == (rest, 0, written)


def test_a_longer_conversation_reads_the_old_prefix_and_writes_the_new():
    simulation = Simulation()
    turn = [{"role": "user", "content": [{"type": "text", "text": "one"} | MARK]}]
    _, written, _ = usage(simulation, messages=turn)
    unmarked = [{"role": "user", "content": [{"type": "text", "text": "one"}]}]
    reply = {"role": "assistant", "content": "two"}
    more = {"role": "user", "content": [{"type": "text", "text": "three"} | MARK]}
    rest, added, read = usage(simulation, messages=[*unmarked, reply, more])
    assert (rest, read) == (0, written)
    assert 0 < added < 50


def test_a_changed_prefix_is_not_read():
    simulation = Simulation()
    usage(simulation)
    assert usage(simulation, system=system(text="X" + LONG))[2] == 0


def test_the_cache_belongs_to_one_key_and_one_model():
    simulation = Simulation()
    usage(simulation)
    assert usage(simulation, key="sk-b")[2] == 0
    assert usage(simulation, model="claude-opus-5-5")[2] == 0


def test_what_was_cached_is_forgotten_after_its_time():
    simulation = Simulation()
    usage(simulation)
    simulation.now += 299
    assert usage(simulation)[2] > 0
    simulation.now += 301
    assert usage(simulation)[2] == 0


def test_an_hour_is_counted_apart():
    simulation = Simulation()
    hour = system(cache_control={"type": "ephemeral", "ttl": "1h"})
    split = simulation.events(system=hour)[0]["message"]["usage"]["cache_creation"]
    assert split["ephemeral_5m_input_tokens"] == 0
    assert split["ephemeral_1h_input_tokens"] > 1024
    simulation.now += 3000
    assert usage(simulation, system=hour)[2] > 0


def test_a_short_prefix_is_never_cached():
    simulation = Simulation()
    for _ in range(2):
        assert usage(simulation, system=system(text="short"))[1:] == (0, 0)
