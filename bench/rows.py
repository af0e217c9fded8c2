"""The measurements: each gives a sample of figures for one proxy, and rounds take the proxies in turn."""

import asyncio
import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import quantiles
from typing import TypeVar

import uvloop

from bench import load, machine, messages, proxies
from bench.machine import RigError
from bench.proxies import Proxy, Server

Figures = TypeVar("Figures")
Samples = dict[str, dict[str, list[float]]]
"""Row key -> proxy name, or the provider's where the relay is beside itself -> one figure a round."""


@dataclass(frozen=True)
class Effort:
    """How long a run measures: rounds of the paced streams and of all others, `calls` a round, times in seconds.

    `repeats` is the time each measurement may take its samples again because strangers used the CPUs.
    """

    rounds: int
    paced_rounds: int
    repeats: float
    wrk: float
    streams: int
    paced_window: float
    paced_settle: float
    calls: int
    idle: float


FULL = Effort(
    rounds=5,
    paced_rounds=3,
    repeats=15,
    wrk=3,
    streams=600,
    paced_window=6,
    paced_settle=2,
    calls=2000,
    idle=1.5,
)
QUICK = Effort(
    rounds=2,
    paced_rounds=1,
    repeats=2,
    wrk=1,
    streams=150,
    paced_window=3,
    paced_settle=1,
    calls=500,
    idle=0.5,
)

CONNECTIONS = 16
"""Clients at once in the rows about cost: a developer with sub-agents, or a small team."""

STRANGERS = 0.15
"""The share of a CPU that strangers may use before a sample counts as disturbed."""

STRANGERS_PAUSE = 0.5
"""Seconds to let them finish."""

PACED_STREAMS = 1000
CALLS_IN_TURN = 50


class Rig:
    """The mock upstream, the proxies in turn, and the samples taken of them."""

    def __init__(self, contenders: tuple[Proxy, ...], bedrock: Proxy, upstream: Server, effort: Effort) -> None:
        self.contenders = contenders
        self.bedrock = bedrock
        self.upstream = upstream
        self.effort = effort
        self.samples: Samples = defaultdict(lambda: defaultdict(list))
        self.taken = 0
        self.disturbed = 0
        self._repeats_left = 0.0

    def take(self, row: str, proxy: str, figure: float) -> None:
        self.samples[row][proxy].append(figure)

    def run(self, measurement: "Measurement") -> None:
        self._repeats_left = self.effort.repeats
        measurement(self)

    def quietly(self, attempt: Callable[[], Figures], server: Server | None = None) -> Figures:
        """What `attempt` measures, again while strangers disturb it and there is time for that.

        `server` is what it measures, where that is running already; what an attempt starts, it must also stop.
        """
        pids = [each.pid for each in (self.upstream, server) if each is not None]
        while True:
            watch = machine.Watch(pids)
            began_at = time.monotonic()
            figures = attempt()
            is_disturbed = watch.strangers() > STRANGERS
            if is_disturbed and self._repeats_left > 0:
                time.sleep(STRANGERS_PAUSE)
                self._repeats_left -= time.monotonic() - began_at
                continue
            self.taken += 1
            self.disturbed += is_disturbed
            return figures

    @contextmanager
    def side_by_side(self) -> Iterator[list[tuple[str, Server]]]:
        """All proxies running, each in its own process, warm."""
        with ExitStack() as stack:
            servers = [
                (proxy.name, stack.enter_context(proxy.running(self.upstream.port))) for proxy in self.contenders
            ]
            for _, server in servers:
                warm(server)
            yield servers


def warm(server: Server) -> None:
    """Load what a proxy loads late, and open its connections upstream."""
    with load.caller(server.port) as caller:
        for _ in range(200):
            caller.call()
    uvloop.run(load.streams(server.port, 2 * CONNECTIONS, CONNECTIONS))


