"""The listing of models, page by page."""

import json

import pytest
from tests.support.fakes import upstream

from cc_relay.errors import Rejection
from cc_relay.relay.models import display_name, list_models, show_model
from cc_relay.relay.snapshot import Snapshot

IDS = [f"model-{letter}" for letter in "abcdefghijklmnopqrstuvwxyz"]
SNAPSHOT = Snapshot(
    generation=1, upstreams=(upstream("a", models=tuple(IDS[:20])), upstream("b", models=tuple(IDS[10:])))
)


def page(query: str = "", snapshot: Snapshot = SNAPSHOT) -> dict[str, object]:
    return json.loads(list_models(snapshot, query))


def ids(query: str = "") -> list[str]:
    data = page(query)["data"]
    assert isinstance(data, list)
    return [model["id"] for model in data]


def test_a_listing_has_anthropics_shape() -> None:
    assert page("limit=1") == {
        "data": [
            {"type": "model", "id": "model-a", "display_name": "Model A", "created_at": "1970-01-01T00:00:00Z"},
        ],
        "has_more": True,
        "first_id": "model-a",
        "last_id": "model-a",
    }


@pytest.mark.parametrize(
    ("query", "expected", "has_more"),
    [
        ("", IDS[:20], True),
        ("limit=1000", IDS, False),
        ("limit=26", IDS, False),
        ("limit=25", IDS[:25], True),
        ("limit=3&after_id=model-c", IDS[3:6], True),
        ("after_id=model-c&limit=23", IDS[3:], False),
        ("after_id=model-z", [], False),
        ("limit=3&before_id=model-f", IDS[2:5], True),
        ("limit=5&before_id=model-f", IDS[:5], False),
        ("before_id=model-a", [], False),
        ("unknown=1&limit=2", IDS[:2], True),
        ("after_id=model%2Dy", IDS[25:], False),
    ],
)
def test_pages(query: str, expected: list[str], has_more: bool) -> None:
    assert ids(query) == expected
    found = page(query)
    assert found["has_more"] is has_more
    assert found["first_id"] == (expected[0] if expected else None)
    assert found["last_id"] == (expected[-1] if expected else None)


def test_following_the_pages_meets_every_model_once() -> None:
    seen: list[str] = []
    query = "limit=7"
    while found := ids(query):
        seen += found
        query = f"limit=7&after_id={found[-1]}"
    assert seen == IDS


@pytest.mark.parametrize(
    "limit", ["0", "-1", "1001", "10000", "x", "", "1.5", "%C2%B2", "%D9%A3", "0000000001001", "1e3", "9" * 5000]
)
def test_a_bad_limit_is_refused(limit: str) -> None:
    with pytest.raises(Rejection, match="limit") as refused:
        list_models(SNAPSHOT, f"limit={limit}")
    assert (refused.value.status, refused.value.error_type) == (400, "invalid_request_error")


@pytest.mark.parametrize("name", ["after_id", "before_id"])
def test_a_place_that_is_not_in_the_list_is_refused(name: str) -> None:
    with pytest.raises(Rejection, match=name) as refused:
        list_models(SNAPSHOT, f"{name}=nobody")
    assert refused.value.status == 400


def test_a_listing_of_nothing() -> None:
    nothing = Snapshot(generation=1, upstreams=())
    assert page(snapshot=nothing) == {"data": [], "has_more": False, "first_id": None, "last_id": None}


def test_one_model() -> None:
    assert json.loads(show_model(SNAPSHOT, "model-q"))["id"] == "model-q"


def test_a_model_that_is_served_but_not_listed_is_shown() -> None:
    anything = Snapshot(generation=1, upstreams=(upstream("a"),))
    assert json.loads(show_model(anything, "claude-of-tomorrow"))["display_name"] == "Claude Of Tomorrow"


def test_a_model_nobody_serves_is_not_found() -> None:
    with pytest.raises(Rejection) as refused:
        show_model(SNAPSHOT, "model-1")
    assert refused.value.status == 404


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("claude-opus-4-5-20251101", "Claude Opus 4.5"),
        ("claude-opus-5-5", "Claude Opus 5.5"),
        ("claude-sonnet-5", "Claude Sonnet 5"),
        ("claude-mythos-preview", "Claude Mythos Preview"),
        ("glm-4.6v", "Glm 4.6v"),
        ("glm-4.7-flash", "Glm 4.7 Flash"),
        ("qwen3_coder-30b", "Qwen3 Coder 30b"),
        ("", ""),
    ],
)
def test_display_names(model: str, name: str) -> None:
    assert display_name(model).strip() == name
