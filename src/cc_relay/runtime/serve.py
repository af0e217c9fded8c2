"""Run a relay until it is told to stop."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from typing import TYPE_CHECKING

from cc_relay.runtime.loops import new_event_loop
from cc_relay.runtime.options import ServeOptions
from cc_relay.runtime.relay import Relay
from cc_relay.runtime.start_up import start_up_lines

if TYPE_CHECKING:
    from cc_relay.config import Loaded

__all__ = ["ServeOptions", "run"]


def run(loaded: Loaded, options: ServeOptions) -> int:
    """Serve until SIGTERM or SIGINT, drain, and return the exit code. Raises OSError where listening is impossible.

    A second signal does not wait for anybody.
    """
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(serve(loaded, options))


async def serve(loaded: Loaded, options: ServeOptions) -> int:
    relay = Relay(loaded, options)
    told = asyncio.Event()
    hurried = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop() -> None:
        (hurried if told.is_set() else told).set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    await relay.start()
    for line in start_up_lines(loaded, relay.snapshot, relay.address):
        say(line)
    # What lives until the end need not be looked at by every collection.
    gc.collect()
    gc.freeze()
    await told.wait()
    seconds = loaded.config.server.drain_timeout
    if relay.in_flight:
        say(f"Stopping: {relay.in_flight} requests may go on for {seconds:g} s (a second signal ends them now).")
    draining = asyncio.ensure_future(relay.stop(seconds))
    waiting = asyncio.ensure_future(hurried.wait())
    await asyncio.wait((draining, waiting), return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if not draining.done():
        relay.cut()
    cut = await draining
    say(f"Stopped; {cut} requests were cut off." if cut else "Stopped.")
    return 0


def say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
