"""Who could answer a request, best first."""

import json
from collections.abc import Iterable

import pytest
from msgspec.structs import replace
from tests.support.builders import messages_body, relay_request
from tests.support.fakes import Rig, answer, key, upstream, upstream_of
from tests.support.virtual_time import STARTED_AT, virtual

from cc_relay.errors import Rejection
from cc_relay.exchange import Credential, Price
from cc_relay.policy.key import KeySettings
from cc_relay.policy.key_pool import KeyPool
from cc_relay.policy.routing.round_robin import RoundRobin
from cc_relay.policy.sessions import Home
from cc_relay.relay.authenticate import Principal
from cc_relay.relay.calls import MessagesCall
from cc_relay.relay.plan import Route, served_models
from cc_relay.relay.snapshot import Option, Snapshot, Upstream

SOMEBODY = Principal("somebody")
MESSAGE = b'{"type":"message","content":[]}'
HOME = "the-session-of-tests"


def snapshot(*upstreams: Upstream, **settings: object) -> Snapshot:
    return Snapshot(generation=1, upstreams=upstreams, **settings)


def names(options: Iterable[Option]) -> list[str]:
    return [f"{one.candidate.provider}/{one.candidate.credential.secret}/{one.candidate.model}" for one in options]


async def offered(of: Snapshot, model: str = "m", *, principal: Principal = SOMEBODY) -> list[str]:
    return names((await route(of, model, principal=principal)).options())


async def route(
    of: Snapshot,
    model: str = "m",
    *,
    principal: Principal = SOMEBODY,
    home: Home | None = None,
    is_named: bool = False,
    **body: object,
) -> Route:
    """What is planned for a request, of the session whose `home` is given, or of one that `is_named` and has none."""
    shells = Rig(upstreams=()).shells
    if home is not None:
        shells.sessions.remember(HOME, home, shells.clock())
    named = [(b"x-claude-code-session-id", HOME.encode())] if is_named or home else []
    request = relay_request(body=messages_body(model=model, **body), headers=named)
    return MessagesCall(request, of, principal, shells).plan()


@virtual
async def test_providers_in_their_order_with_all_their_keys() -> None:
    both = snapshot(upstream("a", "k1", "k2"), upstream("b", "k3"), keeps_sessions=False)
    assert await offered(both) == ["a/k1/m", "a/k2/m", "b/k3/m"]


@virtual
async def test_a_provider_that_does_not_serve_the_model_is_left_out() -> None:
    assert await offered(snapshot(upstream("a", models=("other",)), upstream("b", "k1"))) == ["b/k1/m"]


@virtual
async def test_each_candidate_carries_its_upstreams_own_name_for_the_model() -> None:
    both = snapshot(upstream("a", "k", mapping={"m": "big"}), upstream("b", "k", mapping={"m": "large"}))
    assert await offered(both) == ["a/k/big", "b/k/large"]


@virtual
async def test_options_are_drawn_one_by_one() -> None:
    first, second = upstream("a", "k1", "k2"), upstream("b", "k1", "k2")
    options = (await route(snapshot(first, second, keeps_sessions=False))).options()
    next(options)
    # Ranked when it is reached, and no sooner: what is taken meanwhile counts.
    second.pool.reserve(key(second, "k1"), "", 0, 0, STARTED_AT)
    assert names(options) == ["a/k2/m", "b/k2/m", "b/k1/m"]


@virtual
async def test_a_provider_that_is_too_dear_is_left_out_and_one_of_unknown_price_is_not() -> None:
    dear, cheap = Price(5, 25, 0.5, 6.25, 10), Price(1, 5, 0.1, 1.25, 2)
    upstreams = [upstream("a", "k", price=dear), upstream("b", "k", price=cheap), upstream("c", "k")]
    assert await offered(snapshot(*upstreams, max_price=10.0)) == ["b/k/m", "c/k/m"]


