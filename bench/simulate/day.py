"""`./dev bench simulate`: a day of each strategy, and what it was like. `--quick`, `--markdown`, `--strategy NAME`."""

from __future__ import annotations

import sys
from random import Random
from time import process_time
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from bench.simulate.developers import HOUR, WORK_BEGINS, WORK_ENDS, Developer
from bench.simulate.relay import SimulatedRelay
from bench.simulate.timeline import Timeline
from bench.simulate.world import QUICK, SITES, WHOLE, scaled
from cc_relay.policy.routing import STRATEGIES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.simulate.world import Scale

SEED = 1
COLUMNS = (
    "strategy", "requests", "delayed", "refused", "wait p50", "p95", "p99", "cache kept", "stayed", "on one key", "USD",
    "attempts", "worst / allowed", "CPU s",
)  # fmt: skip


class Day(Struct, frozen=True):
    """How a day went. Shares are fractions; waits are seconds, of those who waited."""

    title: str
    requests: int
    delivered: int
    refused: int
    delayed: float
    waits: tuple[float, float, float]
    cache_kept: float
    stayed: float
    on_one_key: float
    cost: float
    attempts: float
    worst: float
    open_leases: int
    seconds: float


def play(
    strategy: str, scale: Scale, *, seed: int = SEED, keeps_sessions: bool = True, has_incidents: bool = True
) -> Day:
    """One day with one strategy; the same for the same seed. `has_incidents` False: no provider is ever unwell."""
    sites = scaled(SITES, scale)
    if not has_incidents:
        sites = tuple(replace(site, incidents=()) for site in sites)
    began = process_time()
    timeline = Timeline(scale.begins * HOUR)
    relay = SimulatedRelay(sites, strategy, timeline, Random(f"{seed}/relay"), keeps_sessions=keeps_sessions)
    for number in range(scale.developers):
        Developer(relay, timeline, number, seed, WORK_BEGINS, WORK_ENDS)
    timeline.run(scale.ends * HOUR)
    books = relay.books
    waited = sorted(wait for wait in books.waits if wait > 0.0)
    known = [one for one in relay.providers.values() if one.site.is_configured or one.site.tells_limits]
    meters = [meter.ratio for provider in known for key in provider.keys.values() for meter in key.meters]
    return Day(
        title=", ".join([strategy, *["no affinity"] * (not keeps_sessions), *["calm"] * (not has_incidents)]),
        requests=books.requests,
        delivered=books.delivered,
        refused=books.refused,
        delayed=len(waited) / max(1, books.delivered),
        waits=(at(waited, 0.50), at(waited, 0.95), at(waited, 0.99)),
        cache_kept=books.read / max(1, books.cacheable),
        stayed=1 - books.moved / max(1, books.delivered),
        on_one_key=books.on_one_key,
        cost=books.cost,
        attempts=books.attempts / max(1, books.requests),
        worst=max(meters),
        open_leases=sum(key.in_flight for lane in relay.lanes for key in lane.upstream.pool.keys),
        seconds=process_time() - began,
    )


def at(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


def row(day: Day) -> tuple[str, ...]:
    return (
        day.title,
        f"{day.requests:,}",
        f"{day.delayed:.2%}",
        f"{day.refused / max(1, day.requests):.3%}",
        *(f"{wait:.1f}" for wait in day.waits),
        f"{day.cache_kept:.1%}",
        f"{day.stayed:.2%}" if "no affinity" not in day.title else "",
        f"{day.on_one_key:.2%}",
        f"{day.cost:,.0f}",
        f"{day.attempts:.3f}",
        f"{day.worst:.2f}",
        f"{day.seconds:.1f}",
    )


def main(arguments: list[str]) -> int:
    """Print a line a strategy, as each day ends."""
    scale = QUICK if "--quick" in arguments else WHOLE
    chosen = [arguments[number + 1] for number, word in enumerate(arguments[:-1]) if word == "--strategy"]
    unknown = [name for name in chosen if name not in STRATEGIES]
    if unknown:
        print(f"bench simulate: no strategy is called {', '.join(unknown)}", file=sys.stderr)
        return 1
    is_markdown = "--markdown" in arguments
    days = [(name, True, True) for name in chosen or STRATEGIES]
    if not chosen:
        days += [("round_robin", True, False), ("round_robin", False, False)]
    show(COLUMNS, is_markdown=is_markdown)
    if is_markdown:
        show(["---"] + ["--:"] * (len(COLUMNS) - 1), is_markdown=True)
    for name, keeps_sessions, has_incidents in days:
        day = play(name, scale, keeps_sessions=keeps_sessions, has_incidents=has_incidents)
        show(row(day), is_markdown=is_markdown)
    return 0


def show(cells: Sequence[str], *, is_markdown: bool) -> None:
    if is_markdown:
        print(f"| {' | '.join(cells)} |", flush=True)
    else:
        print(f"{cells[0]:<26}" + "".join(f"{cell:>16}" for cell in cells[1:]), flush=True)
