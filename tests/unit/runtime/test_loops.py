"""Which loop, and what it needs."""

import asyncio
import sys

import pytest
import uvloop

from cc_relay.runtime.loops import new_event_loop


def test_uvloop_is_the_loop_where_it_is_installed() -> None:
    loop = new_event_loop()
    loop.close()
    assert isinstance(loop, uvloop.Loop)


def test_asyncios_own_loop_is_the_fallback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvloop", None)
    loop = new_event_loop()
    loop.close()
    assert isinstance(loop, asyncio.SelectorEventLoop)