@virtual
async def test_a_session_has_an_order_of_keys_of_its_own() -> None:
    of = snapshot(upstream("a", *[f"k{number}" for number in range(8)]))
    orders = [
        await offered(of, principal=SOMEBODY),
        names((await route(of, home=Home("gone", "key", 0, 0.0))).options()),
        names((await route(of, home=Home("gone", "key", 0, 0.0))).options()),
    ]
    assert orders[1] == orders[2] != orders[0]
    assert sorted(orders[0]) == sorted(orders[1])


# -- home -------------------------------------------------------------------------------------------------------------


@virtual
async def test_a_session_that_was_placed_stays_at_its_provider() -> None:
    of = snapshot(upstream("a"), upstream("b"), strategy=RoundRobin())
    for _ in range(3):
        assert (await offered(of))[0][0] in "ab"
        assert names((await route(of, home=Home("b", "key-b-key", 0, STARTED_AT))).options())[0] == "b/b-key/m"


@virtual
async def test_a_strategy_that_orders_by_configuration_leaves_a_session_where_its_cache_is_warm() -> None:
    of = snapshot(upstream("a"), upstream("b"))
    kept = await route(of, home=Home("b", "key-b-key", 9000, STARTED_AT - 299.0))
    assert names(kept.options()) == ["b/b-key/m", "a/a-key/m"]
    assert [one.reason for one in kept.considered()] == ["the session's place", "priority 1"]


@pytest.mark.parametrize("cache", [(STARTED_AT - 300.0, "m"), (STARTED_AT, "another model")])
@virtual
async def test_it_orders_anew_once_no_cache_is_lost_by_it(cache: tuple[float, str]) -> None:
    of = snapshot(upstream("a"), upstream("b"))
    anew = await route(of, home=Home("b", "key-b-key", 9000, *cache))
    assert names(anew.options()) == ["a/a-key/m", "b/b-key/m"]


@virtual
async def test_an_order_that_was_asked_for_counts_also_where_the_first_has_little_room() -> None:
    first = upstream("a", "k1", limits={"otpm": 1000.0})
    of = snapshot(first, upstream("b"), upstream("c"))
    first.pool.reserve(key(first, "k1"), "", 0, 501, STARTED_AT)
    assert names((await route(of, is_named=True)).options()) == ["a/k1/m", "b/b-key/m", "c/c-key/m"]


@virtual
async def test_who_spreads_over_equals_passes_over_a_provider_without_room() -> None:
    first = upstream("a", "k1", limits={"otpm": 1000.0})
    of = snapshot(first, upstream("b"), strategy=RoundRobin())
    first.pool.reserve(key(first, "k1"), "", 0, 501, STARTED_AT)
    crowded = await route(of, is_named=True)
    assert names(crowded.options()) == ["b/b-key/m", "a/k1/m"]
    assert [one.reason for one in crowded.considered()][-1] == "no room to settle"


@virtual
async def test_a_place_without_a_cache_binds_nobody() -> None:
    of = snapshot(upstream("a", *[f"k{number}" for number in range(8)]), upstream("b"))
    free = names((await route(of, is_named=True)).options())
    assert names((await route(of, home=Home("b", "key-b-key", 0, STARTED_AT))).options()) == free
    assert names((await route(of, home=Home("a", "key-k3", 0, STARTED_AT))).options()) == free


# -- which key --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("idle", [0.0, 3000.0])
@virtual
async def test_a_session_keeps_its_key_where_another_would_come_first(idle: float) -> None:
    of = snapshot(upstream("a", *[f"k{number}" for number in range(8)]))
    for number in range(8):
        home = Home("a", f"key-k{number}", 9000, STARTED_AT - idle)
        ranked = names((await route(of, home=home)).options())
        assert ranked[0] == f"a/k{number}/m"
        assert len(set(ranked)) == 8


@virtual
async def test_a_session_leaves_a_spare_key_once_no_cache_is_lost_by_it() -> None:
    pool = KeyPool([KeySettings("key-k1", priority=2), KeySettings("key-k2")])
    of = snapshot(replace(upstream("a", "k1", "k2"), pool=pool))
    spare = [await route(of, home=Home("a", "key-k2", 9000, STARTED_AT - idle)) for idle in (299.0, 300.0)]
    assert [names(one.options()) for one in spare] == [["a/k2/m", "a/k1/m"], ["a/k1/m", "a/k2/m"]]


