"""What `cc-relay demo` puts on stage: simulated providers, a relay before them, traffic."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import click

from cc_relay.cli import exits, listener
from cc_relay.cli.claude_code.settings import AUTH_TOKEN, BASE_URL, PLACEHOLDER
from cc_relay.cli.demo_summary import summary

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from cc_relay.config import Loaded
    from cc_relay.runtime.relay import Relay
    from cc_relay.sim.server import Simulator

BURST = 24
"""Requests of `--once`."""

BURST_PATIENCE = 60.0
"""Seconds until a burst that hangs is called a failure; a good one takes four."""

NAMES = {"anthropic": "flaky", "zai": "steady"}
"""What the simulated types are called here, the first choice first."""

POINTING = f"""\
Two simulated providers stand behind a relay at {{url}}. Nothing leaves this machine, nothing costs anything.

Point Claude Code at it from another terminal:
  export {BASE_URL}={{url}}
  export {AUTH_TOKEN}={PLACEHOLDER}
  claude

Or ask it yourself:
  curl -s {{url}}/v1/messages -H 'content-type: application/json' -d '{{hello}}'
"""
HELLO = '{"model": "claude-sonnet-5-5", "max_tokens": 100, "messages": [{"role": "user", "content": "Hello"}]}'


async def run(listen: str | None, part: Callable[[str], Awaitable[int]]) -> int:
    """Set the stage, play one part at the relay's URL, clear up; returns the exit code."""
    from cc_relay.sim.demo import demo_settings
    from cc_relay.sim.server import Simulator

    async with AsyncExitStack() as stage:
        simulators = {}
        for kind, settings in demo_settings().items():
            simulators[kind] = Simulator(settings)
            await simulators[kind].start()
            stage.push_async_callback(simulators[kind].close)
        relay = await start_relay(stage_configuration(simulators, logs=part is watch_until_told), listen)
        stage.push_async_callback(relay.stop)
        url = f"http://{listener.reachable(relay_address(relay))}"
        click.echo(POINTING.format(url=url, hello=HELLO))
        return await part(url)


def stage_configuration(simulators: Mapping[str, Simulator], *, logs: bool) -> Loaded:
    """The simulators as providers, the first with the highest priority. `logs`: one line for each request."""
    from cc_relay.config import Config, Loaded

    providers = [
        {
            "name": NAMES[kind],
            "type": kind,
            "base_url": simulator.url,
            "priority": len(simulators) - position,
            "keys": ["demo-key"],
        }
        for position, (kind, simulator) in enumerate(simulators.items())
    ]
    config = {
        "routing": {"debug": True},  # the headers that say who answered, for the summary
        "logging": {"format": "text", "output": "stdout", "requests": logs},
        "providers": providers,
    }
    return Loaded(Config.model_validate(config), "demo")


async def start_relay(loaded: Loaded, listen: str | None) -> Relay:
    """Start at `listen`, or else at the usual port; where that is taken, at any free one. Raises WrongInput."""
    from cc_relay.runtime.options import ServeOptions
    from cc_relay.runtime.relay import Relay

    wanted = listen or loaded.config.server.listen
    # No proxy of the environment may come between the demo's own parts.
    environ = {"NO_COLOR": os.environ.get("NO_COLOR", "")}
    relay = Relay(loaded, ServeOptions(listen=wanted), environ)
    try:
        await relay.start()
    except OSError as error:
        if listen is not None:
            raise exits.cannot_listen(wanted, error) from error
        if error.errno != errno.EADDRINUSE:
            raise
        click.echo(f"{wanted} is taken; the demo uses a free port instead.")
        relay = Relay(loaded, ServeOptions(listen="127.0.0.1:0"), environ)
        await relay.start()
    return relay


def relay_address(relay: Relay) -> str:
    from cc_relay.config import Listen

    return str(Listen(*relay.address))


async def burst_and_summary(url: str) -> int:
    from cc_relay.sim.traffic import burst

    try:
        async with asyncio.timeout(BURST_PATIENCE):
            results = await burst(url, BURST)
    except TimeoutError:
        click.echo(f"A request was still without an answer after {BURST_PATIENCE:g} s.", err=True)
        return exits.BUG
    click.echo(summary(results))
    return exits.BUG if any(result.error for result in results) else exits.OK


async def watch_until_told(url: str) -> int:
    """Keep traffic flowing until SIGINT or SIGTERM; the relay's own log shows it."""
    click.echo(f"Live traffic follows. `{NAMES['anthropic']}` fails now and then, on purpose. Ctrl-C ends the demo.\n")
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told.set)
    async with asyncio.TaskGroup() as tasks:
        traffic = tasks.create_task(keep_flowing(url))
        await told.wait()
        traffic.cancel()
    return exits.OK


async def keep_flowing(url: str) -> None:
    from cc_relay.sim.traffic import flow

    async for _ in flow(url):
        pass
