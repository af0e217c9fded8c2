"""The machine as the benchmark sees it: two CPUs, and what a process costs, read from /proc."""

import os
import platform
import resource
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PROC = Path("/proc")


class RigError(Exception):
    """The benchmark cannot run, or what it measured is not what it meant to measure."""


def processors() -> tuple[int, int]:
    """The CPU of the proxy under test, and that of the mock upstream and the load; the same where there is only one."""
    usable = sorted(os.sched_getaffinity(0))
    return usable[0], usable[min(1, len(usable) - 1)]


PROXY_CPU, LOAD_CPU = processors()


def prepare() -> None:
    """Put this process on the load's CPU and allow it, and all it starts, as many files as it may have."""
    os.sched_setaffinity(0, {LOAD_CPU})
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@contextmanager
def on_cpu(cpu: int) -> Iterator[None]:
    """Processes started inside inherit this CPU; cheaper and safer than a function between fork and exec."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {cpu})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def family(pid: int) -> list[int]:
    """The process and all its living descendants."""
    pids = [pid]
    for each in pids:
        for children in (_PROC / str(each) / "task").glob("*/children"):
            pids += map(int, children.read_text().split())
    return pids


def cpu_seconds(pid: int) -> float:
    """User and system time of the family so far: the scheduler's own count, in ns, where `stat` has ticks of 10 ms."""
    tasks = (task for each in family(pid) for task in (_PROC / str(each) / "task").glob("*/schedstat"))
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9


def memory_kb(pid: int) -> tuple[int, int]:
    """RSS and PSS of the family, in KB: exact sums over its pages, where `statm` may lag."""
    rss = pss = 0
    for each in family(pid):
        for line in (_PROC / str(each) / "smaps_rollup").read_text().splitlines():
            if line.startswith("Rss:"):
                rss += int(line.split()[1])
            elif line.startswith("Pss:"):
                pss += int(line.split()[1])
    return rss, pss


class Watch:
    """Watches for strangers on the benchmark's CPUs, from its making on.

    A proxy that must wait for its CPU finds more bytes at each read, and looks cheaper than it is.
    """

    def __init__(self, pids: list[int]) -> None:
        self._pids = pids
        self._began_at = time.monotonic()
        self._busy = self._busy_seconds()
        self._ours = self._our_seconds()

    def strangers(self) -> float:
        """CPU time that was not ours, as a share of one CPU; interrupts alone make it some 0.1."""
        foreign = (self._busy_seconds() - self._busy) - (self._our_seconds() - self._ours)
        return foreign / (time.monotonic() - self._began_at)

    def _our_seconds(self) -> float:
        return sum(os.times()[:4]) + sum(cpu_seconds(pid) for pid in self._pids)

    def _busy_seconds(self) -> float:
        names = {f"cpu{PROXY_CPU}", f"cpu{LOAD_CPU}"}
        lines = (line.split() for line in (_PROC / "stat").read_text().splitlines())
        # user, nice, system, -, -, irq, softirq, steal
        ticks = (sum(int(field[at]) for at in (1, 2, 3, 6, 7, 8)) for field in lines if field[0] in names)
        return sum(ticks) / os.sysconf("SC_CLK_TCK")


def describe() -> str:
    """The class of machine, and nothing that names this one."""
    model = next((line for line in (_PROC / "cpuinfo").read_text().splitlines() if line.startswith("model name")), "")
    return ", ".join(
        (
            f"{os.cpu_count()} cores ({model.partition(':')[2].strip() or platform.machine()})",
            f"Python {platform.python_version()}",
            f"{platform.system()} {'.'.join(platform.release().split('.')[:2])}",
        )
    )


def require_linux() -> None:
    if not sys.platform.startswith("linux"):
        raise RigError("the benchmark reads CPU time and memory from Linux's /proc, and runs nowhere else")
