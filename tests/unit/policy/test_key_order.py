"""In which order a pool offers its keys."""

from collections import Counter
from collections.abc import Callable
from random import Random

import pytest

from cc_relay.policy.key import Key, KeySettings
from cc_relay.policy.key_order import ORDERS
from cc_relay.policy.key_pool import KeyPool
from cc_relay.policy.lease import Lease


def dice() -> float:
    return 0.0


def pool_of(strategy: str, *settings: KeySettings) -> KeyPool:
    return KeyPool(settings or [KeySettings(name) for name in "abc"], strategy=strategy)


def names(keys: object) -> list[str]:
    assert isinstance(keys, list)
    return [key.name for key in keys]


def serve(pool: KeyPool, now: float, throw: Callable[[], float] = dice, prompt: float = 0.0) -> str:
    key = next(pool.rank(now, throw))
    lease = hold(pool, key, now, prompt)
    pool.settle(lease, prompt, 0.0, now)
    return key.name


def hold(pool: KeyPool, key: Key, now: float = 0.0, prompt: float = 0.0) -> Lease:
    lease = pool.reserve(key, "", prompt, 0.0, now)
    assert isinstance(lease, Lease)
    return lease


@pytest.mark.parametrize("strategy", ORDERS)
def test_every_key_is_offered_once(strategy: str) -> None:
    pool = pool_of(strategy, *(KeySettings(str(number), priority=number % 3, weight=number) for number in range(10)))
    pool.refuse(pool.keys[4], 0.0)
    assert sorted(pool.rank(1.0, Random(5).random), key=id) == sorted(pool.keys, key=id)


@pytest.mark.parametrize("strategy", ORDERS)
def test_higher_priorities_come_first_and_keys_without_weight_last_of_theirs(strategy: str) -> None:
    settings = [
        KeySettings("spare", priority=2, weight=0),
        KeySettings("low", priority=1),
        KeySettings("high", priority=2),
    ]
    pool = pool_of(strategy, *settings)
    assert names(list(pool.rank(0.0, dice))) == ["high", "spare", "low"]
    assert names(list(pool.rank_for("session"))) == ["high", "spare", "low"]


@pytest.mark.parametrize("strategy", ORDERS)
def test_a_key_that_is_out_comes_after_the_others_of_its_priority(strategy: str) -> None:
    pool = pool_of(strategy)
    pool.refuse(pool.keys[0], 0.0)
    assert names(list(pool.rank(1.0, dice)))[-1] == "a"


@pytest.mark.parametrize("strategy", ORDERS)
def test_when_all_are_out_the_one_that_is_back_first_is_offered_first(strategy: str) -> None:
    pool = pool_of(strategy)
    for key, seconds in zip(pool.keys, (30.0, 10.0, 20.0), strict=True):
        pool.cool(key, "", seconds, 0.0, dice)
    assert names(list(pool.rank(1.0, dice))) == ["b", "c", "a"]


@pytest.mark.parametrize("strategy", ["least_loaded", "round_robin"])
def test_requests_one_after_the_other_take_turns(strategy: str) -> None:
    pool = pool_of(strategy)
    assert [serve(pool, float(now)) for now in range(6)] == list("abcabc")


@pytest.mark.parametrize("strategy", ["least_loaded", "round_robin"])
def test_a_key_that_was_away_does_not_get_everything_once_it_is_back(strategy: str) -> None:
    pool = pool_of(strategy)
    pool.cool(pool.keys[0], "", 50.0, 0.0, dice)
    assert "a" not in {serve(pool, float(now)) for now in range(50)}
    assert Counter(serve(pool, 50.0 + now) for now in range(30))["a"] <= 11


def test_a_key_added_by_a_reload_does_not_get_everything() -> None:
    old = pool_of("round_robin")
    for now in range(300):
        serve(old, float(now))
    carried = {key.name: key for key in old.keys}
    pool = KeyPool([KeySettings(name) for name in "abcd"], strategy="round_robin", carried=carried)
    assert Counter(serve(pool, 300.0) for _ in range(40))["d"] <= 11


def test_round_robin_knows_no_weights() -> None:
    pool = pool_of("round_robin", KeySettings("a", weight=9), KeySettings("b"))
    assert Counter(serve(pool, 0.0) for _ in range(10)) == {"a": 5, "b": 5}


def test_the_least_loaded_has_the_fewest_leases_by_weight() -> None:
    pool = pool_of("least_loaded", KeySettings("a", weight=3), KeySettings("b"))
    taken = Counter(hold(pool, next(pool.rank(0.0, dice))).key.name for _ in range(40))
    assert taken == {"a": 30, "b": 10}


def test_requests_one_after_the_other_are_spread_by_weight() -> None:
    pool = pool_of("least_loaded", KeySettings("a", weight=3), KeySettings("b"))
    assert Counter(serve(pool, float(now)) for now in range(40)) == {"a": 30, "b": 10}


def test_of_keys_with_as_many_leases_the_one_with_more_left_comes_first() -> None:
    pool = pool_of("least_loaded", KeySettings("a", itpm=1000), KeySettings("b", itpm=1000))
    assert serve(pool, 0.0, prompt=900.0) == "a"
    assert [serve(pool, 1.0, prompt=100.0) for _ in range(5)] == ["b"] * 5


def test_weighted_throws_fall_by_weight() -> None:
    pool = pool_of("weighted", KeySettings("a", weight=8), KeySettings("b", weight=1), KeySettings("c", weight=1))
    throw = Random(1).random
    firsts = Counter(next(pool.rank(0.0, throw)).name for _ in range(2000))
    assert 1500 < firsts["a"] < 1700
    orders = ["".join(names(list(pool.rank(0.0, throw)))) for _ in range(2000)]
    after_c = Counter(order[1] for order in orders if order[0] == "c")
    assert after_c["a"] > 4 * after_c["b"] > 0


def test_random_throws_know_no_weights() -> None:
    pool = pool_of("random", KeySettings("a", weight=50), KeySettings("b"))
    throw = Random(1).random
    assert 900 < Counter(next(pool.rank(0.0, throw)).name for _ in range(2000))["a"] < 1100


def test_a_session_has_an_order_of_its_own_that_stays() -> None:
    settings = [KeySettings(name) for name in "abcdefgh"]
    pool, other = KeyPool(settings), KeyPool(settings[::-1])
    orders = {session: names(list(pool.rank_for(session))) for session in map(str, range(100))}
    assert all(names(list(other.rank_for(session))) == order for session, order in orders.items())
    assert len({order[0] for order in orders.values()}) == 8


def test_sessions_are_remembered_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cc_relay.policy.key_pool._REMEMBERED_PLACES", 6)
    pool = pool_of("least_loaded")
    kept = pool.rank_for("kept")
    pool.rank_for("another")
    assert pool.rank_for("kept") is kept
    pool.rank_for("third")
    assert pool.rank_for("kept") is kept
    assert len(pool._places) == 2
