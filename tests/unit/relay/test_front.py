"""The data plane's paths."""

import asyncio
import json

import pytest
from tests.support.builders import messages_body, relay_request
from tests.support.fakes import OPEN_SECONDS, FakeDownstream, Rig, answer, stream, upstream
from tests.support.virtual_time import virtual

from cc_relay.exchange import Outcome
from cc_relay.relay.snapshot import Access, Upstream

MESSAGE = b'{"type":"message","content":[]}'
COUNT = b'{"input_tokens":12}'
KEYED = Access(api_key=b"relay-key")


async def ask(rig: Rig, method: str, path: str, **changes: object) -> FakeDownstream:
    """The answer to a request that needs no upstream."""
    downstream = FakeDownstream()
    request = relay_request(method=method, path=path, body=b"", **{"headers": [], **changes})
    await rig.front.serve(request, downstream)
    assert downstream.end == "respond"
    return downstream


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/health"),
        ("HEAD", "/health"),
        ("GET", "/livez"),
        ("HEAD", "/livez"),
        ("GET", "/readyz"),
        ("HEAD", "/readyz"),
        ("HEAD", "/api/hello"),
        ("GET", "/api/hello"),
        ("HEAD", "/"),
    ],
)
@virtual
async def test_probes_are_answered_without_a_credential_and_leave_no_record(method: str, path: str) -> None:
    rig = Rig(access=KEYED)
    downstream = await ask(rig, method, path)
    assert (downstream.status, downstream.body) == (200, b'{"status":"ok"}')
    assert rig.records == []


@virtual
async def test_the_front_page_says_how_to_point_claude_code_here() -> None:
    downstream = await ask(Rig(access=KEYED), "GET", "/", headers=[(b"host", b"relay.test:1")])
    assert downstream.status == 200
    assert b"ANTHROPIC_BASE_URL=http://relay.test:1\n" in downstream.body
    assert b"http://127.0.0.1:8787\n" in (await ask(Rig(), "GET", "/")).body


@virtual
async def test_a_draining_relay_is_alive_but_not_ready() -> None:
    rig = Rig()
    rig.front.is_draining = True
    not_ready = await ask(rig, "GET", "/readyz")
    assert (not_ready.status, not_ready.header(b"retry-after")) == (503, b"1")
    assert b"draining" in not_ready.body
    assert (await ask(rig, "GET", "/livez")).status == 200


@virtual
async def test_a_relay_without_a_provider_is_not_ready() -> None:
    not_ready = await ask(Rig(upstreams=[]), "GET", "/readyz")
    assert (not_ready.status, json.loads(not_ready.body)["error"]["message"]) == (503, "no usable provider")


def opened(one: Upstream) -> Upstream:
    while one.breaker.is_closed:
        one.breaker.record_failure(0, None, "down", asyncio.get_running_loop().time())
    return one


async def states(rig: Rig) -> tuple[int, list[str]]:
    """Whether it is ready, and what it says of its providers."""
    listed = json.loads((await ask(rig, "GET", "/v1/providers")).body)["data"]
    return (await ask(rig, "GET", "/readyz")).status, [one["state"] for one in listed]


@virtual
async def test_a_relay_is_ready_while_one_provider_is_and_again_once_one_may_be_tried() -> None:
    rig = Rig(upstreams=[opened(upstream("a")), upstream("b")])
    assert await states(rig) == (200, ["OPEN", "CLOSED"])
    opened(rig.front.snapshot.upstreams[1])
    assert await states(rig) == (503, ["OPEN", "OPEN"])
    await asyncio.sleep(OPEN_SECONDS)
    assert await states(rig) == (200, ["HALF_OPEN", "HALF_OPEN"])


@virtual
async def test_a_provider_whose_keys_are_all_refused_or_spent_is_open_and_serves_nobody() -> None:
    rig = Rig(upstreams=[upstream("a", "k1", "k2")])
    (one,) = rig.front.snapshot.upstreams
    one.pool.refuse(one.pool.keys[0], rig.loop.time())
    assert await states(rig) == (200, ["CLOSED"])
    one.pool.spend(one.pool.keys[1], None, rig.loop.time())
    assert await states(rig) == (503, ["OPEN"])


@virtual
async def test_a_rate_limit_passes_by_itself_so_the_relay_stays_ready() -> None:
    rig = Rig(upstreams=[upstream("a", "k1")])
    (one,) = rig.front.snapshot.upstreams
    one.pool.cool(one.pool.keys[0], "", 20.0, rig.loop.time(), lambda: 0.5)
    assert await states(rig) == (200, ["OPEN"])


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/messages"),
        ("GET", "/v1/messages/count_tokens"),
        ("POST", "/v1/messages/"),
        ("POST", "/v1/complete"),
        ("POST", "/v1/models"),
        ("POST", "/health"),
        ("PUT", "/"),
        ("GET", "/v1/providers/a"),
        ("GET", "/v1/modelsx"),
        ("POST", "/v1/filesystem"),
        ("GET", "/v1/files-old"),
        ("POST", "/v1/messages/batchesx"),
        ("OPTIONS", "/v1/messages"),
        ("GET", "/favicon.ico"),
        ("GET", ""),
    ],
)
@virtual
async def test_anything_else_is_not_supported_and_not_to_be_tried_again(method: str, path: str) -> None:
    rig = Rig()
    downstream = await ask(rig, method, path)
    assert (downstream.status, downstream.header(b"x-should-retry")) == (501, b"false")
    told = json.loads(downstream.body)
    assert (told["type"], told["error"]["type"], told["request_id"]) == ("error", "not_supported", "req_builder")
    assert "must not end in /v1" not in told["error"]["message"]
    assert (rig.record.status, rig.record.outcome) == (501, Outcome.REJECTED)