async def settling(of: Upstream) -> list[str]:
    """Where a session goes that has no place yet, in its order."""
    found = (await route(snapshot(of, upstream("b")), is_named=True)).options()
    return [option.candidate.credential.fingerprint for option in found]


@virtual
async def test_a_session_settles_where_half_of_every_limit_is_left() -> None:
    pool = upstream("a", "k1", "k2", "k3", limits={"otpm": 1000.0, "rpm": 100.0})
    first, second, third, other = await settling(pool)
    for name, taken in ((first, 501), (second, 500)):
        pool.pool.reserve(key(pool, name.removeprefix("key-")), "", 0, taken, STARTED_AT)
    assert await settling(pool) == [second, third, first, other]


@virtual
async def test_a_session_settles_where_nobody_was_throttled_for_five_minutes() -> None:
    pool = upstream("a", "k1", "k2")
    first, second, other = await settling(pool)
    cooled = key(pool, first.removeprefix("key-"))
    for since, expected in ((299.0, [second, first, other]), (300.0, [first, second, other])):
        pool.pool.cool(cooled, "", 1.0, STARTED_AT - since - 1.0, lambda: 0.5)
        assert await settling(pool) == expected


@virtual
async def test_requests_that_name_no_session_look_for_no_room() -> None:
    pool = upstream("a", "k1", "k2")
    system = "how this session begins"
    [first, *_] = (await route(snapshot(pool), system=system)).options()
    pool.pool.cool(key(pool, first.candidate.credential.secret), "", 1.0, STARTED_AT - 9.0, lambda: 0.5)
    [again, *_] = (await route(snapshot(pool), system=system)).options()
    assert again.candidate == first.candidate


@virtual
async def test_a_session_does_not_settle_with_a_provider_whose_breaker_is_not_closed() -> None:
    pool = upstream("a", threshold=1)
    pool.breaker.record_failure(0, None, "529", STARTED_AT, began_at=STARTED_AT)
    of = snapshot(pool, upstream("b"), strategy=RoundRobin())
    assert names((await route(of, is_named=True)).options()) == ["b/b-key/m", "a/a-key/m"]


@virtual
async def test_a_request_that_lives_on_at_its_home_has_no_other_option() -> None:
    of = snapshot(upstream("a"), upstream("b", "k1", "k2"))
    bound = await route(of, home=Home("b", "key-k2", 9000, STARTED_AT), container="c1")
    assert names(bound.options()) == ["b/k2/m"]


@virtual
async def test_a_bound_request_whose_home_is_gone_asks_the_first_who_may_say_so() -> None:
    of = snapshot(upstream("a"), upstream("b"))
    bound = await route(of, home=Home("gone", "key-1", 9000, STARTED_AT), container="c1")
    assert names(bound.options()) == ["a/a-key/m"]


@virtual
async def test_a_bound_request_of_nobody_known_has_one_option() -> None:
    assert names((await route(snapshot(upstream("a"), upstream("b")), container="c1")).options()) == ["a/a-key/m"]


# -- who asks ---------------------------------------------------------------------------------------------------------

LOGIN = Credential("client-login", "sk-ant-oat01-invented", is_client_owned=True)


@virtual
async def test_a_login_goes_first_to_its_own_host_and_the_pool_behind_it_is_no_option() -> None:
    of = snapshot(upstream("home", "pool", accepts_client_login=True), upstream("b", "k1", "k2"), keeps_sessions=False)
    assert await offered(of, principal=Principal("x", LOGIN)) == ["home/sk-ant-oat01-invented/m", "b/k1/m", "b/k2/m"]
    assert await offered(of, principal=Principal("x", LOGIN, may_use_keys=False)) == ["home/sk-ant-oat01-invented/m"]


