"""Both loops: a test runs on each, and what it leaves behind fails it."""

import asyncio

import pytest
import uvloop
from tests.support.loops import both_loops, run
from tests.support.sockets import Reach, SocketRefused, limited_to
from tests.support.strict import UntidyLoop


@both_loops
async def test_a_test_runs_on_each_loop(request: pytest.FixtureRequest) -> None:
    expected = {"uvloop": uvloop.Loop, "asyncio": asyncio.SelectorEventLoop}
    assert type(asyncio.get_running_loop()) is expected[request.node.callspec.params["loop_name"]]


@pytest.mark.parametrize("loop_factory", [uvloop.new_event_loop, asyncio.SelectorEventLoop])
def test_a_leaked_task_fails_the_test(loop_factory: type, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.support.loops.GRACE", 0.01)
    tasks = []

    async def main() -> None:
        tasks.append(asyncio.create_task(asyncio.Event().wait(), name="straggler"))

    with pytest.raises(UntidyLoop, match=r"straggler: Event.wait"):
        run(main(), loop_factory)


@pytest.mark.parametrize("loop_factory", [uvloop.new_event_loop, asyncio.SelectorEventLoop])
def test_an_exception_nobody_retrieves_fails_the_test(loop_factory: type) -> None:
    async def fail() -> None:
        raise ValueError("unseen")

    async def main() -> None:
        task = asyncio.create_task(fail())
        await asyncio.sleep(0)
        del task

    with pytest.raises(UntidyLoop, match="unseen"):
        run(main(), loop_factory)


@both_loops
async def test_the_world_beyond_loopback_is_refused() -> None:
    loop = asyncio.get_running_loop()
    with limited_to(Reach.LOOPBACK) as refused:
        with pytest.raises(SocketRefused):
            await loop.create_connection(asyncio.Protocol, "192.0.2.1", 80)
        with pytest.raises(SocketRefused):
            await loop.getaddrinfo("provider.example", 443)
        with pytest.raises(SocketRefused):
            await loop.create_server(asyncio.Protocol, "0.0.0.0", 0)

    assert len(refused) == 3


@both_loops
async def test_a_pure_room_gets_no_socket_at_all() -> None:
    loop = asyncio.get_running_loop()
    with limited_to(Reach.NOWHERE), pytest.raises(SocketRefused):
        await loop.create_connection(asyncio.Protocol, "127.0.0.1", 80)
