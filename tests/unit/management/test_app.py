"""What the management API answers."""

import logging

import pytest
from msgspec.json import decode
from tests.support.admin import LOCAL, OVERVIEW, REQUEST, FakeControl, get, numbered

from cc_relay.management.app import build_app
from cc_relay.management.ports import Control
from cc_relay.management.views import Overview, RequestView

CONTROL: Control = FakeControl()
"""Says that the fake is what the port asks for."""


class BrokenControl(FakeControl):
    def overview(self) -> Overview:
        raise ZeroDivisionError


async def test_a_request_is_found_by_its_id() -> None:
    answer = await get(build_app(CONTROL, ""), "/api/v1/requests/req_1")

    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert decode(answer.body, type=RequestView) == REQUEST


async def test_what_is_unknown_is_a_null_and_an_instant_names_its_zone() -> None:
    shown = (await get(build_app(CONTROL, ""), "/api/v1/requests/req_1")).json()

    assert isinstance(shown, dict)
    assert shown["arrived_at"] == "2026-01-02T03:04:05.678000Z"
    assert [attempt["stage"] for attempt in shown["attempts"]] == ["head", None]
    assert [attempt["outcome"] for attempt in shown["attempts"]] == ["failed", "delivered"]


@pytest.mark.parametrize("strange", ["req_2", "a%2Fb", "..", "%E2%82%AC", "", "x" * 4000])
async def test_an_unknown_request_says_how_many_are_remembered(strange: str) -> None:
    answer = await get(build_app(CONTROL, ""), f"/api/v1/requests/{strange}")

    assert answer.status == 404
    assert b'"code":"unknown_request"' in answer.body
    assert b"512 of the newest are" in answer.body


async def test_the_newest_requests_come_first_and_not_too_many() -> None:
    answer = await get(build_app(FakeControl(numbered(30)), ""), "/api/v1/requests")

    shown = answer.json()
    assert isinstance(shown, dict)
    assert [view["id"] for view in shown["requests"]] == [f"req_{number}" for number in range(30, 10, -1)]


async def test_as_many_come_as_were_asked_for() -> None:
    answer = await get(build_app(FakeControl(numbered(3)), ""), "/api/v1/requests?limit=2")

    shown = answer.json()
    assert isinstance(shown, dict)
    assert [view["id"] for view in shown["requests"]] == ["req_3", "req_2"]


@pytest.mark.parametrize("limit", ["0", "-1", "101", "many", "", "1_0", "+1", "%20", "%D9%A1", "9" * 5000])
async def test_a_limit_that_is_none_is_refused(limit: str) -> None:
    answer = await get(build_app(CONTROL, ""), f"/api/v1/requests?limit={limit}")

    assert answer.status == 400
    assert answer.json() == {
        "error": {"code": "invalid_limit", "message": "limit must be a whole number from 1 to 100."}
    }


async def test_the_status_is_the_overview() -> None:
    answer = await get(build_app(CONTROL, ""), "/api/v1/status")

    assert decode(answer.body, type=Overview) == OVERVIEW


async def test_health_is_told() -> None:
    assert (await get(build_app(CONTROL, ""), "/health")).json() == {"status": "ok"}


@pytest.mark.parametrize("path", ["/", "/api/v1/status/", "/api", "/api/v2/status"])
async def test_an_address_that_is_none_is_no_redirect(path: str) -> None:
    answer = await get(build_app(CONTROL, ""), path)

    assert answer.status == 404
    assert answer.json() == {
        "error": {"code": "not_found", "message": f"There is nothing at {path}. Begin with GET /api/v1/status."}
    }


async def test_nothing_can_be_posted_yet() -> None:
    answer = await get(build_app(CONTROL, ""), "/api/v1/status", method="POST")

    assert answer.status == 405
    assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD"}
    assert b'"code":"method_not_allowed"' in answer.body


async def test_a_bug_of_ours_is_logged_and_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR, "cc_relay"):
        answer = await get(build_app(BrokenControl(), ""), "/api/v1/status")

    assert answer.status == 500
    assert answer.json() == {
        "error": {"code": "internal", "message": "The relay failed on this request; its log says why."}
    }
    assert [record.name for record in caplog.records] == ["cc_relay.management.app"]
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize("path", ["/health", "/api/v1/status", "/nowhere"])
async def test_no_other_sites_page_may_read_an_answer(path: str) -> None:
    answer = await get(build_app(CONTROL, ""), path, [LOCAL, (b"origin", b"https://evil.example")])

    assert not [name for name in answer.headers if name.startswith("access-control-")]
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
