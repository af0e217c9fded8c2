"""Bytes become requests: framing, targets, versions, many on one connection."""

import asyncio

import pytest
from tests.support.loops import both_loops
from tests.support.raw_client import RawClient, request
from tests.wire.downstream.serving import Recorder, describe, serving

from cc_relay.exchange import RelayRequest
from cc_relay.net.downstream import Limits, Responder

KEEP_ALIVE = [(b"connection", b"keep-alive")]


def chunked(*chunks: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in (*chunks, b""))


async def told(client: RawClient, method: str = "POST") -> dict[str, object]:
    answer = await client.read_response(method)
    assert answer.status == 200
    body = answer.json()
    assert isinstance(body, dict)
    return body


@both_loops
async def test_one_connection_carries_many_requests() -> None:
    async with serving(describe) as listener, await RawClient.connect(listener.port) as client:
        for number in range(5):
            answer = await client.exchange("POST", f"/v1/messages?n={number}", body=b"x" * number)
            assert answer.json()["query"] == f"n={number}"  # type: ignore[index]
            assert answer.header(b"connection") is None


@both_loops
async def test_pipelined_requests_are_answered_in_order_one_at_a_time() -> None:
    at_once = 0

    async def slowly(received: RelayRequest, responder: Responder) -> None:
        nonlocal at_once
        at_once += 1
        assert at_once == 1
        # The later ones would overtake, were they served side by side.
        for _ in range(5 - int(received.path[1:])):
            await asyncio.sleep(0)
        at_once -= 1
        responder.respond(200, [], received.path.encode())

    async with serving(slowly) as listener, await RawClient.connect(listener.port) as client:
        await client.send(b"".join(request("GET", f"/{number}") for number in range(5)))
        assert [(await client.read_response()).body for _ in range(5)] == [b"/%d" % number for number in range(5)]


@both_loops
async def test_a_thousand_tiny_requests_in_one_packet_are_all_answered_in_order() -> None:
    async def name(received: RelayRequest, responder: Responder) -> None:
        responder.respond(200, [], received.path.encode())

    async with serving(name) as listener, await RawClient.connect(listener.port) as client:
        await client.send(b"".join(b"GET /%d HTTP/1.1\r\n\r\n" % number for number in range(1000)))
        for number in range(1000):
            assert (await client.read_response()).body == b"/%d" % number


@both_loops
async def test_requests_beyond_the_queue_wait_in_the_socket_and_are_read_later() -> None:
    gate = asyncio.Event()

    async def when_open(received: RelayRequest, responder: Responder) -> None:
        await gate.wait()
        responder.respond(200, [], received.path.encode())

    serve = Recorder(when_open)
    async with serving(serve, Limits(pipelined=2)) as listener, await RawClient.connect(listener.port) as client:
        body = b"x" * 300_000
        sending = asyncio.create_task(
            client.send(b"".join(request("POST", f"/{number}", body=body) for number in range(60)))
        )
        await serve.until(lambda: len(serve.requests) == 1)
        for _ in range(50):
            await asyncio.sleep(0)
        assert not sending.done()
        gate.set()
        assert [(await client.read_response()).body for _ in range(60)] == [b"/%d" % number for number in range(60)]
        await sending


@both_loops
@pytest.mark.parametrize("piece", [1, 2, 7, None])
async def test_bodies_arrive_whole_however_they_are_cut(piece: int | None) -> None:
    async with serving(describe) as listener, await RawClient.connect(listener.port) as client:
        await client.send(request("POST", "/a", body=b'{"a": "content-length"}'), piece=piece)
        assert (await told(client))["body"] == '{"a": "content-length"}'
        framing = [(b"transfer-encoding", b"chunked")]
        await client.send(request("POST", "/b", framing) + chunked(b'{"a"', b": ", b'"chunked"}'), piece=piece)
        assert (await told(client))["body"] == '{"a": "chunked"}'