@virtual
async def test_a_base_url_that_ends_in_v1_is_pointed_out() -> None:
    downstream = await ask(Rig(), "POST", "/v1/v1/messages")
    assert downstream.status == 501
    assert b"ANTHROPIC_BASE_URL must not end in /v1" in downstream.body


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/x", "/v1/providers", "/nothing", "/v1/files"])
@virtual
async def test_everything_but_probes_wants_the_relays_key(path: str) -> None:
    rig = Rig(access=KEYED)
    downstream = await ask(rig, "GET", path)
    assert downstream.status == 401
    assert (rig.record.outcome, rig.record.reason) == (Outcome.REJECTED, "no_credential")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@virtual
async def test_models_are_listed_to_those_who_have_it(method: str) -> None:
    rig = Rig(upstreams=[upstream("a", models=("m1", "m2"))], access=KEYED)
    downstream = await ask(rig, method, "/v1/models", query="limit=1000", headers=[(b"x-api-key", b"relay-key")])
    assert [model["id"] for model in json.loads(downstream.body)["data"]] == ["m1", "m2"]
    assert (rig.record.status, rig.record.principal, rig.record.outcome) == (200, "relay-key", Outcome.DELIVERED)


@virtual
async def test_a_bad_listing_query_is_a_400() -> None:
    assert (await ask(Rig(), "GET", "/v1/models", query="limit=0")).status == 400


@pytest.mark.parametrize("path", ["/v1/models/some/model", "/v1/models/some%2Fmodel"])
@virtual
async def test_one_model_is_shown_whatever_its_name_is_made_of(path: str) -> None:
    rig = Rig(upstreams=[upstream("a", models=("some/model",))])
    assert json.loads((await ask(rig, "GET", path)).body)["id"] == "some/model"


@virtual
async def test_a_model_nobody_serves_is_a_404() -> None:
    rig = Rig(upstreams=[upstream("a", models=("m1",))])
    assert (await ask(rig, "GET", "/v1/models/m3")).status == 404
    assert (await ask(rig, "GET", "/v1/models/")).status == 404


@virtual
async def test_active_providers_are_listed_without_their_keys() -> None:
    rig = Rig(upstreams=[upstream("a", "secret-key", models=("m1",)), upstream("b")])
    downstream = await ask(rig, "GET", "/v1/providers")
    assert json.loads(downstream.body) == {
        "object": "list",
        "data": [
            {"name": "a", "type": "anthropic", "base_url": "https://a.test", "models": ["m1"], "state": "CLOSED"},
            {"name": "b", "type": "anthropic", "base_url": "https://b.test", "models": [], "state": "CLOSED"},
        ],
    }


@virtual
async def test_any_query_string_is_fine() -> None:
    assert (await Rig(answer(MESSAGE)).serve(query="beta=true")).status == 200


# -- count_tokens -----------------------------------------------------------------------------------------------------

COUNTING = "/v1/messages/count_tokens"


@virtual
async def test_tokens_are_counted_by_the_upstream() -> None:
    rig = Rig(answer(COUNT))
    downstream = await rig.serve(path=COUNTING)
    assert (downstream.status, downstream.body) == (200, COUNT)
    assert rig.sender.requests[0].target == COUNTING.encode()
    assert rig.record.model == "claude-sonnet-5-5"


@virtual
async def test_who_cannot_count_is_not_asked() -> None:
    rig = Rig(answer(COUNT), upstreams=[upstream("a", can_count=False), upstream("b")])
    assert (await rig.serve(path=COUNTING)).status == 200
    assert rig.sender.asked == ["b/b-key"]


@virtual
async def test_when_nobody_counts_the_client_is_told_to_estimate() -> None:
    rig = Rig(upstreams=[upstream("a", can_count=False)])
    downstream = await rig.serve(path=COUNTING)
    assert (downstream.status, downstream.header(b"x-should-retry")) == (501, b"false")
    assert json.loads(downstream.body)["error"]["type"] == "not_supported"
    assert rig.record.outcome is Outcome.REJECTED, "nobody was asked, so nobody failed"


@pytest.mark.parametrize("body", [b"<html>", MESSAGE, b'{"input_tokens":"many"}'])
@virtual
async def test_what_is_no_count_goes_on_to_the_next(body: bytes) -> None:
    rig = Rig(answer(body), answer(COUNT))
    downstream = await rig.serve(path=COUNTING)
    assert (downstream.body, rig.sender.asked) == (COUNT, ["a/a-key", "b/b-key"])


@virtual
async def test_a_count_is_never_streamed() -> None:
    rig = Rig(stream(b"data: x\n\n"), answer(COUNT))
    downstream = await rig.serve(path=COUNTING, body=messages_body(stream=True))
    assert downstream.body == COUNT


@virtual
async def test_a_new_snapshot_is_read_by_requests_that_come_after_it() -> None:
    rig = Rig(answer(MESSAGE, 1.0), upstreams=[upstream("a")])
    old = rig.front.snapshot
    async with rig.begin() as exchange:
        rig.front.snapshot = Rig(upstreams=[]).front.snapshot
        await exchange.ended()
    assert exchange.downstream.status == 200
    assert (await rig.serve()).status == 404
    assert repr(rig.front) == f"<Front generation {old.generation}>"
