"""Who could answer a request, best first."""

import json
from collections.abc import Iterable

import pytest
from tests.support.builders import messages_body, relay_request
from tests.support.fakes import Rig, answer, key, upstream, upstream_of
from tests.support.virtual_time import STARTED_AT, virtual

from cc_relay.errors import Rejection
from cc_relay.exchange import Credential, Price
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
    of: Snapshot, model: str = "m", *, principal: Principal = SOMEBODY, home: Home | None = None, **body: object
) -> Route:
    """What is planned for a request, of the session whose `home` is given."""
    shells = Rig(upstreams=()).shells
    if home is not None:
        shells.sessions.remember(HOME, home, shells.clock())
    request = relay_request(
        body=messages_body(model=model, **body), headers=[(b"x-claude-code-session-id", HOME.encode())] * bool(home)
    )
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
async def test_a_strategy_that_orders_by_configuration_is_not_changed_by_a_home() -> None:
    of = snapshot(upstream("a"), upstream("b"))
    assert names((await route(of, home=Home("b", "key-b-key", 0, STARTED_AT))).options()) == ["a/a-key/m", "b/b-key/m"]


@virtual
async def test_a_request_that_lives_on_at_its_home_has_no_other_option() -> None:
    of = snapshot(upstream("a"), upstream("b", "k1", "k2"))
    bound = await route(of, home=Home("b", "key-k2", 0, STARTED_AT), container="c1")
    assert names(bound.options()) == ["b/k2/m"]


@virtual
async def test_a_bound_request_whose_home_is_gone_asks_the_first_who_may_say_so() -> None:
    of = snapshot(upstream("a"), upstream("b"))
    bound = await route(of, home=Home("gone", "key-1", 0, STARTED_AT), container="c1")
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