@both_loops
async def test_a_large_body_arrives_whole() -> None:
    body = bytes(range(256)) * 4 * 1024 * 16

    async def length(received: RelayRequest, responder: Responder) -> None:
        responder.respond(200, [], b"same" if received.body == body else b"different")

    async with serving(length) as listener, await RawClient.connect(listener.port) as client:
        assert (await client.exchange("POST", "/", body=body)).body == b"same"


@both_loops
async def test_trailers_are_no_headers_and_cost_the_connection_nothing() -> None:
    async with serving(describe) as listener, await RawClient.connect(listener.port) as client:
        framing = [(b"transfer-encoding", b"chunked")]
        await client.send(request("POST", "/", framing) + b"1\r\na\r\n0\r\nx-api-key: stolen\r\n\r\n")
        first = await told(client)
        assert first["body"] == "a"
        assert "x-api-key" not in str(first["headers"])
        assert (await client.exchange("GET", "/")).status == 200


@both_loops
async def test_header_names_are_lower_case_and_repeated_lines_keep_their_order() -> None:
    async with serving(describe) as listener, await RawClient.connect(listener.port) as client:
        lines = [(b"Host", b"h"), (b"X-Twice", b"1"), (b"x-twice", b"2"), (b"X-Empty", b"")]
        await client.send_request("GET", "/", lines)
        assert (await told(client))["headers"] == [["host", "h"], ["x-twice", "1"], ["x-twice", "2"], ["x-empty", ""]]


@both_loops
async def test_a_client_that_asks_first_is_told_to_go_on_and_then_answered() -> None:
    async with serving(describe) as listener, await RawClient.connect(listener.port) as client:
        await client.send(request("POST", "/", [(b"expect", b"100-continue"), (b"content-length", b"2")]))
        assert (await client.read_response()).status == 100
        await client.send(b"{}")
        assert (await told(client))["body"] == "{}"


@both_loops
async def test_a_client_that_asks_first_with_too_large_a_body_is_refused_before_it_sends() -> None:
    limits = Limits(body_size=10)
    async with serving(describe, limits) as listener, await RawClient.connect(listener.port) as client:
        await client.send(request("POST", "/", [(b"expect", b"100-continue"), (b"content-length", b"11")]))
        assert (await client.read_response()).status == 413


@both_loops
async def test_an_http_1_0_client_is_never_told_to_go_on() -> None:
    async with serving(describe) as listener, await RawClient.connect(listener.port) as client:
        await client.send(b"POST / HTTP/1.0\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n{}")
        assert (await told(client))["body"] == "{}"


@both_loops
async def test_head_is_answered_without_a_body_and_the_connection_goes_on() -> None:
    async with serving(describe) as listener, await RawClient.connect(listener.port) as client:
        answer = await client.exchange("HEAD", "/api/hello")
        assert answer.status == 200
        assert int(answer.header(b"content-length") or 0) > 0
        assert (await client.exchange("GET", "/next")).json()["path"] == "/next"  # type: ignore[index]


@both_loops
async def test_an_http_1_0_client_gets_one_answer_and_a_close() -> None:
    async with serving(describe) as listener, await RawClient.connect(listener.port) as client:
        await client.send(b"GET / HTTP/1.0\r\n\r\n")
        answer = await client.read_response()
        assert answer.header(b"connection") == b"close"
        assert answer.header(b"transfer-encoding") is None
        assert await client.closed() is False


@both_loops
async def test_an_http_1_0_client_that_asks_to_keep_the_connection_keeps_it() -> None:
    async with serving(describe) as listener, await RawClient.connect(listener.port) as client:
        for _ in range(2):
            await client.send(b"GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n")
            assert (await client.read_response()).header(b"connection") == b"keep-alive"


@both_loops
async def test_a_client_that_says_close_is_answered_and_closed() -> None:
    async with serving(describe) as listener, await RawClient.connect(listener.port) as client:
        answer = await client.exchange("GET", "/", [(b"connection", b"close")])
        assert answer.header(b"connection") == b"close"
        assert await client.closed() is False


