"""Batches, files and skills: carried as they are to whoever owns the id."""

import pytest
from tests.support.fakes import FakeIncoming, Rig, answer, broken, failure, unreachable, upstream, upstream_of
from tests.support.virtual_time import virtual

from cc_relay.exchange import Headers, Outcome
from cc_relay.providers.base import ProviderSettings
from cc_relay.providers.registry import build
from cc_relay.relay.snapshot import Retry

HOST: Headers = [(b"host", b"relay.test:8787")]
BATCHES = "/v1/messages/batches"
NOT_FOUND = b'{"type":"error","error":{"type":"not_found_error","message":"File not found: file_1"}}'


def not_found() -> FakeIncoming:
    return answer(NOT_FOUND, status=404)


@pytest.mark.parametrize("root", [BATCHES, "/v1/files", "/v1/skills"])
@pytest.mark.parametrize(("method", "rest"), [("POST", ""), ("GET", ""), ("GET", "/id_1"), ("DELETE", "/id_1")])
@virtual
async def test_side_endpoints_are_carried_with_their_answers_bytes(root: str, method: str, rest: str) -> None:
    rig = Rig(answer(b'{"anything":1}', status=202))
    downstream = await rig.serve(method=method, path=root + rest, body=b"raw")
    (sent,) = rig.sender.requests
    assert (sent.method, sent.target, sent.body) == (method.encode(), (root + rest).encode(), b"raw")
    assert (downstream.status, downstream.body) == (202, b'{"anything":1}')


@pytest.mark.parametrize("key", [0, 1, 2, 3, 4, 5])
@virtual
async def test_an_id_is_looked_for_at_every_key_of_every_upstream(key: int) -> None:
    pools = [upstream("a", "k1", "k2", "k3"), upstream("b", "k1", "k2", "k3")]
    rig = Rig(*[not_found() for _ in range(key)], answer(b"found"), upstreams=pools, retry=Retry(max_attempts=4))
    downstream = await rig.serve(method="GET", path="/v1/files/file_1", body=b"")
    assert downstream.body == b"found"
    assert rig.sender.asked == ["a/k1", "a/k2", "a/k3", "b/k1", "b/k2", "b/k3"][: key + 1]


@virtual
async def test_an_id_nobody_knows_gets_the_upstreams_own_404() -> None:
    rig = Rig(not_found(), not_found())
    downstream = await rig.serve(method="GET", path="/v1/files/file_1", body=b"")
    assert (downstream.status, downstream.body) == (404, NOT_FOUND)


@virtual
async def test_a_fault_of_the_request_is_answered_at_once() -> None:
    rig = Rig(failure(400, "invalid_request_error"))
    assert (await rig.serve(method="GET", path="/v1/files", body=b"")).status == 400


@pytest.mark.parametrize("path", [BATCHES, "/v1/files", "/v1/skills"])
@pytest.mark.parametrize("loss", ["break", "dial", "overload", "missing"])
@virtual
async def test_a_creation_is_never_repeated(path: str, loss: str) -> None:
    losses = {
        "break": broken(),
        "dial": unreachable(),
        "overload": failure(529, "overloaded_error"),
        "missing": not_found(),
    }
    rig = Rig(losses[loss], upstreams=[upstream("a", "k1", "k2"), upstream("b")])
    downstream = await rig.serve(path=path)
    assert (rig.sender.asked, downstream.end) == (["a/k1"], "respond")


@virtual
async def test_a_creation_is_always_made_by_the_same_key() -> None:
    rig = Rig(*[answer(b"{}") for _ in range(3)], upstreams=[upstream("a", "k1", "k2")])
    for _ in range(3):
        await rig.serve(path="/v1/files")
    assert rig.sender.asked == ["a/k1"] * 3


@virtual
async def test_a_new_version_of_something_is_not_made_twice_by_one_key() -> None:
    rig = Rig(broken(), not_found(), upstreams=[upstream("a", "k1", "k2")])
    await rig.serve(path="/v1/skills/skill_1/versions")
    assert rig.sender.asked == ["a/k1", "a/k2"]