@virtual
async def test_what_is_explained_is_what_was_offered_to_a_login_too() -> None:
    of = snapshot(upstream("home", "pool", accepts_client_login=True), upstream("b"), keeps_sessions=False)
    considered = (await route(of, principal=Principal("x", LOGIN))).considered()
    assert [(one.rank, one.candidate.credential.fingerprint) for one in considered] == [
        (1, "client-login"),
        (2, "key-b-key"),
    ]


# -- through the relay ------------------------------------------------------------------------------------------------


@virtual
async def test_requests_take_the_keys_in_turn() -> None:
    rig = Rig(*[answer(MESSAGE) for _ in range(4)], upstreams=[upstream("a", "k1", "k2")])
    for _ in range(4):
        await rig.serve()
    assert rig.sender.asked == ["a/k1", "a/k2", "a/k1", "a/k2"]


def test_served_models_are_listed_once_in_provider_order() -> None:
    listed = served_models(snapshot(upstream("a", models=("x", "y")), upstream("b", models=("y", "z"))))
    assert list(listed) == ["x", "y", "z"]


@virtual
async def test_an_unknown_model_names_the_closest_ones() -> None:
    of = snapshot(upstream("a", models=("claude-opus-5-5", "claude-sonnet-5-5", "glm-5")))
    with pytest.raises(Rejection) as refused:
        await route(of, "claude-sonet-5-5")
    assert (refused.value.status, refused.value.error_type) == (404, "not_found_error")
    assert "Did you mean claude-sonnet-5-5" in refused.value.message
    assert "glm-5" not in refused.value.message
    assert refused.value.should_retry is False


@virtual
async def test_an_unknown_model_like_no_other_points_to_the_listing() -> None:
    with pytest.raises(Rejection, match="GET /v1/models"):
        await route(snapshot(upstream("a", models=("claude-opus-5-5",))), "zzz" * 100)


@virtual
async def test_a_client_hears_about_an_unknown_model() -> None:
    rig = Rig(upstreams=[upstream("a", models=("claude-opus-5-5",))])
    downstream = await rig.serve(body=messages_body(model="claude-opus-55"))
    told = json.loads(downstream.body)
    assert (downstream.status, told["error"]["type"]) == (404, "not_found_error")
    assert "claude-opus-5-5" in told["error"]["message"]
    assert downstream.header(b"x-cc-relay-error") == b"unknown_model"


@virtual
async def test_a_model_served_but_usable_by_nobody_is_a_matter_of_credentials() -> None:
    rig = Rig(upstreams=[upstream_of(upstream("a").provider)])
    downstream = await rig.serve()
    assert (downstream.status, downstream.header(b"x-cc-relay-error")) == (401, b"no_usable_credential")


@pytest.mark.parametrize(
    ("body", "reason"),
    [(b"", b"bad_json"), (b"[]", b"not_an_object"), (messages_body(model=None), b"no_model")],
)
@virtual
async def test_a_body_that_cannot_be_read_is_refused_before_anybody_is_asked(body: bytes, reason: bytes) -> None:
    rig = Rig()
    downstream = await rig.serve(body=body)
    assert (downstream.status, downstream.header(b"x-cc-relay-error")) == (400, reason)
    assert rig.sender.requests == []


@virtual
async def test_half_a_character_is_mended_on_its_way() -> None:
    rig = Rig(answer(MESSAGE))
    cut_off = messages_body(system="x").replace(b'"x"', rb'"\ud83d"')
    await rig.serve(body=cut_off)
    assert rig.sender.requests[0].body == cut_off.replace(rb"\ud83d", rb"\ufffd")


@virtual
async def test_the_books_name_the_model_that_nobody_serves() -> None:
    rig = Rig(upstreams=(upstream("a", models=("claude-a",)),))
    downstream = await rig.serve(body=messages_body(model="gpt-9"))
    assert downstream.status == 404
    assert rig.record.model == "gpt-9"


@virtual
async def test_no_more_output_is_expected_than_was_asked_for() -> None:
    of = snapshot(upstream("a"))
    asked = [(await route(of, max_tokens=most)).ask.output for most in (64, 32_000, None)]
    assert asked == [64, 500, 500]