@both_loops
@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        ("/v1/messages?beta=true", "/v1/messages", "beta=true"),
        ("http://relay.test/v1/models?limit=2", "/v1/models", "limit=2"),
        ("https://relay.test:8787/", "/", ""),
        ("http://relay.test", "/", ""),
        ("/a?b?c", "/a", "b?c"),
        ("/with%20space?", "/with%20space", ""),
        ("//double", "//double", ""),
        ("/http://inner", "/http://inner", ""),
    ],
)
async def test_a_target_is_split_into_path_and_query(target: str, path: str, query: str) -> None:
    async with serving(describe) as listener, await RawClient.connect(listener.port) as client:
        await client.send_request("GET", target)
        answer = await told(client)
        assert (answer["path"], answer["query"]) == (path, query)


@both_loops
async def test_an_offer_to_speak_http_2_is_declined_by_an_answer() -> None:
    async with serving(describe) as listener, await RawClient.connect(listener.port) as client:
        offer = [(b"connection", b"upgrade, http2-settings"), (b"upgrade", b"h2c"), (b"http2-settings", b"AAMAAABk")]
        answer = await client.exchange("POST", "/", offer, body=b"{}")
        assert answer.status == 200
        assert answer.json()["body"] == "{}"  # type: ignore[index]
        assert answer.header(b"connection") == b"close"
        assert await client.closed() is False


@both_loops
async def test_the_body_of_an_upgrade_offer_may_arrive_later_and_in_chunks() -> None:
    async with serving(describe) as listener, await RawClient.connect(listener.port) as client:
        offer = [(b"connection", b"upgrade"), (b"upgrade", b"h2c"), (b"expect", b"100-continue")]
        await client.send(request("POST", "/", [*offer, (b"transfer-encoding", b"chunked")]))
        assert (await client.read_response()).status == 100
        await client.send(chunked(b"{", b"}"), piece=1)
        assert (await told(client))["body"] == "{}"


@both_loops
async def test_a_tunnel_is_refused() -> None:
    serve = Recorder()
    async with serving(serve) as listener, await RawClient.connect(listener.port) as client:
        await client.send(b"CONNECT provider.test:443 HTTP/1.1\r\nhost: provider.test\r\n\r\n")
        assert (await client.read_response()).status == 400
        assert serve.requests == []


@both_loops
async def test_what_follows_an_upgrade_is_not_taken_for_a_request() -> None:
    serve = Recorder()
    async with serving(serve) as listener, await RawClient.connect(listener.port) as client:
        await client.send(
            request("GET", "/first", [(b"connection", b"upgrade"), (b"upgrade", b"websocket")])
            + request("GET", "/second")
        )
        assert (await client.read_response()).status == 200
        assert await client.read_to_close() == b""
        assert [received.path for received in serve.requests] == ["/first"]


@both_loops
@pytest.mark.parametrize("own", [b"req_011CQ-a.b:c", b"7", b"x" * 128])
async def test_a_sane_request_id_is_kept(own: bytes) -> None:
    async with serving(describe) as listener, await RawClient.connect(listener.port) as client:
        answer = await client.exchange("GET", "/", [(b"X-Request-Id", own)])
        assert answer.header(b"x-request-id") == own
        assert answer.json()["id"] == own.decode()  # type: ignore[index]


@both_loops
@pytest.mark.parametrize("own", [b"", b"two words", b"x" * 129, b"a\tb", b"\xff", b'"quoted"', b"<script>"])
async def test_an_insane_request_id_is_replaced(own: bytes) -> None:
    async with serving(describe) as listener, await RawClient.connect(listener.port) as client:
        answer = await client.exchange("GET", "/", [(b"x-request-id", own)])
        given = answer.header(b"x-request-id")
        assert given is not None
        assert given.startswith(b"req_")


@both_loops
async def test_requests_without_an_id_get_different_ones() -> None:
    async with serving(describe) as listener, await RawClient.connect(listener.port) as client:
        ids = {(await client.exchange("GET", "/")).header(b"x-request-id") for _ in range(3)}
        assert len(ids) == 3
