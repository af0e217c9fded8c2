"""The laws of rendezvous hashing, of what a wait is worth, and of the memory of sessions."""

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_relay.exchange import Price
from cc_relay.policy.affinity import LONGEST_WAIT, rendezvous, worth_waiting
from cc_relay.policy.sessions import Home, SessionMemory

Nodes = dict[str, float]

sessions = st.text(max_size=12)
weights = st.one_of(st.floats(), st.integers(-2, 10))
clusters = st.dictionaries(st.text(max_size=6), weights, max_size=12)


def order(session: str, nodes: Nodes) -> list[str]:
    listed = list(nodes.items())
    return [listed[index][0] for index in rendezvous(session, listed)]


@given(sessions, clusters)
def test_every_node_is_ranked_exactly_once(session: str, nodes: Nodes) -> None:
    assert sorted(order(session, nodes)) == sorted(nodes)


@given(sessions, clusters, st.randoms(use_true_random=False))
def test_the_order_does_not_depend_on_how_nodes_are_listed(session: str, nodes: Nodes, dice: random.Random) -> None:
    listed = list(nodes.items())
    dice.shuffle(listed)
    assert order(session, dict(listed)) == order(session, nodes)


@given(sessions, clusters.filter(bool), st.data())
def test_a_node_that_comes_or_goes_leaves_the_order_of_the_others(
    session: str, nodes: Nodes, data: st.DataObject
) -> None:
    gone = data.draw(st.sampled_from(sorted(nodes)))
    others = {name: weight for name, weight in nodes.items() if name != gone}
    assert order(session, others) == [name for name in order(session, nodes) if name != gone]


@given(sessions, clusters.filter(bool), st.data())
def test_a_node_of_more_weight_never_sinks(session: str, nodes: Nodes, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(nodes)))
    light, heavy = sorted(data.draw(st.tuples(st.floats(0, 1e9), st.floats(0, 1e9))))
    before = order(session, nodes | {name: light}).index(name)
    assert order(session, nodes | {name: heavy}).index(name) <= before


@pytest.mark.parametrize("weights", [(1, 1, 1, 1), (1, 2, 5), (10, 1), (0, 3, 1), (0.001, 0.002)])
def test_shares_follow_weights(weights: tuple[float, ...]) -> None:
    total = 10_000
    nodes = [(f"key-{index}", weight) for index, weight in enumerate(weights)]
    firsts = Counter(rendezvous(f"session-{number}", nodes)[0] for number in range(total))
    shares = [firsts[index] / total for index in range(len(weights))]
    # Four standard deviations of the widest share.
    assert shares == pytest.approx([weight / sum(weights) for weight in weights], abs=0.02)


def test_the_sessions_of_a_node_that_fails_spread_by_weight_too() -> None:
    nodes = [("failing", 2.0), ("one", 1.0), ("three", 3.0)]
    orders = [rendezvous(f"session-{number}", nodes) for number in range(20_000)]
    seconds = Counter(ranked[1] for ranked in orders if ranked[0] == 0)
    assert seconds[2] / seconds.total() == pytest.approx(0.75, abs=0.025)


prices = st.builds(Price, *[st.floats()] * 5, long_above=st.integers(-1, 10**6))
flat_prices = st.builds(Price, *[st.floats(0, 1000)] * 5)
tokens = st.integers(-1, 10**7)


@given(tokens, st.none() | prices, st.floats(), st.floats())
def test_a_wait_is_bounded_whatever_comes_in(cached: int, price: Price | None, idle: float, lifetime: float) -> None:
    assert 0.0 <= worth_waiting(cached, price, idle, lifetime=lifetime) <= LONGEST_WAIT


@given(tokens, tokens, st.none() | flat_prices, st.floats(0, 400))
def test_a_larger_cache_is_worth_no_less(one: int, other: int, price: Price | None, idle: float) -> None:
    small, large = sorted((one, other))
    assert worth_waiting(small, price, idle) <= worth_waiting(large, price, idle)


@given(tokens, st.none() | flat_prices, st.floats(0, 400), st.floats(0, 400))
def test_an_older_cache_is_worth_no_more_and_no_wait_outlasts_it(
    cached: int, price: Price | None, one: float, other: float
) -> None:
    younger, older = sorted((one, other))
    worth = worth_waiting(cached, price, older)
    assert worth <= worth_waiting(cached, price, younger)
    assert worth <= max(0.0, 300.0 - older)


SIZE, TTL = 3, 10.0

uses = st.lists(
    st.tuples(st.sampled_from("abcde"), st.sampled_from(["recall", "remember", "forget_idle"]), st.floats(0, 8))
)


@given(uses)
def test_the_memory_beside_a_list_of_everything(steps: list[tuple[str, str, float]]) -> None:
    memory, story, now = SessionMemory(SIZE, TTL), list[tuple[str, Home, float]](), 0.0
    for number, (session, step, passed) in enumerate(steps):
        now += passed
        if step == "remember":
            home = Home("anthropic", "key", number, now)
            memory.remember(session, home, now)
            story = [entry for entry in story if entry[0] != session] + [(session, home, now)]
            story = story[-SIZE:]
        elif step == "forget_idle":
            before = len(memory)
            story = [entry for entry in story if now - entry[2] < TTL]
            assert before - memory.forget_idle(now) == len(memory) == len(story)
        else:
            alive = {name: home for name, home, at in story if now - at < TTL}
            assert memory.recall(session, now) == alive.get(session)
        assert len(memory) <= SIZE
