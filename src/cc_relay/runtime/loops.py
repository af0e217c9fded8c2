"""The event loop: uvloop where it is installed, asyncio's own elsewhere."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress

HIGHEST_STANDARD_STREAM = 2


def new_event_loop() -> asyncio.AbstractEventLoop:
    fill_standard_streams()
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


def fill_standard_streams() -> None:
    """Where a standard stream is closed (`2>&-`), put nothing in its place.

    Otherwise a socket would get its number, and libuv aborts the process when it closes one so low (uv__close).
    """
    with suppress(OSError):
        while (opened := os.open(os.devnull, os.O_RDWR)) <= HIGHEST_STANDARD_STREAM:
            pass
        os.close(opened)