@virtual
async def test_reading_is_tried_once_more() -> None:
    rig = Rig(broken(), answer(b"{}"), upstreams=[upstream("a")])
    assert (await rig.serve(method="GET", path="/v1/files", body=b"")).status == 200


@virtual
async def test_a_batchs_results_url_points_back_here() -> None:
    theirs = b'{"id":"b1","results_url": "https://api.anthropic.com/v1/messages/batches/b1/results","x":"https://o"}'
    downstream = await Rig(answer(theirs)).serve(method="GET", path=f"{BATCHES}/b1", body=b"", headers=HOST)
    assert downstream.body == (
        b'{"id":"b1","results_url": "http://relay.test:8787/v1/messages/batches/b1/results","x":"https://o"}'
    )
    assert downstream.length == len(downstream.body)


@virtual
async def test_every_results_url_of_a_list_points_back_here_and_null_stays() -> None:
    theirs = b'{"data":[{"results_url":"https://a.test/1"},{"results_url":null},{"results_url":"http://b.test:1/2"}]}'
    downstream = await Rig(answer(theirs)).serve(method="GET", path=BATCHES, body=b"", headers=HOST)
    assert downstream.body == (
        b'{"data":[{"results_url":"http://relay.test:8787/1"},{"results_url":null},'
        b'{"results_url":"http://relay.test:8787/2"}]}'
    )


@pytest.mark.parametrize("path", ["/v1/files/f1/content", f"{BATCHES}/b1/results"])
@virtual
async def test_somebodys_own_words_are_not_rewritten(path: str) -> None:
    theirs = b'{"results_url":"https://api.anthropic.com/1"}\n'
    downstream = await Rig(answer(theirs)).serve(method="GET", path=path, body=b"", headers=HOST)
    assert downstream.body == theirs


@pytest.mark.parametrize("headers", [[], [(b"host", rb"\1\g<0>")]])
@virtual
async def test_an_odd_host_header_does_no_harm(headers: Headers) -> None:
    theirs = b'{"results_url":"https://api.anthropic.com/1"}'
    downstream = await Rig(answer(theirs)).serve(method="GET", path=BATCHES, body=b"", headers=headers)
    assert downstream.status == 200


@virtual
async def test_a_large_file_is_streamed_through() -> None:
    large = [b"x" * 600_000, b"y" * 600_000, b"z"]
    rig = Rig(answer(*large, headers=[(b"content-type", b"application/octet-stream")], length=1_200_001))
    downstream = await rig.serve(method="GET", path="/v1/files/f1/content", body=b"")
    assert (downstream.body, downstream.end) == (b"".join(large), "finish")


@virtual
async def test_without_an_anthropic_upstream_side_endpoints_are_not_supported() -> None:
    zai = upstream_of(build(ProviderSettings(name="z", type="zai", base_url="")), upstream("z").credentials)
    rig = Rig(upstreams=[zai])
    downstream = await rig.serve(path="/v1/files")
    assert (downstream.status, downstream.header(b"x-cc-relay-error")) == (501, b"no_anthropic_provider")
    assert rig.record.outcome is Outcome.REJECTED


@virtual
async def test_without_a_credential_for_them_they_are_a_401() -> None:
    rig = Rig(upstreams=[upstream_of(upstream("a").provider)])
    downstream = await rig.serve(path="/v1/files")
    assert (downstream.status, downstream.header(b"x-cc-relay-error")) == (401, b"no_usable_credential")


@pytest.mark.parametrize("path", ["/v1/files/../messages", "/v1/files/%2e%2e/organizations", "/v1/skills/./x"])
@virtual
async def test_a_path_that_leaves_its_endpoint_is_carried_to_nobody(path: str) -> None:
    anthropic = upstream_of(build(ProviderSettings(name="p", type="anthropic", base_url="")), upstream("p").credentials)
    rig = Rig(upstreams=[anthropic])
    downstream = await rig.serve(method="GET", path=path, body=b"")
    assert (downstream.status, rig.sender.requests) == (501, [])
