"""What one client may ask of a listener, and what it hears when it asks for more."""

import pytest
from tests.support.loops import both_loops
from tests.support.raw_client import RawClient, request
from tests.wire.downstream.serving import Recorder, describe, error_type, serving

from cc_relay.net.downstream import Limits

HEAD_LIMIT = Limits(head_size=2000, linger=0.3)
CHUNKED = [(b"transfer-encoding", b"chunked")]


async def refused(client: RawClient, status: int) -> str:
    """The error type of the refusal, after which the connection must end."""
    answer = await client.read_response()
    assert answer.status == status
    assert answer.header(b"connection") == b"close"
    assert answer.header(b"x-request-id") == answer.json()["request_id"].encode()  # type: ignore[index]
    assert await client.read_to_close() == b""
    return error_type(answer.json())


HEADS = {
    "one endless line": b"GET / HTTP/1.1\r\nx-a: " + b"a" * 5000,
    "an endless name": b"GET / HTTP/1.1\r\n" + b"a" * 5000,
    "an endless target": b"GET /" + b"a" * 5000,
    "many lines": b"GET / HTTP/1.1\r\n" + b"x-a: b\r\n" * 700,
    "a whole head": b"GET / HTTP/1.1\r\n" + b"x-a: b\r\n" * 700 + b"\r\n",
}


@both_loops
@pytest.mark.parametrize("piece", [None, 100])
@pytest.mark.parametrize("name", HEADS)
async def test_too_large_a_head_is_refused_at_once_and_dribbled(name: str, piece: int | None) -> None:
    serve = Recorder()
    async with serving(serve, HEAD_LIMIT) as listener, await RawClient.connect(listener.port) as client:
        await client.send(HEADS[name], piece=piece)
        assert await refused(client, 431) == "invalid_request_error"
        assert serve.requests == []


@both_loops
async def test_a_head_just_below_the_limit_passes_even_with_a_large_body_in_the_same_packet() -> None:
    async with serving(describe, HEAD_LIMIT) as listener, await RawClient.connect(listener.port) as client:
        for _ in range(2):
            answer = await client.exchange("POST", "/", [(b"x-a", b"a" * 1800)], b"b" * 50_000)
            assert answer.status == 200


@both_loops
async def test_too_large_a_declared_body_is_refused_before_it_is_read() -> None:
    async with (
        serving(describe, Limits(body_size=1000, linger=0.2)) as listener,
        await RawClient.connect(listener.port) as client,
    ):
        await client.send(request("POST", "/", [(b"content-length", b"1001"), (b"x-request-id", b"mine")]))
        answer = await client.read_response()
        assert answer.status == 413
        assert error_type(answer.json()) == "request_too_large"
        assert answer.header(b"x-request-id") == b"mine"


@both_loops
async def test_a_body_of_just_the_limit_passes_in_both_framings() -> None:
    async with (
        serving(describe, Limits(body_size=1000)) as listener,
        await RawClient.connect(listener.port) as client,
    ):
        assert (await client.exchange("POST", "/", body=b"a" * 1000)).status == 200
        await client.send(request("POST", "/", CHUNKED) + b"3e8\r\n" + b"a" * 1000 + b"\r\n0\r\n\r\n")
        assert (await client.read_response()).status == 200


@both_loops
async def test_too_large_a_chunked_body_is_refused_as_soon_as_it_is() -> None:
    async with (
        serving(describe, Limits(body_size=1000, linger=0.2)) as listener,
        await RawClient.connect(listener.port) as client,
    ):
        await client.send(request("POST", "/", CHUNKED) + b"3e8\r\n" + b"a" * 1000 + b"\r\n1\r\na")
        assert await refused(client, 413) == "request_too_large"


@both_loops
@pytest.mark.parametrize("framing", [CHUNKED, [(b"content-length", b"8000000")]])
async def test_a_client_that_goes_on_sending_still_receives_the_refusal(framing: list[tuple[bytes, bytes]]) -> None:
    async with (
        serving(describe, Limits(body_size=1000, linger=0.5)) as listener,
        await RawClient.connect(listener.port) as client,
    ):
        await client.send(request("POST", "/", framing))
        # More than the socket buffers hold: had the relay closed, this would fail.
        for _ in range(8):
            await client.send(b"f4240\r\n" + b"a" * 1_000_000 + b"\r\n")
        answer = await client.read_response()
        assert answer.status == 413


@both_loops
@pytest.mark.parametrize(
    "tail",
    [b"x-t: " + b"a" * 400_000, b"x-t: a\r\n" * 50_000, b""],
    ids=["an endless trailer", "many trailers", "endless chunk extensions"],
)
async def test_framing_without_a_body_is_limited_too(tail: bytes) -> None:
    async with (
        serving(describe, Limits(head_size=50_000, body_size=50_000, linger=0.2)) as listener,
        await RawClient.connect(listener.port) as client,
    ):
        framing = b"0\r\n" + tail if tail else b"1;" + b"a" * 400_000
        await client.send(request("POST", "/", CHUNKED) + framing)
        assert (await client.read_response()).status == 413


@both_loops
async def test_a_head_that_does_not_end_in_time_is_refused() -> None:
    limits = Limits(head_time=0.05, linger=0.05)
    async with serving(describe, limits) as listener, await RawClient.connect(listener.port) as client:
        await client.send(b"GET / HTTP/1.1\r\nhost")
        assert await refused(client, 408) == "invalid_request_error"


@both_loops
@pytest.mark.parametrize(
    "start",
    [request("POST", "/", [(b"content-length", b"10")]) + b"half", request("POST", "/", CHUNKED) + b"5\r\nhe"],
)
async def test_a_body_that_stops_arriving_is_refused(start: bytes) -> None:
    limits = Limits(body_silence=0.1, linger=0.05)
    async with serving(describe, limits) as listener, await RawClient.connect(listener.port) as client:
        await client.send(start)
        assert await refused(client, 408) == "invalid_request_error"


@both_loops
async def test_a_kept_connection_is_closed_without_a_word_when_it_stays_unused() -> None:
    async with serving(describe, Limits(idle=0.05)) as listener, await RawClient.connect(listener.port) as client:
        assert (await client.exchange("GET", "/")).status == 200
        assert await client.read_to_close() == b""


@both_loops
async def test_a_connection_on_which_nothing_was_ever_asked_is_closed_without_a_word() -> None:
    async with serving(describe, Limits(head_time=0.05)) as listener, await RawClient.connect(listener.port) as client:
        assert await client.read_to_close() == b""
