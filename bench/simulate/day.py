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
from bench.simulate.world import QUICK, SITES, WHOLE, scaled, tight
from cc_relay.policy.routing import STRATEGIES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.simulate.world import Scale

SEED = 1
CALM = ("failover", "round_robin", "cost_based")
"""Strategies that get a day without incidents, too: one of each kind."""

COLUMNS = (
    "strategy", "requests", "delayed", "refused", "wait p50", "p95", "p99", "cache kept", "stayed", "on one key",
    "at best", "USD", "attempts", "worst: requests", "input", "output", "CPU s",
)  # fmt: skip


class Day(Struct, frozen=True):
    """How a day went. Shares are fractions; waits are seconds, of those who waited.

    `worst` is of requests, input and output tokens: the most of any window, against limit and burst.
    """

    title: str
    requests: int
    delivered: int
    refused: int
    delayed: float
    waits: tuple[float, float, float]
    cache_kept: float
    stayed: float
    on_one_key: float
    at_best: float
    cost: float
    attempts: float
    worst: tuple[float, float, float]
    open_leases: int
    seconds: float


def play(
    strategy: str,
    scale: Scale,
    *,
    seed: int = SEED,
    keeps_sessions: bool = True,
    has_incidents: bool = True,
    is_tight: bool = False,
) -> Day:
    """One day with one strategy; the same for the same seed.

    `has_incidents` False: no provider is ever unwell. `is_tight`: there is half as much of everything that runs short.
    """
    sites = scaled(tight(SITES) if is_tight else SITES, scale)
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
    meters = [key.meters for provider in known for key in provider.keys.values()]
    return Day(
        title=", ".join(
            [strategy, *["no affinity"] * (not keeps_sessions), *["calm"] * (not has_incidents), *["tight"] * is_tight]
        ),
        requests=books.requests,
        delivered=books.delivered,
        refused=books.refused,
        delayed=len(waited) / max(1, books.delivered),
        waits=(at(waited, 0.50), at(waited, 0.95), at(waited, 0.99)),
        cache_kept=books.read / max(1, books.cacheable),
        stayed=1 - books.moved / max(1, books.delivered),
        on_one_key=books.on_one_key,
        at_best=books.at_best,
        cost=books.cost,
        attempts=books.attempts / max(1, books.requests),
        worst=tuple(max(one[kind].ratio for one in meters) for kind in range(3)),  # type: ignore[arg-type]  # three
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
        f"{day.at_best:.2%}" if "calm" not in day.title else "",
        f"{day.cost:,.0f}",
        f"{day.attempts:.3f}",
        *(f"{one:.2f}" for one in day.worst),
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
    days: list[tuple[str, dict[str, bool]]] = [(name, {}) for name in chosen or STRATEGIES]
    if not chosen:
        days += [(name, {"has_incidents": False}) for name in CALM]
        days += [(name, {"is_tight": True}) for name in ("round_robin", "failover")]
        days += [("round_robin", {"keeps_sessions": False, "has_incidents": False})]
    show(COLUMNS, is_markdown=is_markdown)
    if is_markdown:
        show(["---"] + ["--:"] * (len(COLUMNS) - 1), is_markdown=True)
    for name, changes in days:
        show(row(play(name, scale, **changes)), is_markdown=is_markdown)
    return 0


def show(cells: Sequence[str], *, is_markdown: bool) -> None:
    if is_markdown:
        print(f"| {' | '.join(cells)} |", flush=True)
    else:
        print(f"{cells[0]:<26}" + "".join(f"{cell:>16}" for cell in cells[1:]), flush=True)