def spent(server: Server, work: Callable[[], int]) -> float:
    """Microseconds of the proxy's CPU for each of the things `work` did and counted."""
    before = machine.cpu_seconds(server.pid)
    done = work()
    return (machine.cpu_seconds(server.pid) - before) / done * 1e6


def measure_json(rig: Rig) -> None:
    _measure_cost(rig, "json", lambda server: load.wrk(server.port, 1024, rig.effort.wrk, CONNECTIONS))


def measure_body(rig: Rig) -> None:
    _measure_cost(rig, "body", lambda server: load.wrk(server.port, 200 * 1024, rig.effort.wrk, CONNECTIONS))


def measure_stream(rig: Rig) -> None:
    _measure_cost(rig, "stream", lambda server: uvloop.run(load.streams(server.port, rig.effort.streams, CONNECTIONS)))


def _measure_cost(rig: Rig, row: str, work: Callable[[Server], int]) -> None:
    with rig.side_by_side() as servers:
        for _, server in servers:
            work(server)
        for _ in range(rig.effort.rounds):
            for name, server in servers:
                rig.take(row, name, rig.quietly(partial(spent, server, partial(work, server)), server))


def measure_paced(rig: Rig) -> None:
    for _ in range(rig.effort.paced_rounds):
        for proxy in rig.contenders:
            cost, kb = rig.quietly(partial(_fresh_crowd, rig, proxy, messages.PACED_MODEL))
            rig.take("paced", proxy.name, cost)
            rig.take("memory", proxy.name, kb / PACED_STREAMS)


def _fresh_crowd(rig: Rig, proxy: Proxy, model: str) -> tuple[float, int]:
    """Microseconds of CPU an event, and the KB by which a new process grew."""
    with proxy.running(rig.upstream.port) as server:
        warm(server)
        empty_kb, _ = machine.memory_kb(server.pid)
        cost, full_kb = _crowd(rig.effort, server, model)
    return cost, full_kb - empty_kb


def _crowd(effort: Effort, server: Server, model: str) -> tuple[float, int]:
    """Microseconds of CPU an event, and the RSS in KB, while every paced stream is open."""
    found: list[tuple[float, int]] = []

    async def observe(tally: load.Tally) -> None:
        await asyncio.sleep(effort.paced_settle)
        events, cpu = tally.events, machine.cpu_seconds(server.pid)
        await asyncio.sleep(effort.paced_window)
        events, cpu = tally.events - events, machine.cpu_seconds(server.pid) - cpu
        if not events:
            raise RigError(f"no event came through in {effort.paced_window} s")
        found.append((cpu / events * 1e6, machine.memory_kb(server.pid)[0]))

    uvloop.run(load.paced(server.port, PACED_STREAMS, observe, model))
    return found[0]


def measure_bedrock(rig: Rig) -> None:
    """One relay, its Anthropic provider and its Bedrock provider in turn."""

    def stream(server: Server, model: str) -> int:
        return uvloop.run(load.streams(server.port, rig.effort.streams, CONNECTIONS, model))

    def body(server: Server, model: str) -> int:
        return load.wrk(server.port, 200 * 1024, rig.effort.wrk, CONNECTIONS, model)

    turns = (
        ("bedrock_stream", stream, {"anthropic": messages.STREAM_MODEL, "bedrock": messages.BEDROCK_STREAM_MODEL}),
        ("bedrock_body", body, {"anthropic": messages.JSON_MODEL, "bedrock": messages.BEDROCK_JSON_MODEL}),
    )
    with rig.bedrock.running(rig.upstream.port) as server:
        warm(server)
        for row, work, models in turns:
            for model in models.values():
                work(server, model)
            for _ in range(rig.effort.rounds):
                for provider, model in models.items():
                    cost = rig.quietly(partial(spent, server, partial(work, server, model)), server)
                    rig.take(row, provider, cost)


