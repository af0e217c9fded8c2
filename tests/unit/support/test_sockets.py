"""The guard on sockets, and the environment every test lives in."""

import asyncio
import os
import socket
import threading
from pathlib import Path

import pytest
from tests.support.sockets import Reach, SocketRefused, is_loopback, limited_to
from tests.support.virtual_time import virtual


@pytest.mark.parametrize("host", ["127.0.0.1", b"127.0.0.1", "127.9.9.9", "::1", "::1%lo", "localhost"])
def test_loopback_is_allowed(host: str | bytes) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.0.2.1", "provider.example", "127.0.0.1.example", None, 7])
def test_everything_else_is_not_loopback(host: object) -> None:
    assert not is_loopback(host)


def test_a_pure_test_gets_no_internet_socket() -> None:
    with limited_to(Reach.NOWHERE) as refused, pytest.raises(SocketRefused):
        socket.socket()

    assert refused == ["an internet socket"]


def test_a_thread_of_an_earlier_test_is_refused_but_not_held_against_this_one() -> None:
    go_on, said = threading.Event(), []

    def reach_out() -> None:
        go_on.wait(10)
        try:
            socket.socket().close()
        except SocketRefused:
            said.append("refused")

    earlier = threading.Thread(target=reach_out)
    earlier.start()
    with limited_to(Reach.NOWHERE) as refused:
        go_on.set()
        earlier.join()
        own = threading.Thread(target=reach_out)
        own.start()
        own.join()

    assert said == ["refused", "refused"]
    assert refused == ["an internet socket"]


def test_a_pure_test_connects_to_no_path(tmp_path: Path) -> None:
    with limited_to(Reach.NOWHERE), socket.socket(socket.AF_UNIX) as sock, pytest.raises(SocketRefused):
        sock.connect(str(tmp_path / "daemon.sock"))


def test_an_event_loop_may_wake_itself() -> None:
    asyncio.run(asyncio.sleep(0), debug=False)


def test_names_are_not_looked_up() -> None:
    with limited_to(Reach.LOOPBACK), pytest.raises(SocketRefused):
        socket.getaddrinfo("provider.example", 443)


@virtual
async def test_virtual_time_needs_no_socket() -> None:
    await asyncio.sleep(1)


def test_no_provider_is_found_in_the_environment() -> None:
    assert not [name for name in os.environ if name.upper().endswith(("_API_KEY", "_PROXY"))]
    assert not [name for name in os.environ if name.startswith(("ANTHROPIC_", "AWS_", "CLAUDE_"))]


def test_home_is_nobodys() -> None:
    assert list(Path.home().iterdir()) == []
    assert Path(os.environ["XDG_CONFIG_HOME"]).is_relative_to(Path.home())


def test_a_test_that_writes_to_home_asks_for_its_own(home: Path) -> None:
    (Path.home() / "written").touch()

    assert Path.home() == home
