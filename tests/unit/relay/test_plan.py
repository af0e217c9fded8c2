"""Who could answer a request, best first."""

import json

import pytest
from tests.support.builders import messages_body
from tests.support.fakes import Rig, answer, upstream
from tests.support.virtual_time import virtual

from cc_relay.errors import Rejection
from cc_relay.exchange import Credential
from cc_relay.relay.authenticate import Principal
from cc_relay.relay.plan import Turns, plan, served_models
from cc_relay.relay.snapshot import Snapshot, Upstream

SOMEBODY = Principal("somebody")
MESSAGE = b'{"type":"message","content":[]}'
KEYS = tuple(Credential(name, name) for name in ("k1", "k2", "k3"))


def snapshot(*upstreams: Upstream) -> Snapshot:
    return Snapshot(generation=1, upstreams=upstreams)


def offered(of: Snapshot, model: str = "m", turns: Turns | None = None) -> list[str]:
    options = plan(of, SOMEBODY, model, turns or Turns())
    return [f"{o.candidate.provider}/{o.candidate.credential.secret}/{o.candidate.model}" for o in options]


def test_providers_in_their_order_with_all_their_keys() -> None:
    assert offered(snapshot(upstream("a", "k1", "k2"), upstream("b", "k3"))) == ["a/k1/m", "a/k2/m", "b/k3/m"]


def test_a_provider_that_does_not_serve_the_model_is_left_out() -> None:
    assert offered(snapshot(upstream("a", models=("other",)), upstream("b", "k1"))) == ["b/k1/m"]


def test_each_candidate_carries_its_upstreams_own_name_for_the_model() -> None:
    both = snapshot(upstream("a", "k", mapping={"m": "big"}), upstream("b", "k", mapping={"m": "large"}))
    assert offered(both) == ["a/k/big", "b/k/large"]


def test_every_key_of_a_provider_begins_equally_often() -> None:
    turns = Turns()
    firsts = [turns.rotate("a", KEYS)[0].secret for _ in range(9)]
    assert firsts == ["k1", "k2", "k3"] * 3


def test_a_rotation_keeps_every_key_once() -> None:
    turns = Turns()
    for _ in range(4):
        assert sorted(one.secret for one in turns.rotate("a", KEYS)) == ["k1", "k2", "k3"]


def test_providers_take_turns_apart() -> None:
    turns = Turns()
    turns.rotate("a", KEYS)
    assert turns.rotate("b", KEYS)[0].secret == "k1"


def test_turns_survive_a_reload_that_takes_keys_away() -> None:
    turns = Turns()
    for _ in range(2):
        turns.rotate("a", KEYS)
    assert turns.rotate("a", KEYS[:2])[0].secret == "k1"
    assert turns.rotate("a", KEYS[:1]) == KEYS[:1]
    assert turns.rotate("a", ()) == ()


@virtual
async def test_requests_take_the_keys_in_turn() -> None:
    rig = Rig(*[answer(MESSAGE) for _ in range(4)], upstreams=[upstream("a", "k1", "k2")])
    for _ in range(4):
        await rig.serve()
    assert rig.sender.asked == ["a/k1", "a/k2", "a/k1", "a/k2"]


def test_served_models_are_listed_once_in_provider_order() -> None:
    listed = served_models(snapshot(upstream("a", models=("x", "y")), upstream("b", models=("y", "z"))))
    assert list(listed) == ["x", "y", "z"]


def test_an_unknown_model_names_the_closest_ones() -> None:
    of = snapshot(upstream("a", models=("claude-opus-5-5", "claude-sonnet-5-5", "glm-5")))
    with pytest.raises(Rejection) as refused:
        plan(of, SOMEBODY, "claude-sonet-5-5", Turns())
    assert (refused.value.status, refused.value.error_type) == (404, "not_found_error")
    assert "Did you mean claude-sonnet-5-5" in refused.value.message
    assert "glm-5" not in refused.value.message
    assert refused.value.should_retry is False


def test_an_unknown_model_like_no_other_points_to_the_listing() -> None:
    with pytest.raises(Rejection, match="GET /v1/models"):
        plan(snapshot(upstream("a", models=("claude-opus-5-5",))), SOMEBODY, "zzz" * 100, Turns())


@virtual
async def test_a_client_hears_about_an_unknown_model() -> None:
    rig = Rig(upstreams=[upstream("a", models=("claude-opus-5-5",))])
    downstream = await rig.serve(body=messages_body(model="claude-opus-55"))
    told = json.loads(downstream.body)
    assert (downstream.status, told["error"]["type"]) == (404, "not_found_error")
    assert "claude-opus-5-5" in told["error"]["message"]
    assert downstream.header(b"x-cc-relay-error") == b"unknown_model"


def test_a_model_served_but_usable_by_nobody_is_a_matter_of_credentials() -> None:
    of = snapshot(Upstream(upstream("a").provider, ()))
    with pytest.raises(Rejection) as refused:
        plan(of, SOMEBODY, "m", Turns())
    assert (refused.value.status, refused.value.reason) == (401, "no_usable_credential")


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
