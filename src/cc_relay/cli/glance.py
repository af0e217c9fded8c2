"""A running relay at a glance: its providers, their breakers and keys."""

from collections.abc import Iterator

import click

from cc_relay.cli.table import columns
from cc_relay.management.views import KeyView, LimitView, Overview, ProviderView, ShortcomingView, State
from cc_relay.runtime.lines import escaped, short

COLOURS: dict[str, str] = {"CLOSED": "green", "HALF_OPEN": "yellow", "OPEN": "red"}

PROVIDERS = ("PROVIDER", "TYPE", "STATE", "IN WORK", "KEYS", "BASE URL", "WHY")
SHORTCOMINGS = ("PROVIDER", "MODEL", "GOES WITHOUT", "WHY")
KEYS = ("PROVIDER", "KEY", "STATE", "IN WORK", "LEFT THIS MINUTE", "WHY")


def glance(view: Overview) -> Iterator[str]:
    """What is in work, then a line for each provider, then one for each key."""
    waiting = f", {view.waiting} waiting for a key" if view.waiting else ""
    yield f"Up for {duration(view.uptime_s)}, configuration {view.generation}; {view.in_flight} in work{waiting}."
    if view.providers:
        yield ""
        yield from columns(map(_provider, view.providers), heading=PROVIDERS)
    keys = [(provider.name, key) for provider in view.providers for key in provider.keys]
    if keys:
        yield ""
        yield from columns((_key(name, key) for name, key in keys), heading=KEYS)
    lacking = list(left_out(view))
    if lacking:
        yield ""
        yield from lacking


def left_out(view: Overview) -> Iterator[str]:
    """What requests go without because a provider refused it; nothing where nobody did."""
    lacking = [(provider.name, one) for provider in view.providers for one in provider.shortcomings]
    if lacking:
        yield from columns((_shortcoming(name, one) for name, one in lacking), heading=SHORTCOMINGS)


def state(word: str) -> str:
    """A breaker's state in its colour."""
    return click.style(escaped(word) or "-", fg=COLOURS.get(word))


def duration(seconds: float) -> str:
    """`45 s`, `12 min`, `5 h`, `3 days`."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 172_800 else f"{seconds / 86_400:.0f} days"


def _provider(view: ProviderView) -> tuple[str, ...]:
    usable = sum(key.state != "OPEN" for key in view.keys)
    keys = f"{usable} of {len(view.keys)}" if view.keys else "clients' own"
    why = _why(view.reason, view.state, view.retry_in_ms)
    base_url = escaped(view.base_url)
    return escaped(view.name), escaped(view.type), state(view.state), str(view.in_flight), keys, base_url, why


def _key(provider: str, view: KeyView) -> tuple[str, ...]:
    left = ", ".join(map(_limit, view.limits)) or "-"
    cooling = (f"{escaped(one.family)} throttled{_again(one.retry_in_ms)}" for one in view.coolings)
    why = _why(view.reason, view.state, view.retry_in_ms) or ", ".join(cooling)
    return escaped(provider), escaped(view.id), state(view.state), str(view.in_flight), left, why


def _shortcoming(provider: str, view: ShortcomingView) -> tuple[str, ...]:
    return escaped(provider), escaped(view.model), escaped(view.description), f"refused{_again(view.retry_in_ms)}"


def _limit(view: LimitView) -> str:
    family = f" ({escaped(view.family)})" if view.family else ""
    return f"{short(max(0, int(view.level)))} of {short(int(view.limit))} {escaped(view.kind)}{family}"


def _why(reason: str, state: State, retry_in_ms: float | None) -> str:
    return "" if state == "CLOSED" else f"{escaped(reason)}{_again(retry_in_ms)}"


def _again(retry_in_ms: float | None) -> str:
    return f" (tried again in {duration(retry_in_ms / 1000)})" if retry_in_ms else ""
