"""Who may use the admin port."""

import pytest
from tests.support.admin import LOCAL, FakeControl, get

from cc_relay.management.app import build_app
from cc_relay.management.guard import Guard, is_local

TOKEN = "wörd"
BEARER = (b"authorization", b"Bearer " + TOKEN.encode())
ELSEWHERE = (b"host", b"relay.example:8788")

LOCKED = build_app(FakeControl(), TOKEN)
OPEN = build_app(FakeControl(), "")


@pytest.mark.parametrize(
    "host",
    [b"127.0.0.1", b"127.0.0.1:8788", b"127.8.7.6:1", b"[::1]", b"[::1]:8788", b"localhost", b"LocalHost:80",
     b"localhost.:80", b"dev.localhost"],
)  # fmt: skip
def test_a_host_on_this_machine_is_local(host: bytes) -> None:
    assert is_local([host])


@pytest.mark.parametrize(
    "host",
    [b"evil.example", b"127.0.0.1.evil.example", b"localhost.evil.example", b"evillocalhost", b"0.0.0.0:8788", b"[::]",
     b"10.0.0.1", b"", b":8788", b"::1", b"[127.0.0.1", b"127.0.0.1]", b"127.0.0.1:80:80", b"localhost:x",
     b"a@localhost", b"localhost\n", b" localhost", b"127.1", b"2130706433", "١٢٧.0.0.1".encode()],
)  # fmt: skip
def test_any_other_host_is_not(host: bytes) -> None:
    assert not is_local([host])


def test_no_host_is_not_local_and_neither_are_two() -> None:
    assert not is_local([])
    assert not is_local([b"localhost", b"localhost"])


@pytest.mark.parametrize("path", ["/health", "/api/v1/status", "/nowhere"])
async def test_without_a_token_another_name_is_refused(path: str) -> None:
    answer = await get(OPEN, path, [ELSEWHERE])

    assert answer.status == 403
    assert b'"code":"foreign_host"' in answer.body
    assert b"admin.token" in answer.body


async def test_without_a_token_nobody_needs_one() -> None:
    assert (await get(OPEN, "/api/v1/status")).status == 200
    assert (await get(OPEN, "/api/v1/status", [LOCAL, BEARER])).status == 200


@pytest.mark.parametrize("path", ["/api/v1/status", "/api/v1/requests/req_1", "/api/v1/requests", "/nowhere"])
async def test_with_a_token_nothing_is_told_without_it(path: str) -> None:
    answer = await get(LOCKED, path)

    assert answer.status == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="cc-relay"'
    assert b'"code":"unauthorized"' in answer.body


@pytest.mark.parametrize(
    "credential",
    [b"Bearer other", b"Bearer w", b"Bearer ", b"Bearer", b"", b"Basic " + TOKEN.encode(), TOKEN.encode(),
     b"Bearer " + TOKEN.encode() + b"x", b"Bearer \xff"],
)  # fmt: skip
async def test_a_wrong_token_is_told_apart_and_never_repeated(credential: bytes) -> None:
    answer = await get(LOCKED, "/api/v1/status", [LOCAL, (b"authorization", credential)])

    assert answer.status == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="cc-relay", error="invalid_token"'
    assert b"That is not the admin token" in answer.body
    assert TOKEN.encode() not in answer.body


async def test_two_credentials_are_none() -> None:
    assert (await get(LOCKED, "/api/v1/status", [BEARER, BEARER])).status == 401


@pytest.mark.parametrize("scheme", [b"Bearer ", b"bearer ", b"BEARER   "])
async def test_the_token_opens_from_anywhere(scheme: bytes) -> None:
    answer = await get(LOCKED, "/api/v1/status", [ELSEWHERE, (b"authorization", scheme + TOKEN.encode())])

    assert answer.status == 200


async def test_a_probe_needs_no_token() -> None:
    assert (await get(LOCKED, "/health", [ELSEWHERE])).status == 200


def test_the_guard_shows_no_token() -> None:
    assert TOKEN not in repr(Guard(OPEN, TOKEN))
