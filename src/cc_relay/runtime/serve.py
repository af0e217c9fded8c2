"""Run a relay until it is told to stop."""

from __future__ import annotations

import asyncio
import gc
import signal
from contextlib import closing
from typing import TYPE_CHECKING

from cc_relay.runtime.log_writer import LogWriter
from cc_relay.runtime.logs import LineFormatter
from cc_relay.runtime.loops import new_event_loop
from cc_relay.runtime.options import ServeOptions
from cc_relay.runtime.output import Output
from cc_relay.runtime.relay import Relay
from cc_relay.runtime.start_up import start_up_lines

if TYPE_CHECKING:
    from cc_relay.config import Loaded

GARBAGE_THRESHOLD = 20_000
"""Objects more than were freed, before a collection looks at the young ones."""

__all__ = ["ServeOptions", "run"]


def run(loaded: Loaded, options: ServeOptions) -> int:
    """Serve until SIGTERM or SIGINT, drain, and return the exit code.

    A second signal does not wait for anybody. Raises OSError where listening is impossible, or where the log cannot be
    opened (then with its file name).
    """
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(serve(loaded, options))


async def serve(loaded: Loaded, options: ServeOptions) -> int:
    relay = Relay(loaded, options)
    told, hurried = stop_signals()
    # A standard error that nobody reads any more must not keep the relay from serving, or from stopping.
    plain = LineFormatter(is_json=False, has_colour=False)
    with closing(LogWriter(Output("stderr"), plain.dropped_line)) as voice:
        await relay.start()
        admin = relay.admin
        for line in start_up_lines(
            loaded, relay.snapshot, relay.address, admin=admin.where, admin_problem=admin.problem
        ):
            say(voice, line)
        # What lives until the end need not be looked at by every collection, and requests leave no cycles behind:
        # what is alive at once is traffic, not garbage.
        gc.collect()
        gc.freeze()
        gc.set_threshold(GARBAGE_THRESHOLD, 20, 20)
        await told.wait()
        seconds = loaded.config.server.drain_timeout
        if relay.in_flight:
            say(voice, f"Stopping: {requests(relay.in_flight)} may go on for {seconds:g} s; a second signal ends it.")
        cut = await stop(relay, seconds, hurried)
        say(voice, f"Stopped; {requests(cut)} cut off." if cut else "Stopped.")
    return 0


def stop_signals() -> tuple[asyncio.Event, asyncio.Event]:
    """Set by the first SIGTERM or SIGINT, and by the second."""
    told, hurried = asyncio.Event(), asyncio.Event()

    def stop() -> None:
        (hurried if told.is_set() else told).set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    return told, hurried


async def stop(relay: Relay, seconds: float, hurried: asyncio.Event) -> int:
    """Drain for so long, or until `hurried`; return how many exchanges were cut."""

    async def hurry() -> int:
        await hurried.wait()
        return await relay.stop()

    async with asyncio.TaskGroup() as tasks:
        hurrying = tasks.create_task(hurry())
        cut = await relay.stop(seconds)
        if not hurried.is_set():
            hurrying.cancel()
    return cut + (0 if hurrying.cancelled() else hurrying.result())


def requests(count: int) -> str:
    return "1 request" if count == 1 else f"{count} requests"


def say(voice: LogWriter, line: str) -> None:
    voice.write(line.encode() + b"\n")