def measure_bedrock_paced(rig: Rig) -> None:
    for _ in range(rig.effort.paced_rounds):
        for provider, model in (("anthropic", messages.PACED_MODEL), ("bedrock", messages.BEDROCK_PACED_MODEL)):
            cost, kb = rig.quietly(partial(_fresh_crowd, rig, rig.bedrock, model))
            rig.take("bedrock_paced", provider, cost)
            rig.take("bedrock_memory", provider, kb / PACED_STREAMS)


def measure_latency(rig: Rig) -> None:
    with rig.side_by_side() as servers:
        for _ in range(rig.effort.rounds):
            for name, server in servers:
                direct, through = rig.quietly(partial(_call_in_turn, rig, server), server)
                for row, percent in (("p50", 50), ("p99", 99)):
                    rig.take(row, name, (percentile(through, percent) - percentile(direct, percent)) * 1e3)


def _call_in_turn(rig: Rig, server: Server) -> tuple[list[float], list[float]]:
    """Seconds of each call straight to the upstream, and of each through the proxy, in small turns."""
    direct: list[float] = []
    through: list[float] = []
    with load.caller(rig.upstream.port) as straight, load.caller(server.port) as proxied:
        for _ in range(rig.effort.calls // CALLS_IN_TURN):
            direct += [straight.call() for _ in range(CALLS_IN_TURN)]
            through += [proxied.call() for _ in range(CALLS_IN_TURN)]
    return direct, through


def percentile(values: list[float], percent: int) -> float:
    return quantiles(values, n=100)[percent - 1]


def measure_start(rig: Rig) -> None:
    for proxy in rig.contenders:
        cpu_of(proxy.version_command)  # bytecode and page cache
        _start(rig, proxy)
    for _ in range(rig.effort.rounds):
        for proxy in rig.contenders:
            rig.take("version", proxy.name, cpu_of(proxy.version_command))
    for _ in range(rig.effort.rounds):
        for proxy in rig.contenders:
            for row, figure in rig.quietly(partial(_start, rig, proxy)).items():
                rig.take(row, proxy.name, figure)


def _start(rig: Rig, proxy: Proxy) -> dict[str, float]:
    with proxy.running(rig.upstream.port) as server:
        time.sleep(rig.effort.idle)
        rss, pss = machine.memory_kb(server.pid)
    return {"start": server.started_in, "start_cpu": server.start_cpu, "rss": rss / 1024, "pss": pss / 1024}


def cpu_of(command: tuple[str, ...]) -> float:
    """Seconds of CPU a command takes from start to exit."""
    with machine.on_cpu(machine.PROXY_CPU):
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=proxies.environment(Path.home()),
        )
    with process:
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RigError(f"{' '.join(command)} exited with {process.returncode}:\n{output.decode(errors='replace')}")
    return usage.ru_utime + usage.ru_stime


Measurement = Callable[[Rig], None]
MEASUREMENTS: dict[str, Measurement] = {
    "json": measure_json,
    "body": measure_body,
    "stream": measure_stream,
    "paced": measure_paced,
    "bedrock": measure_bedrock,
    "bedrock-paced": measure_bedrock_paced,
    "latency": measure_latency,
    "start": measure_start,
}
"""What `--only` names; one measurement fills one row of the table or several."""


def measure(names: list[str], effort: Effort, relay_command: str | None) -> Rig:
    """Run the named measurements, saying on stderr where it stands."""
    contenders = (proxies.nginx(), proxies.relay(relay_command))
    bedrock = proxies.relay(relay_command, proxies.BEDROCK_CONFIG)
    proxies.find("wrk")
    machine.prepare()
    with proxies.upstream() as upstream:
        rig = Rig(contenders, bedrock, upstream, effort)
        for name in names:
            began_at = time.perf_counter()
            print(f"bench: {name} …", end="", file=sys.stderr, flush=True)
            rig.run(MEASUREMENTS[name])
            print(f" {time.perf_counter() - began_at:.0f} s", file=sys.stderr)
    return rig
