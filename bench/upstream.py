"""The mock upstream: canned bytes as cheaply as Python can send them. `python -m bench.upstream PORT`."""

import asyncio
import sys
from collections.abc import Callable
from itertools import count

import uvloop

from bench import messages

PACE_INTERVAL = 0.25
"""Seconds between two events of one paced stream."""

TICK = 0.01
"""Seconds between two turns of the ticker; the paced streams are spread over the turns of one interval."""

MODEL_WITHIN = 256
"""How much of a body is looked at for the model's name; Bedrock's stands in the request line."""


class Ticker:
    """One timer for every paced stream: each turn writes one event to its share of them."""

    def __init__(self) -> None:
        self._shares: list[dict[asyncio.Transport, bytes]] = [{} for _ in range(round(PACE_INTERVAL / TICK))]
        self._due_at = 0.0
        self._turns = count()

    def start(self) -> None:
        self._due_at = asyncio.get_running_loop().time()
        self._turn()

    def add(self, transport: asyncio.Transport, data: bytes) -> Callable[[], None]:
        """Write `data` to `transport` in every interval from now on; the returned function ends that."""
        share = min(self._shares, key=len)
        share[transport] = data
        return lambda: share.pop(transport, None)

    def _turn(self) -> None:
        for transport, data in self._shares[next(self._turns) % len(self._shares)].items():
            transport.write(data)
        self._due_at += TICK
        loop = asyncio.get_running_loop()
        loop.call_at(max(self._due_at, loop.time()), self._turn)


class Connection(asyncio.Protocol):
    """One keep-alive connection: swallow a request, send the answer its model names, as the provider it addresses."""

    def __init__(self, ticker: Ticker) -> None:
        self._ticker = ticker
        self._loop = asyncio.get_running_loop()
        self._pending = b""
        self._missing = 0
        self._answers = messages.ANTHROPIC
        self._answer: Callable[[], None] = self._send_whole
        self._chunks = iter(())
        self._leave: Callable[[], None] = lambda: None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if not self._missing:
            data = self._pending + data
            head_end = data.find(b"\r\n\r\n") + 4
            if head_end < 4:
                self._pending = data
                return
            length = content_length(data[:head_end])
            if len(data) - head_end < min(length, MODEL_WITHIN):
                self._pending = data
                return
            self._pending = b""
            self._choose(data[: data.find(b"\r\n")], data[head_end : head_end + MODEL_WITHIN])
            self._missing = length + head_end
        self._missing -= len(data)
        if not self._missing:
            self._answer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._chunks = iter(())
        self._leave()

    def _choose(self, request_line: bytes, body: bytes) -> None:
        if request_line.startswith(b"POST /model/"):
            self._answers = messages.BEDROCK
            is_stream, is_paced = b"/invoke-with-response-stream" in request_line, b"claude-opus" in request_line
        else:
            self._answers = messages.ANTHROPIC
            is_paced = b"bench-paced" in body
            is_stream = is_paced or b"bench-sse" in body
        self._answer = self._send_paced if is_paced else self._send_stream if is_stream else self._send_whole

    def _send_whole(self) -> None:
        self._transport.write(self._answers.whole)

    def _send_stream(self) -> None:
        self._transport.write(self._answers.head)
        self._chunks = iter(self._answers.chunks)
        self._loop.call_soon(self._send_chunk)

    def _send_chunk(self) -> None:
        # One chunk a turn of the loop: uvloop joins the writes of one turn, and each event must be a write of its own.
        for data in self._chunks:
            self._transport.write(data)
            self._loop.call_soon(self._send_chunk)
            return

    def _send_paced(self) -> None:
        self._transport.write(self._answers.head + self._answers.opening)
        self._leave = self._ticker.add(self._transport, self._answers.delta)


def content_length(head: bytes) -> int:
    """The declared length of a request's body; 0 where there is none."""
    at = head.lower().find(b"\r\ncontent-length:")
    return int(head[at + 17 : head.index(b"\r\n", at + 2)]) if at >= 0 else 0


async def serve(port: int) -> None:
    ticker = Ticker()
    ticker.start()
    server = await asyncio.get_running_loop().create_server(lambda: Connection(ticker), "127.0.0.1", port, backlog=2048)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
